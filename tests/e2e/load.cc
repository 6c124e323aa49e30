// The load of the end-to-end scripts:
//
//   e2e_load submit DIR KEYS EACH IDS   EACH transactions from each of KEYS new keys through all
//   nodes of
//                                       the testnet in DIR at once; ends when all are replicated
//   e2e_load count DIR N                every node says that N transactions were applied
//   e2e_load receipts DIR IDS           a node gives a receipt for each id, and it verifies offline
//
// Each transaction adds 1 to one counter and puts a key of its own, so "exactly once" is a number.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/json/object.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ledger/genesis.h"
#include "ledger/receipt.h"
#include "node/files.h"
#include "node/json_members.h"
#include "node/network_folder.h"
#include "node/submission.h"
#include "node/time_text.h"

namespace quorate {
namespace {

constexpr std::string_view kCounter = "load.total";
constexpr std::size_t kGenesisBytesMax = 16 << 20;
// A node that is busy is asked again; this is how long all of it may take.
constexpr std::chrono::seconds kPatience{240};
constexpr std::chrono::milliseconds kBusyPause{100};

int complain(const Error& error) {
  fmt::print(stderr, "load: {}\n", error.to_string());
  return 1;
}

Result<ledger::Genesis> read_genesis(const node::NetworkFolder& folder) {
  QUORATE_ASSIGN(const std::string text, node::read_file(folder.genesis_path(), kGenesisBytesMax));
  return ledger::parse_genesis(text);
}

// All nodes, beginning with one of them.
Result<node::NodePool> nodes_from(const node::NetworkFolder& folder, std::size_t first) {
  std::vector<std::string> urls;
  for (const node::NetworkReplica& replica : folder.replicas) urls.push_back(replica.url());
  std::rotate(urls.begin(), urls.begin() + static_cast<std::ptrdiff_t>(first % urls.size()),
              urls.end());
  return node::NodePool::create(urls);
}

Status submit_patiently(node::NodePool& nodes, const node::SignedDraft& draft, node::Level wait) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Error last;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto submission = node::submit(nodes, draft, {.wait = wait});
    if (submission && submission->end == node::Submission::End::kReached) return {};
    last = submission ? submission->error : submission.error();
    if (submission && submission->end == node::Submission::End::kRefused) break;
    std::this_thread::sleep_for(kBusyPause);
  }
  return tl::unexpected(last);
}

// One key's share: first all are handed in, each at another node, then each is followed to the end.
Status submit_from_one_key(const node::NetworkFolder& folder, const ledger::Digest& chain_id,
                           std::size_t key_number, std::size_t each,
                           std::vector<std::string>& ids) {
  const auto key = crypto::SecretKey::generate();
  std::vector<node::NodePool> pools;
  for (std::size_t i = 0; i < folder.replicas.size(); ++i) {
    QUORATE_ASSIGN(auto pool, nodes_from(folder, i));
    pools.push_back(std::move(pool));
  }
  std::vector<node::SignedDraft> drafts;
  for (std::size_t i = 0; i < each; ++i) {
    node::Draft draft;
    draft.chain_id = chain_id;
    draft.valid_for_ms = 600'000;
    draft.operations = {
        ledger::Add{to_bytes(kCounter), 1},
        ledger::Put{to_bytes(fmt::format("load.{}.{}", key_number, i)), to_bytes("done"), {}}};
    drafts.push_back(node::sign_draft(draft, key, i + 1, node::clock_now()));
    node::NodePool& pool = pools[(key_number + i) % pools.size()];
    QUORATE_TRY(submit_patiently(pool, drafts.back(), node::Level::kLocal));
  }
  for (std::size_t i = 0; i < each; ++i) {
    node::NodePool& pool = pools[(key_number + i) % pools.size()];
    QUORATE_TRY(submit_patiently(pool, drafts[i], node::Level::kReplicated));
    ids.push_back(drafts[i].id.hex());
  }
  return {};
}

