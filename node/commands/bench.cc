// quorate bench

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "crypto/bcs.h"
#include "node/bench/arrivals.h"
#include "node/bench/report.h"
#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/files.h"
#include "node/json_members.h"
#include "node/submission.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

constexpr std::uint64_t kDurationMsMin = 100;
constexpr std::uint64_t kDurationMsMax = 24 * 3'600'000ULL;
constexpr std::uint64_t kClientsMax = 100'000;
constexpr std::uint64_t kRateMax = 1'000'000;
constexpr std::uint64_t kValueBytesMax = 1 << 20;
constexpr std::uint64_t kSignedBytesMax = 4ULL << 30;
// What a transaction takes besides its values, and an operation besides its value.
constexpr std::uint64_t kTransactionBytes = 300;
constexpr std::uint64_t kOperationBytes = 64;
// For a closed loop, which says not how many it will take: a client is not expected to finish
// faster, and no more bytes than this are signed on suspicion.
constexpr std::uint64_t kRoundTripMsMin = 5;
constexpr std::uint64_t kSuspectedBytesMax = 256 << 20;
constexpr std::uint64_t kGlimpseMs = 50;
constexpr std::uint64_t kMeasureMs = 500;
constexpr std::uint64_t kValidAfterMs = 600'000;
constexpr std::uint64_t kProgressStep = 10;  // percent
constexpr std::uint32_t kQuestionTimeoutMs = 3000;

struct Options {
  NetworkOptions network;
  std::vector<std::string> nodes;
  std::optional<std::uint64_t> clients, rate, seed;
  std::string duration = "10s", drain = "30s";
  std::uint64_t ops_per_tx = 1, value_bytes = 100, keys = 10'000;
  std::optional<std::string> key_file, ids_file;
  std::string passphrase_file;
  bool is_quiet = false;
};

tl::unexpected<Error> wrong(std::string_view option, std::string_view found,
                            std::string_view expected) {
  return fail(ErrorKind::kUsage, "usage",
              fmt::format("Found {} {}, expected {}", option, found, expected),
              "`quorate bench --help` shows an example.");
}

Status check_range(std::string_view option, std::uint64_t value, std::uint64_t min,
                   std::uint64_t max) {
  if (value >= min && value <= max) return {};
  return wrong(option, fmt::to_string(value), fmt::format("a number from {} to {}", min, max));
}

struct Times {
  std::uint64_t duration_ms = 0;
  std::uint64_t drain_ms = 0;
};

Result<Times> check_options(const Options& options) {
  if (options.clients.has_value() == options.rate.has_value()) {
    return fail(ErrorKind::kUsage, "usage",
                "Expected either --clients C, for so many that each wait for their transaction, or "
                "--rate R, for so many transactions a second",
                "Type for example `quorate bench --clients 64 --duration 10s`.");
  }
  QUORATE_TRY(check_range("--clients", options.clients.value_or(1), 1, kClientsMax));
  QUORATE_TRY(check_range("--rate", options.rate.value_or(1), 1, kRateMax));
  QUORATE_TRY(check_range("--ops-per-tx", options.ops_per_tx, 1, ledger::kOperationsMax));
  QUORATE_TRY(check_range("--value-bytes", options.value_bytes, 0, kValueBytesMax));
  QUORATE_TRY(check_range("--keys", options.keys, 1, UINT32_MAX));
  Times times;
  QUORATE_ASSIGN(times.duration_ms, parse_duration_ms(options.duration));
  QUORATE_ASSIGN(times.drain_ms, parse_duration_ms(options.drain));
  if (times.duration_ms < kDurationMsMin || times.duration_ms > kDurationMsMax) {
    return wrong("--duration", options.duration, "a time from 100ms to 24h");
  }
  if (times.drain_ms > kDurationMsMax) {
    return wrong("--drain", options.drain, "a time of at most 24h");
  }
  return times;
}

