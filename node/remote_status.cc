#include "node/remote_status.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "node/json_members.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

tl::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorKind::kCorrupt, "node-answer-malformed",
              fmt::format("The node's status of a transaction has no valid \"{}\"", what),
              "Ask another node, and see that both are of this version.");
}

std::optional<Level> level_member(const json::value& value) {
  const auto text = text_member(value, "level");
  if (!text) return std::nullopt;
  const auto level = parse_level(*text);
  return level ? std::optional(*level) : std::nullopt;
}

}  // namespace

Result<RemoteStatus> parse_remote_status(const json::value& answer) {
  RemoteStatus status;
  const auto id = crypto::parse_digest(text_member(answer, "id").value_or(""));
  if (!id) return malformed("id");
  status.id = {*id};
  const auto level = level_member(answer);
  if (!level) return malformed("level");
  status.level = *level;
  if (const json::value* history = find_member(answer, "history")) {
    if (!history->is_array()) return malformed("history");
    for (const json::value& each : history->get_array()) {
      const auto reached = level_member(each);
      if (!reached) return malformed("history");
      status.history.push_back({*reached, number_member(each, "time_ms").value_or(0),
                                number_member(each, "after_us").value_or(0),
                                text_member(each, "evidence").value_or("")});
    }
  }
  status.height = number_member(answer, "height");
  status.index = number_member(answer, "index");
  status.depth = number_member(answer, "depth");
  if (const auto code = text_member(answer, "outcome.code")) {
    status.outcome = {*code, text_member(answer, "outcome.message").value_or("")};
  }
  status.node = text_member(answer, "node").value_or("");
  return status;
}

json::object remote_status_to_json(const RemoteStatus& status) {
  json::object object{{"id", status.id.hex()}, {"level", level_text(status.level)}};
  json::array history;
  for (const LevelChange& change : status.history) {
    history.push_back(json::object{{"level", level_text(change.level)},
                                   {"time_ms", change.wall_ms},
                                   {"after_us", change.after_us},
                                   {"evidence", change.evidence}});
  }
  object["history"] = std::move(history);
  if (status.height) object["height"] = *status.height;
  if (status.index) object["index"] = *status.index;
  if (status.depth) object["depth"] = *status.depth;
  if (status.outcome) {
    object["outcome"] =
        json::object{{"code", status.outcome->code}, {"message", status.outcome->message}};
  }
  if (!status.node.empty()) object["node"] = status.node;
  return object;
}

Result<RemoteStatus> ask_status(NodePool& nodes, const ledger::TxId& id) {
  QUORATE_ASSIGN(const json::value answer, nodes.call("quorate_tx_status", {{"id", id.hex()}}));
  return parse_remote_status(answer);
}

}  // namespace quorate::node
