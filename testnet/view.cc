#include "testnet/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <map>
#include <set>
#include <thread>

#include "node/json_members.h"
#include "node/rpc_client.h"
#include "node/time_text.h"
#include "testnet/liars_file.h"
#include "testnet/link_faults.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;

constexpr std::uint32_t kAnswerPatienceMs = 2000;
// A node that is there for so long without an answer is not starting any more.
constexpr std::uint64_t kStartingMsMax = 15'000;

std::optional<NodeReport> ask_node(const std::string& url) {
  auto client = node::RpcClient::create(url, kAnswerPatienceMs);
  if (!client) return std::nullopt;
  const auto answer = client->call("status", {});
  if (!answer) return std::nullopt;
  const json::value* quorate = node::find_member(*answer, "quorate");
  if (quorate == nullptr) return std::nullopt;
  NodeReport report;
  report.role = node::text_member(*quorate, "role").value_or("");
  report.view = node::number_member(*quorate, "view").value_or(0);
  report.sequence = node::number_member(*quorate, "sequence").value_or(0);
  report.tree_size = node::number_member(*quorate, "tree_head.size").value_or(0);
  report.tree_root = node::text_member(*quorate, "tree_head.root").value_or("");
  report.state_root = node::text_member(*quorate, "state_root").value_or("");
  report.waiting = node::number_member(*quorate, "waiting").value_or(0);
  report.faults_number = node::number_member(*quorate, "injected_faults.number").value_or(0);
  report.faults = node::text_member(*quorate, "injected_faults_text").value_or("");
  report.healing = node::text_member(*quorate, "healing_text").value_or("");
  if (const json::value* peers = node::find_member(*quorate, "peers");
      peers != nullptr && peers->is_array()) {
    for (const json::value& peer : peers->get_array()) {
      const json::value* connected = node::find_member(peer, "connected_out");
      if (connected != nullptr && connected->is_bool() && connected->get_bool()) {
        ++report.peers_connected;
      }
    }
  }
  return report;
}

// Rows of cells as lines of columns.
std::vector<std::string> align(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      line += fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    lines.push_back(line + row.back());
  }
  return lines;
}

// Of nodes that mine: another tip is no contradiction, only another opinion.
std::string agreement_of_tips(const TestnetView& view) {
  std::set<std::string> tips;
  std::set<std::string> states;
  for (const ReplicaView& each : view.replicas) {
    if (!each.report) continue;
    tips.insert(each.report->tree_root);
    states.insert(each.report->state_root);
  }
  const std::string who =
      fmt::format("{} of {} nodes answer", view.answering(), view.replicas.size());
  if (tips.empty()) return who + ".";
  if (tips.size() > 1) return fmt::format("{}, on {} different tips.", who, tips.size());
  if (states.size() > 1) return fmt::format("{}; ONE TIP, AND THEIR STATES DIFFER", who);
  return fmt::format("{}, all on the same tip at height {}.", who, view.height());
}

std::vector<std::vector<std::string>> pow_rows(const TestnetView& view) {
  std::vector<std::vector<std::string>> rows{
      {"node", "role", "state", "height", "tip", "state root", "waiting", "RPC", "peers"}};
  for (const ReplicaView& each : view.replicas) {
    const auto& report = each.report;
    std::string state = each.state();
    if (each.process.state == ProcessState::kExited && !each.process.end.empty()) {
      state += ": " + each.process.end;
    }
    // A hash begins with its zeros.
    const std::string tip = report ? report->tree_root : "";
    rows.push_back({each.replica.name, report ? report->role : "-", state,
                    report ? fmt::to_string(report->sequence) : "-",
                    report ? tip.substr(tip.size() - std::min<std::size_t>(tip.size(), 8)) : "-",
                    report ? report->state_root.substr(0, 8) : "-",
                    report ? fmt::to_string(report->waiting) : "-", each.replica.url(),
                    each.replica.peer.to_string()});
  }
  return rows;
}

std::vector<std::vector<std::string>> pbft_rows(const TestnetView& view) {
  std::vector<std::vector<std::string>> rows{
      {"replica", "role", "state", "height", "view", "tree head", "RPC", "peers", "vote key"}};
  for (const ReplicaView& each : view.replicas) {
    const auto& report = each.report;
    std::string state = each.state();
    if (each.process.state == ProcessState::kExited && !each.process.end.empty()) {
      state += ": " + each.process.end;
    }
    if (!each.lies.empty()) state += ", lies: " + each.lies;
    rows.push_back({each.replica.name, report ? report->role : "-", state,
                    report ? fmt::to_string(report->sequence) : "-",
                    report ? fmt::to_string(report->view) : "-",
                    report ? report->tree_root.substr(0, 8) : "-", each.replica.url(),
                    each.replica.peer.to_string(), each.replica.vote_key.hex().substr(0, 8)});
  }
  return rows;
}

}  // namespace

std::string ReplicaView::state() const {
  if (process.state != ProcessState::kRunning)
    return std::string(process_state_text(process.state));
  if (report) return "running";
  const std::uint64_t age_ms = node::clock_now().value - process.since_ms;
  return age_ms < kStartingMsMax ? "starting" : "silent";
}

