#include "ledger/batch.h"

#include <algorithm>

#include "crypto/check.h"
#include "crypto/merkle.h"
#include "crypto/signing.h"

namespace quorate::ledger {

Batch make_batch(Sequence sequence, TimeMs time, std::uint32_t flags, std::vector<TxId> ids) {
  QUORATE_CHECK(ids.size() <= UINT32_MAX, "a batch's transactions are counted in 32 bits");
  Batch batch;
  batch.header = {sequence, time, flags, static_cast<std::uint32_t>(ids.size()),
                  transaction_root(ids)};
  batch.ids = std::move(ids);
  return batch;
}

Batch null_batch(Sequence sequence) { return make_batch(sequence, TimeMs{0}, kFlagNull, {}); }

Digest digest_of_batch(const BatchHeader& header) { return crypto::digest_of("batch", header); }

Digest transaction_root(const std::vector<TxId>& ids) {
  std::vector<Digest> leaves;
  leaves.reserve(ids.size());
  for (const TxId& id : ids) leaves.push_back(crypto::merkle::leaf_hash(id.digest.bytes));
  return crypto::merkle::root(leaves);
}

bool is_well_formed(const Batch& batch, std::size_t transactions_max) {
  const BatchHeader& header = batch.header;
  if (header.sequence.value == 0) return false;
  if ((header.flags & ~kFlagsKnown) != 0) return false;
  const bool is_null = (header.flags & kFlagNull) != 0;
  if (is_null && (header.flags != kFlagNull || header.time.value != 0 || !batch.ids.empty())) {
    return false;
  }
  if (batch.ids.size() > transactions_max || header.transaction_count != batch.ids.size()) {
    return false;
  }
  std::vector<TxId> sorted = batch.ids;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return false;
  return header.transaction_root == transaction_root(batch.ids);
}

}  // namespace quorate::ledger