// One sentence a second, or none.
class Progress {
 public:
  Progress(Console& console, bool is_quiet) : console_(console), is_quiet_(is_quiet) {}

  void say(const std::string& text) const {
    if (!is_quiet_) console_.progress(text);
  }
  // Of steps that take a while: each tenth.
  void of_total(std::string_view what, std::uint64_t done, std::uint64_t total) {
    const std::uint64_t step = total == 0 ? kProgressStep : done * kProgressStep / total;
    if (step == last_step_) return;
    last_step_ = step;
    say(fmt::format("{}: {} of {}", what, done, total));
  }

 private:
  Console& console_;
  bool is_quiet_;
  std::uint64_t last_step_ = UINT64_MAX;
};

// The nodes of a load, and where their ledgers stand.
struct Nodes {
  std::vector<std::string> urls;
  std::vector<Endpoint> endpoints;
  std::uint64_t height = 0;  // of the one that is furthest
};

Result<Nodes> find_bench_nodes(const Options& options, Console& console) {
  Nodes nodes;
  nodes.urls = options.nodes;
  if (nodes.urls.empty()) {
    QUORATE_ASSIGN(nodes.urls, find_node_urls(options.network));
  }
  std::size_t reachable = 0;
  Error last;
  for (const std::string& url : nodes.urls) {
    QUORATE_ASSIGN(RpcClient client, RpcClient::create(url, kQuestionTimeoutMs));
    QUORATE_ASSIGN(const Endpoint endpoint,
                   parse_endpoint(client.url().substr(std::string_view("http://").size())));
    nodes.endpoints.push_back(endpoint);
    const auto status = client.call("status", {});
    const auto height =
        status ? number_member(*status, "quorate.tree_head.size") : std::optional<std::uint64_t>();
    if (height) {
      ++reachable;
      nodes.height = std::max(nodes.height, *height);
    } else if (!status) {
      last = status.error();
      console.remark(last.message);
    }
  }
  if (reachable > 0) return nodes;
  if (nodes.urls.size() == 1 && !last.message.empty()) return tl::unexpected(last);
  QUORATE_ASSIGN(const NodePool pool, NodePool::create(nodes.urls));
  return tl::unexpected(pool.nobody_reached());
}

// How many transactions are signed before the clock starts.
Result<std::uint64_t> count_to_sign(const Options& options, std::uint64_t duration_ms,
                                    std::size_t nodes) {
  const std::uint64_t bytes_each =
      kTransactionBytes + options.ops_per_tx * (options.value_bytes + kOperationBytes);
  const std::uint64_t count_max = kSignedBytesMax / bytes_each;
  if (options.rate) {
    const std::uint64_t count = arrivals_in_ms(duration_ms, *options.rate);
    if (count <= count_max) return count;
    return fail(ErrorKind::kUsage, "bench-too-large",
                fmt::format("{} transactions of some {} bytes are to be signed beforehand, more "
                            "than the {} that fit into {} GiB",
                            count, bytes_each, count_max, kSignedBytesMax >> 30U),
                "Lower --rate, --duration, --value-bytes or --ops-per-tx.");
  }
  // As many as can happen: what is missing would be signed while the clock runs.
  const auto key = crypto::SecretKey::generate();
  const Bytes message(bytes_each);
  const SignatureLimit limit =
      measure_signature_limit(key.public_key(), message, key.sign(message), kGlimpseMs);
  const auto by_signatures = static_cast<std::uint64_t>(limit.transactions_per_s(nodes));
  const std::uint64_t by_clients = *options.clients * 1000 / kRoundTripMsMin;
  const std::uint64_t rate = std::min(by_signatures, by_clients);
  return *options.clients + std::min(kSuspectedBytesMax / bytes_each, rate * duration_ms / 1000);
}

