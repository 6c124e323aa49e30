#include "node/bench/seen_block.h"

#include <boost/json/array.hpp>

#include "node/json_members.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

tl::unexpected<Error> malformed() {
  return fail(ErrorKind::kCorrupt, "node-answer-malformed",
              "The node's block has no valid height, hash or list of transactions",
              "Ask another node, and see that both are of this version.");
}

}  // namespace

Result<SeenBlock> parse_seen_block(const json::value& result) {
  SeenBlock block;
  const auto height = number_member(result, "block.header.height");
  const auto hash = crypto::parse_digest(text_member(result, "block_id.hash").value_or(""));
  const json::value* rows = find_member(result, "quorate.transactions");
  if (!height || !hash || rows == nullptr || !rows->is_array()) return malformed();
  block.height = *height;
  block.hash = *hash;
  for (const json::value& row : rows->get_array()) {
    const auto id = crypto::parse_digest(text_member(row, "id").value_or(""));
    auto code = text_member(row, "code");
    if (!id || !code) return malformed();
    block.rows.push_back({{*id}, std::move(*code)});
  }
  return block;
}

}  // namespace quorate::node
