#include "testnet/checkers.h"

#include <fmt/format.h>

#include <utility>

#include "crypto/bcs.h"

namespace quorate::testnet {

using crypto::Purpose;
using ledger::ReplicaId;
using ledger::Sequence;
using ledger::TxId;
using ledger::Vote;

Checkers::Checkers(const SimWorld& world, std::set<ReplicaId> liars)
    : world_(world),
      liars_(std::move(liars)),
      positions_(world.size()),
      voted_in_(world.size()),
      handed_out_(world.size()),
      plan_high_(world.size()),
      epochs_(world) {}

void Checkers::violate(std::string_view invariant, ReplicaId who, std::string text) {
  violations_.push_back({invariant, who, now_ms_, std::move(text)});
}

void Checkers::on_signed(const TxId& id) { signed_.insert(id); }

void Checkers::on_start(ReplicaId self, ledger::Height height, bool has_forgotten) {
  if (has_forgotten) forgetful_.insert(self);
  handed_out_[self.value] = height;
  plan_high_[self.value].reset();
  positions_[self.value] = {};
}

void Checkers::on_step(ReplicaId self, const pbft::Replica& replica, const pbft::Output& out) {
  ++counters_.steps;
  if (is_liar(self)) return;
  if (replica.executed() > replica.committed()) {
    violate("bounds", self, "executed beyond what was committed");
  }
  // Of votes a window, and of blocks what one request may bring.
  const std::uint64_t window = pbft::window_of(replica.config().parameters);
  if (replica.committed().value - replica.executed().value >
      window + replica.config().fetch_blocks_max) {
    violate("bounds", self, "blocks pile up before execution");
  }
  if (replica.open_slots() > 0) {
    const auto& [lowest, slot] = *replica.slots().begin();
    if (lowest <= replica.low_watermark()) violate("bounds", self, "a slot at the low watermark");
    if (replica.slots().rbegin()->first > replica.high_watermark()) {
      violate("bounds", self, "a slot above the high watermark");
    }
    const std::size_t members = replica.config().replicas.size();
    if (slot.prepares.size() >= members || slot.commits.size() > members) {
      violate("bounds", self, "a slot with more votes than replicas");
    }
  }
  check_transition(self, replica);
  check_proofs(self, replica, out);
  note_facts(self, out);
  if (out.deadline_ms && *out.deadline_ms <= now_ms_) {
    violate("bounds", self, "a deadline in the past");
  }
}

bool Checkers::check_vote(ReplicaId from, Purpose purpose, const Vote& vote) {
  if (!correct_signer(from, vote.epoch, vote.replica, vote.sequence)) return false;
  ++counters_.votes;
  const auto [at, is_new] =
      votes_.emplace(VoteKey{vote.sequence, vote.replica, purpose, vote.epoch, vote.view}, vote);
  if (!is_new && at->second != vote) {
    violate("contradiction", from,
            fmt::format("replica {} signed a second, different {} for view {}, sequence {}",
                        vote.replica.value, crypto::purpose_text(purpose), vote.view.value,
                        vote.sequence.value));
  }
  return is_own_to_keep(from, vote.replica, vote.epoch, vote.view, is_new);
}

// The record of `expected` is durable, with the same vote in it, and so are the bodies.
void Checkers::check_proposal_durable(ReplicaId from, const pbft::ProposalRecord& expected,
                                      const Durable& durable) {
  const Vote& answered = expected.pre_prepare.vote;
  check_ceiling(from, durable, answered.epoch, answered.view, answered.sequence);
  if (expected.pre_prepare.vote.sequence <= durable.settled) return;
  const std::uint64_t sequence = expected.pre_prepare.vote.sequence.value;
  const auto found = durable.votes.get(pbft::to_vote_record(expected).key);
  if (!found || !*found) {
    violate("durable", from,
            fmt::format("a vote left before it was durable, at sequence {}", sequence));
    return;
  }
  const auto stored = crypto::decode<pbft::ProposalRecord>(**found);
  if (!stored || stored->pre_prepare.vote.batch != expected.pre_prepare.vote.batch ||
      (expected.prepare && !stored->prepare)) {
    violate(
        "durable", from,
        fmt::format("another vote is durable than the one that left, at sequence {}", sequence));
    return;
  }
  for (const TxId& id : stored->pre_prepare.batch.ids) {
    const auto body = durable.votes.get(pbft::body_key(id));
    if (body && *body) continue;
    violate("durable", from,
            fmt::format("a vote left before body {} was durable, at sequence {}", id.short_hex(),
                        sequence));
  }
}

void Checkers::check_commit_durable(ReplicaId from, const pbft::Commit& commit,
                                    const Durable& durable) {
  check_ceiling(from, durable, commit.vote.epoch, commit.vote.view, commit.vote.sequence);
  if (commit.vote.sequence <= durable.settled) return;
  const auto found = durable.votes.get(pbft::to_vote_record(pbft::CommitRecord{commit, {}}).key);
  if (found && *found) {
    const auto stored = crypto::decode<pbft::CommitRecord>(**found);
    if (stored && stored->commit.vote == commit.vote) return;
  }
  violate("durable", from,
          fmt::format("a commit left before it was durable, at sequence {}",
                      commit.vote.sequence.value));
}

void Checkers::check_message(ReplicaId from, const pbft::PrePrepare& message,
                             const Durable& durable) {
  if (check_vote(from, Purpose::kPrePrepare, message.vote)) {
    check_proposal_durable(from, {message, std::nullopt}, durable);
  }
}

void Checkers::check_message(ReplicaId from, const pbft::Prepare& message, const Durable& durable) {
  if (!check_vote(from, Purpose::kPrepare, message.vote)) return;
  Vote answered = message.vote;
  answered.replica = pbft::primary_of(answered.view, size_of(answered.epoch));
  check_proposal_durable(from, {{answered, message.pre_prepare, {}}, message}, durable);
}

void Checkers::check_message(ReplicaId from, const pbft::Commit& message, const Durable& durable) {
  if (check_vote(from, Purpose::kCommit, message.vote))
    check_commit_durable(from, message, durable);
}

void Checkers::on_send(ReplicaId from, const pbft::Message& message, const VoteDisk& durable,
                       Sequence settled) {
  if (is_liar(from)) return;
  std::visit(
      [&](const auto& each) {
        check_message(from, each, Durable{durable, settled});
      },
      message);
}

void Checkers::on_commit(ReplicaId self, const ledger::CertifiedBatch& batch) {
  if (is_liar(self)) return;
  const Sequence sequence = batch.certificate.sequence;
  Sequence& handed_out = handed_out_[self.value];
  if (sequence != next(handed_out)) {
    violate("order", self, fmt::format("handed out {} after {}", sequence.value, handed_out.value));
  }
  handed_out = sequence;
  const ledger::Epoch epoch = epochs_.epoch_at(sequence);
  if (batch.certificate.epoch != epoch) {
    violate("epoch", self,
            fmt::format("sequence {} is of epoch {}, and epoch {} committed it", sequence.value,
                        epoch.value, batch.certificate.epoch.value));
  } else if (const auto good =
                 world_.certificates().check(batch.certificate, *epochs_.set_of(epoch));
             !good) {
    violate("certificate", self,
            fmt::format("sequence {}: {}", sequence.value, good.error().message));
  }
  const ledger::Digest digest = ledger::digest_of_batch(batch.batch.header);
  bool fits = digest == batch.certificate.batch && batch.batch.header.sequence == sequence &&
              batch.transactions.size() == batch.batch.ids.size();
  for (std::size_t i = 0; fits && i < batch.transactions.size(); ++i) {
    fits = batch.transactions[i] && batch.transactions[i]->id == batch.batch.ids[i];
  }
  if (!fits) {
    violate("certificate", self,
            fmt::format("sequence {}: batch, bodies and certificate do not belong together",
                        sequence.value));
  }
  for (const TxId& id : batch.batch.ids) {
    if (signed_.contains(id)) continue;
    violate("forged", self,
            fmt::format("sequence {} orders {}, which no client signed", sequence.value,
                        id.short_hex()));
  }
  const auto [at, is_new] = history_.emplace(sequence, digest);
  if (is_new) ++counters_.commits;
  if (at->second != digest) {
    violate("agreement", self,
            fmt::format("sequence {} is batch {} here and {} elsewhere", sequence.value,
                        digest.short_hex(), at->second.short_hex()));
  }
}

void Checkers::check_effects(ReplicaId self, const ledger::CertifiedBatch& batch,
                             const ledger::Execution& execution) {
  const Sequence sequence = batch.certificate.sequence;
  for (std::size_t i = 0; i < execution.results.size(); ++i) {
    const ledger::TxResult& result = execution.results[i];
    if (!ledger::uses_nonce(result.outcome)) continue;
    const auto [at, is_first] = effective_.emplace(result.id, sequence);
    if (!is_first) {
      violate("exactly-once", self,
              fmt::format("transaction {} took effect at sequences {} and {}",
                          result.id.short_hex(), at->second.value, sequence.value));
    }
    const ledger::Transaction& body = batch.transactions[i]->signed_transaction->body;
    const auto [owner, is_free] = nonces_.emplace(std::pair(body.sender, body.nonce), result.id);
    if (!is_free && owner->second != result.id) {
      violate("exactly-once", self,
              fmt::format("nonce {} of one sender was used by {} and {}", body.nonce,
                          owner->second.short_hex(), result.id.short_hex()));
    }
  }
}

void Checkers::on_executed(ReplicaId self, const ledger::CertifiedBatch& batch,
                           const ledger::Execution& execution, const ledger::TreeHead& head) {
  if (is_liar(self)) return;
  const Sequence sequence = batch.certificate.sequence;
  const Executed here{execution.results_root, execution.effective_time, head};
  const auto [at, is_first] = executed_.emplace(sequence, here);
  if (is_first) {
    ++counters_.executions;
    highest_executed_ = std::max(highest_executed_, sequence);
    check_effects(self, batch, execution);
    if (const std::string wrong = epochs_.on_executed(batch, execution); !wrong.empty()) {
      violate("epoch", self, wrong);
    }
    if (on_first_execution) on_first_execution(batch, execution);
    return;
  }
  const Executed& there = at->second;
  if (here.results_root != there.results_root || here.effective_time != there.effective_time ||
      here.head != there.head) {
    violate("results", self,
            fmt::format("sequence {} has tree head {} here and {} elsewhere", sequence.value,
                        here.head.root.short_hex(), there.head.root.short_hex()));
  }
}

void Checkers::on_evidence(ReplicaId self, const ledger::Evidence& evidence) {
  if (is_liar(self)) return;
  ++counters_.evidence;
  const ledger::Epoch epoch = ledger::epoch_of(evidence);
  const auto seat = epochs_.seat_of(epoch, ledger::accused(evidence));
  if (!seat || !is_liar(*seat)) {
    violate("evidence", self,
            "a correct replica is accused: " + ledger::evidence_sentence(evidence));
  } else if (const auto good = world_.evidence().check(evidence, *epochs_.set_of(epoch)); !good) {
    violate("evidence", self, "evidence that proves nothing: " + good.error().message);
  }
}

void Checkers::on_rejected(ReplicaId self, ReplicaId from, std::string_view code) {
  if (is_liar(self) || is_liar(from)) return;
  violate("rejected", self,
          fmt::format("a message of correct replica {} is refused: {}", from.value, code));
}

void Checkers::forget_below(Sequence low) {
  history_.erase(history_.begin(), history_.lower_bound(low));
  executed_.erase(executed_.begin(), executed_.lower_bound(low));
  votes_.erase(votes_.begin(), votes_.lower_bound({low, {}, {}, {}, {}}));
  notes_.erase(notes_.begin(), notes_.lower_bound(low));
  cosigned_.erase(cosigned_.begin(), cosigned_.lower_bound({low, {}}));
}

}  // namespace quorate::testnet
