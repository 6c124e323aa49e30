#include "node/bench/load.h"

#include "node/asio.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <unordered_map>

#include "crypto/check.h"
#include "node/bench/arrivals.h"
#include "node/bench/follower.h"
#include "node/bench/submitters.h"

namespace quorate::node {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

constexpr std::uint64_t kTickUs = 20'000;   // looks after what is overdue, and after the end
constexpr std::uint64_t kTimerUsMin = 200;  // arrivals that are nearer together go together
constexpr std::uint64_t kSignedLateAtOnce = 32;
constexpr std::uint32_t kP99 = 9900;

std::uint64_t process_cpu_ms() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1000 +
           static_cast<std::uint64_t>(time.tv_usec) / 1000;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

class Load {
 public:
  Load(const LoadOptions& options, Workload& workload)
      : options_(options),
        workload_(workload),
        flight_(options.nodes.size(), workload.span_max()),
        submitters_(io_, options.nodes, workload, flight_,
                    {.now_us = [this] { return now_us(); }, .on_answer = [this] { pump(); }}),
        follower_(io_, options.nodes, options.first_height,
                  [this](const SeenBlock& block, Clock::time_point at) { take_block(block, at); }),
        arrival_timer_(io_),
        tick_timer_(io_),
        signals_(io_, SIGINT, SIGTERM) {
    numbers_.reserve(workload.size());
    name_signed();
  }

  LoadResult run() {
    cpu_begin_ms_ = process_cpu_ms();
    window_end_us_ = options_.duration_ms * 1000;
    start_ = Clock::now();
    signals_.async_wait([this](const AsioError& trouble, int) {
      if (trouble) return;
      result_.was_interrupted = true;
      window_end_us_ = std::min(window_end_us_, now_us());
    });
    follower_.start();
    pump();
    tick();
    io_.run();
    return finish();
  }

 private:
  [[nodiscard]] std::uint64_t to_us(Clock::time_point at) const {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<microseconds>(at - start_).count());
  }
  [[nodiscard]] std::uint64_t now_us() const { return to_us(Clock::now()); }

  // Ids of transactions that were signed since the last call.
  void name_signed() {
    for (std::size_t i = numbers_.size(); i < workload_.size(); ++i) {
      numbers_.emplace(workload_[i].id, static_cast<Flight::Tx>(i));
    }
  }

  // Everything that is due is sent, as far as it can be.
  void pump() {
    const std::uint64_t now = now_us();
    if (now < window_end_us_) {
      if (options_.clients) {
        refill(now);
      } else {
        take_arrivals(now);
      }
    } else if (!is_draining_) {
      end_window();
    }
    submitters_.send();
  }

  void refill(std::uint64_t now) {
    while (flight_.counts().in_flight() < *options_.clients) {
      if (flight_.size() == workload_.size()) {
        workload_.sign_until(workload_.size() + kSignedLateAtOnce, nullptr);
        result_.signed_late += kSignedLateAtOnce;
        name_signed();
      }
      flight_.arrive(now);
    }
  }

  void take_arrivals(std::uint64_t now) {
    const std::uint64_t total = arrivals_in_ms(options_.duration_ms, *options_.rate_per_s);
    const auto due = [&] { return arrival_us(flight_.size(), *options_.rate_per_s); };
    while (flight_.size() < total && due() <= now) flight_.arrive(due());
    if (flight_.size() == total || is_timer_set_) return;
    is_timer_set_ = true;
    arrival_timer_.expires_at(start_ + microseconds(std::max(due(), now + kTimerUsMin)));
    arrival_timer_.async_wait([this](const AsioError& trouble) {
      if (trouble) return;
      is_timer_set_ = false;
      pump();
    });
  }

  void end_window() {
    // What the schedule had for the window is sent, also if this thread came too late for it.
    if (options_.rate_per_s) take_arrivals(window_end_us_ - 1);
    is_draining_ = true;
    result_.window_ms = window_end_us_ / 1000;
    result_.cpu_ms = process_cpu_ms() - cpu_begin_ms_;
    gap_.end_window(window_end_us_);
  }

  void take_block(const SeenBlock& block, Clock::time_point received) {
    const std::uint64_t at_us = to_us(received);
    for (const SeenBlock::Row& row : block.rows) {
      const auto found = numbers_.find(row.id);
      if (found == numbers_.end() || found->second >= flight_.size()) continue;
      if (row.code != "applied") {
        flight_.on_rejected(found->second, row.code);
      } else if (flight_.on_applied(found->second)) {
        acknowledge(at_us - std::min(at_us, flight_.due_us(found->second)), at_us);
      }
    }
    pump();
  }

