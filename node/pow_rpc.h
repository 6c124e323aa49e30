#pragma once

// The JSON-RPC of a proof-of-work node: Bitcoin Core's names and shapes for the chain, its mining
// interface (BIP 22, BIP 23) for miners that nobody here wrote, and our own methods where Core has
// no word.
//
// Where blocks carry anchors (PowView::ledger), those of transactions and of the state are left to
// the replicas' RPC (node/chain_side.h), and some about anchors are here.
//
// Calls are handed to the host's thread; nothing runs on the I/O thread but the pages: "/" (an
// index for people), "/health" and "/ready".
//
// Hashes of blocks are shown last byte first, as Bitcoin's people read them. A `txid` is SHA-256 of
// SHA-256 of a transaction's bytes, which the block's Merkle tree holds; an `id` is Quorate's, the
// digest of the unsigned body in plain order. Errors have Core's numbers and our code, sentence and
// way forward in `data`.

#include <map>

#include "node/pow_view.h"

namespace quorate::node {

// Core's numbers (rpc/protocol.h).
inline constexpr int kRpcMiscError = -1;
inline constexpr int kRpcInvalidAddressOrKey = -5;
inline constexpr int kRpcInvalidParameter = -8;
inline constexpr int kRpcDeserializationError = -22;
inline constexpr int kRpcVerifyError = -25;
inline constexpr int kRpcVerifyRejected = -26;

class PowRpc final : public RpcHandler {
 public:
  // `view` outlives this and every reply.
  explicit PowRpc(PowView& view);

  bool call(std::string_view method, const boost::json::object& params, bool from_get,
            RpcReply reply) override;
  [[nodiscard]] std::optional<HttpPage> page(std::string_view path) override;
  // A line or two of each method, for people.
  [[nodiscard]] std::string methods_text() const;

 private:
  [[nodiscard]] std::string index() const;

  PowView& view_;
  std::map<std::string_view, PowRpcMethod> methods_;
};

[[nodiscard]] std::vector<PowRpcMethod> pow_chain_methods();
[[nodiscard]] std::vector<PowRpcMethod> pow_mining_methods();
[[nodiscard]] std::vector<PowRpcMethod> pow_peer_methods();
// Of a chain of transactions.
[[nodiscard]] std::vector<PowRpcMethod> pow_node_methods();
// Of a chain of anchors (node/anchor_rpc.cc).
[[nodiscard]] std::vector<PowRpcMethod> anchor_methods();

// -- For the methods. Each is of the host's thread.

[[nodiscard]] tl::unexpected<RpcError> pow_error(int number, std::string message, Error detail);
// The block that a parameter names, in display order. Errors: -8 for what is no hash, -5 where it
// is not known.
[[nodiscard]] RpcExpected<const pow::TreeNode*> block_param(const PowView& view,
                                                            const RpcParams& params,
                                                            std::string_view name);
// 64 hex digits of a public key; the key of the node's own miner if absent.
[[nodiscard]] RpcExpected<ledger::PublicKey> miner_param(const PowView& view,
                                                         const RpcParams& params,
                                                         std::string_view name);
// Size, root, epoch and how many cosigned.
[[nodiscard]] boost::json::object anchor_json(const pow::CheckedAnchor& anchor);
[[nodiscard]] std::string txid_of(ByteView encoded);
[[nodiscard]] Bytes encoded_transaction(const ledger::CheckedTransaction& transaction);
[[nodiscard]] std::string bits_text(pow::Bits bits);
// As Core shows one: how often harder than the easiest target of the main network.
[[nodiscard]] double difficulty_of(pow::Bits bits);

}  // namespace quorate::node
