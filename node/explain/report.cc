#include "node/explain/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <limits>

#include "ledger/genesis.h"
#include "ledger/quorum.h"
#include "node/json_members.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using ledger::ReplicaId;
using pbft::Standing;
using pbft::Waiting;
using pbft::WaitingSlot;

constexpr std::size_t kTextBytesMax = 2000;

std::string_view standing_text(Standing standing) {
  switch (standing) {
    case Standing::kVoter: return "voter";
    case Standing::kRecovering: return "recovering";
    case Standing::kLearner: return "learner";
  }
  return "learner";
}

json::array ids_json(const std::vector<ReplicaId>& ids) {
  json::array result;
  for (const ReplicaId id : ids) result.push_back(id.value);
  return result;
}

json::object slot_json(const WaitingSlot& slot) {
  json::object object{{"sequence", slot.sequence.value},
                      {"has_proposal", slot.has_proposal},
                      {"is_outvoted", slot.is_outvoted},
                      {"is_committed", slot.is_committed},
                      {"is_refused", slot.is_refused},
                      {"transactions", slot.transactions},
                      {"bodies_missing", slot.bodies_missing},
                      {"early_ms", slot.early_ms},
                      {"prepares", slot.prepares},
                      {"prepares_missing", ids_json(slot.prepares_missing)},
                      {"commits", slot.commits},
                      {"commits_missing", ids_json(slot.commits_missing)}};
  if (slot.open_ms) object["open_ms"] = *slot.open_ms;
  return object;
}

// Reads members of one object; the first that is wrong is remembered.
class Reader {
 public:
  Reader(const json::value& value, std::size_t replicas) : value_(value), replicas_(replicas) {}

  std::uint64_t number(std::string_view name,
                       std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) {
    const auto found = number_member(value_, name);
    if (!found || *found > max) return fault(name), 0;
    return *found;
  }
  std::optional<std::uint64_t> number_if_any(std::string_view name) {
    if (find_member(value_, name) == nullptr) return std::nullopt;
    return number(name);
  }
  bool boolean(std::string_view name) {
    const json::value* found = find_member(value_, name);
    if (found == nullptr || !found->is_bool()) return fault(name), false;
    return found->get_bool();
  }
  std::string text(std::string_view name) {
    auto found = text_member(value_, name);
    if (!found) return fault(name), std::string();
    found->resize(std::min(found->size(), kTextBytesMax));
    // It goes to a terminal.
    std::ranges::replace_if(
        *found, [](char byte) { return (byte >= 0 && byte < ' ') || byte == '\x7f'; }, '?');
    return std::move(*found);
  }
  std::string text_if_any(std::string_view name) {
    return find_member(value_, name) == nullptr ? std::string() : text(name);
  }
  ReplicaId id(std::string_view name) {
    return {static_cast<std::uint16_t>(number(name, replicas_ - 1))};
  }
  std::vector<ReplicaId> ids(std::string_view name) {
    std::vector<ReplicaId> result;
    for (const json::value& each : array(name, replicas_)) {
      const json::value wrapped(json::object{{"id", each}});
      Reader reader(wrapped, replicas_);
      result.push_back(reader.id("id"));
      if (!reader.wrong().empty()) fault(name);
    }
    return result;
  }
  const json::array& array(std::string_view name, std::size_t size_max) {
    static const json::array kNone;
    const json::value* found = find_member(value_, name);
    if (found == nullptr || !found->is_array() || found->get_array().size() > size_max) {
      fault(name);
      return kNone;
    }
    return found->get_array();
  }

  void fault(std::string_view name) {
    if (wrong_.empty()) wrong_ = name;
  }
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

 private:
  const json::value& value_;
  std::size_t replicas_;
  std::string wrong_;
};

WaitingSlot read_slot(Reader& reader) {
  WaitingSlot slot;
  slot.sequence = {reader.number("sequence")};
  slot.open_ms = reader.number_if_any("open_ms");
  slot.has_proposal = reader.boolean("has_proposal");
  slot.is_outvoted = reader.boolean("is_outvoted");
  slot.is_committed = reader.boolean("is_committed");
  slot.is_refused = reader.boolean("is_refused");
  slot.transactions = reader.number("transactions");
  slot.bodies_missing = reader.number("bodies_missing");
  slot.early_ms = reader.number("early_ms");
  slot.prepares = reader.number("prepares");
  slot.prepares_missing = reader.ids("prepares_missing");
  slot.commits = reader.number("commits");
  slot.commits_missing = reader.ids("commits_missing");
  return slot;
}

LinkReport read_link(Reader& reader) {
  return {reader.id("id"), reader.boolean("in"), reader.boolean("out"), reader.text("error")};
}

// Each element of a list, by `read`.
template <class T>
std::vector<T> read_list(Reader& reader, std::string_view name, std::size_t size_max,
                         std::size_t replicas, T (*read)(Reader&)) {
  std::vector<T> result;
  for (const json::value& each : reader.array(name, size_max)) {
    Reader element(each, replicas);
    result.push_back(read(element));
    if (!element.wrong().empty()) reader.fault(fmt::format("{}.{}", name, element.wrong()));
  }
  return result;
}

Standing read_standing(Reader& reader) {
  const std::string text = reader.text("standing");
  for (const Standing each : {Standing::kVoter, Standing::kRecovering, Standing::kLearner}) {
    if (text == standing_text(each)) return each;
  }
  reader.fault("standing");
  return Standing::kVoter;
}

