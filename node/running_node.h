#pragma once

// A node that runs, whatever its engine: what `run_node` does with one from its own thread.

#include <optional>
#include <vector>

#include "crypto/result.h"
#include "ledger/store.h"

namespace quorate::node {

class RunningNode {
 public:
  virtual ~RunningNode() = default;

  // Each stage finishes what the one before it handed over; then everything is at rest. Idempotent.
  virtual void stop() = 0;
  // Once a second.
  virtual void keep_house() = 0;
  // A few times a second: what shall go wrong here, if this is a testnet.
  virtual void follow_faults() = 0;
  // Why it cannot go on, if it cannot.
  [[nodiscard]] virtual std::optional<Error> fatal() const = 0;

  // It serves nobody any more: another one, made from the same home, is to take its place.
  [[nodiscard]] virtual bool has_epoch_ended() const { return false; }
  // Once it is stopped, what was ready in it, for that other one.
  using Ready = std::vector<ledger::TransactionPtr>;
  [[nodiscard]] virtual Ready ready() const { return {}; }
};

}  // namespace quorate::node
