#include "ledger/stable_checkpoint.h"

#include <gtest/gtest.h>

#include <bit>
#include <functional>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

constexpr std::uint64_t kSeconds = 1'700'000'001;

class StableCheckpointTest : public testing::Test {
 protected:
  template <class T>
  [[nodiscard]] Status check(const T& checkpoint, const ReplicaSet& set) const {
    crypto::SignatureCache cache(64);
    return CheckpointVerifier(chain_id_of(genesis_), &cache).check(checkpoint, set);
  }
  template <class T>
  [[nodiscard]] std::string_view verdict(const T& checkpoint) const {
    return refusal(check(checkpoint, set_));
  }

  [[nodiscard]] StableCheckpoint by(const std::vector<std::uint16_t>& voters) const {
    return stabilise(note_, kSeconds, voters);
  }
  [[nodiscard]] CheckpointVote vote_of(std::uint16_t replica) const {
    return {note_, kSeconds, {replica}, cosign(key_of(vote_key_name(replica)), note_, kSeconds)};
  }

  const Genesis genesis_ = example_genesis();
  const ReplicaSet set_ = genesis_replicas(genesis_);
  const CheckpointNote note_ = {chain_id_of(genesis_), {16, crypto::sha256(as_bytes("log"))},
                                Sequence{16},          Epoch{0},
                                Sequence{48},          crypto::sha256(as_bytes("state"))};
};

TEST_F(StableCheckpointTest, AVoteOfEachReplicaIsGood) {
  for (std::uint16_t replica = 0; replica < 4; ++replica) {
    EXPECT_EQ(verdict(vote_of(replica)), "none");
  }
}

TEST_F(StableCheckpointTest, ACosignatureIsOneOfC2sp) {
  const std::string text =
      "cosignature/v1\ntime 1700000001\nquorate.org/" + note_.chain_id.hex() + "\n16\n" +
      to_base64(note_.head.root.bytes) +
      "\nquorate v1 seq=16 epoch=0 boundary=48 state=" + note_.state_root.hex() + "\n";
  EXPECT_TRUE(
      crypto::verify(public_key_of(vote_key_name(2)), as_bytes(text), vote_of(2).signature));
  // The same bytes whenever they are made.
  EXPECT_EQ(vote_of(2).signature, vote_of(2).signature);
}

TEST_F(StableCheckpointTest, ExactlyTheQuorumsOfAnyNumberOfReplicasAreStable) {
  constexpr std::pair<std::size_t, int> kQuorums[] = {{1, 1}, {4, 3}, {5, 4}, {6, 4}, {7, 5}};
  for (const auto& [n, least] : kQuorums) {
    ReplicaSet set = set_;
    set.replicas = example_genesis(n).replicas;
    crypto::SignatureCache cache(64);
    const CheckpointVerifier verifier(chain_id_of(genesis_), &cache);
    for (unsigned subset = 0; subset < 1U << n; ++subset) {
      std::vector<std::uint16_t> voters;
      for (std::uint16_t i = 0; i < n; ++i) {
        if ((subset >> i & 1) != 0) voters.push_back(i);
      }
      EXPECT_EQ(refusal(verifier.check(by(voters), set)),
                std::popcount(subset) >= least ? "none" : "checkpoint-too-few-votes")
          << "n = " << n << ", replicas " << subset;
    }
  }
}

TEST_F(StableCheckpointTest, NobodyIsNoQuorum) {
  EXPECT_EQ(refusal(check(by({}), ReplicaSet{})), "checkpoint-too-few-votes");
  EXPECT_EQ(refusal(check(vote_of(0), ReplicaSet{})), "checkpoint-unknown-replica");
}

