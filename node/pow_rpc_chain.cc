// The chain as Bitcoin Core's RPC shows and steers it.

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <cmath>

#include "node/pow_rpc.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

std::uint64_t best_header_height(const PowView& view) {
  pow::Chain& chain = view.host.chain().memory().chain();
  const pow::TreeNode* best = chain.find(chain.locator().front());
  return std::max(best->height(), chain.tip().height.value);
}

std::int64_t confirmations_of(const pow::Chain& chain, const pow::TreeNode& node) {
  const auto depth = chain.depth(node.hash());
  return depth ? static_cast<std::int64_t>(*depth) : -1;
}

RpcResult getblockchaininfo(PowView& view, const RpcParams&) {
  PowChain& chain = view.host.chain();
  const pow::ChainPoint& tip = chain.chain().tip();
  const std::uint64_t headers = best_header_height(view);
  const double blocks = static_cast<double>(tip.height.value);
  return json::object{
      {"chain", chain.params().name},
      {"blocks", tip.height.value},
      {"headers", headers},
      {"bestblockhash", pow::display_hex(tip.hash)},
      {"bits", bits_text(tip.bits)},
      {"target", pow::hex_of(pow::target_number(tip.bits))},
      {"difficulty", difficulty_of(tip.bits)},
      {"time", tip.time},
      {"mediantime", tip.recent.median()},
      {"verificationprogress",
       headers == 0 ? 1.0 : blocks / static_cast<double>(headers)},
      {"initialblockdownload", headers > tip.height.value + 144},
      {"chainwork", pow::hex_of(tip.work)},
      {"pruned", false},
      {"warnings", json::array{}},
      {"quorate", json::object{{"chain_id", view.chain_id.hex()},
                               {"state_root", chain.memory().state().root().hex()},
                               {"journal", json::object{{"origin", chain.store().journal_origin()},
                                                        {"size", chain.store().journal_size()},
                                                        {"root",
                                                         chain.store().journal_root().hex()}}}}}};
}

RpcResult getblockcount(PowView& view, const RpcParams&) {
  return view.host.chain().chain().tip().height.value;
}

RpcResult getbestblockhash(PowView& view, const RpcParams&) {
  return json::string(pow::display_hex(view.host.chain().chain().tip().hash));
}

RpcResult getdifficulty(PowView& view, const RpcParams&) {
  return difficulty_of(view.host.chain().chain().tip().bits);
}

RpcResult getblockhash(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const auto height, params.number("height", 0, UINT32_MAX));
  const pow::Chain& chain = view.host.chain().chain();
  const pow::TreeNode* node = height ? chain.at({*height}) : nullptr;
  if (node != nullptr) return json::string(pow::display_hex(node->hash()));
  return pow_error(kRpcInvalidParameter, "Block height out of range",
                   {ErrorKind::kNotFound, "pow-block-unknown",
                    fmt::format("found height {}, expected 0 to {}",
                                height ? std::to_string(*height) : "none",
                                chain.tip().height.value),
                    "Ask getblockcount for the highest."});
}

json::object header_json(const PowView& view, const pow::TreeNode& node) {
  const pow::Chain& chain = view.host.chain().chain();
  const pow::BlockPtr body = view.host.chain().memory().body(node.hash());
  json::object out{{"hash", pow::display_hex(node.hash())},
                   {"confirmations", confirmations_of(chain, node)},
                   {"height", node.height()},
                   {"version", node.header.version},
                   {"versionHex", fmt::format("{:08x}", node.header.version)},
                   {"merkleroot", pow::display_hex(node.header.merkle_root)},
                   {"time", node.header.time},
                   {"mediantime", node.point.recent.median()},
                   {"nonce", node.header.nonce},
                   {"bits", bits_text(node.header.bits)},
                   {"target", pow::hex_of(pow::target_number(node.header.bits))},
                   {"difficulty", difficulty_of(node.header.bits)},
                   {"chainwork", pow::hex_of(node.point.work)},
                   {"nTx", body == nullptr ? 0 : body->size() + 1}};
  if (node.parent != nullptr) {
    out["previousblockhash"] = pow::display_hex(node.header.previous);
  }
  const pow::TreeNode* next =
      chain.depth(node.hash()) ? chain.at({node.height() + 1}) : nullptr;
  if (next != nullptr) out["nextblockhash"] = pow::display_hex(next->hash());
  return out;
}

// Core takes a number or a truth value.
RpcExpected<std::uint64_t> verbosity_param(const RpcParams& params, std::string_view name) {
  const json::value* given = params.value(name);
  if (given != nullptr && given->is_bool()) return given->get_bool() ? 1 : 0;
  QUORATE_ASSIGN(const auto number, params.number(name, 0, 3));
  return number.value_or(1);
}

RpcResult getblockheader(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const pow::TreeNode* node, block_param(view, params, "blockhash"));
  QUORATE_ASSIGN(const std::uint64_t verbosity, verbosity_param(params, "verbose"));
  if (verbosity == 0) return json::string(to_hex(pow::encode_header(node->header)));
  return header_json(view, *node);
}

