// quorate testnet reorg

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "node/json_members.h"
#include "node/rpc_client.h"
#include "testnet/commands/registry.h"
#include "testnet/view.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using node::Console;
using node::ExitCode;

constexpr std::uint64_t kDepthMax = 1000;
constexpr std::uint32_t kCallMs = 60'000;
constexpr std::chrono::seconds kSpreadPatience{10};
constexpr std::chrono::milliseconds kPause{50};

struct Options {
  std::optional<std::string> dir;
  std::uint64_t depth = 3;
  std::uint64_t node = 0;
  std::vector<std::string> keep;
};

struct Displaced {
  std::string id;
  std::string hex;
  bool is_kept = false;
};

tl::unexpected<Error> malformed_answer(std::string_view method) {
  return fail(ErrorKind::kCorrupt, "node-answer-malformed",
              fmt::format("The node's answer to {} has another shape", method),
              "See that the node is of this version.");
}

// One call of Bitcoin Core's RPC, whose result is a text.
Result<std::string> text_of(node::RpcClient& client, std::string_view method,
                            const json::object& params) {
  QUORATE_ASSIGN(const json::value answer, client.call(method, params));
  if (!answer.is_string()) return malformed_answer(method);
  return std::string(answer.get_string());
}

// What stands in the last `depth` blocks, the lowest first.
Result<std::vector<Displaced>> transactions_above(node::RpcClient& client, std::uint64_t first,
                                                  std::uint64_t tip) {
  std::vector<Displaced> out;
  for (std::uint64_t height = first; height <= tip; ++height) {
    QUORATE_ASSIGN(const std::string hash, text_of(client, "getblockhash", {{"height", height}}));
    QUORATE_ASSIGN(const json::value block,
                   client.call("getblock", {{"blockhash", hash}, {"verbosity", 2}}));
    const json::value* all = node::find_member(block, "tx");
    if (all == nullptr || !all->is_array()) return malformed_answer("getblock");
    for (const json::value& each : all->get_array()) {
      const auto id = node::text_member(each, "id");
      if (id) out.push_back({*id, node::text_member(each, "hex").value_or("")});
    }
  }
  return out;
}

Status mark_kept(std::vector<Displaced>& displaced, const std::vector<std::string>& keep) {
  for (const std::string& id : keep) {
    bool found = false;
    for (Displaced& each : displaced) {
      if (each.id == id) found = each.is_kept = true;
    }
    if (found) continue;
    return fail(ErrorKind::kNotFound, "tx-not-found",
                fmt::format("transaction {} stands in none of the blocks that would be displaced",
                            id),
                "See what stands there with getblock, or choose a greater --depth.");
  }
  return {};
}

// The new branch, one block longer than the old; the hash of its tip.
Result<std::string> mine_branch(node::RpcClient& client, const std::vector<Displaced>& displaced,
                                std::uint64_t blocks) {
  json::array kept;
  for (const Displaced& each : displaced) {
    if (each.is_kept) kept.emplace_back(each.hex);
  }
  std::string tip;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    QUORATE_ASSIGN(const json::value made,
                   client.call("generateblock", {{"output", nullptr},
                                                 {"transactions", i == 0 ? kept : json::array()}}));
    tip = node::text_member(made, "hash").value_or("");
  }
  return tip;
}

// How many nodes of those that answer are on this tip, once all are or time is up.
std::pair<std::size_t, std::size_t> spread_of(const node::NetworkFolder& folder,
                                              const std::string& tip) {
  const auto deadline = std::chrono::steady_clock::now() + kSpreadPatience;
  while (true) {
    std::size_t answering = 0, on_it = 0;
    for (const node::NetworkReplica& replica : folder.replicas) {
      auto client = node::RpcClient::create(replica.url());
      const auto best = client ? text_of(*client, "getbestblockhash", {})
                               : Result<std::string>(tl::unexpected(client.error()));
      if (!best) continue;
      ++answering;
      if (*best == tip) ++on_it;
    }
    if (on_it == answering || std::chrono::steady_clock::now() >= deadline) {
      return {on_it, answering};
    }
    std::this_thread::sleep_for(kPause);
  }
}

