// CometBFT's methods about the node itself: status, health, genesis, net_info.

#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "ledger/genesis.h"
#include "node/comet_json.h"
#include "node/comet_rpc.h"
#include "node/quorate_rpc.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

// The dialect's version that these shapes follow. Clients choose their decoder by it.
constexpr std::string_view kDialectVersion = "0.38.17";
constexpr std::size_t kEvidenceBytesMax = 1 << 20;

std::string listen_address(const Endpoint& endpoint) { return "tcp://" + endpoint.to_string(); }

json::object node_info(const NodeView& view, const ledger::ReplicaInfo& replica,
                       const Endpoint& peers, const std::string& rpc_address) {
  return {{"protocol_version", json::object{{"p2p", "8"}, {"block", "11"}, {"app", "1"}}},
          {"id", to_hex(ByteView(crypto::sha256(replica.network_key.bytes).bytes).first(20))},
          {"listen_addr", listen_address(peers)},
          {"network", view.chain_id.hex()},
          {"version", kDialectVersion},
          {"channels", ""},
          {"moniker", replica.name},
          {"other", json::object{{"tx_index", "on"}, {"rpc_address", rpc_address}}}};
}

// Without a block the genesis stands in: clients want a hash that is not empty.
RpcExpected<json::object> sync_info(const NodeView& view) {
  const ledger::Store& store = view.store;
  const ledger::Height latest = store.height();
  const std::string genesis_hash = upper_hex(view.chain_id.bytes);
  const std::string genesis_app_hash = upper_hex(crypto::sha256({}).bytes);
  json::object info{{"latest_block_hash", genesis_hash},
                    {"latest_app_hash", genesis_app_hash},
                    {"latest_block_height", "0"},
                    {"latest_block_time", time_to_text(view.genesis.time)},
                    {"earliest_block_hash", genesis_hash},
                    {"earliest_app_hash", genesis_app_hash},
                    {"earliest_block_height", "0"},
                    {"earliest_block_time", time_to_text(view.genesis.time)},
                    {"catching_up", view.core().is_catching_up}};
  if (latest <= store.base()) return info;  // no block is kept here yet
  QUORATE_ASSIGN(const ledger::Record last, answered(store.record(latest)));
  QUORATE_ASSIGN(const ledger::Record first, answered(store.record(next(store.base()))));
  info["latest_block_hash"] = block_hash(last);
  info["latest_app_hash"] = app_hash(last);
  info["latest_block_height"] = decimal(latest.value);
  info["latest_block_time"] = time_to_text(last.effective_time);
  info["earliest_block_hash"] = block_hash(first);
  info["earliest_app_hash"] = app_hash(first);
  info["earliest_block_height"] = decimal(first.batch.sequence.value);
  info["earliest_block_time"] = time_to_text(first.effective_time);
  return info;
}

json::object consensus_params(const ledger::Genesis& genesis) {
  return {{"block", json::object{{"max_bytes", decimal(genesis.parameters.batch_bytes_max)},
                                 {"max_gas", "-1"}}},
          {"evidence", json::object{{"max_age_num_blocks", "100000"},
                                    {"max_age_duration", "172800000000000"},
                                    {"max_bytes", decimal(kEvidenceBytesMax)}}},
          {"validator", json::object{{"pub_key_types", json::array{"ed25519"}}}},
          {"version", json::object{{"app", "1"}}},
          {"abci", json::object{{"vote_extensions_enable_height", "0"}}}};
}

RpcExpected<json::object> genesis_json(const NodeView& view, const std::string& text) {
  json::array validators;
  for (const ledger::ReplicaInfo& replica : view.genesis.replicas) {
    validators.push_back(json::object{{"address", validator_address(replica.vote_key)},
                                      {"pub_key", public_key_json(replica.vote_key)},
                                      {"power", "1"},
                                      {"name", replica.name}});
  }
  json::error_code trouble;
  json::value document = json::parse(text, trouble);
  if (trouble) {
    return tl::unexpected(rpc_error_of({ErrorKind::kCorrupt, "genesis-unreadable",
                                        "The genesis document does not read back: " +
                                            trouble.message(),
                                        "Report this."}));
  }
  return json::object{{"genesis_time", time_to_text(view.genesis.time)},
                      {"chain_id", view.chain_id.hex()},
                      {"initial_height", "1"},
                      {"consensus_params", consensus_params(view.genesis)},
                      {"validators", std::move(validators)},
                      {"app_hash", ""},
                      {"app_state", std::move(document)}};
}

}  // namespace

RpcResult comet_health(const NodeView&, const RpcParams&) { return json::object{}; }

RpcResult comet_status(const NodeView& view, const RpcParams&) {
  const ledger::ReplicaInfo& own = view.genesis.replicas[view.self.value];
  QUORATE_ASSIGN(json::object sync, sync_info(view));
  return json::object{
      {"node_info", node_info(view, own, view.peer_endpoint, listen_address(view.rpc_endpoint))},
      {"sync_info", std::move(sync)},
      {"validator_info",
       json::object{{"address", validator_address(own.vote_key)},
                    {"pub_key", public_key_json(own.vote_key)},
                    {"voting_power", view.core().standing == pbft::Standing::kVoter ? "1" : "0"}}},
      {"quorate", quorate_status(view)}};
}

RpcResult comet_genesis(const NodeView& view, const std::string& document) {
  if (document.size() > kGenesisChunkBytes) {
    return tl::unexpected(rpc_error_of(
        {ErrorKind::kUnsupported, "genesis-too-large",
         fmt::format("The genesis document has {} bytes, more than the {} of one answer",
                     document.size(), kGenesisChunkBytes),
         "Fetch it with genesis_chunked, chunk by chunk from 0."}));
  }
  QUORATE_ASSIGN(json::object genesis, genesis_json(view, document));
  return json::object{{"genesis", std::move(genesis)}};
}

RpcResult comet_genesis_chunked(const std::string& document, const RpcParams& params) {
  const std::size_t total = (document.size() + kGenesisChunkBytes - 1) / kGenesisChunkBytes;
  QUORATE_ASSIGN(const auto asked, params.number("chunk", 0, total - 1));
  const std::size_t chunk = asked.value_or(0);
  const std::string_view part =
      std::string_view(document).substr(chunk * kGenesisChunkBytes, kGenesisChunkBytes);
  return json::object{
      {"chunk", chunk}, {"total", total}, {"data", to_base64(as_bytes(part))}};
}

RpcResult comet_net_info(const NodeView& view, const RpcParams&) {
  json::array peers;
  for (const PeerState& peer : view.peers()) {
    if (!peer.connected_in && !peer.connected_out) continue;
    if (peer.id.value >= view.genesis.replicas.size()) continue;
    const ledger::ReplicaInfo& replica = view.genesis.replicas[peer.id.value];
    // What this node measures stands under "quorate"; the dialect's own record of a connection has
    // rates and channels that have no counterpart here.
    peers.push_back(json::object{{"node_info", node_info(view, replica, peer.endpoint, "")},
                                 {"is_outbound", peer.connected_out},
                                 {"connection_status", json::object{}},
                                 {"remote_ip", peer.endpoint.host},
                                 {"quorate", peer_json(peer)}});
  }
  const std::size_t count = peers.size();
  return json::object{
      {"listening", true},
      {"listeners", json::array{json::string(listen_address(view.peer_endpoint))}},
      {"n_peers", decimal(count)},
      {"peers", std::move(peers)}};
}

}  // namespace quorate::node
