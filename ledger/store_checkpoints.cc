// Checkpoints in the ledger: the tree of the state, the notes of own checkpoints, and the stable
// checkpoints that a quorum cosigned, each held against the others.

#include <algorithm>

#include "crypto/check.h"
#include "ledger/store_impl.h"

namespace quorate::ledger {
namespace {

// The height in a key of one byte and eight.
Height height_in(const Bytes& key) {
  std::uint64_t height = 0;
  for (std::size_t i = 1; i < key.size(); ++i) height = height << 8 | key[i];
  return {height};
}

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

Status Store::Impl::load() {
  QUORATE_TRY(database->for_each(keys::state({}).front(), [this](ByteView key, ByteView value) {
    tree.put(key.subspan(1), value);
    return Status{};
  }));
  QUORATE_ASSIGN(const auto own, moment->own_checkpoint(moment->head.height));
  if (own && own->state_root != tree.root()) {
    return database->corrupt(fmt::format(
        "the state root of height {} is not that of its checkpoint", moment->head.height.value));
  }
  QUORATE_ASSIGN(const auto last,
                 database->last_between(keys::stable(Height{0}), keys::after_stable()));
  if (last) highest_stable = height_in(last->key);
  return {};
}

Status Store::Impl::append(leveldb::WriteBatch& batch, StoredHead head,
                           const Execution& execution) {
  const std::lock_guard lock(tree_mutex);
  const auto replaced = tree.apply(execution.writes);
  const Status written = [&]() -> Status {
    std::optional<StableCheckpoint> certified;
    if (head.height <= highest_stable) {
      QUORATE_ASSIGN(certified, stable(head.height));
    }
    if (execution.is_checkpoint || certified) {
      const CheckpointNote own = note_of(head);
      if (certified && certified->note != own) return diverged(certified->note, own);
      if (execution.is_checkpoint) put(batch, keys::own_checkpoint(head.height), own);
    }
    return database->write(batch, false);
  }();
  if (written) {
    publish(std::move(head));
  } else {
    tree.undo(replaced);
  }
  return written;
}

CheckpointNote Store::Impl::note_of(const StoredHead& head) {
  CheckpointNote note;
  note.chain_id = chain_id;
  note.head = {head.frontier.size, head.root};
  note.sequence = head.height;
  note.state_root = tree.root();
  return note;
}

Digest Store::state_root() const { return checkpoint_note().state_root; }

CheckpointNote Store::checkpoint_note() const {
  const std::lock_guard lock(impl_->tree_mutex);
  return impl_->note_of(impl_->now()->head);
}

Result<std::optional<CheckpointNote>> Store::own_checkpoint(Height height) const {
  const auto moment = impl_->now();
  QUORATE_TRY(moment->check_height(height));
  return moment->own_checkpoint(height);
}

// --- stable checkpoints

Result<std::optional<StableCheckpoint>> Store::Impl::stable_between(ByteView first, ByteView end,
                                                                    bool last) const {
  const auto before = now();
  QUORATE_ASSIGN(const auto found,
                 last ? database->last_between(first, end) : database->first_between(first, end));
  if (!found) return std::nullopt;
  const Height height = height_in(found->key);
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
    own = note_of(current->head);
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
  QUORATE_ASSIGN(const auto earlier, impl_->stable(note.sequence));
  if (earlier && earlier->note == note) return {};
  if (earlier) {
    return diverged(note, fmt::format("another quorum cosigned {}", in_words(earlier->note)));
  }
  if (note.sequence <= height()) QUORATE_TRY(impl_->check_against_own(note));
  leveldb::WriteBatch batch;
  put(batch, keys::stable(note.sequence), stable);
  QUORATE_TRY(impl_->database->write(batch, false));
  impl_->highest_stable = std::max(impl_->highest_stable, note.sequence);
  return {};
}

Result<std::optional<StableCheckpoint>> Store::stable_at_or_above(Height height) const {
  return impl_->stable_between(keys::stable(height), keys::after_stable(), false);
}

Result<std::optional<StableCheckpoint>> Store::latest_stable() const {
  return impl_->stable_between(keys::stable(Height{0}), keys::after_stable(), true);
}

}  // namespace quorate::ledger
