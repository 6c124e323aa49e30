#pragma once

// What the nodes of a proof-of-work chain say to each other: one BCS variant a frame
// (node/peers.h). The hello of such a mesh names the network of node/pow_rules.h, so nodes of
// another engine, genesis document or rules are turned away before the first of these.
//
// The index is part of the wire format: append only.

#include <array>
#include <cstdint>
#include <variant>
#include <vector>

#include "ledger/transaction.h"
#include "pow/header.h"

namespace quorate::node {

// Of one message. A locator has its last ten hashes and then one a power of two.
inline constexpr std::size_t kPowLocatorMax = 64;
inline constexpr std::size_t kPowBodiesMax = 128;
inline constexpr std::size_t kPowTransactionsMax = 10'000;

struct WireHeader {
  std::array<std::uint8_t, pow::kHeaderBytes> bytes{};
};

// 0. Consecutive headers, the oldest first: what the sender stands on now, or the answer to
// GetHeaders.
struct PowHeaders {
  std::vector<WireHeader> headers;
};
// 1. Asks for what follows the first of these that the other has on its chain.
struct PowGetHeaders {
  std::vector<ledger::Digest> locator;
};
// 2. Asks for bodies.
struct PowGetBlocks {
  std::vector<ledger::Digest> hashes;
};
// 3. Bodies as pow/block.h encodes them, and those of the asked ones that the sender lacks.
struct PowBlocks {
  std::vector<Bytes> blocks;
  std::vector<ledger::Digest> missing;
};
// 4. Transactions that wait for a block.
struct PowTransactions {
  std::vector<ledger::SignedTransaction> transactions;
};

using PowMessage =
    std::variant<PowHeaders, PowGetHeaders, PowGetBlocks, PowBlocks, PowTransactions>;

}  // namespace quorate::node
