#include "tests/support/pbft_witness.h"

#include <utility>

#include "crypto/bcs.h"

namespace quorate::pbft::test {

using crypto::Purpose;

Witness::Witness(const World& world, std::set<ReplicaId> byzantine)
    : world_(world),
      byzantine_(std::move(byzantine)),
      certificates_(world.chain_id(), world.cache()),
      evidence_(world.chain_id(), world.cache()) {}

void Witness::violation(ReplicaId who, const std::string& what) {
  violations_.push_back("replica " + std::to_string(who.value) + ": " + what);
}

void Witness::check_vote(ReplicaId from, Purpose purpose, const Vote& vote) {
  const auto [it, is_new] =
      votes_.emplace(VoteKey{vote.replica, purpose, vote.epoch, vote.view, vote.sequence}, vote);
  if (!is_new && it->second != vote && !byzantine_.contains(vote.replica)) {
    violation(from, "a second, different " + std::string(crypto::purpose_text(purpose)) +
                        " at sequence " + std::to_string(vote.sequence.value));
  }
}

void Witness::check_view_vote(ReplicaId from, Purpose purpose, const ViewVote& vote) {
  const auto [it, is_new] =
      view_votes_.emplace(std::tuple{vote.replica, purpose, vote.epoch, vote.view}, vote);
  if (!is_new && it->second != vote && !byzantine_.contains(vote.replica)) {
    violation(from, "a second, different " + std::string(crypto::purpose_text(purpose)) +
                        " for view " + std::to_string(vote.view.value));
  }
}

void Witness::check_stored(ReplicaId from, const DurableRecord& expected, const DurableMap& durable,
                           const std::string& what) {
  const ledger::VoteRecord record = to_vote_record(expected);
  const auto found = durable.find(record.key);
  if (found == durable.end() || found->second != record.value) {
    violation(from, what + " left before it was durable");
  }
}

// The record of `expected` is durable, with the same vote in it, and so are the bodies.
void Witness::check_durable(ReplicaId from, const ProposalRecord& expected,
                            const DurableMap& durable) {
  const std::string at = " at sequence " + std::to_string(expected.pre_prepare.vote.sequence.value);
  const ledger::VoteRecord record = to_vote_record(expected);
  const auto found = durable.find(record.key);
  if (found == durable.end()) return violation(from, "a vote left before it was durable" + at);
  const auto stored = crypto::decode<ProposalRecord>(found->second);
  if (!stored || stored->pre_prepare.vote.batch != expected.pre_prepare.vote.batch ||
      stored->prepare.has_value() != expected.prepare.has_value()) {
    return violation(from, "another vote is durable than the one that left" + at);
  }
  for (const TxId& id : stored->pre_prepare.batch.ids) {
    if (!durable.contains(body_key(id))) violation(from, "a vote left without its bodies" + at);
  }
}

void Witness::on_send(ReplicaId from, const Message& message, const DurableMap& durable) {
  on_send_between_views(from, message, durable);
  if (const auto* proposal = std::get_if<PrePrepare>(&message)) {
    check_vote(from, Purpose::kPrePrepare, proposal->vote);
    if (proposal->vote.replica == from) check_durable(from, {*proposal, std::nullopt}, durable);
  } else if (const auto* prepare = std::get_if<Prepare>(&message)) {
    check_vote(from, Purpose::kPrepare, prepare->vote);
    Vote answered = prepare->vote;
    answered.replica = primary_of(answered.view, world_.size());
    check_durable(from, {{answered, prepare->pre_prepare, {}}, *prepare}, durable);
  } else if (const auto* commit = std::get_if<Commit>(&message)) {
    check_vote(from, Purpose::kCommit, commit->vote);
    const auto found = durable.find(to_vote_record(CommitRecord{*commit, {}}).key);
    const auto stored = found == durable.end()
                            ? crypto::decode<CommitRecord>({})
                            : crypto::decode<CommitRecord>(found->second);
    if (!stored || stored->commit.vote != commit->vote) {
      violation(from, "a commit left before it was durable, at sequence " +
                          std::to_string(commit->vote.sequence.value));
    }
  }
}

void Witness::on_send_between_views(ReplicaId from, const Message& message,
                                    const DurableMap& durable) {
  if (const auto* view_change = std::get_if<ViewChange>(&message)) {
    const ViewVote vote = view_vote(view_change->body);
    check_view_vote(from, Purpose::kViewChange, vote);
    if (vote.replica != from) return;
    // A resent one may have been replaced on disk by that of a higher view.
    const auto found = durable.find(to_vote_record(ViewChangeRecord{*view_change}).key);
    const auto stored = found == durable.end() ? crypto::decode<ViewChange>({})
                                               : crypto::decode<ViewChange>(found->second);
    if (!stored || stored->body.view < vote.view) {
      violation(from, "a VIEW-CHANGE left before it was durable");
    }
  } else if (const auto* new_view = std::get_if<NewView>(&message)) {
    check_view_vote(from, Purpose::kNewView, view_vote(new_view->body));
  } else if (const auto* checkpoint = std::get_if<CheckpointVote>(&message)) {
    const auto [it, is_new] = checkpoints_.emplace(
        std::pair{checkpoint->replica, checkpoint->note.sequence}, checkpoint->note);
    if (!is_new && it->second != checkpoint->note && !byzantine_.contains(checkpoint->replica)) {
      violation(from, "a second, different checkpoint");
    }
    if (checkpoint->replica == from) {
      check_stored(from, CheckpointRecord{*checkpoint}, durable, "a checkpoint vote");
    }
  } else if (const auto* stable = std::get_if<StableCheckpoint>(&message)) {
    const auto [it, is_new] = stable_.emplace(stable->note.sequence, stable->note);
    if (!is_new && it->second != stable->note)
      violation(from, "two stable checkpoints at one place");
  }
}

void Witness::on_commit(ReplicaId by, const CertifiedBatch& batch, Sequence previous) {
  const Sequence sequence = batch.certificate.sequence;
  const std::string at = " at sequence " + std::to_string(sequence.value);
  if (sequence != next(previous)) {
    violation(by, "handed out" + at + " after " + std::to_string(previous.value));
  }
  if (auto good = certificates_.check(batch.certificate, world_.replicas()); !good) {
    violation(by, "a certificate that does not verify" + at + ": " + good.error().message);
  }
  const Digest digest = ledger::digest_of_batch(batch.batch.header);
  if (digest != batch.certificate.batch) violation(by, "a certificate for another batch" + at);
  bool fits = batch.transactions.size() == batch.batch.ids.size();
  for (std::size_t i = 0; fits && i < batch.transactions.size(); ++i) {
    fits = batch.transactions[i] && batch.transactions[i]->id == batch.batch.ids[i];
  }
  if (!fits) violation(by, "bodies that are not the batch's" + at);
  const auto [it, is_new] = history_.emplace(sequence, digest);
  if (!is_new && it->second != digest) violation(by, "disagreement" + at);
}

void Witness::on_evidence(ReplicaId by, const ledger::Evidence& evidence) {
  ++evidence_seen_;
  if (!byzantine_.contains(ledger::accused(evidence))) {
    violation(by, "evidence against a correct replica: " + ledger::evidence_sentence(evidence));
  }
  if (auto good = evidence_.check(evidence, world_.replicas()); !good) {
    violation(by, "evidence that does not hold: " + good.error().message);
  }
}

void Witness::on_step(ReplicaId self, const Replica& replica, const Output& out,
                      std::uint64_t now_ms) {
  if (replica.executed() > replica.committed()) violation(self, "executed beyond what committed");
  for (const auto& [sequence, slot] : replica.slots()) {
    if (sequence <= replica.low_watermark()) violation(self, "a slot below the low watermark");
    if (slot.prepares.size() >= world_.size() || slot.commits.size() > world_.size()) {
      violation(self, "more votes than replicas");
    }
  }
  if (!out.deadline_ms || *out.deadline_ms <= now_ms) violation(self, "a deadline in the past");
}

}  // namespace quorate::pbft::test
