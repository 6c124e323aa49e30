// What a correct replica relies on, judged again from the paper and not from pbft/: certificates,
// what a view begins with, and what the voter must refuse.

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "ledger/quorum.h"
#include "testnet/checkers.h"

namespace quorate::testnet {

using ledger::Digest;
using ledger::ReplicaId;
using ledger::Sequence;
using ledger::View;
using ledger::Vote;

namespace {

// OSDI '99 §4.2: prepares of a quorum - 1 of distinct backups; their signatures are checked where a
// certificate reaches the ledger.
bool proves_itself(const pbft::PreparedCertificate& entry, std::size_t replicas) {
  const ReplicaId primary = pbft::primary_of(entry.pre_prepare.view, replicas);
  std::set<ReplicaId> backups;
  for (const auto& prepare : entry.prepares) {
    if (prepare.replica != primary && prepare.replica.value < replicas) {
      backups.insert(prepare.replica);
    }
  }
  return entry.pre_prepare.replica == primary &&
         backups.size() + 1 >= ledger::quorum(replicas) &&
         backups.size() == entry.prepares.size();
}

// OSDI '99 §4.4, sequence by sequence: the batch of the highest view that any P has, else null.
struct PlanTwin {
  Sequence low;
  Sequence high;

  PlanTwin(const std::vector<pbft::ViewChange>& all, Sequence start)
      : low(start), view_changes(all) {
    for (const auto& each : all) {
      if (each.body.stable) low = std::max(low, each.body.stable->note.sequence);
    }
    high = low;
    for (const auto& each : all) {
      for (const auto& entry : each.body.prepared) {
        high = std::max(high, entry.pre_prepare.sequence);
      }
    }
  }

  [[nodiscard]] pbft::Reproposal at(Sequence sequence) const {
    const Digest null = ledger::digest_of_batch(ledger::null_batch(sequence).header);
    const Vote* best = nullptr;
    for (const auto& each : view_changes) {
      for (const auto& entry : each.body.prepared) {
        const Vote& vote = entry.pre_prepare;
        if (vote.sequence != sequence) continue;
        if (best == nullptr || std::tie(vote.view, vote.batch, vote.new_view) >
                                   std::tie(best->view, best->batch, best->new_view)) {
          best = &vote;
        }
      }
    }
    if (best == nullptr) return {sequence, null, true, {}};
    return {sequence, best->batch, best->batch == null, best->new_view};
  }

