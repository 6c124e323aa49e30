// Transactions, the state, the journal and the node itself.

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>

#include "crypto/bcs.h"
#include "node/clock.h"
#include "node/comet_json.h"
#include "node/pow_rpc.h"
#include "node/quorate_rpc.h"
#include "node/rpc_error.h"
#include "node/tx_codes.h"
#include "pow/depth_receipt.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kJournalLinesMax = 1000;

// -- Transactions ------------------------------------------------------------------------------

Result<std::pair<ledger::TransactionPtr, bool>> submit(PowView& view, ByteView encoded) {
  if (const auto trouble = view.trouble()) {
    return fail(ErrorKind::kUnavailable, "node-in-trouble", *trouble);
  }
  QUORATE_ASSIGN(const auto transaction, view.host.chain().verifier().check(encoded));
  QUORATE_ASSIGN(const bool is_new, view.host.submit(transaction));
  return std::pair(transaction, is_new);
}

RpcResult sendrawtransaction(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const auto hex, params.text("hexstring"));
  const auto bytes = from_hex(hex.value_or(""));
  if (!bytes) {
    return pow_error(kRpcDeserializationError, "TX decode failed. Make sure the tx is valid hex.",
                     bytes.error());
  }
  const auto submitted = submit(view, *bytes);
  if (!submitted) {
    const bool is_malformed = submitted.error().kind == ErrorKind::kInvalid;
    return pow_error(is_malformed ? kRpcDeserializationError : kRpcVerifyRejected,
                     std::string(submitted.error().code), submitted.error());
  }
  return json::string(txid_of(*bytes));
}

// CometBFT's shape: what Quorate's own clients send with.
RpcResult broadcast_tx_sync(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const Bytes encoded, params.need_bytes("tx"));
  const auto submitted = submit(view, encoded);
  const auto decoded = crypto::decode<ledger::SignedTransaction>(encoded);
  const ledger::TxId id =
      decoded ? ledger::id_of(decoded->body) : ledger::TxId{crypto::sha256(encoded)};
  if (!submitted) {
    return json::object{{"code", number_of_refusal(submitted.error().code)},
                        {"data", ""},
                        {"log", submitted.error().message},
                        {"codespace", kCodespace},
                        {"hash", upper_hex(id.digest.bytes)},
                        {"error", error_to_json(submitted.error())}};
  }
  return json::object{{"code", 0},
                      {"data", ""},
                      {"log", ""},
                      {"codespace", ""},
                      {"hash", upper_hex(id.digest.bytes)},
                      {"quorate", json::object{{"id", id.hex()},
                                               {"is_new", submitted->second},
                                               {"txid", txid_of(encoded)}}}};
}

bool is_waiting(const PowView& view, const ledger::TxId& id) {
  const auto pool = view.host.chain().memory().pool();
  return std::any_of(pool.begin(), pool.end(),
                     [&](const auto& transaction) { return transaction->id == id; });
}

std::uint64_t depth_of(const PowView& view, const ledger::TxId& id) {
  const auto place = view.host.chain().find_transaction(id);
  if (!place) return 0;
  return view.host.chain().chain().tip().height.value - place->height.value + 1;
}

RpcResult depth_json(const PowView& view, const ledger::TxId& id) {
  const auto place = view.host.chain().find_transaction(id);
  if (!place && !is_waiting(view, id)) {
    return tl::unexpected(RpcError{
        kRpcServerError,
        {},
        {ErrorKind::kNotFound, "tx-not-found",
         fmt::format("Transaction {} is in no block of this node's chain and does not wait here",
                     id.hex()),
         "It may never have been sent, or not have come here. Sending the same bytes again is "
         "safe."}});
  }
  json::object out{{"id", id.hex()}, {"depth", depth_of(view, id)}};
  if (!place) return out;
  out["blockhash"] = pow::display_hex(place->block);
  out["height"] = place->height.value;
  out["index"] = place->index;
  out["outcome"] = outcome_code(place->outcome);
  return out;
}

