#include "node/tx_codes.h"

#include <algorithm>
#include <array>
#include <utility>

#include "crypto/bcs.h"

namespace quorate::node {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint32_t>, 18> kAdmission = {{
    {"tx-malformed", 100},
    {"tx-wrong-chain", 101},
    {"tx-too-large", 102},
    {"tx-no-operations", 103},
    {"tx-too-many-operations", 104},
    {"tx-key-empty", 105},
    {"tx-key-too-long", 106},
    {"tx-key-reserved", 107},
    {"tx-nonce-zero", 108},
    {"tx-valid-until-zero", 109},
    {"tx-sender-invalid-key", 110},
    {"tx-sender-not-allowed", 111},
    {"tx-transfer-zero", 112},
    {"tx-bad-signature", 113},
    {"tx-nonce-pending", 114},
    {"busy", 115},
    {"disk-nearly-full", 116},
    {"tx-before-snapshot", 117},
}};

}  // namespace

std::uint32_t number_of_outcome(ledger::Outcome outcome) {
  return static_cast<std::uint32_t>(outcome);
}

std::uint32_t number_of_refusal(std::string_view code) {
  const auto* const found = std::find_if(kAdmission.begin(), kAdmission.end(),
                                         [&](const auto& row) { return row.first == code; });
  if (found != kAdmission.end()) return found->second;
  const auto last = static_cast<std::uint32_t>(crypto::bcs::enum_max<ledger::Outcome>);
  for (std::uint32_t number = 1; number <= last; ++number) {
    if (outcome_code(static_cast<ledger::Outcome>(number)) == code) return number;
  }
  return kNumberOfOtherRefusals;
}

}  // namespace quorate::node
