#include "ledger/membership_file.h"

#include <gtest/gtest.h>

#include "tests/ledger/example_membership.h"

namespace quorate::ledger {
namespace {

using namespace test;

class MembershipFile : public testing::Test {
 protected:
  SignedChange by(std::size_t number, const ChangeFile& change) const {
    return sign_change(change, key_of(vote_key_name(number)));
  }
  SignedChange by(std::size_t number) const { return by(number, change_); }

  const Genesis genesis_ = example_genesis();
  const ReplicaSet set_ = genesis_replicas(genesis_);
  const ChangeFile change_{1, chain_id_of(genesis_), {{0}, AddReplica{example_replica(4)}}};
};

TEST_F(MembershipFile, IsReadAsItWasWritten) {
  for (const MembershipChange& change :
       {MembershipChange(AddReplica{example_replica(4)}),
        MembershipChange(RemoveReplica{example_replica(1).vote_key}),
        MembershipChange(RekeyReplica{example_replica(1).vote_key, example_replica(5)})}) {
    const ChangeFile file{1, chain_id_of(genesis_), {{7}, change}};
    const auto read = parse_change(change_to_json(file));
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(crypto::encode(*read), crypto::encode(file));
    const SignedChange signature = by(0, file);
    const auto again = parse_signed_change(signed_change_to_json(signature));
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(crypto::encode(*again), crypto::encode(signature));
    EXPECT_TRUE(check_signature(*again));
  }
}

// What a person reads is what is signed.
TEST_F(MembershipFile, NoCharacterOfAFactChangesAlone) {
  const std::string good = change_to_json(change_);
  EXPECT_EQ(refusal(parse_change("{}")), "change-malformed");
  EXPECT_EQ(refusal(parse_change("")), "change-malformed");
  std::string bad = good;
  bad.replace(bad.find("replica-4"), 9, "replica-5");
  EXPECT_EQ(refusal(parse_change(bad)), "change-facts-differ");
  bad = good;
  bad.replace(bad.find("\"epoch\": 0"), 10, "\"epoch\": 1");
  EXPECT_EQ(refusal(parse_change(bad)), "change-facts-differ");
  bad = good;
  bad.replace(bad.find("\"format\": 1"), 11, "\"format\": 2");
  EXPECT_EQ(refusal(parse_change(bad)), "change-newer-format");
  for (std::size_t i = 0; i < good.size(); ++i) {
    bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    const auto read = parse_change(bad);
    if (read) {
      EXPECT_EQ(crypto::encode(*read), crypto::encode(change_)) << i;
    }
  }
  EXPECT_EQ(refusal(parse_signed_change(good)), "change-signature-malformed");
  EXPECT_EQ(refusal(parse_change(signed_change_to_json(by(0)))), "change-malformed");
}

TEST_F(MembershipFile, SignaturesOfAQuorumAndTheNewKeyMakeTheOperation) {
  // In any order, one of them twice, and more than a quorum of them.
  const std::vector<SignedChange> all = {by(3), by(4), by(0), by(3), by(1), by(2)};
  const auto gathered = gather(all, set_);
  ASSERT_TRUE(gathered) << gathered.error().to_string();
  EXPECT_TRUE(gathered->is_complete());
  EXPECT_EQ(crypto::encode(gathered->operation),
            crypto::encode(example_change(genesis_, set_, change_.body.change, {0, 1, 2, 3})));
  MapState state(genesis_state(genesis_));
  const Execution execution =
      run_batch(state, genesis_, {kGenesisTime.value + 1},
                {Trusting::trust(example_body(genesis_, 1, {gathered->operation}))});
  EXPECT_EQ(execution.results[0].outcome, Outcome::kApplied);
}

TEST_F(MembershipFile, SaysWhoHasNotSigned) {
  const auto two = gather(std::vector{by(0), by(3)}, set_).value();
  EXPECT_FALSE(two.is_complete());
  EXPECT_EQ(two.missing, 1U);
  EXPECT_EQ(two.unsigned_replicas, (std::vector<ReplicaId>{{1}, {2}}));
  EXPECT_TRUE(two.lacks_consent);
  const auto three = gather(std::vector{by(0), by(3), by(1)}, set_).value();
  EXPECT_EQ(three.missing, 0U);
  EXPECT_TRUE(three.unsigned_replicas.empty());
  EXPECT_FALSE(three.is_complete());
  const ChangeFile removal{
      1, chain_id_of(genesis_), {{0}, RemoveReplica{set_.replicas[2].vote_key}}};
  const auto removed = gather(std::vector{by(0, removal), by(1, removal), by(3, removal)}, set_);
  EXPECT_TRUE(removed->is_complete());
  EXPECT_FALSE(removed->operation.consent);
}

TEST_F(MembershipFile, RefusesWhatDoesNotBelongTogether) {
  EXPECT_EQ(refusal(gather({}, set_)), "change-unsigned");
  EXPECT_EQ(refusal(gather(std::vector{by(0), by(9)}, set_)), "change-signer-unknown");
  ChangeFile other = change_;
  other.body.change = AddReplica{example_replica(5)};
  EXPECT_EQ(refusal(gather(std::vector{by(0), by(1, other)}, set_)), "change-other");
  other = change_;
  other.chain_id.bytes[0] ^= 1;
  EXPECT_EQ(refusal(gather(std::vector{by(0), by(1, other)}, set_)), "change-other");
  other = change_;
  other.body.epoch = {1};
  EXPECT_EQ(refusal(gather(std::vector{by(0, other)}, set_)), "change-other-epoch");
  SignedChange bad = by(1);
  bad.signature.bytes[0] ^= 1;
  EXPECT_EQ(refusal(gather(std::vector{by(0), bad}, set_)), "change-signature-bad");
  // A signature as a replica is no consent of the same key's.
  bad = by(4);
  bad.signature = endorse(key_of(vote_key_name(4)), bad.chain_id, bad.body);
  EXPECT_EQ(refusal(gather(std::vector{by(0), bad}, set_)), "change-signature-bad");
}

}  // namespace
}  // namespace quorate::ledger
