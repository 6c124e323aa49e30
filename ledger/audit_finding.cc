#include "ledger/audit_finding.h"

#include <fmt/format.h>

namespace quorate::ledger {

std::string finding_sentence(const AuditFinding& finding) {
  std::string place;
  if (finding.height) place += fmt::format("height {}, ", finding.height->value);
  if (finding.transaction) place += fmt::format("transaction {}, ", *finding.transaction);
  return fmt::format("{}{}: expected {}, found {}", place, finding.field, finding.expected,
                     finding.found);
}

tl::unexpected<Error> end_of_walk() { return fail(ErrorKind::kNotFound, "audit-found", ""); }

std::string audit_text(ByteView bytes) {
  constexpr std::size_t kBytesShown = 32;
  if (bytes.empty()) return "an empty value";
  if (bytes.size() <= kBytesShown) return to_hex(bytes);
  return fmt::format("{} bytes with SHA-256 {}", bytes.size(), crypto::sha256(bytes).hex());
}

std::string audit_text(const std::optional<Bytes>& bytes) {
  return bytes ? audit_text(ByteView(*bytes)) : std::string("nothing");
}

}  // namespace quorate::ledger
