#include "pbft/new_view.h"

#include <algorithm>
#include <tuple>

namespace quorate::pbft {
namespace {

// Which of two P entries for one sequence counts. With at most f liars no view prepares two
// batches; beyond that, everybody must still choose the same one.
[[nodiscard]] bool counts_before(const Vote& a, const Vote& b) {
  return std::tie(a.view, a.batch, a.new_view) > std::tie(b.view, b.batch, b.new_view);
}

}  // namespace

NewViewPlan plan_new_view(std::span<const ViewChange> view_changes, Sequence start) {
  NewViewPlan plan;
  plan.low = start;
  for (const ViewChange& message : view_changes) {
    const auto& stable = message.body.stable;
    if (stable && stable->note.sequence > plan.low) {
      plan.low = stable->note.sequence;
      plan.stable = stable;
    }
  }
  plan.high = plan.low;
  for (const ViewChange& message : view_changes) {
    if (message.body.prepared.empty()) continue;
    plan.high = std::max(plan.high, message.body.prepared.back().pre_prepare.sequence);
  }
  std::vector<const Vote*> best(plan.high.value - plan.low.value, nullptr);
  for (const ViewChange& message : view_changes) {
    for (const PreparedCertificate& entry : message.body.prepared) {
      const Vote& vote = entry.pre_prepare;
      if (vote.sequence <= plan.low) continue;
      const Vote*& place = best[vote.sequence.value - plan.low.value - 1];
      if (!place || counts_before(vote, *place)) place = &vote;
    }
  }
  plan.slots.reserve(best.size());
  for (std::size_t i = 0; i < best.size(); ++i) {
    const Sequence sequence{plan.low.value + 1 + i};
    const Digest null = ledger::digest_of_batch(ledger::null_batch(sequence).header);
    const Digest batch = best[i] ? best[i]->batch : null;
    plan.slots.push_back({sequence, batch, batch == null, best[i] ? best[i]->new_view : Digest{}});
  }
  return plan;
}

}  // namespace quorate::pbft
