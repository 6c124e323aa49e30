#include "node/pow_rpc.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "crypto/bcs.h"
#include "crypto/check.h"

namespace quorate::node {

PowRpc::PowRpc(PowView& view) : view_(view) {
  for (const auto& methods : {pow_chain_methods(), pow_mining_methods(), pow_peer_methods(),
                              view.ledger ? anchor_methods() : pow_node_methods()}) {
    for (const PowRpcMethod& method : methods) {
      const bool is_new = methods_.emplace(method.name, method).second;
      QUORATE_CHECK(is_new, "two methods with one name");
    }
  }
}

bool PowRpc::call(std::string_view method, const boost::json::object& params, bool from_get,
                  RpcReply reply) {
  const auto found = methods_.find(method);
  if (found == methods_.end()) return false;
  // The parameters outlive this call in the task.
  const auto kept = std::make_shared<const boost::json::object>(params);
  view_.post([this, &row = found->second, kept, from_get, reply = std::move(reply)] {
    const auto read = RpcParams::read(*kept, from_get, row.params);
    if (!read) return reply(tl::unexpected(read.error()));
    row.run(view_, *read, reply);
  });
  return true;
}

std::optional<HttpPage> PowRpc::page(std::string_view path) {
  constexpr std::string_view kPlain = "text/plain; charset=utf-8";
  if (path == "/") return HttpPage{200, std::string(kPlain), index()};
  if (path == "/health") return HttpPage{200, std::string(kPlain), "ok\n"};
  if (path == "/ready") {
    if (const auto reason = view_.trouble()) {
      return HttpPage{503, std::string(kPlain), *reason + "\n"};
    }
    return HttpPage{200, std::string(kPlain), "ready\n"};
  }
  return std::nullopt;
}

std::string PowRpc::index() const {
  const std::string text = fmt::format(
      "Quorate, node {} of the proof-of-work chain {}\n\n"
      "JSON-RPC by POST to this address, as Bitcoin Core's; or GET /method?name=value.\n\n",
      view_.self.value, view_.chain_id.hex());
  return text + methods_text() + "\nPages: /health  /ready\n";
}

std::string PowRpc::methods_text() const {
  std::string text;
  for (const auto& [name, method] : methods_) {
    text += fmt::format("  {}({})\n      {}\n", name, fmt::join(method.params, ", "),
                        method.sentence);
  }
  return text;
}

// -- For the methods ---------------------------------------------------------------------------

tl::unexpected<RpcError> pow_error(int number, std::string message, Error detail) {
  return tl::unexpected(RpcError{number, std::move(message), std::move(detail)});
}

RpcExpected<const pow::TreeNode*> block_param(const PowView& view, const RpcParams& params,
                                              std::string_view name) {
  QUORATE_ASSIGN(const auto text, params.text(name));
  const auto hash = pow::parse_display_hex(text.value_or(""));
  if (!hash) {
    return pow_error(kRpcInvalidParameter,
                     fmt::format("{} must be of length 64 (not {}, for '{}')", name,
                                 text.value_or("").size(), text.value_or("").substr(0, 64)),
                     hash.error());
  }
  const pow::TreeNode* node = view.host.chain().chain().find(*hash);
  if (node != nullptr) return node;
  return pow_error(kRpcInvalidAddressOrKey, "Block not found",
                   {ErrorKind::kNotFound, "pow-block-unknown",
                    fmt::format("no block {} is known here", *text),
                    "Ask getchaintips or getblockhash for what there is."});
}

RpcExpected<ledger::PublicKey> miner_param(const PowView& view, const RpcParams& params,
                                           std::string_view name) {
  QUORATE_ASSIGN(const auto text, params.text(name));
  if (!text) return view.host.miner();
  const auto key = crypto::parse_public_key(*text);
  if (key) return *key;
  return pow_error(kRpcInvalidAddressOrKey, "Invalid address", key.error());
}

std::string txid_of(ByteView encoded) { return pow::display_hex(pow::sha256d(encoded)); }

Bytes encoded_transaction(const ledger::CheckedTransaction& transaction) {
  return crypto::encode(*transaction.signed_transaction);
}

std::string bits_text(pow::Bits bits) { return fmt::format("{:08x}", bits.value); }

}  // namespace quorate::node