int submit_all(const node::NetworkFolder& folder, std::size_t keys, std::size_t each,
               const std::string& ids_file) {
  const auto genesis = read_genesis(folder);
  if (!genesis) return complain(genesis.error());
  const ledger::Digest chain_id = ledger::chain_id_of(*genesis);
  std::vector<std::vector<std::string>> ids(keys);
  std::vector<Status> outcomes(keys);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < keys; ++k) {
    threads.emplace_back(
        [&, k] { outcomes[k] = submit_from_one_key(folder, chain_id, k, each, ids[k]); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  for (const Status& outcome : outcomes) {
    if (!outcome) return complain(outcome.error());
  }
  std::ofstream out(ids_file);
  for (const auto& of_one_key : ids) {
    for (const std::string& id : of_one_key) out << id << '\n';
  }
  fmt::print("{} transactions replicated in {:.2f} s, {:.0f}/s\n", keys * each, took.count(),
             static_cast<double>(keys * each) / took.count());
  return out.flush() ? 0 : 1;
}

int check_count(const node::NetworkFolder& folder, std::size_t expected) {
  for (std::size_t i = 0; i < folder.replicas.size(); ++i) {
    auto nodes = nodes_from(folder, i);
    if (!nodes) return complain(nodes.error());
    const auto answer =
        nodes->call_current("quorate_get", {{"key", to_base64(as_bytes(kCounter))}});
    if (!answer) return complain(answer.error());
    const auto value = from_base64(node::text_member(*answer, "value").value_or(""));
    if (!value || as_text(*value) != fmt::to_string(expected)) {
      fmt::print(stderr, "load: {} counts {}, expected {}\n", folder.replicas[i].name,
                 value ? as_text(*value) : "nothing", expected);
      return 1;
    }
  }
  return 0;
}

Status check_receipt(node::NodePool& nodes, const std::string& id,
                     const ledger::Genesis& genesis) {
  QUORATE_ASSIGN(const auto answer, nodes.call("quorate_receipt", {{"id", id}}));
  QUORATE_ASSIGN(const auto receipt,
                 ledger::parse_receipt(node::text_member(answer, "receipt").value_or("")));
  QUORATE_ASSIGN(const auto verdict, ledger::verify_receipt(receipt, genesis));
  const bool is_good = verdict.id.hex() == id && verdict.order_proved &&
                       verdict.result.outcome == ledger::Outcome::kApplied;
  if (is_good) return {};
  return fail(ErrorKind::kCorrupt, "receipt-unexpected",
              fmt::format("The receipt of {} does not prove that it was applied", id));
}

int check_receipts(const node::NetworkFolder& folder, const std::string& ids_file) {
  const auto genesis = read_genesis(folder);
  if (!genesis) return complain(genesis.error());
  std::ifstream in(ids_file);
  std::size_t count = 0;
  for (std::string id; std::getline(in, id); ++count) {
    auto nodes = nodes_from(folder, count);
    if (!nodes) return complain(nodes.error());
    if (const Status good = check_receipt(*nodes, id, *genesis); !good) {
      return complain(good.error());
    }
  }
  fmt::print("{} receipts verified\n", count);
  return count == 0 ? 1 : 0;
}

std::size_t number(const char* text) {
  std::size_t value = 0;
  const std::string_view digits = text;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

int run(const std::vector<const char*>& words) {
  if (const auto status = crypto::self_test(); !status) return complain(status.error());
  const std::string_view what = words.size() > 2 ? words[1] : "";
  const auto folder = node::read_network_folder(words.size() > 2 ? words[2] : "");
  if (!folder) return complain(folder.error());
  if (what == "submit" && words.size() == 6) {
    return submit_all(*folder, number(words[3]), number(words[4]), words[5]);
  }
  if (what == "count" && words.size() == 4) return check_count(*folder, number(words[3]));
  if (what == "receipts" && words.size() == 4) return check_receipts(*folder, words[3]);
  fmt::print(stderr, "usage: e2e_load submit DIR KEYS EACH IDS | count DIR N | receipts DIR IDS\n");
  return 2;
}

}  // namespace
}  // namespace quorate

int main(int argc, char** argv) {
  return quorate::run(std::vector<const char*>(argv, argv + argc));
}
