#include "pbft/retention.h"

#include <algorithm>
#include <set>

namespace quorate::pbft {
namespace {

std::optional<VotedPlace> voted_place(const DurableRecord& record) {
  if (const auto* proposal = std::get_if<ProposalRecord>(&record)) {
    const Vote& vote = proposal->pre_prepare.vote;
    return VotedPlace{vote.view, vote.sequence};
  }
  if (const auto* commit = std::get_if<CommitRecord>(&record)) {
    return VotedPlace{commit->commit.vote.view, commit->commit.vote.sequence};
  }
  if (const auto* checkpoint = std::get_if<CheckpointRecord>(&record)) {
    return VotedPlace{{}, checkpoint->vote.note.sequence};
  }
  if (const auto* view_change = std::get_if<ViewChangeRecord>(&record)) {
    return VotedPlace{view_change->view_change.body.view, {}};
  }
  return std::nullopt;
}

}  // namespace

void raise(std::optional<VotedPlace>& highest, const DurableRecord& record) {
  const auto place = voted_place(record);
  if (!place) return;
  if (!highest) highest.emplace();
  highest->view = std::max(highest->view, place->view);
  highest->sequence = std::max(highest->sequence, place->sequence);
}

void NamedBodies::add(const ProposalRecord& proposal) {
  const std::vector<TxId>& named = proposal.pre_prepare.batch.ids;
  std::vector<TxId>& ids = ids_[proposal.pre_prepare.vote.sequence];
  ids.insert(ids.end(), named.begin(), named.end());
}

void NamedBodies::add(const DurableRecord& record) {
  if (const auto* proposal = std::get_if<ProposalRecord>(&record)) add(*proposal);
}

std::vector<Bytes> NamedBodies::drop_up_to(Sequence low) {
  std::set<TxId> dropped;
  const auto above = ids_.upper_bound(low);
  for (auto at = ids_.begin(); at != above; ++at) {
    dropped.insert(at->second.begin(), at->second.end());
  }
  ids_.erase(ids_.begin(), above);
  for (const auto& [sequence, ids] : ids_) {
    for (const TxId& id : ids) dropped.erase(id);
  }
  std::vector<Bytes> keys;
  for (const TxId& id : dropped) keys.push_back(body_key(id));
  return keys;
}

}  // namespace quorate::pbft
