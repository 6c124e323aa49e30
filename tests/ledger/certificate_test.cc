#include "ledger/certificate.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

class CertificateTest : public testing::Test {
 protected:
  [[nodiscard]] std::string_view verdict(const CommitCertificate& certificate) const {
    crypto::SignatureCache cache(64);
    const CertificateVerifier verifier(chain_id_of(genesis_), &cache);
    return refusal(verifier.check(certificate, genesis_replicas(genesis_)));
  }

  const Genesis genesis_ = example_genesis();
  const BatchHeader header_ = make_batch({7}, {1000}, 0, {}).header;
};

TEST_F(CertificateTest, AQuorumIsEnough) {
  EXPECT_EQ(verdict(certify(genesis_, header_, {0, 1, 2})), "none");
  EXPECT_EQ(verdict(certify(genesis_, header_, {1, 2, 3})), "none");
  EXPECT_EQ(verdict(certify(genesis_, header_, {0, 1, 2, 3})), "none");
  EXPECT_EQ(verdict(certify(genesis_, header_, {0, 1, 3}, View{5})), "none");
}

TEST_F(CertificateTest, OneReplicaAloneIsItsOwnQuorum) {
  const Genesis lonely = example_genesis(1);
  crypto::SignatureCache cache(64);
  const CertificateVerifier verifier(chain_id_of(lonely), &cache);
  EXPECT_TRUE(verifier.check(certify(lonely, header_, {0}), genesis_replicas(lonely)));
  EXPECT_EQ(refusal(verifier.check(certify(lonely, header_, {}), genesis_replicas(lonely))),
            "certificate-too-few-votes");
}

TEST_F(CertificateTest, NobodyIsNoQuorum) {
  crypto::SignatureCache cache(64);
  const CertificateVerifier verifier(chain_id_of(genesis_), &cache);
  EXPECT_EQ(refusal(verifier.check(certify(genesis_, header_, {}), ReplicaSet{})),
            "certificate-too-few-votes");
}

struct Mutation {
  const char* name;
  std::string_view code;
  std::function<void(CommitCertificate&)> apply;
};

TEST_F(CertificateTest, EveryMutationIsRefusedByItsName) {
  const std::vector<Mutation> mutations = {
      {"no votes", "certificate-too-few-votes", [](auto& c) { c.commits.clear(); }},
      {"too few votes", "certificate-too-few-votes", [](auto& c) { c.commits.pop_back(); }},
      {"a replica twice", "certificate-not-ascending",
       [](auto& c) { c.commits[2] = c.commits[1]; }},
      {"a replica twice beside a quorum", "certificate-not-ascending",
       [](auto& c) { c.commits.push_back(c.commits.back()); }},
      {"replicas out of order", "certificate-not-ascending",
       [](auto& c) { std::swap(c.commits[0], c.commits[1]); }},
      {"unknown replica", "certificate-unknown-replica",
       [](auto& c) { c.commits[2].replica = {4}; }},
      {"unknown replica beside a quorum", "certificate-unknown-replica",
       [](auto& c) {
         c.commits.push_back({{65535}, c.commits[0].signature});
       }},
      {"wrong epoch", "certificate-wrong-epoch", [](auto& c) { c.epoch = {1}; }},
      {"wrong view", "certificate-bad-signature", [](auto& c) { c.view = {1}; }},
      {"wrong sequence", "certificate-bad-signature", [](auto& c) { c.sequence = {8}; }},
      {"wrong batch digest", "certificate-bad-signature", [](auto& c) { c.batch.bytes[0] ^= 1; }},
      {"wrong new-view digest", "certificate-bad-signature",
       [](auto& c) { c.new_view.bytes[0] ^= 1; }},
      {"flipped signature", "certificate-bad-signature",
       [](auto& c) { c.commits[1].signature.bytes[40] ^= 1; }},
      {"another replica's signature", "certificate-bad-signature",
       [](auto& c) { c.commits[1].signature = c.commits[0].signature; }},
      {"a good signature under another id", "certificate-bad-signature",
       [](auto& c) { c.commits[2].replica = {3}; }},
      {"a bad signature beside a quorum", "certificate-bad-signature",
       [](auto& c) {
         c.commits.push_back({{3}, {}});
       }},
  };
  for (const Mutation& mutation : mutations) {
    CommitCertificate certificate = certify(genesis_, header_, {0, 1, 2});
    ASSERT_EQ(verdict(certificate), "none");
    mutation.apply(certificate);
    EXPECT_EQ(verdict(certificate), mutation.code) << mutation.name;
  }
}

TEST_F(CertificateTest, PrepareSignaturesAreNoCommits) {
  for (const auto purpose : {crypto::Purpose::kPrepare, crypto::Purpose::kPrePrepare}) {
    EXPECT_EQ(verdict(certify(genesis_, header_, {0, 1, 2}, View{0}, purpose)),
              "certificate-bad-signature");
  }
}

TEST_F(CertificateTest, VotesOfAnotherChainAreNoVotes) {
  Genesis other = genesis_;
  other.name = "other";
  EXPECT_EQ(verdict(certify(other, header_, {0, 1, 2})), "certificate-bad-signature");
}

TEST_F(CertificateTest, TheMessageNamesWhatWasFoundAndExpected) {
  crypto::SignatureCache cache(64);
  const CertificateVerifier verifier(chain_id_of(genesis_), &cache);
  const auto status =
      verifier.check(certify(genesis_, header_, {0, 1}), genesis_replicas(genesis_));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(status.error().message,
            "the commit certificate of sequence 7 holds 2 votes; 3 of 4 replicas were expected");
}

}  // namespace
}  // namespace quorate::ledger
