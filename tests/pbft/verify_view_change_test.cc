// What the verifier makes of VIEW-CHANGEs, NEW-VIEWs and checkpoints, field by field.

#include <gtest/gtest.h>

#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {
namespace {

class VerifyViewChange : public testing::Test {
 protected:
  VerifyViewChange() : world(4), proposal(world.pre_prepare(batch_of(17, {world.transaction()}))) {}

  template <class T>
  [[nodiscard]] std::string_view verdict(const T& message) const {
    const auto checked = world.verifier().check(message);
    return checked ? "accepted" : reject_code(checked.error());
  }
  // Signed again by its own replica, as a liar would.
  [[nodiscard]] ViewChange resigned(ViewChange message) const {
    message.signature = crypto::sign_body(world.signer(message.body.replica),
                                          crypto::Purpose::kViewChange, world.chain_id(),
                                          view_vote(message.body));
    return message;
  }
  [[nodiscard]] NewView resigned(NewView message) const {
    message.signature = crypto::sign_body(world.signer(message.body.replica),
                                          crypto::Purpose::kNewView, world.chain_id(),
                                          view_vote(message.body));
    return message;
  }
  [[nodiscard]] ViewChange good() const {
    return world.view_change({1}, r(2), {world.prepared(proposal)}, world.stable(16));
  }

  World world;
  PrePrepare proposal;
};

TEST_F(VerifyViewChange, AcceptsWhatACorrectReplicaSends) {
  EXPECT_EQ(verdict(good()), "accepted");
  EXPECT_EQ(verdict(world.view_change({1}, r(0))), "accepted");
  EXPECT_EQ(verdict(world.view_change({UINT64_MAX}, r(3))), "accepted");
  EXPECT_EQ(verdict(world.stable(16)), "accepted");
  EXPECT_EQ(verdict(world.checkpoint_vote(16, r(1))), "accepted");
}

// Pitfall 35: signed by one, claimed by another.
TEST_F(VerifyViewChange, RejectsAnotherSigner) {
  ViewChange message = good();
  message.body.replica = r(3);
  EXPECT_EQ(verdict(message), "bad-signature");
  message.body.replica = r(4);
  EXPECT_EQ(verdict(message), "unknown-replica");
}

TEST_F(VerifyViewChange, RejectsAnotherEpochAndViewZero) {
  ViewChange message = good();
  message.body.epoch = {1};
  EXPECT_EQ(verdict(resigned(message)), "wrong-epoch");
  message = world.view_change({0}, r(2));
  EXPECT_EQ(verdict(message), "malformed-view-change");
}

TEST_F(VerifyViewChange, RejectsEntriesOutsideTheWindowOrOutOfOrder) {
  const auto with = [&](const std::vector<PrePrepare>& proposals) {
    std::vector<PreparedCertificate> p;
    for (const PrePrepare& entry : proposals) p.push_back(world.prepared(entry));
    return verdict(world.view_change({1}, r(2), p, world.stable(16)));
  };
  const auto at = [&](std::uint64_t sequence) { return world.pre_prepare(batch_of(sequence, {})); };
  EXPECT_EQ(with({at(17), at(48)}), "accepted");
  EXPECT_EQ(with({at(16)}), "malformed-view-change");
  EXPECT_EQ(with({at(49)}), "malformed-view-change");
  EXPECT_EQ(with({at(18), at(17)}), "malformed-view-change");
  EXPECT_EQ(with({at(17), at(17)}), "malformed-view-change");
}

TEST_F(VerifyViewChange, RejectsAnEntryOfTheSameOrAHigherView) {
  const Digest opened = crypto::sha256(as_bytes("NEW-VIEW"));
  const PrePrepare later = world.pre_prepare(batch_of(17, {}), {2}, opened);
  EXPECT_EQ(verdict(world.view_change({2}, r(3), {world.prepared(later)}, world.stable(16))),
            "malformed-view-change");
  EXPECT_EQ(verdict(world.view_change({3}, r(3), {world.prepared(later)}, world.stable(16))),
            "accepted");
}

// Pitfalls 1 and 6.
TEST_F(VerifyViewChange, RejectsPreparedCertificatesThatProveNothing) {
  const auto with = [&](const PreparedCertificate& entry) {
    return verdict(world.view_change({1}, r(2), {entry}, world.stable(16)));
  };
  PreparedCertificate entry = world.prepared(proposal);
  entry.prepares.pop_back();
  EXPECT_EQ(with(entry), "bad-certificate") << "too few";
  entry = world.prepared(proposal);
  entry.prepares[1] = entry.prepares[0];
  EXPECT_EQ(with(entry), "bad-certificate") << "one replica twice";
  entry = world.prepared(proposal);
  entry.prepares[0].signature = entry.prepares[1].signature;
  EXPECT_EQ(with(entry), "bad-certificate") << "another's signature";
  entry = world.prepared(proposal);
  entry.prepares[0].replica = r(0);
  EXPECT_EQ(with(entry), "prepare-from-primary");
  entry = world.prepared(proposal);
  entry.signature = entry.prepares[0].signature;
  EXPECT_EQ(with(entry), "bad-primary-signature");
  entry = world.prepared(proposal);
  entry.pre_prepare.batch = crypto::sha256(as_bytes("another"));
  EXPECT_EQ(with(entry), "bad-primary-signature");
}

TEST_F(VerifyViewChange, RejectsACheckpointWithoutItsQuorum) {
  ViewChange message = good();
  message.body.stable->cosignatures.pop_back();
  EXPECT_EQ(verdict(resigned(message)), "bad-checkpoint");
  message = good();
  message.body.stable->note.state_root = {};
  EXPECT_EQ(verdict(resigned(message)), "bad-checkpoint");
}

// Pitfall 3: a NEW-VIEW is nothing without a quorum of VIEW-CHANGEs behind it.
TEST_F(VerifyViewChange, RejectsNewViewsThatDoNotNameAQuorum) {
  std::vector<ViewChange> v;
  for (std::size_t i = 0; i < 4; ++i) v.push_back(world.view_change({1}, r(i)));
  const NewView whole = world.new_view(v);
  EXPECT_EQ(verdict(whole), "accepted");
  NewView message = whole;
  message.body.view_changes.pop_back();
  EXPECT_EQ(verdict(resigned(message)), "malformed-new-view") << "too few";
  message = whole;
  message.body.view_changes[1] = message.body.view_changes[0];
  EXPECT_EQ(verdict(resigned(message)), "malformed-new-view") << "one replica twice";
  message = whole;
  message.body.view_changes[2].replica = r(9);
  EXPECT_EQ(verdict(resigned(message)), "unknown-replica");
  message = whole;
  message.body.replica = r(2);
  EXPECT_EQ(verdict(resigned(message)), "not-the-primary");
  message = whole;
  message.signature = v[0].signature;
  EXPECT_EQ(verdict(message), "bad-signature");
}

TEST_F(VerifyViewChange, EveryChangedByteOfAViewChangeIsRejected) {
  const Bytes encoded = crypto::encode(good());
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    Bytes changed = encoded;
    changed[i] ^= 1;
    const auto message = crypto::decode<ViewChange>(changed);
    if (!message) continue;
    EXPECT_FALSE(world.verifier().check(*message)) << "byte " << i;
  }
}

}  // namespace
}  // namespace quorate::pbft::test
