#include <signal.h>

#include <ctime>
#include <utility>

#include "crypto/ed25519.h"
#include "node/healing.h"
#include "node/log.h"
#include "node/node.h"
#include "node/pbft_node.h"
#include "node/pow_node.h"
#include "node/stop_signals.h"

namespace quorate::node {

namespace {

constexpr std::uint32_t kTurnsPerSecond = 10;  // of the main thread

// Until a signal, the end of an epoch, or something fatal, which is the error. `ready` goes from
// epoch to epoch.
enum class Ended : std::uint8_t { kStopped, kEpoch };
Result<Ended> run_once(const Home& home, const Config& config, const NodeOptions& options,
                       const sigset_t& signals, RunningNode::Ready& ready) {
  auto node = config.engine == "pow"
                  ? start_pow_node(home, config, options)
                  : start_pbft_node(home, config, options, ready);
  if (!node) {
    log_event(Severity::kError, "start-failed",
              {{"code", std::string(node.error().code)}, {"detail", node.error().message}});
    flush_log();
    return tl::unexpected(node.error());
  }
  if (*node == nullptr) {
    log_event(Severity::kInfo, "stopped");
    flush_log();
    return Ended::kStopped;
  }
  log_event(Severity::kInfo, "ready", {{"rpc", config.rpc_listen.to_string()},
                                       {"peers", config.peer_listen.to_string()}});
  flush_log();
  Ended ended = Ended::kStopped;
  for (std::uint32_t turn = 1;; ++turn) {
    const timespec pause{0, 1'000'000'000 / kTurnsPerSecond};
    const int signal = sigtimedwait(&signals, nullptr, &pause);
    if (signal > 0) {
      log_event(Severity::kInfo, "stopping", {{"signal", std::to_string(signal)}});
      break;
    }
    (*node)->follow_faults();
    if (turn % kTurnsPerSecond == 0) (*node)->keep_house();
    if ((*node)->fatal()) break;
    if ((*node)->has_epoch_ended()) {
      ended = Ended::kEpoch;
      break;
    }
  }
  (*node)->stop();
  const std::optional<Error> fatal = (*node)->fatal();
  log_event(Severity::kInfo, ended == Ended::kEpoch ? "epoch-ended" : "stopped");
  flush_log();
  if (fatal) return tl::unexpected(*fatal);
  ready = (*node)->ready();
  return ended;
}

// Where the replicas of the next set are, may have been written since the start.
void refresh_addresses(const Home& home, Config& config) {
  if (auto written = load_config_file(home.config())) {
    config.peer_addresses.merge(written->peer_addresses);
  }
}

}  // namespace

Status run_node(const Home& home, const Config& config, const NodeOptions& options) {
  const sigset_t signals = block_stop_signals();
  QUORATE_TRY(crypto::self_test());
  if (options.log_to_file) {
    QUORATE_TRY(open_log(home.log(), config.log_level, config.log_file_bytes_max,
                         config.log_files_max));
  }
  // A disk that damages one ledger after the other is not healed by this.
  constexpr int kHealingsMax = 3;
  int healings = 0;
  Config present = config;
  NodeOptions now = options;
  RunningNode::Ready ready;
  for (;;) {
    const Result<Ended> ended = run_once(home, present, now, signals, ready);
    if (ended) {
      if (*ended == Ended::kStopped) return {};
      refresh_addresses(home, present);
      now.record.reset();  // a recording is of one epoch
      continue;
    }
    if (!is_ledger_damage(ended.error()) || healings++ == kHealingsMax) {
      return tl::unexpected(ended.error());
    }
    QUORATE_TRY(set_ledger_aside(home, ended.error()));
  }
}

}  // namespace quorate::node