RpcResult getblock(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const pow::TreeNode* node, block_param(view, params, "blockhash"));
  QUORATE_ASSIGN(const std::uint64_t verbosity, verbosity_param(params, "verbosity"));
  const pow::BlockPtr body = view.host.chain().memory().body(node->hash());
  if (body == nullptr) {
    return pow_error(kRpcMiscError, "Block not available (not fully downloaded)",
                     {ErrorKind::kUnavailable, "pow-body-missing",
                      fmt::format("of block {} the header alone is here",
                                  pow::display_hex(node->hash())),
                      "Ask again when a peer has sent it, or ask another node."});
  }
  const Bytes encoded = pow::encode_block(*body);
  if (verbosity == 0) return json::string(to_hex(encoded));
  json::object out = header_json(view, *node);
  out["size"] = encoded.size();
  out["strippedsize"] = encoded.size();
  out["weight"] = encoded.size() * 4;
  json::array tx{json::string(txid_of(pow::encode_coinbase(body->coinbase)))};
  json::array ids;
  for (const pow::TransactionPtr& transaction : body->transactions) {
    const Bytes bytes = encoded_transaction(*transaction);
    if (verbosity == 1) {
      tx.push_back(json::string(txid_of(bytes)));
    } else {
      tx.push_back(json::object{{"txid", txid_of(bytes)},
                                {"id", transaction->id.hex()},
                                {"size", bytes.size()},
                                {"hex", to_hex(bytes)}});
    }
    ids.push_back(json::string(transaction->id.hex()));
  }
  json::array anchors;
  for (std::size_t i = 0; i < body->anchors.size(); ++i) {
    const Bytes bytes = pow::encoded_entry(*body, i);
    if (verbosity == 1) {
      tx.push_back(json::string(txid_of(bytes)));
    } else {
      tx.push_back(json::object{{"txid", txid_of(bytes)},
                                {"size", bytes.size()},
                                {"hex", to_hex(bytes)}});
    }
    anchors.push_back(anchor_json(*body->anchors[i]));
  }
  out["tx"] = std::move(tx);
  out["quorate"] = json::object{{"ids", std::move(ids)},
                                {"anchors", std::move(anchors)},
                                {"miner", body->coinbase.miner.hex()},
                                {"extranonce", body->coinbase.extranonce}};
  return out;
}

RpcResult getchaintips(PowView& view, const RpcParams&) {
  json::array out;
  for (const pow::TipView& tip : view.host.chain().chain().tips()) {
    out.push_back(json::object{{"height", tip.height.value},
                               {"hash", pow::display_hex(tip.hash)},
                               {"branchlen", tip.branch_length},
                               {"status", tip_status_text(tip.status)}});
  }
  return out;
}

template <class Event>
RpcResult wish(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const pow::TreeNode* node, block_param(view, params, "blockhash"));
  QUORATE_ASSIGN(const pow::Happened happened, answered(view.host.act(Event{node->hash()})));
  if (happened.refused.empty()) return nullptr;
  return pow_error(kRpcInvalidParameter, happened.refused.front().error.message,
                   happened.refused.front().error);
}

}  // namespace

double difficulty_of(pow::Bits bits) {
  const int exponent = static_cast<int>(bits.value >> 24);
  const double mantissa = static_cast<double>(bits.value & 0x00ffffff);
  return mantissa == 0 ? 0 : std::ldexp(65535.0 / mantissa, 8 * (29 - exponent));
}

std::vector<PowRpcMethod> pow_chain_methods() {
  return {
      {"getblockchaininfo", {}, "Where the chain stands.", at_once(getblockchaininfo)},
      {"getblockcount", {}, "The height of the tip.", at_once(getblockcount)},
      {"getbestblockhash", {}, "The hash of the tip.", at_once(getbestblockhash)},
      {"getdifficulty", {}, "The tip's difficulty, as Bitcoin shows one.",
       at_once(getdifficulty)},
      {"getblockhash", {"height"}, "The hash of the block at a height.", at_once(getblockhash)},
      {"getblockheader", {"blockhash", "verbose"}, "A header, or its hex with verbose=false.",
       at_once(getblockheader)},
      {"getblock", {"blockhash", "verbosity"},
       "A block: hex (0), with ids (1), with transactions (2).", at_once(getblock)},
      {"getchaintips", {}, "The ends of all branches that are known.", at_once(getchaintips)},
      {"invalidateblock", {"blockhash"}, "Treats a block, and what follows it, as invalid.",
       at_once(wish<pow::Invalidate>)},
      {"reconsiderblock", {"blockhash"}, "Takes that back, and judges anew.",
       at_once(wish<pow::Reconsider>)},
      {"preciousblock", {"blockhash"}, "Lets a block go before others with as much work.",
       at_once(wish<pow::Prefer>)},
  };
}

}  // namespace quorate::node
