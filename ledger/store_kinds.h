#pragma once

// The kinds of what a ledger holds, for people: the first byte of a key and what stands under it
// (the layout is in ledger/store_keys.h).

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "crypto/result.h"

namespace quorate::ledger {

class LevelDb;

struct StoreKind {
  std::uint8_t letter = 0;
  std::string_view name;      // "transactions"
  std::string_view sentence;  // what it is
};

inline constexpr std::array<StoreKind, 21> kStoreKinds = {{
    {'t', "transactions", "as they were signed, at their places in the batches"},
    {'c', "certificates", "which quorum committed each batch"},
    {'r', "records", "the leaves of the log"},
    {'u', "results", "of the transactions"},
    {'w', "write sets", "what each block changed in the state"},
    {'m', "log nodes", "the log's Merkle tree"},
    {'i', "places", "where each transaction stands, by id"},
    {'n', "nonces", "which transaction used which nonce"},
    {'s', "state", "keys and values at the head"},
    {'p', "state pages", "the state's Merkle tree"},
    {'b', "earlier values", "of keys that changed since a kept version of the state"},
    {'v', "state versions", "roots of the state's tree"},
    {'x', "replaced pages", "which pages go when an earlier version goes"},
    {'k', "own checkpoints", "notes as a replica cosigns them"},
    {'q', "stable checkpoints", "notes that a quorum cosigned"},
    {'o', "new views", "what each later view began with"},
    {'e', "epoch proofs", "how each later epoch began"},
    {'f', "identity", "format and chain"},
    {'h', "head", "height, time, root and frontier"},
    {'j', "origin", "the checkpoint that the ledger begins with, if not at genesis"},
    {0xff, "seal", "what every write ends with"},
}};

struct KindUse {
  StoreKind kind;
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;  // of keys and values, before LevelDB compresses them
};

// Reads everything, so every checksum too. In the order above; a kind that is unknown comes last,
// nameless. `on_keys` is told now and then how many keys were read. Errors: those of the reads.
[[nodiscard]] Result<std::vector<KindUse>> count_kinds(
    const LevelDb& database, const std::function<void(std::uint64_t)>& on_keys);

}  // namespace quorate::ledger