Waiting read_waiting(Reader& reader, std::size_t replicas) {
  Waiting waiting;
  waiting.self = reader.id("replica");
  waiting.replicas = replicas;
  waiting.quorum = ledger::quorum(replicas);
  waiting.epoch = {reader.number("epoch")};
  waiting.view = {reader.number("view")};
  waiting.in_view = reader.boolean("in_view");
  waiting.view_age_ms = reader.number_if_any("view_age_ms");
  waiting.primary = reader.id("primary");
  waiting.standing = read_standing(reader);
  waiting.ceiling = {reader.number_if_any("ceiling").value_or(0)};
  waiting.executed = {reader.number("executed")};
  waiting.committed = {reader.number("committed")};
  waiting.stable = {reader.number("stable")};
  waiting.high_watermark = {reader.number("high_watermark")};
  waiting.furthest = {reader.number("furthest")};
  waiting.committed_age_ms = reader.number_if_any("committed_age_ms");
  waiting.ready = reader.number("ready");
  waiting.unordered = reader.number("unordered");
  waiting.oldest_unordered_ms = reader.number_if_any("oldest_unordered_ms");
  waiting.slots = read_list(reader, "slots", pbft::kWaitingSlotsMax, replicas, read_slot);
  waiting.view_changes_missing = reader.ids("view_changes_missing");
  waiting.transcripts_missing = reader.number("transcripts_missing");
  if (const auto checkpoint = reader.number_if_any("checkpoint")) {
    waiting.checkpoint = {*checkpoint};
  }
  waiting.checkpoint_missing = reader.ids("checkpoint_missing");
  waiting.checkpoint_differs = reader.ids("checkpoint_differs");
  waiting.unchecked_ms = reader.number_if_any("unchecked_ms");
  waiting.unchecked_ms_max = reader.number("unchecked_ms_max");
  waiting.timeout_ms = reader.number("timeout_ms");
  waiting.patience_left_ms = reader.number_if_any("patience_left_ms");
  waiting.next_report_ms = reader.number("next_report_ms");
  return waiting;
}

}  // namespace

json::object report_to_json(const ReplicaReport& report) {
  const Waiting& waiting = report.waiting;
  json::object object{{"replica", waiting.self.value},
                      {"name", report.name},
                      {"chain_id", report.chain_id},
                      {"replicas", waiting.replicas},
                      {"quorum", waiting.quorum},
                      {"epoch", waiting.epoch.value},
                      {"view", waiting.view.value},
                      {"in_view", waiting.in_view},
                      {"primary", waiting.primary.value},
                      {"standing", standing_text(waiting.standing)},
                      {"executed", waiting.executed.value},
                      {"committed", waiting.committed.value},
                      {"stable", waiting.stable.value},
                      {"high_watermark", waiting.high_watermark.value},
                      {"furthest", waiting.furthest.value},
                      {"ready", waiting.ready},
                      {"unordered", waiting.unordered},
                      {"view_changes_missing", ids_json(waiting.view_changes_missing)},
                      {"transcripts_missing", waiting.transcripts_missing},
                      {"checkpoint_missing", ids_json(waiting.checkpoint_missing)},
                      {"checkpoint_differs", ids_json(waiting.checkpoint_differs)},
                      {"unchecked_ms_max", waiting.unchecked_ms_max},
                      {"timeout_ms", waiting.timeout_ms},
                      {"next_report_ms", waiting.next_report_ms}};
  const auto set_if_any = [&](std::string_view name, std::optional<std::uint64_t> value) {
    if (value) object[name] = *value;
  };
  set_if_any("view_age_ms", waiting.view_age_ms);
  set_if_any("committed_age_ms", waiting.committed_age_ms);
  set_if_any("oldest_unordered_ms", waiting.oldest_unordered_ms);
  set_if_any("unchecked_ms", waiting.unchecked_ms);
  set_if_any("patience_left_ms", waiting.patience_left_ms);
  if (waiting.checkpoint) object["checkpoint"] = waiting.checkpoint->value;
  if (waiting.standing == Standing::kRecovering) object["ceiling"] = waiting.ceiling.value;
  if (!report.standing_reason.empty()) object["standing_reason"] = report.standing_reason;
  if (!report.trouble.empty()) object["trouble"] = report.trouble;
  json::array slots;
  for (const WaitingSlot& slot : waiting.slots) slots.push_back(slot_json(slot));
  object["slots"] = std::move(slots);
  json::array links;
  for (const LinkReport& link : report.links) {
    links.push_back(json::object{
        {"id", link.id.value}, {"in", link.in}, {"out", link.out}, {"error", link.error}});
  }
  object["links"] = std::move(links);
  return object;
}

Result<ReplicaReport> parse_report(const json::value& answer) {
  const auto malformed = [](std::string_view member) {
    return fail(ErrorKind::kCorrupt, "node-answer-malformed",
                fmt::format("The member \"{}\" of its report is missing or not as expected",
                            member),
                "See that the URL is that of a Quorate node of this version.");
  };
  const std::size_t replicas = number_member(answer, "replicas").value_or(0);
  if (replicas == 0 || replicas > ledger::kReplicasMax) return malformed("replicas");
  Reader reader(answer, replicas);
  ReplicaReport report;
  report.name = reader.text("name");
  report.chain_id = reader.text("chain_id");
  report.waiting = read_waiting(reader, replicas);
  report.standing_reason = reader.text_if_any("standing_reason");
  report.trouble = reader.text_if_any("trouble");
  report.links = read_list(reader, "links", replicas, replicas, read_link);
  if (!reader.wrong().empty()) return malformed(reader.wrong());
  return report;
}

}  // namespace quorate::node
