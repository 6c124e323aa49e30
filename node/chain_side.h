#pragma once

// The chain of proof of work beside the replicas, in a network with both engines: it carries
// anchors of their checkpoints, and nothing else.
//
//   ledger --stable checkpoints--> offers --> blocks (the miner here, miners elsewhere, peers)
//   chain --moves--> AnchorBook --> levels of transactions
//
// It has threads and a pool of its own, so that no vote waits for it, and a store of its own beside
// the ledger: what is there can be had again from peers, which no vote can. It says what it
// has to say over the node's mesh. What it lacks or finds wrong keeps no replica from voting.

#include <functional>
#include <memory>
#include <optional>

#include "node/anchor_book.h"
#include "node/config.h"
#include "node/pow_engine.h"
#include "node/pow_rpc.h"
#include "node/rpc_methods.h"
#include "node/tracker.h"

namespace quorate::node {

class ChainSide {
 public:
  struct Parts {
    const Home& home;
    const Config& config;
    const ledger::Genesis& genesis;
    const ledger::Store& ledger;
    std::function<void(ledger::ReplicaId to, OutboundFrame frame)> say;
    std::function<void(const Error&)> on_fatal;
  };
  // All that Parts refers to outlives this. Errors: those of chain_params and of PowChain::open.
  [[nodiscard]] static Result<std::unique_ptr<ChainSide>> open(Parts parts);
  ~ChainSide() { stop(); }

  // Once, with what clients see of the node.
  void start(NodeView& view);
  void stop();

  [[nodiscard]] PowEngine& engine() { return *engine_; }
  // Raises a status to `anchored` with its depth, or says that an anchor was lost.
  void annotate(TxStatus& status) const;

 private:
  explicit ChainSide(Parts parts, ledger::Digest chain_id);
  void on_tick();
  [[nodiscard]] Status offer_checkpoints();
  void note_contradiction();

  Parts parts_;
  ledger::Digest chain_id_;
  WorkPool pool_{1};
  AnchorBook book_;
  std::unique_ptr<PowEngine> engine_;
  std::optional<PowView> view_;
  // Of the loop's thread.
  ledger::Sequence offered_;
  ledger::Sequence contradiction_logged_;
};

// The methods of the replicas' RPC and then those of the chain.
class BothRpc final : public RpcHandler {
 public:
  // Both outlive this. `chain` may be null.
  BothRpc(RpcMethods& replicas, PowView* chain);

  bool call(std::string_view method, const boost::json::object& params, bool from_get,
            RpcReply reply) override;
  [[nodiscard]] std::optional<HttpPage> page(std::string_view path) override;
  [[nodiscard]] RpcExpected<std::unique_ptr<RpcStream>> open_stream(
      const boost::json::object& params, RpcStreamSink sink) override {
    return replicas_.open_stream(params, std::move(sink));
  }

 private:
  RpcMethods& replicas_;
  std::optional<PowRpc> chain_;
};

}  // namespace quorate::node