std::size_t TestnetView::answering() const {
  return static_cast<std::size_t>(
      std::count_if(replicas.begin(), replicas.end(),
                    [](const ReplicaView& each) { return each.report.has_value(); }));
}

std::uint64_t TestnetView::height() const {
  std::uint64_t height = 0;
  for (const ReplicaView& each : replicas) {
    if (each.report) height = std::max(height, each.report->sequence);
  }
  return height;
}

Result<TestnetView> look(const node::NetworkFolder& folder) {
  TestnetView view{folder, std::nullopt, {}, {}};
  const auto status = ask_status(folder);
  if (!status && status.error().kind != ErrorKind::kNotFound) {
    return tl::unexpected(status.error());
  }
  if (status) view.supervisor = status->pid;
  // What cannot be read, its node refuses too and says so.
  if (const auto faults = read_link_faults(folder); faults && status) {
    view.faults = describe(*faults);
  }
  QUORATE_ASSIGN(const LiveLiars liars, read_liars(folder));
  for (const node::NetworkReplica& replica : folder.replicas) {
    view.replicas.push_back({replica, {}, std::nullopt});
    if (status) view.replicas.back().process = status->replicas[replica.id.value];
    if (const auto liar = liars.find(replica.id); liar != liars.end()) {
      view.replicas.back().lies = live_behaviours_text(liar->second);
    }
  }
  std::vector<std::thread> askers;
  for (ReplicaView& each : view.replicas) {
    if (each.process.pid == 0) continue;
    askers.emplace_back([&each] { each.report = ask_node(each.replica.url()); });
  }
  for (std::thread& asker : askers) asker.join();
  return view;
}

std::string agreement(const TestnetView& view) {
  if (!view.supervisor) return "The testnet is down.";
  if (view.folder.engine == "pow") return agreement_of_tips(view);
  std::map<std::uint64_t, std::set<std::string>> roots;  // tree size -> roots seen at it
  std::uint64_t lowest = view.height();
  for (const ReplicaView& each : view.replicas) {
    if (!each.report) continue;
    roots[each.report->tree_size].insert(each.report->tree_root);
    lowest = std::min(lowest, each.report->sequence);
  }
  const std::string who =
      fmt::format("{} of {} replicas answer", view.answering(), view.replicas.size());
  for (const auto& [size, seen] : roots) {
    if (seen.size() > 1) {
      return fmt::format("{}; THEIR LEDGERS DIFFER: {} tree heads of size {}", who, seen.size(),
                         size);
    }
  }
  if (roots.empty()) return who + ".";
  if (roots.size() == 1) {
    return fmt::format("{}, with equal tree heads at height {}.", who, view.height());
  }
  return fmt::format("{}, at heights {} to {}.", who, lowest, view.height());
}

std::vector<std::string> table(const TestnetView& view) {
  const bool is_pow = view.folder.engine == "pow";
  std::vector<std::string> lines = align(is_pow ? pow_rows(view) : pbft_rows(view));
  if (!view.faults.empty()) lines.emplace_back();
  for (const std::string& fault : view.faults) lines.push_back("injected fault: " + fault);
  for (const ReplicaView& each : view.replicas) {
    if (!each.report || each.report->healing.empty()) continue;
    lines.emplace_back();
    lines.push_back(fmt::format("{}: {}", each.replica.name, each.report->healing));
  }
  return lines;
}

json::object view_to_json(const TestnetView& view) {
  json::array replicas;
  for (const ReplicaView& each : view.replicas) {
    json::object object{{"id", each.replica.id.value},
                        {"name", each.replica.name},
                        {"url", each.replica.url()},
                        {"peer", each.replica.peer.to_string()},
                        {"vote_key", each.replica.vote_key.hex()},
                        {"state", each.state()},
                        {"pid", nullptr},
                        {"role", nullptr},
                        {"view", nullptr},
                        {"sequence", nullptr},
                        {"tree_head", nullptr}};
    if (each.process.pid != 0) object["pid"] = each.process.pid;
    if (!each.process.end.empty()) object["end"] = each.process.end;
    if (!each.lies.empty()) object["lies"] = each.lies;
    if (each.report) {
      object["role"] = each.report->role;
      object["view"] = each.report->view;
      object["sequence"] = each.report->sequence;
      object["tree_head"] =
          json::object{{"size", each.report->tree_size}, {"root", each.report->tree_root}};
      if (view.folder.engine == "pow") {
        object["tip"] = each.report->tree_root;
        object["state_root"] = each.report->state_root;
        object["waiting"] = each.report->waiting;
      }
      if (!each.report->faults.empty()) object["injected_faults"] = each.report->faults;
      if (!each.report->healing.empty()) object["healing"] = each.report->healing;
    }
    replicas.push_back(std::move(object));
  }
  json::object object{{"dir", view.folder.root.string()},
                      {"name", view.folder.name},
                      {"engine", view.folder.engine},
                      {"genesis", view.folder.genesis_path().string()},
                      {"default_key", view.folder.default_key_path().string()},
                      {"supervisor", nullptr}};
  if (view.supervisor) object["supervisor"] = *view.supervisor;
  json::array faults;
  for (const std::string& fault : view.faults) faults.emplace_back(fault);
  object["faults"] = std::move(faults);
  object["replicas"] = std::move(replicas);
  return object;
}

}  // namespace quorate::testnet