TEST_F(StableCheckpointTest, ALaterEpochIsJudgedByItsOwnReplicas) {
  CheckpointNote later = note_;
  later.epoch = {3};
  ReplicaSet set = set_;
  set.epoch = {3};
  EXPECT_TRUE(check(stabilise(later, kSeconds, {0, 1, 2}), set));
  std::swap(set.replicas[0], set.replicas[3]);
  EXPECT_EQ(refusal(check(stabilise(later, kSeconds, {0, 1, 2}), set)), "checkpoint-bad-signature");
}

// What is wrong with the note, and by which name it is refused.
struct NoteMutation {
  const char* name;
  std::string_view code;
  std::function<void(CheckpointNote&)> apply;
};

const std::vector<NoteMutation>& note_mutations() {
  static const std::vector<NoteMutation> kMutations = {
      {"wrong chain", "checkpoint-wrong-chain", [](auto& n) { n.chain_id.bytes[31] ^= 1; }},
      {"wrong epoch", "checkpoint-wrong-epoch", [](auto& n) { n.epoch = {1}; }},
      {"larger log", "checkpoint-size-not-sequence", [](auto& n) { n.head.size = 17; }},
      {"smaller log", "checkpoint-size-not-sequence", [](auto& n) { n.head.size = 15; }},
      {"at 0", "checkpoint-size-not-sequence", [](auto& n) { n.sequence.value = n.head.size = 0; }},
      {"another sequence", "checkpoint-bad-signature",
       [](auto& n) { n.sequence.value = n.head.size = 17; }},
      {"another log root", "checkpoint-bad-signature", [](auto& n) { n.head.root.bytes[0] ^= 1; }},
      {"another state root", "checkpoint-bad-signature",
       [](auto& n) { n.state_root.bytes[31] ^= 1; }},
      {"another boundary", "checkpoint-bad-signature", [](auto& n) { n.pending_boundary = {49}; }},
      {"no boundary", "checkpoint-bad-signature", [](auto& n) { n.pending_boundary.reset(); }},
  };
  return kMutations;
}

TEST_F(StableCheckpointTest, EveryMutationOfTheNoteIsRefusedByItsName) {
  for (const NoteMutation& mutation : note_mutations()) {
    CheckpointVote vote = vote_of(1);
    mutation.apply(vote.note);
    EXPECT_EQ(verdict(vote), mutation.code) << mutation.name;
    StableCheckpoint stable = by({0, 1, 2});
    mutation.apply(stable.note);
    EXPECT_EQ(verdict(stable), mutation.code) << mutation.name;
  }
}

TEST_F(StableCheckpointTest, EveryMutationOfAVoteIsRefusedByItsName) {
  const auto with = [&](const std::function<void(CheckpointVote&)>& change) {
    CheckpointVote vote = vote_of(1);
    change(vote);
    return verdict(vote);
  };
  EXPECT_EQ(with([](auto& v) { v.replica = {2}; }), "checkpoint-bad-signature");
  EXPECT_EQ(with([](auto& v) { v.replica = {4}; }), "checkpoint-unknown-replica");
  EXPECT_EQ(with([](auto& v) { v.replica = {65535}; }), "checkpoint-unknown-replica");
  EXPECT_EQ(with([](auto& v) { ++v.time_seconds; }), "checkpoint-bad-signature");
  EXPECT_EQ(with([](auto& v) { v.signature = {}; }), "checkpoint-bad-signature");
  EXPECT_EQ(with([](auto& v) { v.signature.bytes[63] ^= 0x10; }), "checkpoint-bad-signature");
}

