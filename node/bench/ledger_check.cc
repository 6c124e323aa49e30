#include "node/bench/ledger_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <unordered_map>

#include "node/bench/seen_block.h"
#include "node/json_members.h"
#include "node/rpc_client.h"

namespace quorate::node {
namespace {

using Clock = std::chrono::steady_clock;
using Numbers = std::unordered_map<ledger::TxId, std::size_t>;

constexpr std::uint32_t kCallTimeoutMs = 5'000;
constexpr std::chrono::milliseconds kPause{100};

struct Reading {
  std::string url;
  bool is_reachable = false;
  std::optional<Error> trouble;
  NodeLedger ledger;
};

Result<ledger::TreeHead> ask_tree_head(RpcClient& client) {
  QUORATE_ASSIGN(const auto status, client.call("status", {}));
  const auto size = number_member(status, "quorate.tree_head.size");
  const auto root =
      crypto::parse_digest(text_member(status, "quorate.tree_head.root").value_or(""));
  if (!size || !root) {
    return fail(ErrorKind::kCorrupt, "node-answer-malformed",
                fmt::format("{} does not say its tree head", client.url()), "");
  }
  return ledger::TreeHead{*size, *root};
}

Status wait_for_height(RpcClient& client, std::uint64_t height, Clock::time_point deadline) {
  std::uint64_t reached = 0;
  do {
    QUORATE_ASSIGN(const ledger::TreeHead head, ask_tree_head(client));
    reached = head.size;
    if (reached >= height) return {};
    std::this_thread::sleep_for(kPause);
  } while (Clock::now() < deadline);
  return fail(
      ErrorKind::kTimeout, "node-lags",
      fmt::format("{} is at height {} and did not reach {} in time", client.url(), reached, height),
      "");
}

Status read_blocks(RpcClient& client, const LedgerCheckOptions& options, const Numbers& numbers,
                   NodeLedger& ledger) {
  for (std::uint64_t height = options.first_height; height <= options.last_height; ++height) {
    QUORATE_ASSIGN(const auto answer, client.call("block", {{"height", std::to_string(height)}}));
    QUORATE_ASSIGN(const SeenBlock block, parse_seen_block(answer));
    ledger.block_hashes.push_back(block.hash);
    for (const SeenBlock::Row& row : block.rows) {
      const auto found = numbers.find(row.id);
      if (found == numbers.end() || row.code != "applied") continue;
      std::uint8_t& times = ledger.applied_times[found->second];
      if (times < UINT8_MAX) ++times;
    }
  }
  return {};
}

void read_node(const LedgerCheckOptions& options, const Numbers& numbers,
               Clock::time_point deadline, Reading& reading) {
  auto client = RpcClient::create(reading.url, kCallTimeoutMs);
  if (!client) {
    reading.trouble = client.error();
    return;
  }
  const auto head = ask_tree_head(*client);
  reading.is_reachable = head || head.error().code != "node-unreachable";
  if (!head) {
    reading.trouble = head.error();
    return;
  }
  Status status = wait_for_height(*client, options.last_height, deadline);
  if (status) status = read_blocks(*client, options, numbers, reading.ledger);
  if (!status) reading.trouble = status.error();
}

bool are_of_one_size(const std::vector<NodeLedger>& ledgers) {
  return std::all_of(ledgers.begin(), ledgers.end(), [&](const NodeLedger& each) {
    return each.tree_head && ledgers.front().tree_head &&
           each.tree_head->size == ledgers.front().tree_head->size;
  });
}

// Asks all until their sizes are equal, since others may use the network as well.
void read_tree_heads(std::vector<NodeLedger>& ledgers, Clock::time_point deadline) {
  do {
    for (NodeLedger& ledger : ledgers) {
      ledger.tree_head.reset();
      auto client = RpcClient::create(ledger.node, kCallTimeoutMs);
      if (!client) continue;
      if (const auto head = ask_tree_head(*client)) ledger.tree_head = *head;
    }
    if (are_of_one_size(ledgers)) return;
    std::this_thread::sleep_for(kPause);
  } while (Clock::now() < deadline);
}

std::string sentence_of(const LedgerCheck& check, const LedgerCheckOptions& options,
                        std::uint64_t acknowledged, const std::vector<std::string>& troubles) {
  if (check.verdict == LedgerCheck::Verdict::kViolated) {
    return fmt::format("VIOLATED: {}.", fmt::join(check.findings.violations, "; "));
  }
  if (check.verdict == LedgerCheck::Verdict::kNotDone) {
    return fmt::format("The check could not be done: {}.", fmt::join(troubles, "; "));
  }
  return fmt::format(
      "Each of the {} acknowledged transactions is in the ledger exactly once at {} of {} nodes, "
      "heights {} to {}, and their tree heads are equal.",
      acknowledged, check.nodes_checked, options.urls.size(), options.first_height,
      options.last_height);
}

std::vector<Reading> read_all(const LedgerCheckOptions& options, const Workload& workload,
                              std::size_t transactions, Clock::time_point deadline) {
  Numbers numbers;
  numbers.reserve(transactions);
  for (std::size_t i = 0; i < transactions; ++i) numbers.emplace(workload[i].id, i);
  std::vector<Reading> readings(options.urls.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    readings[i].url = options.urls[i];
    readings[i].ledger.node = options.urls[i];
    readings[i].ledger.applied_times.resize(transactions);
    threads.emplace_back([&, i] { read_node(options, numbers, deadline, readings[i]); });
  }
  for (std::thread& thread : threads) thread.join();
  return readings;
}

}  // namespace

std::string_view verdict_text(LedgerCheck::Verdict verdict) {
  if (verdict == LedgerCheck::Verdict::kHolds) return "holds";
  return verdict == LedgerCheck::Verdict::kViolated ? "violated" : "not-done";
}

LedgerCheck check_ledgers(const LedgerCheckOptions& options, const Workload& workload,
                          const std::vector<bool>& acknowledged) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(options.timeout_ms);
  LedgerCheck check;
  std::vector<NodeLedger> ledgers;
  std::vector<std::string> troubles;
  for (Reading& reading : read_all(options, workload, acknowledged.size(), deadline)) {
    if (!reading.is_reachable) {
      ++check.nodes_unreachable;
    } else if (reading.trouble) {
      troubles.push_back(reading.trouble->message);
    } else {
      ledgers.push_back(std::move(reading.ledger));
    }
  }
  if (ledgers.empty() && troubles.empty()) troubles.emplace_back("no node answers");
  read_tree_heads(ledgers, deadline);
  check.findings = compare_ledgers(acknowledged, ledgers, options.first_height);
  if (!check.findings.heads_compared && !ledgers.empty()) {
    troubles.emplace_back(
        "the nodes did not come to rest at one height, so their tree heads were "
        "not compared");
  }
  check.nodes_checked = ledgers.size();
  check.blocks = options.last_height + 1 - options.first_height;
  check.verdict = check.findings.is_violated() ? LedgerCheck::Verdict::kViolated
                  : troubles.empty()           ? LedgerCheck::Verdict::kHolds
                                               : LedgerCheck::Verdict::kNotDone;
  const auto count = std::count(acknowledged.begin(), acknowledged.end(), true);
  check.sentence = sentence_of(check, options, static_cast<std::uint64_t>(count), troubles);
  return check;
}

}  // namespace quorate::node
