#include "pbft/retransmission.h"

#include <algorithm>
#include <set>
#include <utility>

namespace quorate::pbft {
namespace {

std::uint8_t slot_bits(const Slot& slot) {
  std::uint8_t bits = 0;
  if (slot.proposal && !slot.proposal_lost()) bits |= kSlotHasProposal;
  if (slot.announced_prepared || slot.certificate) bits |= kSlotPrepared;
  if (slot.certificate && slot.find(slot.certificate->batch)) bits |= kSlotCommitted;
  return bits;
}

void resend_checkpoint(const Holdings& ours, ReplicaId peer, const StatusReport& report,
                       std::vector<Send>& out) {
  if (ours.stable && report.stable < ours.low) out.push_back({peer, *ours.stable});
  const CheckpointVote* own = ours.checkpoints.latest(ours.self);
  if (own && own->note.sequence > report.stable) out.push_back({peer, *own});
}

// STATUS-PENDING (TOCS '02 §5.2): the NEW-VIEW that the peer lacks, else our VIEW-CHANGE.
void resend_view(const Holdings& ours, ReplicaId peer, const StatusReport& report,
                 std::vector<Send>& out) {
  if (report.view > ours.view || (report.view == ours.view && report.in_view)) return;
  if (ours.in_view) {
    if (const NewView* message = ours.view_changes.new_view(ours.opened_by)) {
      out.push_back({peer, *message});
    }
    return;
  }
  const std::uint16_t self = ours.self.value;
  const std::size_t place = self / 8;
  const bool has_ours = report.view == ours.view && place < report.view_changes.size() &&
                        (report.view_changes[place] >> (self % 8) & 1) != 0;
  const ViewChange* own = ours.view_changes.own();
  if (own && own->body.view == ours.view && !has_ours) out.push_back({peer, *own});
}

void resend_votes(const Holdings& ours, ReplicaId peer, const StatusReport& report,
                  std::uint32_t turn, std::vector<Send>& out) {
  // Votes are each sender's own. A proposal, which can be large, is resent by the primary and, in a
  // large network, by a few others that take turns.
  const std::size_t turns = std::max<std::size_t>(1, ours.replicas / 4);
  const bool resends_proposals =
      primary_of(ours.view, ours.replicas) == ours.self || (ours.self.value + turn) % turns == 0;
  for (auto it = ours.slots.upper_bound(report.executed); it != ours.slots.end(); ++it) {
    const std::uint64_t place = it->first.value - report.executed.value - 1;
    if (place >= ours.window) break;
    const std::uint8_t has = place < report.slots.size() ? report.slots[place] : 0;
    if (has & kSlotCommitted) continue;
    const Slot& slot = it->second;
    if (!(has & kSlotHasProposal) && slot.proposal && resends_proposals) {
      out.push_back({peer, *slot.proposal});
    }
    if (!(has & kSlotPrepared) && slot.own_prepare) out.push_back({peer, *slot.own_prepare});
    if (slot.own_commit) out.push_back({peer, *slot.own_commit});
  }
}

const ViewChange* known_view_change(const Holdings& ours, const Digest& content) {
  if (const ViewChange* message = ours.view_changes.view_change(content)) return message;
  for (const auto& [digest, transcript] : ours.transcripts) {
    const auto& names = transcript.new_view.body.view_changes;
    const auto name = std::ranges::find(names, content, &ViewChangeName::content);
    if (name != names.end()) {
      return &transcript.view_changes[static_cast<std::size_t>(name - names.begin())];
    }
  }
  return nullptr;
}

const NewView* known_new_view(const Holdings& ours, const Digest& digest) {
  if (const NewView* message = ours.view_changes.new_view(digest)) return message;
  const auto stored = ours.transcripts.find(digest);
  return stored == ours.transcripts.end() ? nullptr : &stored->second.new_view;
}

}  // namespace

StatusReport status_report(const Holdings& ours, bool wants_answer) {
  StatusReport report;
  report.epoch = ours.epoch;
  report.view = ours.view;
  report.in_view = ours.in_view;
  report.executed = ours.executed;
  report.stable = ours.low;
  report.wants_answer = wants_answer;
  report.fill_to = ours.fill_to;
  if (!report.in_view) {
    report.view_changes.assign((ours.replicas + 7) / 8, 0);
    for (std::size_t i = 0; i < ours.replicas; ++i) {
      const ReplicaId id{static_cast<std::uint16_t>(i)};
      if (!ours.view_changes.has(report.view, id)) continue;
      report.view_changes[i / 8] |= static_cast<std::uint8_t>(1u << (i % 8));
    }
  }
  report.slots.assign(std::min(ours.committed.value - report.executed.value, ours.window),
                      kSlotHasProposal | kSlotPrepared | kSlotCommitted);
  for (auto it = ours.slots.upper_bound(ours.committed); it != ours.slots.end(); ++it) {
    const std::uint64_t place = it->first.value - report.executed.value - 1;
    if (place >= ours.window) break;
    report.slots.resize(place + 1);
    report.slots[place] = slot_bits(it->second);
  }
  return report;
}

std::vector<Send> resend(const Holdings& ours, ReplicaId peer, const StatusReport& report,
                         std::uint32_t turn) {
  std::vector<Send> out;
  resend_checkpoint(ours, peer, report, out);
  resend_view(ours, peer, report, out);
  if (report.view == ours.slots_view && report.in_view) {
    resend_votes(ours, peer, report, turn, out);
  }
  return out;
}

std::vector<Send> answer(const Holdings& ours, ReplicaId peer, const Ask& ask) {
  std::vector<Send> out;
  for (const Digest& digest : ask.view_changes) {
    if (const ViewChange* message = known_view_change(ours, digest)) {
      out.push_back({peer, *message});
    }
  }
  for (const Digest& digest : ask.new_views) {
    if (const NewView* message = known_new_view(ours, digest)) out.push_back({peer, *message});
  }
  for (const BatchName& name : ask.batches) {
    const auto slot = ours.slots.find(name.sequence);
    const Content* content =
        slot == ours.slots.end() ? nullptr : slot->second.find(name.batch);
    if (content) out.push_back({peer, BatchAnswer{content->batch}});
  }
  return out;
}

BodySend bodies_of_proposals(const std::map<Sequence, Slot>& slots,
                             const BodiesWanted& wanted) {
  const std::set<TxId> ids(wanted.ids.begin(), wanted.ids.end());
  std::map<TxId, TransactionPtr> found;
  const auto look_in = [&](const Content& content) {
    for (std::size_t i = 0; i < content.batch.ids.size(); ++i) {
      if (content.bodies[i] && ids.contains(content.batch.ids[i])) {
        found.emplace(content.batch.ids[i], content.bodies[i]);
      }
    }
  };
  for (const auto& [sequence, slot] : slots) {
    if (slot.content) look_in(*slot.content);
    for (const Content& content : slot.kept) look_in(content);
  }
  BodySend result{wanted.from, {}};
  for (auto& [id, body] : found) result.transactions.push_back(std::move(body));
  return result;
}

}  // namespace quorate::pbft
