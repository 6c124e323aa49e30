#include "ledger/transaction_json.h"

#include <fmt/format.h>

#include <chrono>

#include "crypto/bcs.h"

namespace quorate::ledger {
namespace {

constexpr std::uint64_t kYear10000Ms = 253'402'300'800'000;

// Judges a text that is known to be valid UTF-8: no control characters (C0, C1, DEL), none that
// change the direction of writing or are invisible (U+200B to U+200F, U+202A to U+202E, U+2060 to
// U+206F, U+FEFF), and no line separators (U+2028, U+2029).
[[nodiscard]] bool shows_as_written(std::string_view text) {
  const auto at = [&text](std::size_t i) {
    return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t byte = at(i);
    if (byte < 0x20 || byte == 0x7f) return false;
    if (byte == 0xc2 && at(i + 1) < 0xa0) return false;
    if (byte == 0xe2 && at(i + 1) == 0x80 && at(i + 2) >= 0x8b && at(i + 2) <= 0x8f) return false;
    if (byte == 0xe2 && at(i + 1) == 0x80 && at(i + 2) >= 0xa8 && at(i + 2) <= 0xae) return false;
    if (byte == 0xe2 && at(i + 1) == 0x81 && at(i + 2) >= 0xa0 && at(i + 2) <= 0xaf) return false;
    if (byte == 0xef && at(i + 1) == 0xbb && at(i + 2) == 0xbf) return false;
  }
  return true;
}

[[nodiscard]] bool is_readable(const Bytes& bytes) {
  // The codec knows what UTF-8 is; a string is encoded as bytes are.
  return crypto::decode<std::string>(crypto::encode(bytes)) && shows_as_written(as_text(bytes));
}

struct OperationWriter {
  JsonNode& out;

  void operator()(const Put& put) const {
    begin("put");
    set_bytes(out, "key", put.key);
    set_bytes(out, "value", put.value);
    if (put.until) out.set("until_ms", JsonNode::number(put.until->value));
  }
  void operator()(const Delete& del) const {
    begin("delete");
    set_bytes(out, "key", del.key);
  }
  void operator()(const CompareAndSet& compare) const {
    begin("compare-and-set");
    set_bytes(out, "key", compare.key);
    if (compare.expected) {
      set_bytes(out, "expected", *compare.expected);
    } else {
      out.set("expected", JsonNode::null());
    }
    set_bytes(out, "value", compare.value);
  }
  void operator()(const Add& add) const {
    begin("add");
    set_bytes(out, "key", add.key);
    out.set("delta", JsonNode::signed_number(add.delta));
  }
  void operator()(const Transfer& transfer) const {
    begin("transfer");
    out.set("to", JsonNode::string(transfer.to.hex()));
    out.set("amount", JsonNode::number(transfer.amount));
  }
  void operator()(const RecordEvidence& record) const {
    begin("record-evidence");
    out.set("replica", JsonNode::number(accused(record.evidence).value));
    out.set("sentence", JsonNode::string(evidence_sentence(record.evidence)));
    out.set("evidence_hex", JsonNode::string(to_hex(crypto::encode(record.evidence))));
  }

  void operator()(const ChangeMembership& change) const {
    begin("change-membership");
    out.set("epoch", JsonNode::number(change.body.epoch.value));
    out.set("sentence", JsonNode::string(change_sentence(change.body.change)));
    JsonNode signers = JsonNode::array();
    for (const Endorsement& each : change.endorsements) {
      signers.push(JsonNode::number(each.replica.value));
    }
    out.set("signers", std::move(signers));
    out.set("change_hex", JsonNode::string(to_hex(crypto::encode(change))));
  }

  void begin(std::string_view name) const { out.set("op", JsonNode::string(std::string(name))); }
};

}  // namespace

void set_bytes(JsonNode& object, std::string_view name, const Bytes& bytes) {
  if (is_readable(bytes)) {
    object.set(std::string(name), JsonNode::string(std::string(as_text(bytes))));
  } else {
    object.set(fmt::format("{}_hex", name), JsonNode::string(to_hex(bytes)));
  }
}

JsonNode to_json(const Operation& operation) {
  JsonNode object = JsonNode::object();
  std::visit(OperationWriter{object}, operation);
  return object;
}

JsonNode to_json(const Transaction& transaction) {
  JsonNode object = JsonNode::object();
  object.set("sender", JsonNode::string(transaction.sender.hex()));
  object.set("nonce", JsonNode::number(transaction.nonce));
  object.set("valid_until_ms", JsonNode::number(transaction.valid_until.value));
  const auto until = utc_text(transaction.valid_until);
  object.set("valid_until", until ? JsonNode::string(*until) : JsonNode::null());
  JsonNode operations = JsonNode::array();
  for (const Operation& operation : transaction.operations) operations.push(to_json(operation));
  object.set("operations", std::move(operations));
  return object;
}

std::optional<std::string> utc_text(TimeMs time) {
  if (time.value >= kYear10000Ms) return std::nullopt;
  using std::chrono::days;
  const std::chrono::milliseconds since_epoch(static_cast<std::int64_t>(time.value));
  const std::chrono::sys_time<std::chrono::milliseconds> at(since_epoch);
  const auto day = std::chrono::floor<days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace quorate::ledger
