#include "node/blocks_rpc.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <limits>

#include "crypto/bcs.h"
#include "ledger/audit_window.h"

namespace quorate::node {
namespace {

RpcResult quorate_blocks(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const auto from,
                 params.number("from", 1, std::numeric_limits<std::int64_t>::max()));
  const ledger::Height first{from.value_or(1)};
  const ledger::Height head = view.store.height();
  QUORATE_ASSIGN(const ledger::Record record, answered(view.store.record(first)));
  static_cast<void>(record);  // its error says why there is none
  const ledger::Height last{std::min(head.value, first.value + kBlocksAnAnswerMax - 1)};
  QUORATE_ASSIGN(ledger::AuditWindow window, answered(view.store.stored_window(first, last)));
  if (window.blocks.empty()) {
    return tl::unexpected(rpc_error_of({ErrorKind::kCorrupt, "ledger-corrupt",
                                        ledger::finding_sentence(*window.finding),
                                        "Ask another node."}));
  }
  return boost::json::object{
      {"head", head.value},
      {"blocks", to_base64(crypto::encode(ledger::bytes_of(std::move(window))))}};
}

}  // namespace

std::vector<RpcMethod> blocks_methods() {
  return {{"quorate_blocks",
           {"from"},
           "Blocks as they are stored, for `quorate ledger verify --node`.",
           at_once(quorate_blocks)}};
}

}  // namespace quorate::node
