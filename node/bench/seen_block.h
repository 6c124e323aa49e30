#pragma once

// A block as far as a load looks at it: which transactions it holds, and what came of each.

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "ledger/types.h"

namespace quorate::node {

struct SeenBlock {
  struct Row {
    ledger::TxId id;
    std::string code;  // "applied", or why not
  };
  std::uint64_t height = 0;
  ledger::Digest hash;
  std::vector<Row> rows;
};

// The `result` of the method `block`. Error: "node-answer-malformed" (kCorrupt).
[[nodiscard]] Result<SeenBlock> parse_seen_block(const boost::json::value& result);

}  // namespace quorate::node
