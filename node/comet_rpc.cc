#include "node/comet_rpc.h"

#include <memory>

#include "ledger/genesis.h"

namespace quorate::node {

std::vector<RpcMethod> comet_methods(const NodeView& of) {
  // Rendered once: it may have megabytes.
  const auto document = std::make_shared<const std::string>(ledger::genesis_to_json(of.genesis));
  return {
      {"health", {}, "An empty object, while the node answers.", at_once(comet_health)},
      {"status",
       {},
       "This node, its last block, and its place in the agreement.",
       at_once(comet_status)},
      {"genesis",
       {},
       "The genesis document.",
       [document](const NodeView& view, const RpcParams&, const RpcReply& reply) {
         reply(comet_genesis(view, *document));
       }},
      {"genesis_chunked",
       {"chunk"},
       "The genesis document in base64, chunk by chunk from 0.",
       [document](const NodeView&, const RpcParams& params, const RpcReply& reply) {
         reply(comet_genesis_chunked(*document, params));
       }},
      {"net_info", {}, "The connections to other replicas.", at_once(comet_net_info)},
      {"broadcast_tx_async",
       {"tx"},
       "Submits a transaction; answers as broadcast_tx_sync, since the check is fast.",
       at_once(comet_broadcast_tx)},
      {"broadcast_tx_sync",
       {"tx"},
       "Submits a transaction; answers when it is admitted or refused.",
       at_once(comet_broadcast_tx)},
      {"broadcast_tx_commit",
       {"tx"},
       "Submits a transaction; answers when it is replicated or rejected.",
       comet_broadcast_tx_commit},
      {"tx",
       {"hash", "prove"},
       "A transaction of the ledger and its result, by id.",
       at_once(comet_tx)},
      {"block", {"height"}, "A block; without a height the latest.", at_once(comet_block)},
      {"header", {"height"}, "A block's header.", at_once(comet_header)},
      {"block_results",
       {"height"},
       "The results of a block's transactions.",
       at_once(comet_block_results)},
      {"blockchain",
       {"minHeight", "maxHeight"},
       "At most 20 headers, the latest first.",
       at_once(comet_blockchain)},
      {"commit",
       {"height"},
       "A block's header and the votes that committed it.",
       at_once(comet_commit)},
      {"validators",
       {"height", "page", "per_page"},
       "The replicas and their vote keys.",
       at_once(comet_validators)},
      {"abci_info",
       {},
       "The version and the last block of the state machine.",
       at_once(comet_abci_info)},
      {"abci_query",
       {"path", "data", "height", "prove"},
       "A read of the last state; path is /key or /account, data hex.",
       at_once(comet_abci_query)},
      {"num_unconfirmed_txs",
       {},
       "How many transactions wait here.",
       at_once(comet_num_unconfirmed_txs)},
      {"unconfirmed_txs",
       {"limit"},
       "The oldest transactions that wait here, 30 or `limit`.",
       at_once(comet_unconfirmed_txs)},
  };
}

}  // namespace quorate::node
