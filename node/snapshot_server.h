#pragma once

// Serves the state of the newest stable checkpoint to peers that join: which one it is, and its
// chunks.
//
// A state that was offered is held while somebody asks for it, at most kSnapshotsMax of them, and
// for kSnapshotIdleMs after the last question; meanwhile LevelDB keeps what the head has left
// behind. Thread-safe; reading a chunk takes milliseconds, so it runs on the work pool.

#include <cstdint>
#include <map>
#include <mutex>

#include "ledger/store.h"
#include "node/wire.h"

namespace quorate::node {

inline constexpr std::size_t kSnapshotsMax = 2;
inline constexpr std::uint64_t kSnapshotIdleMs = 60'000;

class SnapshotServer {
 public:
  explicit SnapshotServer(const ledger::Store& store) : store_(store) {}

  // Empty while nothing is stable. Errors: those of the store.
  [[nodiscard]] Result<SnapshotOffer> offer();
  // Without a chunk: that state is not held, or the path is none of it. Errors: as above.
  [[nodiscard]] Result<ChunkAnswer> answer(const ChunkRequest& request);
  // Lets go what nobody asks for. Once a second.
  void tidy();

 private:
  struct Held {
    ledger::StableView view;
    std::uint64_t asked_ms = 0;
  };

  const ledger::Store& store_;
  std::mutex mutex_;
  std::map<ledger::Sequence, Held> held_;
};

}  // namespace quorate::node