  void acknowledge(std::uint64_t latency_us, std::uint64_t at_us) {
    result_.latencies.record(latency_us);
    last_second_.record(latency_us);
    gap_.on_acknowledgement(at_us);
    if (at_us < window_end_us_) ++result_.acknowledged_in_window;
  }

  void tick() {
    const std::uint64_t now = now_us();
    flight_.send_overdue_again(now);
    submitters_.look_after();
    pump();
    if (now >= next_progress_us_) progress(now);
    const bool is_over = is_draining_ && (flight_.counts().in_flight() == 0 ||
                                          now >= window_end_us_ + options_.drain_ms_max * 1000);
    if (is_over) {
      io_.stop();
      return;
    }
    tick_timer_.expires_after(microseconds(kTickUs));
    tick_timer_.async_wait([this](const AsioError& trouble) {
      if (!trouble) tick();
    });
  }

  void progress(std::uint64_t now) {
    if (options_.on_progress && now > 0) {
      const FlightCounts& counts = flight_.counts();
      const double seconds = static_cast<double>(now - last_progress_us_) / 1e6;
      const std::string p99 =
          last_second_.count() == 0
              ? "-"
              : fmt::format("{:.1f} ms",
                            static_cast<double>(last_second_.percentile_us(kP99)) / 1e3);
      const double rate = static_cast<double>(counts.acknowledged - last_acknowledged_) / seconds;
      const std::size_t down = submitters_.nodes_down();
      options_.on_progress(fmt::format(
          "{:5.1f} s  {:6.0f}/s  acknowledged {}  in flight {}  p99 {}  rejected {}  busy {}{}{}",
          static_cast<double>(now) / 1e6, rate, counts.acknowledged, counts.in_flight(), p99,
          counts.rejected, counts.busy_answers,
          down == 0 ? "" : fmt::format("  nodes down {}", down),
          is_draining_ ? "  waiting for the last" : ""));
    }
    last_acknowledged_ = flight_.counts().acknowledged;
    last_progress_us_ = now;
    last_second_.clear();
    next_progress_us_ = (now / kMicrosecondsPerSecond + 1) * kMicrosecondsPerSecond;
  }

  LoadResult finish() {
    const bool is_waited_for = flight_.counts().in_flight() > 0;
    gap_.finish(is_waited_for ? now_us() : window_end_us_);
    result_.counts = flight_.counts();
    result_.gap = gap_.longest();
    result_.last_height = follower_.next_height() - 1;
    result_.failed_requests = submitters_.failed_requests();
    result_.acknowledged.resize(flight_.size());
    for (Flight::Tx i = 0; i < flight_.size(); ++i) {
      result_.acknowledged[i] = flight_.is_acknowledged(i);
    }
    return std::move(result_);
  }

  const LoadOptions& options_;
  Workload& workload_;
  asio::io_context io_{1};
  Clock::time_point start_ = Clock::now();
  Flight flight_;
  Submitters submitters_;
  Follower follower_;
  asio::steady_timer arrival_timer_;
  asio::steady_timer tick_timer_;
  asio::signal_set signals_;

  std::unordered_map<ledger::TxId, Flight::Tx> numbers_;
  LatencyHistogram last_second_;
  CommitGap gap_;
  LoadResult result_;
  std::uint64_t window_end_us_ = 0;
  std::uint64_t cpu_begin_ms_ = 0;
  std::uint64_t next_progress_us_ = kMicrosecondsPerSecond;
  std::uint64_t last_progress_us_ = 0;
  std::uint64_t last_acknowledged_ = 0;
  bool is_draining_ = false;
  bool is_timer_set_ = false;
};

}  // namespace

double LoadResult::acknowledged_per_s() const {
  return window_ms == 0 ? 0
                        : static_cast<double>(acknowledged_in_window) * 1000.0 /
                              static_cast<double>(window_ms);
}

LoadResult run_load(const LoadOptions& options, Workload& workload) {
  QUORATE_CHECK(options.clients.has_value() != options.rate_per_s.has_value(),
                "a load is a closed or an open loop");
  QUORATE_CHECK(!options.nodes.empty(), "a load without nodes");
  QUORATE_CHECK(!options.rate_per_s ||
                    workload.size() >= arrivals_in_ms(options.duration_ms, *options.rate_per_s),
                "an open loop is signed beforehand");
  return Load(options, workload).run();
}

}  // namespace quorate::node
