#pragma once

// Serves the state of the newest stable checkpoint to peers that join: which one it is, and its
// chunks.
//
// A state that was offered is held while somebody asks for it, at most kSnapshotsMax of them, and
// for kSnapshotIdleMs after the last question; meanwhile LevelDB keeps what the head has left
// behind. Reading a chunk takes milliseconds, so it runs on a thread of its own, below the priority
// of those that vote. Each peer may have kServedQuestionsMax questions waiting; what it asks beyond
// them is dropped (whoever asks, asks again), and the peers are served in turn, one question each.
//
// Thread-safe.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <variant>

#include "ledger/store.h"
#include "node/log.h"
#include "node/wire.h"

namespace quorate::node {

inline constexpr std::size_t kSnapshotsMax = 2;
inline constexpr std::uint64_t kSnapshotIdleMs = 60'000;
inline constexpr std::size_t kServedQuestionsMax = 8;  // waiting ones of one peer

class SnapshotServer {
 public:
  // Called on the server's thread.
  using Send = std::function<void(ledger::ReplicaId, PeerMessage)>;

  // `store` outlives this.
  SnapshotServer(const ledger::Store& store, Send send);
  ~SnapshotServer() { stop(); }
  SnapshotServer(const SnapshotServer&) = delete;
  SnapshotServer& operator=(const SnapshotServer&) = delete;

  using Question = std::variant<SnapshotRequest, ChunkRequest>;
  // False: the peer has kServedQuestionsMax waiting, or the server was stopped.
  bool post(ledger::ReplicaId from, Question question);
  // Finishes the question at hand, drops the others, joins. Idempotent.
  void stop();

  // Empty while nothing is stable. Errors: those of the store.
  // A SnapshotOffer, or of a later epoch than that of genesis an EpochSnapshotOffer.
  [[nodiscard]] Result<PeerMessage> offer();
  // Without a chunk: that state is not held, or the path is none of it. Errors: as above.
  [[nodiscard]] Result<ChunkAnswer> answer(const ChunkRequest& request);
  // Lets go what nobody asks for. Once a second.
  void tidy();

 private:
  struct Held {
    ledger::StableView view;
    std::uint64_t asked_ms = 0;
  };

  void run();
  void serve(ledger::ReplicaId from, const Question& question);
  // Waits for the next question; false: stopped.
  bool take(ledger::ReplicaId& from, Question& question);

  const ledger::Store& store_;
  Send send_;
  std::mutex mutex_;
  std::map<ledger::Sequence, Held> held_;
  std::condition_variable wake_;
  std::map<ledger::ReplicaId, std::deque<Question>> waiting_;  // none is empty
  ledger::ReplicaId served_;                                   // the last one
  bool stopping_ = false;
  RateLimit fault_limit_{1};
  std::thread thread_;
};

}  // namespace quorate::node
