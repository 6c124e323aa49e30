#pragma once

// How a store is opened; the same for the ledger and the vote store.

#include <cstddef>

namespace leveldb {
class Env;
}  // namespace leveldb

namespace quorate::ledger {

struct StoreOptions {
  leveldb::Env* env = nullptr;  // not owned, outlives the store; nullptr = the operating system
  std::size_t cache_bytes = 32 << 20;
};

}  // namespace quorate::ledger
