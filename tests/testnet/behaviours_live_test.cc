// Liars in real processes: what can be said of them on a command line, and what they say.

#include "testnet/behaviours_live.h"

#include <gtest/gtest.h>

#include <set>

#include "crypto/bcs.h"
#include "ledger/evidence.h"
#include "tests/ledger/example_network.h"

namespace quorate::testnet {
namespace {

using namespace ledger::test;
using ledger::ReplicaId;

std::string parsed(std::string_view text) {
  const auto behaviours = parse_live_behaviours(text);
  return behaviours ? live_behaviours_text(*behaviours) : std::string(behaviours.error().code);
}

TEST(LiveBehaviours, AreReadAndWrittenInOneSpelling) {
  for (const std::string_view text :
       {"equivocate", "equivocate@20", "equivocate@20..40", "slow@7..", "double-vote@1..2,silent",
        "equivocate@0", "slow@0..9"}) {
    EXPECT_EQ(parsed(text), text);
  }
  EXPECT_EQ(parsed("slow@0.."), "slow");
  EXPECT_EQ(parsed("slow@5..5"), "slow@5");
}

TEST(LiveBehaviours, RefusesWhatItCannotDo) {
  for (const std::string_view text : {"", "honest", "equivocate,", "Equivocate", "@20"}) {
    EXPECT_EQ(parsed(text), "behaviour-unknown") << text;
  }
  for (const std::string_view text : {"twin", "fork@3", "silent,censor"}) {
    EXPECT_EQ(parsed(text), "behaviour-not-live") << text;
  }
  for (const std::string_view text :
       {"slow@", "slow@x", "slow@1..x", "slow@..4", "slow@5..4", "slow@-1", "slow@01",
        "slow@99999999999999999999"}) {
    EXPECT_EQ(parsed(text), "behaviour-malformed") << text;
  }
  for (const BehaviourInfo& info : behaviours()) {
    EXPECT_EQ(parsed(info.name), is_live(info.behaviour) ? info.name : "behaviour-not-live");
  }
}

TEST(LiveBehaviours, EachLiarIsNamedOnce) {
  const auto code = [](const std::vector<std::string>& texts) {
    const auto liars = parse_live_liars(texts, 4);
    return liars ? std::string("none") : std::string(liars.error().code);
  };
  EXPECT_EQ(code({}), "none");
  EXPECT_EQ(code({"3=equivocate@20..40,double-vote", "0=slow"}), "none");
  EXPECT_EQ(code({"3=slow", "3=silent"}), "liar-twice");
  EXPECT_EQ(code({"4=slow"}), "liar-unknown");
  EXPECT_EQ(code({"slow"}), "liar-malformed");
  EXPECT_EQ(code({"x=slow"}), "liar-malformed");
  EXPECT_EQ(code({"=slow"}), "liar-malformed");
  EXPECT_EQ(code({"3="}), "behaviour-unknown");
}

TEST(LiveBehaviours, NobodyLiesOutsideATestnet) {
  ledger::Genesis genesis = example_genesis();
  EXPECT_TRUE(check_may_lie(genesis));
  genesis.testnet = false;
  EXPECT_EQ(check_may_lie(genesis).error().code, "byzantine-not-a-testnet");
}

class LiveLiarTest : public testing::Test {
 protected:
  void lie(std::string_view behaviours, std::uint16_t self = 3) {
    liar_ = std::make_unique<LiveLiar>(
        genesis_, ReplicaId{self},
        std::make_unique<crypto::KeySigner>(key_of(vote_key_name(self))),
        parse_live_behaviours(behaviours).value(),
        [this](ReplicaId to, const SharedBytes& frame) {
          const std::lock_guard lock(mutex_);
          said_[to.value].push_back(*frame);
        },
        1);
  }
  template <class T>
  void speak(const T& message) {
    const auto frame =
        std::make_shared<const Bytes>(crypto::encode(node::PeerMessage(message)));
    for (std::uint16_t to = 0; to < 3; ++to) liar_->speak({to}, frame);
  }
  pbft::PrePrepare proposal(std::uint64_t sequence, std::uint16_t self = 3) const {
    const ledger::Batch batch =
        ledger::make_batch({sequence}, {kGenesisTime.value + 1000}, 0, {});
    const ledger::Vote vote{{0}, {self}, {sequence}, digest_of_batch(batch.header), {}, {self}};
    return {vote,
            crypto::sign_body(key_of(vote_key_name(self)), crypto::Purpose::kPrePrepare,
                              ledger::chain_id_of(genesis_), vote),
            batch};
  }
  // The last proposal that a peer was told.
  pbft::PrePrepare told(std::uint16_t to) {
    const auto message = crypto::decode<node::PeerMessage>(said_[to].back()).value();
    return std::get<pbft::PrePrepare>(message);
  }

