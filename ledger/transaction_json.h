#pragma once

// A transaction as JSON for people: one way only, nothing is parsed back.
//
// Bytes stand as text under their own name ("key") where they are readable, else as hex under the
// name with "_hex" ("key_hex"), so the two cannot be taken for each other. Readable is valid UTF-8
// without control characters and without those that reorder what is shown. Pure functions,
// thread-safe.

#include <optional>
#include <string>
#include <string_view>

#include "ledger/json_tree.h"
#include "ledger/transaction.h"

namespace quorate::ledger {

// {"sender", "nonce", "valid_until_ms", "valid_until", "operations"}
[[nodiscard]] JsonNode to_json(const Transaction& transaction);

// An object whose first member, "op", is put, delete, compare-and-set, add or transfer.
[[nodiscard]] JsonNode to_json(const Operation& operation);

// Under `name`, or as hex under the name with "_hex".
void set_bytes(JsonNode& object, std::string_view name, const Bytes& bytes);

// ISO 8601 with milliseconds, "2026-11-22T10:20:30.456Z"; nullopt past the year 9999.
[[nodiscard]] std::optional<std::string> utc_text(TimeMs time);

}  // namespace quorate::ledger
