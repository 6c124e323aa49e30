#pragma once

// What an audit found wrong first.

#include <cstdint>
#include <optional>
#include <string>

#include "crypto/result.h"
#include "ledger/types.h"

namespace quorate::ledger {

// The first in the order of heights; within a height, record before results before transactions
// before certificate before what execution made of them. What belongs to no height comes last.
struct AuditFinding {
  std::optional<Height> height;
  std::optional<std::uint32_t> transaction;  // its index in the block
  std::string field;                         // "signature", "commit certificate", "log node ..."
  std::string expected;
  std::string found;
};

// "height 7, transaction 3, signature: expected ..., found ..."
[[nodiscard]] std::string finding_sentence(const AuditFinding& finding);

// Ends a walk over records, once its finding was taken: the walk returns it and nobody reports it.
[[nodiscard]] tl::unexpected<Error> end_of_walk();

// Bytes in words, short enough for a line: hex, or their number and digest.
[[nodiscard]] std::string audit_text(ByteView bytes);
[[nodiscard]] inline std::string audit_text(const Bytes& bytes) {
  return audit_text(ByteView(bytes));
}
[[nodiscard]] std::string audit_text(const std::optional<Bytes>& bytes);  // "nothing"

}  // namespace quorate::ledger
