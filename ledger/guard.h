#pragma once

// The guard: a tiny file beside the vote store that notices when the store is older than the votes.
//
// It holds the store's id, an incarnation, a reserved ceiling (no vote above it was ever sent) and
// the number of the last vote write whose messages may have left. Backups contain neither guard nor
// votes, so a restored or wiped store meets a guard that remembers more.
//
// Format: two slots of 512 bytes at offsets 0 and 4096, so that no disk sector or page holds both.
//
//   bytes 0..    BCS(GuardState), then u64 counter, little-endian; then zeros
//   bytes 480..  SHA-256 of bytes 0 to 479
//
// The good slot with the higher counter counts. `raise` is synced; `note_write` is not (a lost
// update makes the guard older than the store, which is harmless). The slot that was synced last is
// not written again before the other one is, so a torn write costs the newer slot only and never
// the ceiling. One thread; the lock of the vote store beside it keeps other processes away.

#include <cstdint>
#include <filesystem>
#include <memory>

#include "ledger/types.h"

namespace quorate::ledger {

struct GuardState {
  std::uint32_t format = 1;
  Digest chain_id;
  Digest store_id;
  std::uint64_t incarnation = 0;  // counts openings by a node
  Epoch epoch_ceiling;
  View view_ceiling;
  Sequence sequence_ceiling;
  std::uint64_t last_write = 0;  // number of the last vote write, see VoteStore
};

class Guard {
 public:
  // The file has mode 0600; it and its name are synced. Errors: "guard-exists" (kConflict),
  // "guard-write-failed" (kEnvironment).
  [[nodiscard]] static Result<std::unique_ptr<Guard>> create(const std::filesystem::path& file,
                                                             const Digest& chain_id,
                                                             const Digest& store_id);
  // Errors: "guard-missing" (kNotFound: the replica is a learner until its vote key is changed),
  // "guard-corrupt", "guard-other-chain" (kConflict), "guard-newer-format" (kUnsupported),
  // "guard-unreadable" and "guard-write-failed" (kEnvironment). Increments the incarnation, synced.
  [[nodiscard]] static Result<std::unique_ptr<Guard>> open(const std::filesystem::path& file,
                                                           const Digest& chain_id);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  [[nodiscard]] const GuardState& state() const { return state_; }

  // Before a vote above the ceiling may leave. Synced. Never lowers anything: views are compared as
  // (epoch, view), the sequence by itself. Without effect (and without sync) below the ceiling.
  // Errors of all three (kEnvironment): "guard-write-failed", then "guard-stopped" for ever: a
  // failed sync is not repeated, and who cannot remember must not vote.
  [[nodiscard]] Status raise(Epoch epoch, View view, Sequence sequence);
  // After a vote write's sync and before its sends. A number below the last one, of a store that is
  // older than this guard, changes nothing.
  [[nodiscard]] Status note_write(std::uint64_t number);
  // The replica has recovered, which means that it holds a stable checkpoint at or above the
  // ceiling: from here on this store counts, whatever was lost with the former one. Synced. Keeps
  // the ceiling.
  [[nodiscard]] Status adopt(const Digest& store_id, std::uint64_t last_write);

 private:
  Guard(std::filesystem::path file, int fd, const GuardState& state);
  [[nodiscard]] Status write(const GuardState& state, bool synced);

  std::filesystem::path file_;
  int fd_;
  GuardState state_;
  std::uint64_t counter_ = 0;  // of slot writes
  unsigned synced_slot_ = 0;   // holds what the last sync made durable
  bool stopped_ = false;
};

enum class StoreAge : std::uint8_t {
  kCurrent,  // the store holds every vote that may have left
  kOlder,    // a restored backup or a wiped disk: sign nothing below or at the ceiling
};
// Judged by store id and last write number alone.
[[nodiscard]] StoreAge judge_store_age(const GuardState& guard, const Digest& store_id,
                                       std::uint64_t last_write);

}  // namespace quorate::ledger
