// Checkpoints in the ledger: the tree of the state, the notes of own checkpoints, and the stable
// checkpoints that a quorum cosigned, each held against the others.

#include <algorithm>

#include "crypto/check.h"
#include "ledger/store_impl.h"

namespace quorate::ledger {
namespace {

std::string in_words(const CheckpointNote& note) {
  return fmt::format("log root {}, state root {}, epoch {} and pending boundary {}",
                     note.head.root.hex(), note.state_root.hex(), note.epoch.value,
                     note.pending_boundary ? fmt::format("{}", note.pending_boundary->value) : "-");
}

tl::unexpected<Error> diverged(const CheckpointNote& certified, std::string_view found) {
  return fail(ErrorKind::kCorrupt, "ledger-diverged",
              fmt::format("a quorum cosigned, at sequence {}, {}; {}", certified.sequence.value,
                          in_words(certified), found),
              "Stop this replica and keep its folder. If the other replicas agree with each other, "
              "rebuild this one from them; if not, compare their ledgers from this sequence back.");
}

tl::unexpected<Error> diverged(const CheckpointNote& certified, const CheckpointNote& own) {
  return diverged(certified, fmt::format("this ledger has {}", in_words(own)));
}

}  // namespace

// --- own checkpoints

Result<std::optional<CheckpointNote>> StoreMoment::own_checkpoint(Height height) const {
  const std::string what = fmt::format("the checkpoint note of height {}", height.value);
  QUORATE_ASSIGN(const std::optional<Bytes> bytes, find(keys::own_checkpoint(height), what));
  if (!bytes) return std::nullopt;
  const auto note = crypto::decode<CheckpointNote>(*bytes);
  if (!note) return database->corrupt(what + " does not decode");
  QUORATE_ASSIGN(const Digest root, log_root(height.value));
  if (note->head != TreeHead{height.value, root} || note->sequence != height) {
    return differs("checkpoint note", height);
  }
  return *note;
}

Status Store::Impl::append(leveldb::WriteBatch& batch, StoredHead head,
                           const Execution& execution) {
  const std::lock_guard lock(tree_mutex);
  StoreMoment next = *now();
  next.head = std::move(head);
  Undo undo;
  Status written = [&]() -> Status {
    QUORATE_TRY(note_changes(batch, execution.writes, undo));
    std::optional<StableCheckpoint> certified;
    if (next.head.height <= highest_stable) {
      QUORATE_ASSIGN(certified, stable(next.head.height));
    }
    if (execution.is_checkpoint || certified) {
      if (execution.is_checkpoint) QUORATE_TRY(add_version(batch, next));
      const StateSlot& newest = next.versions->back().root;
      Digest state_root = digest_of(newest);
      if (!execution.is_checkpoint) {
        QUORATE_ASSIGN(state_root, root_after(newest, changed, next.pages()));
      }
      const CheckpointNote own = note_of(next.head, state_root,
                                         {execution.epoch, execution.boundary});
      if (certified && certified->note != own) return diverged(certified->note, own);
      if (execution.is_checkpoint) put(batch, keys::own_checkpoint(next.head.height), own);
    }
    return database->write(batch, false);
  }();
  if (!written) {
    undo_changes(undo);
    return written;
  }
  if (execution.is_checkpoint) changed.clear();
  publish(next);
  if (!execution.is_checkpoint || next.head.height > highest_stable) return {};
  leveldb::WriteBatch dropped;
  next = *now();
  QUORATE_TRY(drop_versions(dropped, next, nullptr));
  QUORATE_TRY(database->write(dropped, false));
  publish(std::move(next));
  return keep_epoch_proof();
}

CheckpointNote Store::Impl::note_of(const StoredHead& head, const Digest& state_root,
                                    const EpochStanding& standing) const {
  CheckpointNote note;
  note.chain_id = chain_id;
  note.head = {head.frontier.size, head.root};
  note.sequence = head.height;
  note.epoch = standing.epoch;
  note.pending_boundary = standing.boundary;
  note.state_root = state_root;
  return note;
}

Result<CheckpointNote> Store::Impl::head_note() const {
  const auto at = now();
  QUORATE_ASSIGN(const Digest root,
                 root_after(at->versions->back().root, changed, at->pages()));
  QUORATE_ASSIGN(const EpochStanding standing, read_standing(StoreView(at), at->head.height));
  return note_of(at->head, root, standing);
}

Result<CheckpointNote> Store::checkpoint_note() const {
  const std::lock_guard lock(impl_->tree_mutex);
  return impl_->head_note();
}

Result<std::optional<CheckpointNote>> Store::own_checkpoint(Height height) const {
  const auto moment = impl_->now();
  const bool is_base = height == moment->base && height.value > 0;  // a snapshot's own
  if (!is_base) QUORATE_TRY(moment->check_height(height));
  return moment->own_checkpoint(height);
}

// --- stable checkpoints

Result<std::optional<StableCheckpoint>> Store::Impl::stable_between(ByteView first, ByteView end,
                                                                    bool last) const {
  const auto before = now();
  QUORATE_ASSIGN(const auto found,
                 last ? database->last_between(first, end) : database->first_between(first, end));
  if (!found) return std::nullopt;
  const Height height = keys::height_in(found->key);
  const std::string what = fmt::format("the stable checkpoint of height {}", height.value);
  auto stable = crypto::decode<StableCheckpoint>(found->value);
  if (!stable) return database->corrupt(what + " does not decode");
  if (stable->note.sequence != height || stable->note.chain_id != chain_id) {
    return database->corrupt(what + " is of another height or chain");
  }
  if (height <= before->head.height) {
    QUORATE_ASSIGN(const Digest root, before->log_root(height.value));
    if (stable->note.head.root != root) return before->differs("stable checkpoint", height);
  }
  return std::move(*stable);
}

Result<std::optional<StableCheckpoint>> Store::Impl::stable(Height height) const {
  return stable_between(keys::stable(height), keys::stable(next(height)), false);
}

Status Store::Impl::check_against_own(const CheckpointNote& certified) {
  const auto current = now();
  std::optional<CheckpointNote> own;
  if (certified.sequence == current->head.height) {
    const std::lock_guard lock(tree_mutex);
    QUORATE_ASSIGN(own, head_note());
  } else {
    QUORATE_ASSIGN(own, current->own_checkpoint(certified.sequence));
  }
  if (own) return certified == *own ? Status{} : diverged(certified, *own);
  QUORATE_ASSIGN(const Digest root, current->log_root(certified.head.size));
  if (certified.head.root == root) return {};
  return diverged(certified, fmt::format("this ledger has log root {} and saw no checkpoint there",
                                         root.hex()));
}

Status Store::put_stable(const StableCheckpoint& stable) {
  const CheckpointNote& note = stable.note;
  QUORATE_CHECK(note.chain_id == impl_->chain_id && note.head.size == note.sequence.value &&
                    note.head.size > 0,
                "a stable checkpoint that verified");
  if (note.sequence < base()) return {};  // nothing is left to hold it against
  QUORATE_ASSIGN(const auto earlier, impl_->stable(note.sequence));
  if (earlier && earlier->note == note) return {};
  if (earlier) {
    return diverged(note, fmt::format("another quorum cosigned {}", in_words(earlier->note)));
  }
  if (note.sequence <= height()) QUORATE_TRY(impl_->check_against_own(note));
  const std::lock_guard lock(impl_->tree_mutex);
  leveldb::WriteBatch batch;
  put(batch, keys::stable(note.sequence), stable);
  const Height before = impl_->highest_stable;
  impl_->highest_stable = std::max(before, note.sequence);
  StoreMoment next = *impl_->now();
  Status written = [&]() -> Status {
    QUORATE_TRY(impl_->drop_versions(batch, next, &stable));
    return impl_->database->write(batch, false);
  }();
  if (!written) {
    impl_->highest_stable = before;
    return written;
  }
  impl_->publish(std::move(next));
  return impl_->keep_epoch_proof();
}

Result<std::optional<StableCheckpoint>> Store::stable_at_or_above(Height height) const {
  return impl_->stable_between(keys::stable(height), keys::after_stable(), false);
}

Result<std::optional<StableCheckpoint>> Store::latest_stable() const {
  return impl_->stable_between(keys::stable(Height{0}), keys::after_stable(), true);
}

// --- what epochs began with

Status Store::Impl::keep_epoch_proof() {
  const auto at = now();
  if (!at->proved || at->proved->note.pending_boundary != at->proved->note.sequence) return {};
  const Epoch epoch = next(at->proved->note.epoch);
  const std::string what = fmt::format("the proof of epoch {}", epoch.value);
  QUORATE_ASSIGN(const auto kept, database->get(keys::epoch_proof(epoch), nullptr, what));
  if (kept) return {};
  const StableView view(at);
  QUORATE_ASSIGN(auto start, read_epoch_start(view, epoch));
  if (!start) {
    return database->corrupt(fmt::format("the start of epoch {} is missing", epoch.value));
  }
  EpochProof proof{*at->proved, std::move(*start), {}};
  QUORATE_ASSIGN(proof.proof, view.prove(epoch_start_key(epoch)));
  leveldb::WriteBatch batch;
  put(batch, keys::epoch_proof(epoch), proof);
  return database->write(batch, false);
}

Result<std::vector<EpochProof>> StoreMoment::epoch_proofs(Epoch epoch) const {
  std::vector<EpochProof> proofs;
  for (Epoch at{1}; at <= epoch; at = next(at)) {
    const std::string what = fmt::format("the proof of epoch {}", at.value);
    QUORATE_ASSIGN(const auto bytes, database->get(keys::epoch_proof(at), nullptr, what));
    if (!bytes) {
      return fail(ErrorKind::kUnavailable, "epoch-not-proved",
                  fmt::format("the checkpoint that ends epoch {} is not stable here yet",
                              at.value - 1),
                  "Ask again later, or ask another node.");
    }
    auto proof = crypto::decode<EpochProof>(*bytes);
    if (!proof || proof->start.epoch != at) return database->corrupt(what + " does not decode");
    proofs.push_back(std::move(*proof));
  }
  return proofs;
}

Result<std::vector<EpochProof>> Store::epoch_proofs(Epoch epoch) const {
  return impl_->now()->epoch_proofs(epoch);
}

Result<std::vector<EpochProof>> StableView::epoch_proofs() const {
  return moment_->epoch_proofs(checkpoint().note.epoch);
}

// --- what views began with

Status Store::put_transcript(const Digest& new_view, ByteView transcript) {
  QUORATE_ASSIGN(const auto earlier, this->transcript(new_view));
  if (earlier) return {};
  const std::lock_guard lock(impl_->tree_mutex);
  leveldb::WriteBatch batch;
  const Bytes key = keys::transcript(new_view);
  batch.Put(as_slice(key), as_slice(transcript));
  StoreMoment next = *impl_->now();
  QUORATE_TRY(impl_->database->write(batch, false));
  impl_->publish(std::move(next));
  return {};
}

Result<std::optional<Bytes>> Store::transcript(const Digest& new_view) const {
  return impl_->now()->find(keys::transcript(new_view), "the beginning of a view");
}

}  // namespace quorate::ledger