  const std::vector<pbft::ViewChange>& view_changes;
};

}  // namespace

void Checkers::check_proofs(ReplicaId self, const pbft::Replica& replica,
                            const pbft::Output& out) {
  for (const pbft::Event& event : out.events) {
    if (const auto* entered = std::get_if<pbft::ViewEntered>(&event)) {
      plan_high_[self.value] = entered->high;
      check_plan(self, replica, *entered);
    } else if (const auto* left = std::get_if<pbft::ViewLeft>(&event)) {
      check_departure(self, replica, *left);
    }
  }
  for (const pbft::DurableRecord& record : out.persist) {
    if (const auto* proposal = std::get_if<pbft::ProposalRecord>(&record)) {
      check_own_proposal(self, replica, *proposal);
    } else if (const auto* commit = std::get_if<pbft::CommitRecord>(&record)) {
      check_own_commit(self, *commit);
    }
  }
  for (const ledger::Evidence& evidence : out.evidence) {
    check_contradiction(self, replica, evidence);
  }
  // One signer a step, in turn: all of them at each step would be half of a large run's work.
  const std::uint64_t turn = counters_.steps / world_.size();
  const ReplicaId signer{static_cast<std::uint16_t>(turn % world_.size())};
  if (replica.checkpoints().votes_of(signer) >
      pbft::window_of(replica.config().parameters) + 1) {
    violate("bounds", self, "more checkpoint votes of one replica than the window has room for");
  }
}

void Checkers::check_plan(ReplicaId self, const pbft::Replica& replica,
                          const pbft::ViewEntered& entered) {
  if (replica.opened_by() != entered.new_view) return;  // and went on in the same step
  const auto found = replica.transcripts().find(entered.new_view);
  if (found == replica.transcripts().end()) {
    return violate("plan", self, "entered a view without its transcript");
  }
  const auto& view_changes = found->second.view_changes;
  const std::size_t members = replica.config().replicas.size();
  std::set<ReplicaId> senders;
  bool is_good = true;
  for (const auto& each : view_changes) {
    senders.insert(each.body.replica);
    is_good &= each.body.view == entered.view;
    is_good &= each.body.epoch == replica.epoch();
    for (const auto& entry : each.body.prepared) is_good &= proves_itself(entry, members);
  }
  if (!is_good || senders.size() != view_changes.size() ||
      senders.size() < ledger::quorum(members)) {
    violate("plan", self,
            fmt::format("entered view {} by a NEW-VIEW that proves nothing", entered.view.value));
  }
  const PlanTwin twin(view_changes, replica.config().replicas.start);
  if (entered.low != twin.low || entered.high != twin.high) {
    violate("plan", self,
            fmt::format("view {} proposes {} to {} again, and should {} to {}", entered.view.value,
                        entered.low.value, entered.high.value, twin.low.value, twin.high.value));
  }
  for (const auto& [sequence, plan] : replica.reproposals()) {
    if (plan == twin.at(sequence)) continue;
    violate("plan", self,
            fmt::format("view {} proposes another batch again than was prepared at sequence {}",
                        entered.view.value, sequence.value));
  }
}

// Commits resume after one round trip, whatever piled up while the view changed.
void Checkers::check_first_batch(ReplicaId self, const pbft::Replica& replica,
                                 const pbft::PrePrepare& proposal) {
  constexpr std::size_t kFirstBatchMax = 32;
  const auto& high = plan_high_[self.value];
  if (proposal.vote.replica != replica.config().self) return;
  if (!high || replica.committed() > *high) return;
  if (proposal.vote.sequence <= *high) return;
  if (proposal.vote.sequence.value == high->value + 1 &&
      proposal.batch.ids.size() <= kFirstBatchMax) {
    return;
  }
  violate("plan", self,
          fmt::format("proposes {} transactions at sequence {} before anything new committed in "
                      "view {}",
                      proposal.batch.ids.size(), proposal.vote.sequence.value,
                      proposal.vote.view.value));
}

void Checkers::check_own_proposal(ReplicaId self, const pbft::Replica& replica,
                                  const pbft::ProposalRecord& record) {
  const Vote& vote = record.pre_prepare.vote;
  if (!record.prepare && vote.replica != replica.config().self) return;  // known, not voted for
  if (vote.view != replica.view() || vote.new_view != replica.opened_by()) return;
  if (vote.sequence <= replica.reproposed_up_to()) {
    const auto plan = replica.reproposals().find(vote.sequence);
    if (plan == replica.reproposals().end()) return;  // settled in the same step
    if (plan->second.batch != vote.batch) {
      violate("plan", self,
              fmt::format("votes for another batch than view {} must propose again at sequence {}",
                          vote.view.value, vote.sequence.value));
    }
    const Digest& behind = plan->second.new_view;
    if (record.prepare && !behind.is_zero() && !replica.transcripts().contains(behind)) {
      violate("plan", self,
              fmt::format("prepares sequence {} without the NEW-VIEW that it rests on",
                          vote.sequence.value));
    }
    return;
  }
  check_first_batch(self, replica, record.pre_prepare);
  const std::uint64_t now_ms = replica.now().wall.value;
  const std::uint64_t time_ms = record.pre_prepare.batch.header.time.value;
  const std::uint64_t slack_ms = replica.config().parameters.time_slack_ms;
  if (record.prepare && time_ms > now_ms && time_ms - now_ms > slack_ms) {
    violate("time", self,
            fmt::format("prepares a time {} ms ahead at sequence {}", time_ms - now_ms,
                        vote.sequence.value));
  }
}

void Checkers::check_own_commit(ReplicaId self, const pbft::CommitRecord& record) {
  const Vote& prepared = record.prepared.pre_prepare;
  const Vote& vote = record.commit.vote;
  if (proves_itself(record.prepared, size_of(vote.epoch)) && vote.batch == prepared.batch &&
      vote.view == prepared.view && vote.sequence == prepared.sequence &&
      vote.new_view == prepared.new_view) {
    return;
  }
  violate("prepared", self,
          fmt::format("commits sequence {} on a certificate that proves nothing",
                      vote.sequence.value));
}

void Checkers::check_departure(ReplicaId self, const pbft::Replica& replica,
                               const pbft::ViewLeft& left) {
  using pbft::Suspected;
  View& highest = highest_left_for_[replica.epoch()];
  if (left.to.value > highest.value + 1 && !forgetful_.contains(self)) {
    violate("pulled", self,
            fmt::format("leaves for view {}, and correct replicas went up to {}", left.to.value,
                        highest.value));
  }
  highest = std::max(highest, left.to);
  const bool may_be_alone = left.why == Suspected::kJoined || left.why == Suspected::kNoNewView ||
                            left.why == Suspected::kRecovering ||
                            left.why == Suspected::kEquivocation;
  if (!may_be_alone && !replica.situation().is_connected) {
    violate("pulled", self,
            fmt::format("blames the primary of view {}, and is cut off itself", left.view.value));
  }
}

// The first vote of a liar counts, whatever else it says.
void Checkers::check_contradiction(ReplicaId self, const pbft::Replica& replica,
                                   const ledger::Evidence& evidence) {
  const auto* found = std::get_if<ledger::VoteEvidence>(&evidence);
  if (found == nullptr || found->phase != ledger::VotePhase::kCommit) return;
  const auto slot = replica.slots().find(found->first.sequence);
  if (slot == replica.slots().end()) return;
  const auto vote = slot->second.commits.find(found->first.replica);
  if (vote == slot->second.commits.end() || vote->second.vote == found->first) return;
  violate("contradiction", self,
          fmt::format("counts a second commit of replica {} at sequence {}",
                      found->first.replica.value, found->first.sequence.value));
}

void Checkers::tempt(ReplicaId self, const pbft::Replica& replica, const pbft::Output& out,
                     pbft::Voter& voter) {
  if (is_liar(self)) return;
  const ReplicaId id = replica.config().self;
  const std::size_t members = replica.config().replicas.size();
  const auto refuse = [&](const auto& answer, std::string_view what) {
    if (answer) violate("voter", self, fmt::format("signs {}", what));
  };
  for (const pbft::DurableRecord& record : out.persist) {
    if (const auto* proposal = std::get_if<pbft::ProposalRecord>(&record)) {
      if (!proposal->prepare) continue;
      Vote other = proposal->prepare->vote;
      const pbft::PreparedCertificate alone{proposal->pre_prepare.vote,
                                            proposal->pre_prepare.signature,
                                            {{id, proposal->prepare->signature}}};
      if (ledger::quorum(members) > 2) {
        refuse(voter.commit(other, alone), "a commit without its prepared certificate");
      }
      other.batch.bytes[0] ^= 1;
      refuse(voter.prepare(other), "a prepare for a second batch");
      if (const auto boundary = epochs_.boundary_of(replica.epoch()); boundary &&
                                                                     replica.boundary()) {
        Vote above = proposal->prepare->vote;
        above.sequence = next(*boundary);
        refuse(voter.prepare(above), "a prepare above the end of its epoch");
      }
    } else if (const auto* commit = std::get_if<pbft::CommitRecord>(&record)) {
      const auto to = voter.view_to_move_to({1});
      if (!to || commit->commit.vote.sequence <= replica.low_watermark()) continue;
      refuse(voter.view_change({replica.epoch(), *to, id, replica.stable(), {}}),
             "a VIEW-CHANGE that omits what it prepared");
    } else if (const auto* moved = std::get_if<pbft::ViewChangeRecord>(&record)) {
      pbft::ViewChangeBody other = moved->view_change.body;
      const View below{other.view.value - 1};
      Vote late{};
      late.epoch = other.epoch;
      late.view = below;
      late.sequence = replica.high_watermark();
      late.replica = id;
      if (pbft::primary_of(below, members) != id) {
        refuse(voter.prepare(late), "a prepare in a view that it left");
      }
      if (other.prepared.empty()) continue;
      other.prepared.push_back(other.prepared.back());
      refuse(voter.view_change(other), "a second VIEW-CHANGE for a view");
    } else if (const auto* checkpoint = std::get_if<pbft::CheckpointRecord>(&record)) {
      if (checkpoint->vote.replica != id) continue;
      ledger::CheckpointNote other = checkpoint->vote.note;
      other.state_root.bytes[0] ^= 1;
      refuse(voter.checkpoint(other, checkpoint->vote.time_seconds),
             "a second checkpoint at a sequence");
    }
  }
}

}  // namespace quorate::testnet
