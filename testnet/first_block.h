#pragma once

// Showing that a testnet that was just started agrees: a transaction of its default key is
// submitted and followed until it is replicated. There are no blocks without transactions, so this
// makes the first. With proof of work it is mined, here unless the nodes mine by themselves, and
// followed until every node that runs has it on its chain.

#include <chrono>
#include <cstdint>
#include <string>

#include "crypto/result.h"
#include "node/network_folder.h"
#include "testnet/interrupt.h"

namespace quorate::testnet {

// The key that each start writes its time to.
inline constexpr std::string_view kStartedKey = "testnet.started";

struct FirstBlock {
  std::string id;  // of the transaction
  std::uint64_t height = 0;
};

// Errors: "testnet-no-block" (kUnavailable), which says which nodes ended, and how, or what the
// transaction waits for; "interrupted" (kUnavailable).
[[nodiscard]] Result<FirstBlock> await_first_block(const node::NetworkFolder& folder,
                                                   std::chrono::milliseconds patience,
                                                   Interrupt& interrupt);

}  // namespace quorate::testnet