void quorate_tx_depth(PowView& view, const RpcParams& params, const RpcReply& reply) {
  const auto id = params.need_hash("id");
  const auto wanted = params.number("depth", 0, 1'000'000);
  const auto timeout_ms = params.number("timeout_ms", 0, kWaitMsMax);
  if (!id) return reply(tl::unexpected(id.error()));
  if (!wanted) return reply(tl::unexpected(wanted.error()));
  if (!timeout_ms) return reply(tl::unexpected(timeout_ms.error()));
  const auto done = [&view, reply, id = ledger::TxId{*id},
                     wanted = wanted->value_or(0)](bool is_late) {
    if (!is_late && depth_of(view, id) < wanted) return false;
    reply(depth_json(view, id));
    return true;
  };
  if (!view.host.watch(*wanted ? timeout_ms->value_or(kWaitMsUsual) : 0, done)) done(true);
}

RpcResult quorate_depth_receipt(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const ledger::Digest digest, params.need_hash("id"));
  const ledger::TxId id{digest};
  QUORATE_ASSIGN(const json::value depth, depth_json(view, id));
  const auto place = view.host.chain().find_transaction(id);
  if (!place) {
    return tl::unexpected(rpc_error_of(
        {ErrorKind::kUnavailable, "tx-pending",
         fmt::format("Transaction {} waits for a block", id.hex()),
         "Ask again at depth 1: quorate_tx_status with wait depth=1."}));
  }
  const pow::BlockPtr body = view.host.chain().memory().body(place->block);
  QUORATE_ASSIGN(const pow::DepthProof proof,
                 answered(pow::make_depth_proof(view.host.chain().chain(), *body, place->index)));
  return json::object{{"id", id.hex()}, {"receipt", pow::depth_receipt_to_json(proof)}};
}

// As the other engine's says it: the level is local whatever the depth, since a heavier branch can
// displace any block.
RpcResult tx_status_json(PowView& view, const ledger::TxId& id) {
  QUORATE_ASSIGN(json::value depth, depth_json(view, id));
  json::object out = std::move(depth.get_object());
  out["level"] = level_text(Level::kLocal);
  out["history"] = json::array{};
  out["node"] = view.genesis.replicas[view.self.value].name;
  if (const auto place = view.host.chain().find_transaction(id)) {
    out["outcome"] = json::object{{"code", outcome_code(place->outcome)},
                                  {"message", outcome_sentence(place->outcome)}};
  }
  return out;
}

// "local" or "depth=N"; 0 for none.
RpcExpected<std::uint64_t> depth_wanted(const RpcParams& params) {
  QUORATE_ASSIGN(const auto text, params.text("wait"));
  if (!text || *text == level_text(Level::kLocal)) return 0;
  constexpr std::string_view kStart = "depth=";
  std::uint64_t depth = 0;
  if (text->starts_with(kStart)) {
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data() + kStart.size(), end, depth);
    if (error == std::errc{} && stop == end) return depth;
  }
  return pow_error(kRpcInvalidParams, {},
                   {ErrorKind::kInvalid, "wait-of-other-engine",
                    fmt::format("found wait \"{}\", expected local or depth=N: this chain is of "
                                "proof of work, where no quorum replicates",
                                text->substr(0, 32)),
                    "Wait for a depth with --wait depth=6."});
}

void quorate_tx_status(PowView& view, const RpcParams& params, const RpcReply& reply) {
  const auto id = params.need_hash("id");
  const auto wanted = depth_wanted(params);
  const auto timeout_ms = params.number("timeout_ms", 0, kWaitMsMax);
  if (!id) return reply(tl::unexpected(id.error()));
  if (!wanted) return reply(tl::unexpected(wanted.error()));
  if (!timeout_ms) return reply(tl::unexpected(timeout_ms.error()));
  const auto done = [&view, reply, id = ledger::TxId{*id}, wanted = *wanted](bool is_late) {
    if (!is_late && depth_of(view, id) < wanted) return false;
    reply(tx_status_json(view, id));
    return true;
  };
  if (!view.host.watch(*wanted > 0 ? timeout_ms->value_or(kWaitMsUsual) : 0, done)) done(true);
}

