#pragma once

// The log as of one block, as its readers want it: hashes of complete subtrees, records as they
// were hashed, and the two proofs of RFC 9162 between any two sizes.
//
// What is given out is held against the rest of the log: hashes against the widest complete
// subtrees that they add up to within what was asked for, records against their leaves, paths
// against the roots that they lead to. A node without its sibling there, as the last of an odd
// count, is given out as stored.
//
// Cheap to make and to copy. Keep it for a request, as a StoreView. Any thread.

#include <cstdint>
#include <memory>
#include <vector>

#include "crypto/bytes.h"
#include "crypto/sha256.h"
#include "ledger/types.h"

namespace quorate::ledger {

struct StoreMoment;

// Errors of all below: "block-not-found" (kNotFound) above size(), and for size 0 where base() is
// not 0; "block-not-kept" (kNotFound) for what lies before base(), where only the few hashes are
// that the log goes on from; "ledger-corrupt". Of the paths also "merkle-out-of-range" (kInvalid):
// the index is not below the size, or the first size is above the second.
class LogView {
 public:
  [[nodiscard]] std::uint64_t size() const;  // records; the height of the block it is as of
  [[nodiscard]] std::uint64_t base() const;  // records before this index are not kept

  [[nodiscard]] Result<Digest> root(std::uint64_t size) const;
  // Roots of the complete subtrees of 2^level leaves, `count` of them from number `first` on.
  [[nodiscard]] Result<std::vector<Digest>> nodes(std::uint8_t level, std::uint64_t first,
                                                  std::size_t count) const;
  // BCS(Record), which is what a leaf hashes, from leaf `first` on.
  [[nodiscard]] Result<std::vector<Bytes>> records(std::uint64_t first, std::size_t count) const;

  // Of leaf `index` in the tree of `size` leaves.
  [[nodiscard]] Result<std::vector<Digest>> inclusion_path(std::uint64_t index,
                                                           std::uint64_t size) const;
  // That the tree of `second` leaves extends that of `first`; empty for first = 0.
  [[nodiscard]] Result<std::vector<Digest>> consistency_path(std::uint64_t first,
                                                             std::uint64_t second) const;

 private:
  friend class Store;
  explicit LogView(std::shared_ptr<const StoreMoment> moment) : moment_(std::move(moment)) {}
  [[nodiscard]] Result<Digest> node(std::uint8_t level, std::uint64_t index) const;
  [[nodiscard]] Status check_size(std::uint64_t size) const;

  std::shared_ptr<const StoreMoment> moment_;
};

}  // namespace quorate::ledger
