#pragma once

// How a store is opened; the same for the ledger and the vote store.

#include <cstddef>
#include <cstdint>

namespace leveldb {
class Env;
}  // namespace leveldb

namespace quorate::ledger {

inline constexpr std::uint32_t kLedgerFormat = 2;  // 1 had no tree of the state
inline constexpr std::uint32_t kVoteStoreFormat = 1;

struct StoreOptions {
  leveldb::Env* env = nullptr;  // not owned, outlives the store; nullptr = the operating system
  std::size_t cache_bytes = 32 << 20;
  // Of what was written last, in memory; up to twice as much while it goes to disk.
  std::size_t write_buffer_bytes = 4 << 20;
  bool is_compressed = true;
};

}  // namespace quorate::ledger
