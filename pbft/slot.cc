#include "pbft/slot.h"

#include <utility>

#include "ledger/quorum.h"

namespace quorate::pbft {

using crypto::Purpose;

namespace {

// Equal in everything but the voter: what "matching" means in the paper.
bool match(const Vote& a, const Vote& b) {
  return a.epoch == b.epoch && a.view == b.view && a.sequence == b.sequence && a.batch == b.batch &&
         a.new_view == b.new_view;
}

}  // namespace

std::optional<Contradiction> add_prepare(Slot& slot, const Prepare& prepare) {
  const auto [it, is_new] = slot.prepares.emplace(prepare.vote.replica, prepare);
  if (is_new || it->second.vote == prepare.vote) return std::nullopt;
  return Contradiction{Purpose::kPrepare, it->second.vote, it->second.signature, prepare.vote,
                       prepare.signature};
}

std::optional<Contradiction> add_commit(Slot& slot, const Commit& commit) {
  const auto [it, is_new] = slot.commits.emplace(commit.vote.replica, commit);
  if (is_new || it->second.vote == commit.vote) return std::nullopt;
  return Contradiction{Purpose::kCommit, it->second.vote, it->second.signature, commit.vote,
                       commit.signature};
}

std::optional<Contradiction> contradicting_proposals(const Slot& slot, ReplicaId primary) {
  std::optional<std::pair<Vote, Signature>> first;
  if (slot.proposal) first = {slot.proposal->vote, slot.proposal->signature};
  for (const auto& [replica, prepare] : slot.prepares) {
    Vote answered = prepare.vote;
    answered.replica = primary;
    if (!first) {
      first = {answered, prepare.pre_prepare};
    } else if (first->first != answered) {
      return Contradiction{Purpose::kPrePrepare, first->first, first->second, answered,
                           prepare.pre_prepare};
    }
  }
  return std::nullopt;
}

std::optional<PreparedCertificate> prepared_certificate(const Slot& slot, std::size_t replicas) {
  if (!slot.proposal) return std::nullopt;
  const std::size_t needed = ledger::quorum(replicas) - 1;
  PreparedCertificate certificate{slot.proposal->vote, slot.proposal->signature, {}};
  for (const auto& [replica, prepare] : slot.prepares) {
    if (certificate.prepares.size() == needed) break;
    if (match(prepare.vote, slot.proposal->vote)) {
      certificate.prepares.push_back({replica, prepare.signature});
    }
  }
  if (certificate.prepares.size() < needed) return std::nullopt;
  return certificate;
}

std::optional<CommitCertificate> commit_certificate(const Slot& slot, std::size_t replicas) {
  const std::size_t needed = ledger::quorum(replicas);
  if (slot.commits.size() < needed) return std::nullopt;
  for (const auto& [candidate, commit] : slot.commits) {
    const Vote& vote = commit.vote;
    CommitCertificate certificate{vote.epoch,    vote.view, vote.sequence, vote.batch,
                                  vote.new_view, {}};
    for (const auto& [replica, other] : slot.commits) {
      if (certificate.commits.size() == needed) break;
      if (match(other.vote, vote)) certificate.commits.push_back({replica, other.signature});
    }
    if (certificate.commits.size() == needed) return certificate;
  }
  return std::nullopt;
}

}  // namespace quorate::pbft
