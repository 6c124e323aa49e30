#pragma once

// The guard: a tiny file beside the vote store that notices when the store is older than the votes.
//
// It holds the store's id, an incarnation, a reserved ceiling (no vote above it was ever sent) and
// the number of the last vote write whose messages may have left. Backups contain neither guard nor
// votes, so a restored or wiped store meets a guard that remembers more.
//
// Two slots of 512 bytes, each with its own checksum and counter, written alternately: a torn write
// costs the newer slot only. `raise` is synced; `note_write` is not (a lost update makes the guard older
// than the store, which is harmless). One thread.

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
  // Error: "guard-exists".
  [[nodiscard]] static Result<std::unique_ptr<Guard>> create(const std::filesystem::path& file,
                                                             const Digest& chain_id,
                                                             const Digest& store_id);
  // Errors: "guard-missing" (kNotFound: the replica is a learner until its vote key is changed),
  // "guard-corrupt", "guard-other-chain", "guard-newer-format". Increments the incarnation, synced.
  [[nodiscard]] static Result<std::unique_ptr<Guard>> open(const std::filesystem::path& file,
                                                           const Digest& chain_id);
  ~Guard();

  [[nodiscard]] const GuardState& state() const { return state_; }

  // Before a vote above the ceiling may leave. Synced. Never lowers anything.
  [[nodiscard]] Status raise(Epoch epoch, View view, Sequence sequence);
  // After a vote write's sync and before its sends.
  [[nodiscard]] Status note_write(std::uint64_t number);

 private:
  Guard(int fd, GuardState state, std::uint64_t counter);
  [[nodiscard]] Status write_slot(bool synced);

  int fd_;
  GuardState state_;
  std::uint64_t counter_;  // of slot writes; the slot is counter % 2
};

enum class StoreAge : std::uint8_t {
  kCurrent,      // the store holds every vote that may have left
  kOlder,        // a restored backup or a wiped disk: sign nothing below or at the ceiling
};
// Judged by store id and last write number alone.
[[nodiscard]] StoreAge judge_store_age(const GuardState& guard, const Digest& store_id,
                                       std::uint64_t last_write);

}  // namespace quorate::ledger