RpcResult getmempoolinfo(PowView& view, const RpcParams&) {
  std::size_t bytes = 0;
  const auto pool = view.host.chain().memory().pool();
  for (const auto& transaction : pool) bytes += transaction->encoded_bytes;
  return json::object{{"loaded", true},
                      {"size", pool.size()},
                      {"bytes", bytes},
                      {"usage", bytes},
                      {"total_fee", 0},
                      {"maxmempool", pow::PoolLimits{}.bytes_max},
                      {"mempoolminfee", 0},
                      {"minrelaytxfee", 0},
                      {"unbroadcastcount", 0}};
}

RpcResult getrawmempool(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const bool verbose, params.boolean("verbose", false));
  json::array ids;
  json::object all;
  for (const auto& transaction : view.host.chain().memory().pool()) {
    const std::string txid = txid_of(encoded_transaction(*transaction));
    ids.push_back(json::string(txid));
    all[txid] = json::object{{"vsize", transaction->encoded_bytes},
                             {"id", transaction->id.hex()}};
  }
  if (verbose) return all;
  return ids;
}

// -- The state ---------------------------------------------------------------------------------

RpcResult quorate_get(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const Bytes key, params.need_bytes("key"));
  QUORATE_TRY(check_user_key("key", key));
  const pow::ChainState& state = view.host.chain().memory().state();
  QUORATE_ASSIGN(const auto entry, answered(ledger::read_entry(state, key)));
  QUORATE_ASSIGN(const ledger::TimeMs time, answered(ledger::read_time(state)));
  json::object answer{{"found", entry.has_value()},
                      {"value", entry ? to_base64(entry->value) : std::string()},
                      {"height", view.host.chain().chain().tip().height.value},
                      {"time_ms", time.value},
                      {"staleness_ms", std::max(wall_time().value, time.value) - time.value},
                      {"proof", "unproved"}};
  if (entry && entry->until) answer["until_ms"] = entry->until->value;
  return answer;
}

RpcResult quorate_account(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const ledger::Digest bytes, params.need_hash("key"));
  const ledger::PublicKey key{bytes.bytes};
  const pow::MemoryChain& chain = view.host.chain().memory();
  const pow::ChainState& state = view.host.chain().memory().state();
  QUORATE_ASSIGN(const ledger::Account account, answered(ledger::read_account(state, key)));
  QUORATE_ASSIGN(const ledger::NonceWindow nonces, answered(ledger::read_nonces(state, key)));
  std::uint64_t next = nonces.highest + 1;
  for (const auto& transaction : chain.pool()) {
    const ledger::Transaction& body = transaction->signed_transaction->body;
    if (body.sender == key) next = std::max(next, body.nonce + 1);
  }
  return json::object{{"key", key.hex()},
                      {"balance", std::to_string(account.balance)},
                      {"highest_nonce", nonces.highest},
                      {"next_nonce", next},
                      {"height", chain.chain().tip().height.value}};
}

RpcResult quorate_journal(PowView& view, const RpcParams& params) {
  const ledger::ChainStore& store = view.host.chain().store();
  QUORATE_ASSIGN(const auto first, params.number("first", 0, UINT64_MAX));
  QUORATE_ASSIGN(const auto count, params.number("count", 1, kJournalLinesMax));
  QUORATE_ASSIGN(const auto lines, answered(store.journal_lines(first.value_or(0),
                                                               count.value_or(kJournalLinesMax))));
  json::array out;
  for (const std::string& line : lines) out.push_back(json::string(line));
  return json::object{{"origin", store.journal_origin()},
                      {"size", store.journal_size()},
                      {"root", store.journal_root().hex()},
                      {"first", first.value_or(0)},
                      {"lines", std::move(out)}};
}

// -- The node ----------------------------------------------------------------------------------

RpcResult getpeerinfo(PowView& view, const RpcParams&) {
  json::array out;
  const std::uint64_t now_ms = monotonic_ms();
  for (const PeerState& link : view.peers()) {
    json::object peer{{"id", link.id.value},
                      {"addr", link.endpoint.to_string()},
                      {"connected_out", link.connected_out},
                      {"connected_in", link.connected_in},
                      {"bytessent", link.bytes_sent},
                      {"bytesrecv", link.bytes_received},
                      {"name", link.name},
                      {"last_error", link.last_error}};
    const auto found = view.host.peers().find(pow::PeerId{link.id.value});
    if (found != view.host.peers().end()) {
      const PowPeer& state = found->second;
      peer["banscore"] = state.score.points(now_ms);
      peer["is_refused"] = state.score.is_refused(now_ms);
      peer["refused_for"] = state.score.reason();
      peer["headers_received"] = state.headers_received;
      peer["blocks_received"] = state.blocks_received;
    }
    out.push_back(std::move(peer));
  }
  return out;
}

