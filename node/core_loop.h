#pragma once

// The thread that runs the replica core: inputs in, outputs to the vote writer.
//
// Inputs may be posted from any thread. All that wait are applied in one turn, so their votes share
// one synced write. The core's outputs leave in order; this class looks into none of them but the
// deadline.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "node/node_view.h"
#include "pbft/replica.h"

namespace quorate::node {

// What one turn of the core produced. `ceiling` is the high watermark then: no vote above it is
// asked for.
struct CoreTurn {
  std::vector<pbft::Output> outputs;
  ledger::Epoch epoch;
  ledger::View view;
  ledger::Sequence ceiling;
};

class CoreLoop {
 public:
  using Event = decltype(pbft::Input::event);
  using Deliver = std::function<void(CoreTurn)>;

  // Sees each step, on the core's thread, before its output is delivered; it must not block.
  using Watch = std::function<void(const pbft::Input&, const pbft::Output&)>;

  // Starts the thread. `deliver` runs on it and must not block. `watch` may be empty.
  CoreLoop(std::unique_ptr<pbft::Replica> replica, Deliver deliver, Watch watch = {});
  ~CoreLoop();

  void post(Event event);
  [[nodiscard]] CoreSnapshot snapshot() const;
  // `look` runs on the core's thread, after the inputs that were posted before; it must not block.
  // Nobody waits for it, so nothing can hang on a core that stops: then it is dropped without a
  // call. From any thread.
  using Look = std::function<void(const pbft::Replica&)>;
  void inspect(Look look);
  // Ends after the current turn and joins; what is posted later is dropped. Idempotent.
  void stop();

 private:
  void run();
  void take_snapshot();

  std::unique_ptr<pbft::Replica> replica_;
  Deliver deliver_;
  Watch watch_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Event> inbox_;
  std::vector<Look> looks_;
  bool stopping_ = false;
  CoreSnapshot snapshot_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace quorate::node