Result<Workload> make_workload(const Options& options, const Times& times, const Nodes& nodes,
                               Progress& progress) {
  WorkloadOptions wish;
  wish.seed = options.seed.value_or(clock_now().value);
  wish.ops_per_tx = static_cast<std::uint32_t>(options.ops_per_tx);
  wish.value_bytes = static_cast<std::uint32_t>(options.value_bytes);
  wish.keys = options.keys;
  wish.valid_until = {clock_now().value + times.duration_ms + times.drain_ms + kValidAfterMs};
  NetworkOptions network = options.network;
  if (!options.nodes.empty()) network.node = options.nodes.front();
  QUORATE_ASSIGN(NodePool pool, NodePool::create(nodes.urls, kQuestionTimeoutMs));
  QUORATE_ASSIGN(wish.chain_id, find_chain_id(network, pool));
  QUORATE_ASSIGN(const std::uint64_t count,
                 count_to_sign(options, times.duration_ms, nodes.urls.size()));
  std::vector<crypto::SecretKey> senders;
  if (options.key_file) {
    QUORATE_ASSIGN(auto key, find_sender_key(options.key_file, options.passphrase_file));
    senders.push_back(std::move(key));
  } else {
    senders = bench_senders(wish.seed, count);
  }
  std::vector<std::uint64_t> nonces;
  for (const crypto::SecretKey& sender : senders) {
    QUORATE_ASSIGN(const std::uint64_t nonce, next_nonce(pool, sender.public_key()));
    nonces.push_back(nonce);
  }
  Workload workload(wish, std::move(senders), std::move(nonces));
  workload.sign_until(count,
                      [&](std::uint64_t done) { progress.of_total("signing", done, count); });
  return workload;
}

// With the load's own bytes, since a signature over more of them costs more.
SignatureLimit measure_limit(const Workload& workload) {
  const auto transaction = crypto::decode<ledger::SignedTransaction>(workload[0].encoded);
  const Bytes message =
      crypto::signing_bytes(crypto::Purpose::kTransaction, workload.options().chain_id,
                            crypto::encode(transaction->body));
  return measure_signature_limit(transaction->body.sender, message, transaction->signature,
                                 kMeasureMs);
}

ExitCode exit_code_of(const BenchReport& report) {
  if (report.check.verdict == LedgerCheck::Verdict::kViolated) return ExitCode::kCorrupt;
  if (report.check.verdict == LedgerCheck::Verdict::kNotDone) return ExitCode::kUnavailable;
  if (report.load.counts.acknowledged > 0) return ExitCode::kSuccess;
  return report.load.counts.rejected > 0 ? ExitCode::kRejected : ExitCode::kTimeout;
}

Status write_ids(const std::string& file, const Workload& workload,
                 const std::vector<bool>& acknowledged) {
  std::string text;
  for (std::size_t i = 0; i < acknowledged.size(); ++i) {
    if (acknowledged[i]) text += workload[i].id.hex() + '\n';
  }
  return create_file(file, text);
}

Result<ExitCode> bench(const Options& options, Console& console) {
  QUORATE_ASSIGN(const Times times, check_options(options));
  QUORATE_ASSIGN(Nodes nodes, find_bench_nodes(options, console));
  Progress progress(console, options.is_quiet);
  QUORATE_ASSIGN(Workload workload, make_workload(options, times, nodes, progress));

  BenchReport report;
  report.clients = options.clients;
  report.rate_per_s = options.rate;
  report.workload = workload.options();
  report.nodes = nodes.urls.size();
  report.senders = workload.senders();
  report.load = run_load({.nodes = nodes.endpoints,
                          .clients = options.clients,
                          .rate_per_s = options.rate,
                          .duration_ms = times.duration_ms,
                          .drain_ms_max = times.drain_ms,
                          .first_height = nodes.height + 1,
                          .on_progress = [&](const std::string& line) { progress.say(line); }},
                         workload);
  progress.say("measuring the cost of a signature");
  report.limit = measure_limit(workload);
  progress.say(fmt::format("comparing {} ledgers, blocks {} to {}", nodes.urls.size(),
                           nodes.height + 1, report.load.last_height));
  report.check = check_ledgers({.urls = nodes.urls,
                                .first_height = nodes.height + 1,
                                .last_height = report.load.last_height},
                               workload, report.load.acknowledged);
  if (options.ids_file) {
    QUORATE_TRY(write_ids(*options.ids_file, workload, report.load.acknowledged));
  }
  for (const std::string& line : report_lines(report)) console.line(line);
  console.json(report_to_json(report));
  return exit_code_of(report);
}

