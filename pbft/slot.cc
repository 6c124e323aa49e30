#include "pbft/slot.h"

#include <algorithm>
#include <utility>

#include "ledger/quorum.h"

namespace quorate::pbft {

namespace {

// Equal in everything but the voter: what "matching" means in the paper.
bool match(const Vote& a, const Vote& b) {
  return a.epoch == b.epoch && a.view == b.view && a.sequence == b.sequence && a.batch == b.batch &&
         a.new_view == b.new_view;
}

// More would take a primary of each view that proposes another batch for one sequence and none of
// which gets prepared; the votes themselves stay on disk.
constexpr std::size_t kKeptMax = 8;

}  // namespace

const Content* Slot::find(const Digest& batch) const {
  if (content && content->digest == batch && content->is_complete()) return &*content;
  const auto found = std::ranges::find(kept, batch, &Content::digest);
  return found == kept.end() ? nullptr : &*found;
}

void keep(Slot& slot, const Content& content) {
  if (std::ranges::find(slot.kept, content.digest, &Content::digest) != slot.kept.end()) return;
  if (slot.kept.size() == kKeptMax) {
    const auto is_needed = [&](const Content& old) {
      return (slot.prepared && old.digest == slot.prepared->pre_prepare.batch) ||
             (slot.certificate && old.digest == slot.certificate->batch);
    };
    slot.kept.erase(std::ranges::find_if_not(slot.kept, is_needed));
  }
  slot.kept.push_back(content);
}

void leave_view(Slot& slot) {
  Slot left;
  left.prepared = std::move(slot.prepared);
  left.certificate = std::move(slot.certificate);
  left.kept = std::move(slot.kept);
  slot = std::move(left);
}

std::optional<Contradiction> add_prepare(Slot& slot, const Prepare& prepare) {
  const auto [it, is_new] = slot.prepares.emplace(prepare.vote.replica, prepare);
  if (is_new || it->second.vote == prepare.vote) return std::nullopt;
  return Contradiction{VotePhase::kPrepare, it->second.vote, it->second.signature, prepare.vote,
                       prepare.signature};
}

std::optional<Contradiction> add_commit(Slot& slot, const Commit& commit) {
  const auto [it, is_new] = slot.commits.emplace(commit.vote.replica, commit);
  if (is_new || it->second.vote == commit.vote) return std::nullopt;
  return Contradiction{VotePhase::kCommit, it->second.vote, it->second.signature, commit.vote,
                       commit.signature};
}

std::optional<Contradiction> contradicting_proposal(const Slot& slot, ReplicaId primary,
                                                    const Prepare& prepare) {
  std::optional<std::pair<Vote, Signature>> known;
  if (slot.proposal) {
    known = {slot.proposal->vote, slot.proposal->signature};
  } else if (!slot.prepares.empty()) {
    const Prepare& first = slot.prepares.begin()->second;
    known = {first.vote, first.pre_prepare};
    known->first.replica = primary;
  }
  Vote answered = prepare.vote;
  answered.replica = primary;
  if (!known || known->first == answered) return std::nullopt;
  return Contradiction{VotePhase::kPrePrepare, known->first, known->second, answered,
                       prepare.pre_prepare};
}

std::optional<Contradiction> contradicting_proposals(const Slot& slot, ReplicaId primary) {
  for (const auto& [replica, prepare] : slot.prepares) {
    if (auto found = contradicting_proposal(slot, primary, prepare)) return found;
  }
  return std::nullopt;
}

std::optional<PreparedCertificate> prepared_certificate(const Slot& slot, std::size_t replicas) {
  const std::size_t needed = ledger::quorum(replicas) - 1;
  if (!slot.proposal || slot.prepares.size() < needed) return std::nullopt;
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
  // A quorum is more than half of all, so only the majority's vote can have one; Boyer and Moore's
  // count finds it in one pass, however many digests liars vote for.
  const Vote* majority = nullptr;
  std::size_t lead = 0;
  for (const auto& [replica, commit] : slot.commits) {
    if (lead == 0) majority = &commit.vote;
    if (match(commit.vote, *majority)) {
      ++lead;
    } else {
      --lead;
    }
  }
  CommitCertificate certificate{majority->epoch, majority->view,     majority->sequence,
                                majority->batch, majority->new_view, {}};
  for (const auto& [replica, commit] : slot.commits) {
    if (certificate.commits.size() == needed) break;
    if (match(commit.vote, *majority)) certificate.commits.push_back({replica, commit.signature});
  }
  if (certificate.commits.size() < needed) return std::nullopt;
  return certificate;
}

}  // namespace quorate::pbft
