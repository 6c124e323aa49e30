#include "ledger/record.h"

#include "crypto/bcs.h"
#include "crypto/merkle.h"

namespace quorate::ledger {

Digest record_leaf(const Record& record) {
  return crypto::merkle::leaf_hash(crypto::encode(record));
}

}  // namespace quorate::ledger
