#pragma once

// What a statement about the state says, in words and as JSON. For commands.

#include <boost/json/object.hpp>
#include <string>

#include "ledger/proved_state.h"

namespace quorate::node {

// "proved: 3 of 4 replicas cosigned the state of height 8, agreed time ..., 12 s ago". The age is
// by the own clock.
[[nodiscard]] std::string proof_provenance(const ledger::StatementVerdict& verdict);
// {height, agreed_time_ms, age_ms, signers, replicas}
[[nodiscard]] boost::json::object proof_json(const ledger::StatementVerdict& verdict);
// What the statement says of its transaction's fate, in a sentence.
[[nodiscard]] std::string fate_sentence(const ledger::StatementVerdict& verdict);

}  // namespace quorate::node
