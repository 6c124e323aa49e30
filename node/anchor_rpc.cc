// What a node with both engines says of anchors.

#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "node/pow_rpc.h"
#include "node/quorate_rpc.h"
#include "node/rpc_error.h"
#include "pow/anchored_receipt.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kAnchorsShownMax = 1000;

// Those that count on the active chain, by size.
RpcResult quorate_anchors(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const auto from, params.number("from", 0, UINT64_MAX));
  QUORATE_ASSIGN(const auto count, params.number("count", 1, kAnchorsShownMax));
  const auto& anchored = view.host.chain().memory().anchored();
  const std::uint64_t tip = view.host.chain().chain().tip().height.value;
  json::array out;
  for (auto at = anchored.lower_bound({from.value_or(0)});
       at != anchored.end() && out.size() < count.value_or(kAnchorsShownMax); ++at) {
    json::object anchor = anchor_json(*at->second.anchor);
    anchor["block"] = pow::display_hex(at->second.block);
    anchor["block_height"] = at->second.height.value;
    anchor["depth"] = tip - at->second.height.value + 1;
    out.push_back(std::move(anchor));
  }
  json::array waiting;
  for (const pow::AnchorPtr& anchor : view.host.chain().memory().waiting_anchors()) {
    waiting.push_back(anchor->sequence().value);
  }
  return json::object{
      {"height", tip}, {"anchors", std::move(out)}, {"waiting", std::move(waiting)}};
}

RpcResult quorate_anchored_receipt(PowView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const ledger::Digest digest, params.need_hash("id"));
  const ledger::TxId id{digest};
  QUORATE_ASSIGN(const auto place, answered(view.ledger->find(id)));
  if (!place) {
    return tl::unexpected(rpc_error_of(
        {ErrorKind::kNotFound, "tx-not-found",
         fmt::format("Transaction {} is in no block of this node's ledger", id.hex()),
         "Ask for its status with quorate_tx_status."}));
  }
  const auto at = view.anchors->find(place->height);
  const pow::BlockPtr body =
      at ? view.host.chain().memory().body(at->block) : pow::BlockPtr();
  if (body == nullptr) {
    return tl::unexpected(rpc_error_of(
        {ErrorKind::kUnavailable, "tx-not-anchored",
         fmt::format("Transaction {} at height {} is under no checkpoint that stands in the chain "
                     "of proof of work",
                     id.hex(), place->height.value),
         "Wait for it with quorate_tx_status and \"wait\":\"anchored\"."}));
  }
  QUORATE_ASSIGN(const pow::AnchoredReceipt proof,
                 answered(pow::make_anchored_receipt(*view.ledger, id, view.host.chain().chain(),
                                                     *body, at->index)));
  return json::object{{"id", id.hex()}, {"receipt", pow::anchored_receipt_to_json(proof)}};
}

}  // namespace

json::object anchor_json(const pow::CheckedAnchor& anchor) {
  const ledger::CheckpointNote& note = anchor.note();
  return {{"size", note.head.size},
          {"root", note.head.root.hex()},
          {"state_root", note.state_root.hex()},
          {"epoch", note.epoch.value},
          {"cosigners", anchor.anchor.checkpoint.cosignatures.size()}};
}

std::vector<PowRpcMethod> anchor_methods() {
  return {{"quorate_anchors", {"from", "count"},
           "The checkpoints that stand in the chain, and those that wait for a block.",
           at_once(quorate_anchors)},
          {"quorate_anchored_receipt", {"id"},
           "The receipt of a transaction with the work on its anchor, to be verified offline.",
           at_once(quorate_anchored_receipt)}};
}

}  // namespace quorate::node