Status check_depth(const Options& options, const node::NetworkFolder& folder) {
  if (folder.engine != "pow" && folder.engine != "both") {
    return fail(ErrorKind::kConflict, "testnet-other-engine",
                fmt::format("The testnet in {} has the engine {}, which has no reorganisations",
                            folder.root.string(), folder.engine),
                "Make one with `quorate testnet up --engine pow`.");
  }
  if (options.node < folder.replicas.size() && options.depth >= 1 && options.depth <= kDepthMax) {
    return {};
  }
  return fail(ErrorKind::kUsage, "usage",
              fmt::format("found --depth {} --node {}, expected 1 to {} and a node below {}",
                          options.depth, options.node, kDepthMax, folder.replicas.size()));
}

Result<ExitCode> reorg(const Options& options, Console& console) {
  QUORATE_ASSIGN(const node::NetworkFolder folder, find_folder(options.dir));
  QUORATE_TRY(check_depth(options, folder));
  QUORATE_ASSIGN(auto client,
                 node::RpcClient::create(folder.replicas[options.node].url(), kCallMs));
  QUORATE_ASSIGN(const json::value count, client.call("getblockcount", {}));
  const auto tip = count.to_number<std::uint64_t>();
  if (tip < options.depth) {
    return fail(ErrorKind::kRejected, "reorg-too-deep",
                fmt::format("found --depth {}, expected at most {}, the height of the tip",
                            options.depth, tip));
  }
  const std::uint64_t first = tip - options.depth + 1;
  QUORATE_ASSIGN(std::vector<Displaced> displaced, transactions_above(client, first, tip));
  QUORATE_TRY(mark_kept(displaced, options.keep));
  QUORATE_ASSIGN(const std::string fork, text_of(client, "getblockhash", {{"height", first}}));
  QUORATE_TRY(client.call("invalidateblock", {{"blockhash", fork}}));
  const auto branch = mine_branch(client, displaced, options.depth + 1);
  // The mark goes in any case: what decides is the work.
  QUORATE_TRY(client.call("reconsiderblock", {{"blockhash", fork}}));
  if (!branch) return tl::unexpected(branch.error());
  const auto [on_it, answering] = spread_of(folder, *branch);

  console.line(fmt::format("{} blocks from height {} on gave way to {}", options.depth, first,
                           options.depth + 1));
  json::array ids;
  for (const Displaced& each : displaced) {
    console.line(fmt::format("    {} {}", each.id, each.is_kept ? "kept" : "displaced"));
    ids.push_back(json::object{{"id", each.id}, {"kept", each.is_kept}});
  }
  console.line(fmt::format("{} of {} nodes are on the new tip {}", on_it, answering, *branch));
  console.json(json::object{{"depth", options.depth},
                            {"first_height", first},
                            {"tip", *branch},
                            {"transactions", ids},
                            {"nodes_on_it", on_it},
                            {"nodes", answering}});
  return on_it == answering ? ExitCode::kSuccess : ExitCode::kUnavailable;
}

}  // namespace

void add_reorg_command(node::CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "testnet reorg",
            .sentence = "Have a heavier branch displace the newest blocks of a chain in a testnet",
            .details = "One node turns away from them, mines a branch that is one block longer, "
                       "and takes its mark back: the\nothers follow the work alone. What stood "
                       "there and is not kept waits for a block again; anchors do. Exit code 6:\n"
                       "not all nodes followed within 10 s.",
            .example = "  quorate testnet reorg --depth 3 --keep TXID",
            .parameters = {dir_parameter(options->dir),
                           {.name = "--depth",
                            .value = "N",
                            .help = "How many blocks; default 3",
                            .target = &options->depth},
                           {.name = "--keep",
                            .value = "TXID",
                            .help = "A transaction that the new branch has as well; may be "
                                    "repeated",
                            .target = &options->keep},
                           {.name = "--node",
                            .value = "N",
                            .help = "Who mines it; default 0",
                            .target = &options->node}},
            .run = [options](Console& console) { return reorg(*options, console); }});
}

}  // namespace quorate::testnet
