#pragma once

// What the RPC methods of a proof-of-work node see of it. Methods run on the host's thread
// (node/pow_loop.h), so they look at chain and host without locks.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node/anchor_book.h"
#include "node/injected_faults.h"
#include "node/peers.h"
#include "node/pow_host.h"
#include "node/rpc_method.h"

namespace quorate::node {

// All references outlive the view; the functions are thread-safe and do not block.
struct PowView {
  PowHost& host;
  const ledger::Genesis& genesis;
  ledger::Digest chain_id;
  ledger::ReplicaId self;
  Endpoint rpc_endpoint;
  Endpoint peer_endpoint;
  std::uint64_t started_wall_ms = 0;
  std::function<std::vector<PeerState>()> peers;
  std::function<std::optional<std::string>()> trouble;  // a reason not to be ready, if any
  std::function<std::uint64_t()> miner_hashes;          // empty: no built-in miner
  std::uint32_t miner_threads = 0;
  std::function<InjectedFaults()> faults{};             // of a testnet; empty elsewhere
  // Runs it on the host's thread; dropped when the node stops.
  std::function<void(std::function<void()>)> post;
  // Where blocks carry anchors: of what. Null elsewhere.
  const ledger::Store* ledger = nullptr;
  const AnchorBook* anchors = nullptr;
};

using PowRpcMethod = RpcMethodOf<PowView>;

}  // namespace quorate::node