  ledger::Genesis genesis_ = example_genesis();
  std::mutex mutex_;
  std::map<std::uint16_t, std::vector<Bytes>> said_;
  std::unique_ptr<LiveLiar> liar_;  // last: it speaks into the above
};

TEST_F(LiveLiarTest, TellsTheHalvesTwoStoriesThatConvictIt) {
  lie("equivocate");
  speak(proposal(5));
  EXPECT_EQ(told(0).vote, told(1).vote);
  EXPECT_NE(told(0).vote, told(2).vote);
  const ledger::VoteEvidence evidence{ledger::VotePhase::kPrePrepare, told(0).vote,
                                      told(0).signature, told(2).vote, told(2).signature};
  crypto::SignatureCache cache(16);
  const ledger::EvidenceVerifier verifier(ledger::chain_id_of(genesis_), &cache);
  EXPECT_TRUE(verifier.check(ledger::Evidence(evidence), ledger::genesis_replicas(genesis_)));
  const auto again = told(2);
  speak(proposal(5));
  EXPECT_EQ(told(2).vote, again.vote) << "the story stays";
}

TEST_F(LiveLiarTest, LiesOnlyAtItsSequenceNumbers) {
  lie("equivocate@20..21");
  for (std::uint64_t sequence = 19; sequence <= 22; ++sequence) {
    speak(proposal(sequence));
    const bool lied = told(0).vote != told(2).vote;
    EXPECT_EQ(lied, sequence == 20 || sequence == 21) << sequence;
  }
}

TEST_F(LiveLiarTest, WhatHasNoSequenceIsJudgedByTheLastOneSpokenOf) {
  lie("silent@20..");
  speak(proposal(19));
  speak(pbft::StatusReport{});
  EXPECT_EQ(said_[0].size(), 2U);
  speak(proposal(20));
  speak(pbft::StatusReport{});
  EXPECT_EQ(said_[0].size(), 2U);
}

TEST_F(LiveLiarTest, SaysOtherwiseWhatItsNodeSays) {
  lie("lie-checkpoint");
  speak(proposal(5));
  EXPECT_EQ(crypto::encode(told(1)), crypto::encode(proposal(5)));
}

// Nothing that waits keeps it, and nothing is said once it is gone.
TEST_F(LiveLiarTest, ChunksOfASourceThatLiesVerifyUnderNoDigest) {
  const ledger::StatePath path = ledger::path_of({}, 0);
  const auto digest = [&](const ledger::Chunk& chunk) {
    const auto refused = ledger::verify_chunk(chunk, path, {});
    return refused ? std::string("good") : refused.error().message;
  };
  ledger::ChunkSlots slots{};
  slots.front() = ledger::ChunkSlot{crypto::sha256(as_bytes("a"))};
  slots.back() = ledger::ChunkSlot{crypto::sha256(as_bytes("b"))};
  for (const ledger::Chunk& chunk :
       {ledger::Chunk(std::vector<ledger::SnapshotEntry>{
            // In the order of their hashes.
            {to_bytes("key 2"), crypto::encode(ledger::Entry{to_bytes("2"), std::nullopt})},
            {to_bytes("key 1"), crypto::encode(ledger::Entry{to_bytes("1"), std::nullopt})}}),
        ledger::Chunk(slots)}) {
    lie("lie-catch-up");
    speak(node::ChunkAnswer{{7}, path, chunk});
    const auto message = crypto::decode<node::PeerMessage>(said_[0].back()).value();
    const auto& told = std::get<node::ChunkAnswer>(message);
    ASSERT_TRUE(told.chunk.has_value());
    EXPECT_NE(digest(*told.chunk), digest(chunk));
  }
}

TEST_F(LiveLiarTest, EndsWithThingsUnsaid) {
  lie("slow");
  speak(proposal(5));
  EXPECT_TRUE(said_.empty());
  liar_.reset();
  EXPECT_TRUE(said_.empty());
}

}  // namespace
}  // namespace quorate::testnet
