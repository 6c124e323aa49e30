#include "node/commands/tx_life.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>

#include "node/rpc_error.h"

namespace quorate::node {

std::function<void(const LevelChange&)> LifePrinter::listener() {
  return [this](const LevelChange& change) { print(change); };
}

void LifePrinter::print(const LevelChange& change) {
  if (id_ && printed_ != id_) {
    console_.line(fmt::format("transaction {}", id_->hex()));
    printed_ = id_;
  }
  const double ms = static_cast<double>(change.after_us) / 1000.0;
  console_.line(fmt::format("  {:<10} {:>9.1f} ms{}{}", level_text(change.level), ms,
                            change.evidence.empty() ? "" : "  ", change.evidence));
}

void print_result(Console& console, const RemoteStatus& status) {
  if (!status.height) return;
  console.line(fmt::format("result: {}, height {}, number {} in its block",
                           status.outcome ? status.outcome->code : "applied", *status.height,
                           status.index.value_or(0)));
}

ExitCode print_end(Console& console, const Submission& submission) {
  boost::json::object object = remote_status_to_json(submission.status);
  object["node"] = submission.node;
  object["signed_anew"] = submission.signed_anew;
  if (submission.end == Submission::End::kReached) {
    print_result(console, submission.status);
    if (submission.status.level == Level::kAnchored) {
      console.line(fmt::format("receipt: quorate tx receipt {} --anchored > receipt.json",
                               submission.status.id.hex()));
    } else if (submission.status.depth.value_or(0) > 0) {
      console.line(fmt::format("depth {}: a heavier branch can still displace it; see `quorate pow "
                               "risk --depth {}`",
                               *submission.status.depth, *submission.status.depth));
    } else if (submission.status.level >= Level::kReplicated) {
      console.line(fmt::format("receipt: quorate tx receipt {} > receipt.json",
                               submission.status.id.hex()));
    } else {
      console.line(fmt::format("{} can still be revoked; follow it with `quorate tx status {}`",
                               level_text(submission.status.level), submission.status.id.hex()));
    }
    console.json(object);
    return ExitCode::kSuccess;
  }
  object["error"] = error_to_json(submission.error);
  if (console.is_json()) {
    console.json(object);
  } else {
    console.error(submission.error);
  }
  return exit_code_of(submission.error.kind);
}

}  // namespace quorate::node
