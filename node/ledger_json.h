#pragma once

// Blocks and transactions of a ledger as JSON, for commands and for who follows the log.

#include <boost/json/object.hpp>

#include "ledger/store.h"

namespace quorate::node {

// {height, index, id, outcome, failed_operation, sender, nonce, ..., operations}
[[nodiscard]] boost::json::object transaction_json(const ledger::StoredBlock& block,
                                                   std::size_t index);
// {height, hash, times, flags, roots, view, signers, transactions: their number}
[[nodiscard]] boost::json::object block_json(const ledger::StoredBlock& block);

// Under `name`, or as hex under the name with "_hex" where it is no readable text.
void set_bytes_json(boost::json::object& object, std::string_view name, const Bytes& bytes);

}  // namespace quorate::node