std::vector<Parameter> bench_parameters(Options& options) {
  return {
      {.name = "--clients",
       .value = "C",
       .help = "Closed loop: so many clients, each with one transaction outstanding",
       .target = &options.clients},
      {.name = "--rate",
       .value = "R",
       .help = "Open loop: so many transactions a second, whatever becomes of them",
       .target = &options.rate},
      {.name = "--duration",
       .value = "DURATION",
       .help = "How long new transactions are sent; default 10s",
       .target = &options.duration},
      {.name = "--drain",
       .value = "DURATION",
       .help = "How long to wait afterwards for what is in flight; default 30s",
       .target = &options.drain},
      {.name = "--ops-per-tx",
       .value = "K",
       .help = "Operations a transaction; default 1",
       .target = &options.ops_per_tx},
      {.name = "--value-bytes",
       .value = "B",
       .help = "Bytes of each value that is put; default 100",
       .target = &options.value_bytes},
      {.name = "--keys",
       .value = "N",
       .help = "So many different ledger keys are written; default 10000",
       .target = &options.keys},
      {.name = "--seed",
       .value = "N",
       .help = "Sender keys, ledger keys and values follow from it; default: the clock",
       .target = &options.seed},
      {.name = "--node",
       .value = "URL",
       .help = "A node to send to, may be repeated; else QUORATE_NODE, else all of the testnet "
               "here",
       .target = &options.nodes},
      genesis_parameter(options.network),
      {.name = "--key",
       .value = "FILE",
       .help = "The one sender, where genesis lists who may send; else new keys from the seed",
       .target = &options.key_file},
      {.name = "--passphrase-file",
       .value = "FILE",
       .help = "Its first line opens the key; else QUORATE_PASSPHRASE, else a prompt",
       .target = &options.passphrase_file},
      {.name = "--ids",
       .value = "FILE",
       .help = "Write the id of each acknowledged transaction there, one a line",
       .target = &options.ids_file},
      {.name = "--quiet", .help = "No progress on standard error", .target = &options.is_quiet}};
}

}  // namespace

void add_bench_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add(
      {.path = "bench",
       .sentence = "Put load on a network, measure it, and check that nothing was lost",
       .details =
           "Latency counts from when a transaction is due to when a node has shown the block that\n"
           "applied it. With --rate it is due by the schedule, also if it could not be sent then;\n"
           "with --clients, when its client is free. Transactions are signed before the clock\n"
           "starts. One that a dead or busy node did not take goes to another node as the same\n"
           "bytes. The generator shares the machine with the nodes if they run here.\n\n"
           "The commit gap is the longest time without any acknowledgement. The signature limit\n"
           "is what the cores of this machine can verify, each transaction once at each node.\n\n"
           "Afterwards the blocks of all nodes are read: each acknowledged transaction must be\n"
           "there exactly once, and the tree heads must be equal. Exit code 8 says that it is\n"
           "not so, 6 that it could not be checked, 7 that nothing was acknowledged.",
       .example = "  quorate bench --clients 64 --duration 10s\n"
                  "  quorate bench --rate 200 --duration 1m --value-bytes 1000 --json",
       .parameters = bench_parameters(*options),
       .run = [options](Console& console) { return bench(*options, console); }});
}

}  // namespace quorate::node
