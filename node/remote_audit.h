#pragma once

// The ledger of a running node, audited as it comes over RPC.
//
// Its blocks are executed into a ledger of this machine's own (ledger/rebuild.h), and all that the
// node says they led to is held against that. Its indices and its state are not looked at: what it
// says of them it must prove to whoever asks. Afterwards the folder holds a copy of the ledger that
// was made here and not there.

#include <filesystem>
#include <functional>

#include "ledger/auditor.h"
#include "node/rpc_client.h"

namespace quorate::node {

struct RemoteAuditOptions {
  std::filesystem::path folder;  // missing or empty, or what an earlier audit left
  unsigned threads = 0;          // 0: one a core
  std::function<void(const ledger::AuditStep&)> on_step = {};
  std::function<bool()> goes_on = {};
};

// Up to the height that the node has when it is first asked. Errors: those of RpcClient::call
// ("block-not-kept" where the node's ledger does not begin at genesis), of the folder's ledger;
// "audit-interrupted" (kTimeout). Blocks that are not what they must be are the report's finding.
[[nodiscard]] Result<ledger::AuditReport> audit_node(RpcClient& node,
                                                     const ledger::Genesis& genesis,
                                                     const RemoteAuditOptions& options);

}  // namespace quorate::node