TEST_F(StableCheckpointTest, EveryMutationOfACertificateIsRefusedByItsName) {
  struct Mutation {
    const char* name;
    std::string_view code;
    std::function<void(StableCheckpoint&)> apply;
  };
  const std::vector<Mutation> mutations = {
      {"no votes", "checkpoint-too-few-votes", [](auto& c) { c.cosignatures.clear(); }},
      {"too few votes", "checkpoint-too-few-votes", [](auto& c) { c.cosignatures.pop_back(); }},
      {"a replica twice", "checkpoint-not-ascending",
       [](auto& c) { c.cosignatures[2] = c.cosignatures[1]; }},
      {"a replica twice beside a quorum", "checkpoint-not-ascending",
       [](auto& c) { c.cosignatures.push_back(c.cosignatures.back()); }},
      {"out of order", "checkpoint-not-ascending",
       [](auto& c) { std::swap(c.cosignatures[0], c.cosignatures[1]); }},
      {"unknown replica", "checkpoint-unknown-replica",
       [](auto& c) { c.cosignatures[2].replica = {4}; }},
      {"unknown replica beside a quorum", "checkpoint-unknown-replica",
       [](auto& c) {
         c.cosignatures.push_back({{65535}, c.cosignatures[0].signature});
       }},
      {"another time", "checkpoint-bad-signature", [](auto& c) { ++c.time_seconds; }},
      {"a flipped signature", "checkpoint-bad-signature",
       [](auto& c) { c.cosignatures[1].signature.bytes[40] ^= 1; }},
      {"another replica's signature", "checkpoint-bad-signature",
       [](auto& c) { c.cosignatures[1].signature = c.cosignatures[0].signature; }},
      {"a good signature under another id", "checkpoint-bad-signature",
       [](auto& c) { c.cosignatures[2].replica = {3}; }},
      {"a bad signature beside a quorum", "checkpoint-bad-signature",
       [](auto& c) {
         c.cosignatures.push_back({{3}, {}});
       }},
  };
  for (const Mutation& mutation : mutations) {
    StableCheckpoint stable = by({0, 1, 2});
    ASSERT_EQ(verdict(stable), "none");
    mutation.apply(stable);
    EXPECT_EQ(verdict(stable), mutation.code) << mutation.name;
  }
}

TEST_F(StableCheckpointTest, CosignaturesAtDifferentTimesAreNoCertificate) {
  StableCheckpoint stable = by({0, 1, 2});
  stable.cosignatures[2].signature = cosign(key_of(vote_key_name(2)), note_, kSeconds + 1);
  EXPECT_EQ(verdict(stable), "checkpoint-bad-signature");
}

TEST_F(StableCheckpointTest, NoOtherSignatureOfAVoteKeyCosigns) {
  CheckpointVote vote = vote_of(1);
  const auto key = key_of(vote_key_name(1));
  // Its own purposes, and the note signed without the cosignature's header.
  const int last = static_cast<int>(crypto::Purpose::kMembershipConsent);
  for (int purpose = 0; purpose <= last; ++purpose) {
    vote.signature = crypto::sign_body(key, static_cast<crypto::Purpose>(purpose), note_.chain_id,
                                       cosigned_bytes(checkpoint_body(note_), kSeconds));
    EXPECT_EQ(verdict(vote), "checkpoint-bad-signature") << purpose;
  }
  vote.signature = key.sign(as_bytes(checkpoint_body(note_)));
  EXPECT_EQ(verdict(vote), "checkpoint-bad-signature");
}

TEST_F(StableCheckpointTest, EveryChangedBitIsRefused) {
  const Bytes good = crypto::encode(by({0, 1, 3}));
  ASSERT_EQ(verdict(crypto::decode<StableCheckpoint>(good).value()), "none");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes changed = good;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1 << bit % 8));
    const auto decoded = crypto::decode<StableCheckpoint>(changed);
    EXPECT_TRUE(!decoded || verdict(*decoded) != "none") << "bit " << bit;
  }
}

TEST_F(StableCheckpointTest, TheMessagesNameWhatWasFoundAndExpected) {
  const Status few = check(by({0, 3}), set_);
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(few.error().message,
            "the checkpoint at sequence 16 holds 2 cosignatures; 3 of 4 replicas were expected");
  EXPECT_EQ(check(by({3, 0, 1}), set_).error().message,
            "the checkpoint at sequence 16 names replica 0 after replica 3; each may cosign once, "
            "in ascending order");
}

}  // namespace
}  // namespace quorate::ledger