RpcResult getconnectioncount(PowView& view, const RpcParams&) {
  const auto peers = view.peers();
  return std::count_if(peers.begin(), peers.end(),
                       [](const PeerState& peer) { return peer.connected_out; });
}

// As the node of the other engine says it, where both have the word.
RpcResult status(PowView& view, const RpcParams&) {
  PowChain& chain = view.host.chain();
  const pow::ChainPoint& tip = chain.chain().tip();
  json::array peers;
  for (const PeerState& peer : view.peers()) peers.push_back(peer_json(peer));
  json::object quorate{
      {"engine", "pow"},
      {"version", program_version()},
      {"role", view.miner_threads > 0 ? "miner" : "node"},
      {"view", 0},
      {"sequence", tip.height.value},
      {"tip", pow::display_hex(tip.hash)},
      {"chainwork", pow::hex_of(tip.work)},
      {"state_root", chain.memory().state().root().hex()},
      {"waiting", chain.memory().pool().size()},
      {"bodies_asked", view.host.bodies_asked()},
      {"tree_head", json::object{{"size", tip.height.value},
                                 {"root", pow::display_hex(tip.hash)}}},
      {"chain_id", view.chain_id.hex()},
      {"network", view.genesis.name},
      {"peers", std::move(peers)}};
  if (view.faults) {
    const InjectedFaults faults = view.faults();
    quorate["injected_faults"] = faults_to_json(faults);
    quorate["injected_faults_text"] = faults.any() ? faults_text(faults) : std::string();
  }
  if (const auto trouble = view.trouble()) quorate["trouble"] = *trouble;
  return json::object{
      {"node_info", json::object{{"network", view.chain_id.hex()},
                                 {"moniker", view.genesis.replicas[view.self.value].name}}},
      {"quorate", std::move(quorate)}};
}

RpcResult health(PowView& /*view*/, const RpcParams&) { return json::object{}; }

}  // namespace

std::vector<PowRpcMethod> pow_peer_methods() {
  return {
      {"quorate_journal", {"first", "count"},
       "What this node believed: each block connected and disconnected.",
       at_once(quorate_journal)},
      {"getpeerinfo", {}, "The peers, and how they behave.", at_once(getpeerinfo)},
      {"getconnectioncount", {}, "How many peers are connected.", at_once(getconnectioncount)},
  };
}

std::vector<PowRpcMethod> pow_node_methods() {
  return {
      {"sendrawtransaction", {"hexstring", "maxfeerate"},
       "Takes a signed transaction in hex (BCS); says its txid.", at_once(sendrawtransaction)},
      {"broadcast_tx_sync", {"tx"}, "The same in base64 and CometBFT's shape.",
       at_once(broadcast_tx_sync)},
      {"quorate_tx_depth", {"id", "depth", "timeout_ms"},
       "How deep a transaction stands in the chain; waits for a depth.", quorate_tx_depth},
      {"quorate_depth_receipt", {"id"},
       "The receipt of a transaction: headers, Merkle branch, depth; verified offline.",
       at_once(quorate_depth_receipt)},
      {"quorate_tx_status", {"id", "wait", "timeout_ms"},
       "The same in the shape of the other engine; wait is local or depth=N.", quorate_tx_status},
      {"getmempoolinfo", {}, "What waits for a block.", at_once(getmempoolinfo)},
      {"getrawmempool", {"verbose"}, "The txids of what waits.", at_once(getrawmempool)},
      {"quorate_get", {"key"}, "The value of a key at the tip.", at_once(quorate_get)},
      {"quorate_account", {"key"}, "Balance and nonces of a public key.",
       at_once(quorate_account)},
      {"status", {}, "This node at a glance.", at_once(status)},
      {"health", {}, "Answers while the process does.", at_once(health)},
  };
}

}  // namespace quorate::node
