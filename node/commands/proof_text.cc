#include "node/commands/proof_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "node/time_text.h"

namespace quorate::node {
namespace {

std::uint64_t age_ms(const ledger::StatementVerdict& verdict) {
  const std::uint64_t now = clock_now().value;
  return now - std::min(now, verdict.time.value);
}

std::string age_text(std::uint64_t ms) {
  if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
  if (ms < 7'200'000) return fmt::format("{} min", ms / 60'000);
  if (ms < 172'800'000) return fmt::format("{} h", ms / 3'600'000);
  return fmt::format("{} days", ms / 86'400'000);
}

}  // namespace

std::string proof_provenance(const ledger::StatementVerdict& verdict) {
  return fmt::format("proved: {} of {} replicas cosigned the state of height {}, agreed time {}, "
                     "{} ago",
                     verdict.signers, verdict.replicas, verdict.height.value,
                     time_to_text(verdict.time), age_text(age_ms(verdict)));
}

boost::json::object proof_json(const ledger::StatementVerdict& verdict) {
  return {{"height", verdict.height.value},
          {"agreed_time_ms", verdict.time.value},
          {"age_ms", age_ms(verdict)},
          {"signers", verdict.signers},
          {"replicas", verdict.replicas}};
}

std::string fate_sentence(const ledger::StatementVerdict& verdict) {
  if (verdict.fate == ledger::Fate::kNever) {
    return "never: it was not ordered, and agreed time has reached its valid-until";
  }
  return verdict.nonce == ledger::NonceVerdict::kUsed
             ? "not from now on: its nonce is used. Whether by itself, a receipt tells"
             : "not from now on: its nonce is behind the sender's window. Whether it happened "
               "before, a receipt tells";
}

}  // namespace quorate::node
