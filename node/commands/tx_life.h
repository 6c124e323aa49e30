#pragma once

// How the life of a transaction is printed.

#include <functional>
#include <optional>

#include "node/commands/console.h"
#include "node/exit_code.h"
#include "node/remote_status.h"
#include "node/submission.h"

namespace quorate::node {

// A line for each level as it is reached, after one with the id.
class LifePrinter {
 public:
  explicit LifePrinter(Console& console) : console_(console) {}  // outlives this

  // Printed with the first level: from then on the transaction exists somewhere.
  void set_id(const ledger::TxId& id) { id_ = id; }
  // Refers to this printer.
  [[nodiscard]] std::function<void(const LevelChange&)> listener();
  void print(const LevelChange& change);

 private:
  Console& console_;
  std::optional<ledger::TxId> id_;
  std::optional<ledger::TxId> printed_;
};

// What came of a submission, and the exit code that says so.
[[nodiscard]] ExitCode print_end(Console& console, const Submission& submission);
// "applied at height 7, number 0 of its block", or why not.
void print_result(Console& console, const RemoteStatus& status);

}  // namespace quorate::node
