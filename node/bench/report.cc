#include "node/bench/report.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

namespace quorate::node {
namespace {

namespace json = boost::json;

struct Percentile {
  std::string_view text;
  std::string_view member;
  std::uint32_t of_ten_thousand;
};
constexpr std::array<Percentile, 4> kPercentiles = {{{"p50", "latency_p50_us", 5000},
                                                     {"p90", "latency_p90_us", 9000},
                                                     {"p99", "latency_p99_us", 9900},
                                                     {"p99.9", "latency_p99_9_us", 9990}}};

std::string ms_text(std::uint64_t us) {
  return fmt::format("{:.1f} ms", static_cast<double>(us) / 1e3);
}

std::uint64_t rounded(double value) { return static_cast<std::uint64_t>(std::llround(value)); }

std::string title(const BenchReport& report) {
  const std::string loop = report.clients
                               ? fmt::format("closed loop, {} clients", *report.clients)
                               : fmt::format("open loop, {} transactions/s", *report.rate_per_s);
  const WorkloadOptions& workload = report.workload;
  return fmt::format(
      "{}, {:.1f} s{}, {} nodes, {} operation{} a transaction, values of {} bytes, "
      "{} senders, seed {}",
      loop, static_cast<double>(report.load.window_ms) / 1e3,
      report.load.was_interrupted ? " (interrupted)" : "", report.nodes, workload.ops_per_tx,
      workload.ops_per_tx == 1 ? "" : "s", workload.value_bytes, report.senders, workload.seed);
}

std::string latency_line(const LoadResult& load) {
  std::string line = "  latency       ";
  if (load.latencies.count() == 0) return line + "-";
  for (const Percentile& each : kPercentiles) {
    line += fmt::format("{} {}  ", each.text,
                        ms_text(load.latencies.percentile_us(each.of_ten_thousand)));
  }
  return line + "max " + ms_text(load.latencies.max_us());
}

std::string rejected_line(const FlightCounts& counts) {
  std::string line = fmt::format("  rejected      {}", counts.rejected);
  for (const auto& [code, count] : counts.rejected_by_code) {
    line += fmt::format("{}{} {}", &code == &counts.rejected_by_code.begin()->first ? ": " : ", ",
                        count, code);
  }
  return line;
}

std::string limit_line(const BenchReport& report) {
  return fmt::format(
      "  signatures    {:.1f} us each with {} threads: {} nodes on this machine check at most "
      "{:.0f} transactions/s; {:.1f} % of that was reached",
      static_cast<double>(report.limit.verify_ns) / 1e3, report.limit.threads, report.nodes,
      report.limit.transactions_per_s(report.nodes), report.share_of_limit() * 100);
}

}  // namespace

double BenchReport::share_of_limit() const {
  const double limit_per_s = limit.transactions_per_s(nodes);
  return limit_per_s == 0 ? 0 : load.acknowledged_per_s() / limit_per_s;
}

std::vector<std::string> report_lines(const BenchReport& report) {
  const LoadResult& load = report.load;
  const FlightCounts& counts = load.counts;
  std::vector<std::string> lines = {
      title(report),
      fmt::format("  acknowledged  {} of {}: {:.1f}/s within the {:.1f} s", counts.acknowledged,
                  counts.arrived, load.acknowledged_per_s(),
                  static_cast<double>(load.window_ms) / 1e3),
      rejected_line(counts),
      fmt::format("  open          {}{}", counts.in_flight(),
                  counts.in_flight() == 0 ? "" : ": their outcome is not known"),
      latency_line(load),
      fmt::format("  commit gap    {}, from {:.3f} s on: the longest without an acknowledgement",
                  ms_text(load.gap.length_us), static_cast<double>(load.gap.start_us) / 1e6),
      fmt::format("  trouble       busy answers {}, failed requests {}, sent again {}",
                  counts.busy_answers, load.failed_requests, counts.sent_again),
      limit_line(report),
      fmt::format(
          "  generator     {:.2f} s of CPU, sent at most {} late{}",
          static_cast<double>(load.cpu_ms) / 1e3, ms_text(counts.sent_late_max_us),
          load.signed_late == 0 ? "" : fmt::format(", signed {} while it ran", load.signed_late)),
      report.check.sentence};
  return lines;
}

json::object report_to_json(const BenchReport& report) {
  const LoadResult& load = report.load;
  const FlightCounts& counts = load.counts;
  json::object object{{"loop", report.clients ? "closed" : "open"}};
  if (report.clients) object["clients"] = *report.clients;
  if (report.rate_per_s) object["rate_per_s"] = *report.rate_per_s;
  object["duration_ms"] = load.window_ms;
  object["interrupted"] = load.was_interrupted;
  object["nodes"] = report.nodes;
  object["ops_per_tx"] = report.workload.ops_per_tx;
  object["value_bytes"] = report.workload.value_bytes;
  object["keys"] = report.workload.keys;
  object["senders"] = report.senders;
  object["seed"] = report.workload.seed;
  object["submitted"] = counts.arrived;
  object["acknowledged"] = counts.acknowledged;
  object["rejected"] = counts.rejected;
  json::object by_code;
  for (const auto& [code, count] : counts.rejected_by_code) by_code[code] = count;
  object["rejected_by_code"] = std::move(by_code);
  object["open"] = counts.in_flight();
  object["acknowledged_in_window"] = load.acknowledged_in_window;
  object["acknowledged_per_s"] = rounded(load.acknowledged_per_s());
  for (const Percentile& each : kPercentiles) {
    object[each.member] = load.latencies.percentile_us(each.of_ten_thousand);
  }
  object["latency_max_us"] = load.latencies.max_us();
  object["commit_gap_us"] = load.gap.length_us;
  object["commit_gap_start_us"] = load.gap.start_us;
  object["busy_answers"] = counts.busy_answers;
  object["failed_requests"] = load.failed_requests;
  object["sent_again"] = counts.sent_again;
  object["sent_late_max_us"] = counts.sent_late_max_us;
  object["signed_late"] = load.signed_late;
  object["generator_cpu_ms"] = load.cpu_ms;
  object["signature_verify_ns"] = report.limit.verify_ns;
  object["signature_threads"] = report.limit.threads;
  object["signature_limit_per_s"] = rounded(report.limit.transactions_per_s(report.nodes));
  object["signature_limit_share_ppm"] = rounded(report.share_of_limit() * 1e6);
  object["check"] = json::object{{"verdict", verdict_text(report.check.verdict)},
                                 {"sentence", report.check.sentence},
                                 {"nodes_checked", report.check.nodes_checked},
                                 {"nodes_unreachable", report.check.nodes_unreachable},
                                 {"blocks", report.check.blocks},
                                 {"missing", report.check.findings.missing},
                                 {"repeated", report.check.findings.repeated}};
  return object;
}

}  // namespace quorate::node
