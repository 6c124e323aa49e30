// What a node says of itself: the object "quorate" in `status`, and whether it is ready.

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "ledger/prune.h"
#include "ledger/quorum.h"
#include "node/commands/registry.h"
#include "node/quorate_rpc.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

// Votes flow both ways.
bool is_connected(const PeerState& peer) { return peer.connected_in && peer.connected_out; }

std::size_t count_connected(const std::vector<PeerState>& peers) {
  return static_cast<std::size_t>(std::count_if(peers.begin(), peers.end(), is_connected));
}

std::string_view role_of(const NodeView& view, const CoreSnapshot& core) {
  if (core.standing == pbft::Standing::kLearner) return "learner";
  if (core.standing == pbft::Standing::kRecovering) return "recovering";
  return core.primary == view.self ? "primary" : "backup";
}

std::string_view state_of(const CoreSnapshot& core, bool is_in_trouble) {
  if (is_in_trouble) return "trouble";
  if (core.is_catching_up) return "catching-up";
  return core.in_view ? "running" : "changing-view";
}

// Of a ledger that began from a snapshot: on what it rests.
json::object origin_json(const ledger::SnapshotOrigin& origin) {
  const ledger::CheckpointNote& note = origin.checkpoint.note;
  json::array signers, sources, refused;
  for (const auto& each : origin.checkpoint.cosignatures) signers.push_back(each.replica.value);
  for (const ledger::ReplicaId each : origin.sources) sources.push_back(each.value);
  for (const ledger::RefusedSource& each : origin.refused) {
    refused.push_back(json::object{
        {"replica", each.replica.value}, {"code", each.code}, {"detail", each.detail}});
  }
  return {{"sequence", note.sequence.value},
          {"log_root", note.head.root.hex()},
          {"state_root", note.state_root.hex()},
          {"signers", std::move(signers)},
          {"pruned", ledger::is_pruned(origin)},
          {"taken_ms", origin.taken_ms},
          {"sources", std::move(sources)},
          {"refused", std::move(refused)},
          {"chunks", origin.chunks},
          {"found", origin.found},
          {"keys", origin.keys},
          {"bytes", origin.bytes}};
}

// How far the ledger is anchored, and what in the chain contradicts it.
json::object anchors_json(const AnchorBook& book) {
  json::object out{{"anchored", 0}};
  if (const auto newest = book.newest()) {
    out = {{"anchored", newest->size.value},
           {"root", newest->root.hex()},
           {"block", pow::display_hex(newest->block)},
           {"block_height", newest->block_height.value},
           {"depth", newest->depth},
           {"since_ms", newest->since_ms}};
  }
  if (const auto found = book.contradiction()) {
    out["contradiction"] = json::object{{"size", found->size.value},
                                        {"anchored_root", found->anchored_root.hex()},
                                        {"own_root", found->own_root.hex()},
                                        {"block", pow::display_hex(found->block)}};
  }
  return out;
}

}  // namespace

std::string program_version() {
  const std::string text = version_text();
  const std::string line = text.substr(0, text.find('\n'));
  constexpr std::string_view kName = "quorate ";
  return line.starts_with(kName) ? line.substr(kName.size()) : line;
}

json::object peer_json(const PeerState& peer) {
  return {{"id", peer.id.value},
          {"name", peer.name},
          {"address", peer.endpoint.to_string()},
          {"connected_out", peer.connected_out},
          {"connected_in", peer.connected_in},
          {"bytes_sent", peer.bytes_sent},
          {"bytes_received", peer.bytes_received},
          {"frames_dropped", peer.frames_dropped},
          {"queued_bytes", peer.queued_bytes},
          {"cut", peer.is_cut},
          {"delay_ms", peer.delay_ms},
          {"last_error", peer.last_error}};
}

json::object quorate_status(const NodeView& view) {
  const CoreSnapshot core = view.core();
  const std::vector<PeerState> peers = view.peers();
  const auto trouble = view.trouble();
  const ledger::TreeHead head = view.store.tree_head();
  const MempoolCounters mempool = view.mempool.counters();
  json::array peer_list;
  for (const PeerState& peer : peers) peer_list.push_back(peer_json(peer));
  json::object status{
      {"replica", view.self.value},
      {"name", view.genesis.replicas[view.self.value].name},
      {"network", view.genesis.name},
      {"chain_id", view.chain_id.hex()},
      {"version", program_version()},
      {"started_ms", view.started_wall_ms},
      {"role", role_of(view, core)},
      {"state", state_of(core, trouble.has_value())},
      {"epoch", core.epoch.value},
      {"view", core.view.value},
      {"in_view", core.in_view},
      {"stable", core.stable.value},
      {"timeout_ms", core.timeout_ms},
      {"primary", core.primary.value},
      {"sequence", core.executed.value},
      {"committed", core.committed.value},
      {"high_watermark", core.high_watermark.value},
      {"open_slots", core.open_slots},
      {"ready", core.ready},
      {"votes_refused", core.votes_refused},
      {"evidence_seen", core.evidence_seen},
      {"tree_head", json::object{{"size", head.size}, {"root", head.root.hex()}}},
      {"replicas", view.genesis.replicas.size()},
      {"quorum", ledger::quorum(view.genesis.replicas.size())},
      {"peers", std::move(peer_list)},
      {"peers_connected", count_connected(peers)},
      {"mempool", json::object{{"transactions", mempool.transactions},
                               {"bytes", mempool.bytes},
                               {"admitted", mempool.admitted},
                               {"refused", mempool.refused}}}};
  if (core.standing != pbft::Standing::kVoter) status["standing_reason"] = view.standing_reason;
  if (trouble) status["trouble"] = *trouble;
  if (view.healing) {
    status["healing"] = healing_to_json(*view.healing);
    status["healing_text"] = healing_text(*view.healing);
  }
  if (view.faults) {
    const InjectedFaults faults = view.faults();
    status["injected_faults"] = faults_to_json(faults);
    if (faults.any()) status["injected_faults_text"] = faults_text(faults);
  }
  if (view.anchors != nullptr) status["anchors"] = anchors_json(*view.anchors);
  // A ledger that cannot be read says so elsewhere.
  const auto origin = view.store.origin();
  if (origin && *origin) status["snapshot"] = origin_json(**origin);
  return status;
}

std::optional<std::string> why_not_ready(const NodeView& view) {
  if (auto trouble = view.trouble()) return trouble;
  const CoreSnapshot core = view.core();
  if (core.standing != pbft::Standing::kVoter) {
    return fmt::format("This node is {} and signs nothing: {}",
                       core.standing == pbft::Standing::kLearner ? "a learner" : "recovering",
                       view.standing_reason);
  }
  const std::size_t needed = ledger::quorum(view.genesis.replicas.size()) - 1;
  const std::size_t connected = count_connected(view.peers());
  if (connected < needed) {
    return fmt::format("{} other replicas are connected both ways; a quorum takes {}", connected,
                       needed);
  }
  return std::nullopt;
}

}  // namespace quorate::node
