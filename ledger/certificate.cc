#include "ledger/certificate.h"

#include <fmt/format.h>

#include "ledger/quorum.h"

namespace quorate::ledger {
namespace {

// Replica ids strictly ascending, known, and a quorum of them; so each counts once.
[[nodiscard]] Status check_voters(const CommitCertificate& certificate, const ReplicaSet& set) {
  std::optional<ReplicaId> last;
  for (const Endorsement& commit : certificate.commits) {
    if (last && commit.replica <= *last) {
      return fail(ErrorKind::kCorrupt, "certificate-not-ascending",
                  fmt::format("the commit certificate of sequence {} names replica {} after "
                              "replica {}; each may vote once, in ascending order",
                              certificate.sequence.value, commit.replica.value, last->value),
                  "Fetch the certificate again from another replica.");
    }
    if (commit.replica.value >= set.size()) {
      return fail(ErrorKind::kCorrupt, "certificate-unknown-replica",
                  fmt::format("the commit certificate of sequence {} names replica {}; epoch {} "
                              "has replicas 0 to {}",
                              certificate.sequence.value, commit.replica.value, set.epoch.value,
                              static_cast<std::int64_t>(set.size()) - 1),
                  "Check it against the genesis document of its own network.");
    }
    last = commit.replica;
  }
  if (set.size() == 0 || certificate.commits.size() < quorum(set.size())) {
    return fail(ErrorKind::kCorrupt, "certificate-too-few-votes",
                fmt::format("the commit certificate of sequence {} holds {} votes; {} of {} "
                            "replicas were expected",
                            certificate.sequence.value, certificate.commits.size(),
                            set.size() == 0 ? 0 : quorum(set.size()), set.size()),
                "Fetch the certificate again from another replica.");
  }
  return {};
}

}  // namespace

ReplicaSet genesis_replicas(const Genesis& genesis) {
  return {Epoch{0}, genesis.replicas, {}};
}

Status CertificateVerifier::check(const CommitCertificate& certificate,
                                  const ReplicaSet& set) const {
  if (certificate.epoch != set.epoch) {
    return fail(ErrorKind::kCorrupt, "certificate-wrong-epoch",
                fmt::format("the commit certificate of sequence {} is of epoch {}; epoch {} was "
                            "expected",
                            certificate.sequence.value, certificate.epoch.value, set.epoch.value),
                "Check it against the replicas of its own epoch.");
  }
  QUORATE_TRY(check_voters(certificate, set));
  for (const Endorsement& commit : certificate.commits) {
    const Vote vote{certificate.epoch, certificate.view,     certificate.sequence,
                    certificate.batch, certificate.new_view, commit.replica};
    const PublicKey& key = set.replicas[commit.replica.value].vote_key;
    if (!verify_signature(key, crypto::Purpose::kCommit, vote, commit.signature)) {
      return fail(
          ErrorKind::kCorrupt, "certificate-bad-signature",
          fmt::format("the commit of replica {} for sequence {} does not verify: batch {}, "
                      "epoch {}, view {}",
                      commit.replica.value, certificate.sequence.value, certificate.batch.hex(),
                      certificate.epoch.value, certificate.view.value),
          "Fetch the certificate again from another replica.");
    }
  }
  return {};
}

}  // namespace quorate::ledger
