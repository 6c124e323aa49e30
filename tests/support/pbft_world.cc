#include "tests/support/pbft_world.h"

#include <utility>

#include "ledger/quorum.h"

namespace quorate::pbft::test {

using crypto::Purpose;

namespace {

std::unique_ptr<crypto::KeySigner> key_of(std::uint8_t kind, std::size_t number) {
  Bytes seed(crypto::SecretKey::kSeedBytes, kind);
  seed[0] = static_cast<std::uint8_t>(number);
  seed[1] = static_cast<std::uint8_t>(number >> 8);
  return std::make_unique<crypto::KeySigner>(crypto::SecretKey::from_seed(seed));
}

}  // namespace

World::World(std::size_t replicas, const ledger::Parameters& parameters, Epoch epoch,
             Sequence start) {
  genesis_.name = "paper";
  genesis_.time = kStartTime;
  genesis_.testnet = true;
  genesis_.faults = static_cast<std::uint16_t>(ledger::faults_tolerated(replicas));
  genesis_.parameters = parameters;
  for (std::size_t i = 0; i < replicas; ++i) {
    signers_.push_back(key_of(1, i));
    genesis_.replicas.push_back({"r" + std::to_string(i), signers_.back()->public_key(),
                                 key_of(2, i)->public_key()});
  }
  sender_ = key_of(3, 0);
  chain_id_ = ledger::chain_id_of(genesis_);
  set_ = {epoch, genesis_.replicas, start};
  verifier_ = std::make_unique<MessageVerifier>(chain_id_, &cache_, set_, parameters);
  transactions_ = std::make_unique<ledger::TransactionVerifier>(genesis_, chain_id_, &cache_);
}

TransactionPtr World::transaction(std::size_t value_bytes) {
  ledger::Transaction body;
  body.chain_id = chain_id_;
  body.sender = sender_->public_key();
  body.nonce = ++nonce_;
  body.valid_until = {kStartTime.value + 3'600'000};
  body.operations.push_back(ledger::Put{to_bytes("key"), Bytes(value_bytes, 7), std::nullopt});
  const Signature signature =
      crypto::sign_body(*sender_, Purpose::kTransaction, chain_id_, body);
  return transactions_->check(ledger::SignedTransaction{std::move(body), signature}).value();
}

PrePrepare World::pre_prepare(Batch batch, View view, const Digest& new_view) const {
  const Vote vote{set_.epoch,
                  view,
                  batch.header.sequence,
                  ledger::digest_of_batch(batch.header),
                  new_view,
                  primary_of(view, size())};
  return {vote, sign(Purpose::kPrePrepare, vote), std::move(batch)};
}

Prepare World::prepare(const PrePrepare& proposal, ReplicaId replica) const {
  Vote vote = proposal.vote;
  vote.replica = replica;
  return {vote, sign(Purpose::kPrepare, vote), proposal.signature};
}

Commit World::commit(const PrePrepare& proposal, ReplicaId replica) const {
  Vote vote = proposal.vote;
  vote.replica = replica;
  return {vote, sign(Purpose::kCommit, vote)};
}

CommitCertificate World::certificate(const PrePrepare& proposal) const {
  const Vote& vote = proposal.vote;
  CommitCertificate result{vote.epoch, vote.view, vote.sequence, vote.batch, vote.new_view, {}};
  for (std::size_t i = 0; i < ledger::quorum(size()); ++i) {
    result.commits.push_back({r(i), commit(proposal, r(i)).signature});
  }
  return result;
}

PreparedCertificate World::prepared(const PrePrepare& proposal) const {
  PreparedCertificate result{proposal.vote, proposal.signature, {}};
  for (std::size_t i = 0; result.prepares.size() + 1 < ledger::quorum(size()); ++i) {
    if (r(i) == proposal.vote.replica) continue;
    result.prepares.push_back({r(i), prepare(proposal, r(i)).signature});
  }
  return result;
}

CheckpointExecuted World::checkpoint(std::uint64_t sequence, std::string_view state) const {
  const Digest root = crypto::sha256(as_bytes(state));
  return {{chain_id_, {sequence, root}, {sequence}, set_.epoch, boundary, root},
          kStartTime.value / 1000};
}

CheckpointVote World::checkpoint_vote(std::uint64_t sequence, ReplicaId replica,
                                      std::string_view state) const {
  const CheckpointExecuted executed = checkpoint(sequence, state);
  return {executed.note, executed.time_seconds, replica,
          ledger::cosign(signer(replica), executed.note, executed.time_seconds)};
}

StableCheckpoint World::stable(std::uint64_t sequence) const {
  const CheckpointExecuted executed = checkpoint(sequence);
  StableCheckpoint result{executed.note, executed.time_seconds, {}};
  for (std::size_t i = 0; i < ledger::quorum(size()); ++i) {
    result.cosignatures.push_back({r(i), checkpoint_vote(sequence, r(i)).signature});
  }
  return result;
}

ViewChange World::view_change(View view, ReplicaId replica,
                              std::vector<PreparedCertificate> prepared,
                              std::optional<StableCheckpoint> stable) const {
  ViewChange result{{set_.epoch, view, replica, std::move(stable), std::move(prepared)}, {}};
  result.signature = crypto::sign_body(signer(replica), Purpose::kViewChange, chain_id_,
                                       view_vote(result.body));
  return result;
}

NewView World::new_view(const std::vector<ViewChange>& view_changes) const {
  const View view = view_changes.front().body.view;
  NewView result{{set_.epoch, view, primary_of(view, size()), {}}, {}};
  for (std::size_t i = 0; i < ledger::quorum(size()); ++i) {
    const ViewChangeBody& body = view_changes[i].body;
    result.body.view_changes.push_back({body.replica, view_vote(body).content});
  }
  result.signature = crypto::sign_body(signer(result.body.replica), Purpose::kNewView, chain_id_,
                                       view_vote(result.body));
  return result;
}

ReplicaStart start_at_genesis() { return {{}, kStartTime, {}, {}, {}, kStartTime, std::nullopt}; }

StatusReport report_of(std::uint64_t executed, std::vector<std::uint8_t> slots,
                       bool wants_answer) {
  StatusReport report;
  report.executed = {executed};
  report.slots = std::move(slots);
  report.wants_answer = wants_answer;
  return report;
}

BatchExecuted executed_batch(std::uint64_t sequence, std::vector<TxId> settled) {
  return {{sequence}, {}, kStartTime, std::move(settled)};
}

Batch batch_of(std::uint64_t sequence, const std::vector<TransactionPtr>& bodies, TimeMs time) {
  std::vector<TxId> ids;
  for (const TransactionPtr& body : bodies) ids.push_back(body->id);
  return ledger::make_batch({sequence}, time, 0, std::move(ids));
}

}  // namespace quorate::pbft::test
