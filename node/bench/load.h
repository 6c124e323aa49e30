#pragma once

// One load, from the first transaction to the last acknowledgement.
//
// Closed loop: so many clients, each with one transaction outstanding; latency counts from the
// moment when a client is free to send. Open loop: transactions arrive on a fixed schedule whatever
// becomes of those before them; latency counts from the scheduled moment, also where the generator
// or the nodes could not take it then, so nothing that a user would have waited is left out.
//
// An acknowledgement is the moment when the answer has arrived in which a node shows a block that
// applied the transaction (node/bench/follower.h). After the measured window nothing new is sent;
// what is in flight is waited for, and counts.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node/bench/commit_gap.h"
#include "node/bench/flight.h"
#include "node/bench/latency_histogram.h"
#include "node/bench/workload.h"
#include "node/config.h"

namespace quorate::node {

struct LoadOptions {
  std::vector<Endpoint> nodes;
  std::optional<std::uint64_t> clients;     // closed loop
  std::optional<std::uint64_t> rate_per_s;  // open loop
  std::uint64_t duration_ms = 10'000;
  std::uint64_t drain_ms_max = 30'000;  // after the window, for what is in flight
  std::uint64_t first_height = 1;       // blocks below it hold nothing of this load
  // Called once a second, with one line.
  std::function<void(const std::string&)> on_progress = {};
};

struct LoadResult {
  FlightCounts counts;
  std::vector<bool> acknowledged;  // by transaction
  std::uint64_t window_ms = 0;     // as asked for, or until the user interrupted it
  std::uint64_t acknowledged_in_window = 0;
  LatencyHistogram latencies;
  CommitGap::Gap gap;
  std::uint64_t last_height = 0;  // the highest block that was seen
  std::uint64_t failed_requests = 0;
  std::uint64_t signed_late = 0;  // transactions that had to be signed during the run
  std::uint64_t cpu_ms = 0;       // of this process, until the end of the window
  bool was_interrupted = false;

  [[nodiscard]] double acknowledged_per_s() const;
};

// Blocks until it is over. Preconditions: one of clients and rate_per_s; nodes; enough signed
// transactions for an open loop (all checked).
[[nodiscard]] LoadResult run_load(const LoadOptions& options, Workload& workload);

}  // namespace quorate::node
