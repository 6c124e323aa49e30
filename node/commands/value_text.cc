#include "node/commands/value_text.h"

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

std::string quoted_value(ByteView value) {
  return is_showable(value) ? fmt::format("\"{}\"", as_text(value)) : show_value(value);
}

struct Describe {
  std::string operator()(const ledger::Put& put) const {
    return fmt::format("put {} = {}{}", quoted_value(put.key), quoted_value(put.value),
                       put.until ? " until " + time_to_text(*put.until) : "");
  }
  std::string operator()(const ledger::Delete& del) const {
    return fmt::format("delete {}", quoted_value(del.key));
  }
  std::string operator()(const ledger::CompareAndSet& cas) const {
    return fmt::format("set {} = {} if it is {}", quoted_value(cas.key), quoted_value(cas.value),
                       cas.expected ? quoted_value(*cas.expected) : "absent");
  }
  std::string operator()(const ledger::Add& add) const {
    return fmt::format("add {} to {}", add.delta, quoted_value(add.key));
  }
  std::string operator()(const ledger::Transfer& transfer) const {
    return fmt::format("transfer {} to {}", transfer.amount, transfer.to.hex());
  }
  std::string operator()(const ledger::RecordEvidence& record) const {
    return "record evidence: " + ledger::evidence_sentence(record.evidence);
  }
  std::string operator()(const ledger::ChangeMembership& change) const {
    return "change membership: " + ledger::change_sentence(change.body.change);
  }
};

}  // namespace

bool is_showable(ByteView value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] < 0x20 || value[i] == 0x7F) return false;
    const bool is_c1 = value[i] == 0xC2 && i + 1 < value.size() && value[i + 1] < 0xA0;
    if (is_c1) return false;
  }
  // Text and bytes have the same encoding, but text must be valid UTF-8.
  return crypto::decode<std::string>(crypto::encode(Bytes(value.begin(), value.end())))
      .has_value();
}

Parameter hex_parameter(ValueFormat& format) {
  return {.name = "--hex", .help = "Keys and values are hex digits", .target = &format.is_hex};
}

Parameter base64_parameter(ValueFormat& format) {
  return {.name = "--base64", .help = "Keys and values are base64", .target = &format.is_base64};
}

Result<Bytes> parse_value(std::string_view text, const ValueFormat& format) {
  if (format.is_hex && format.is_base64) {
    return fail(ErrorKind::kUsage, "value-format-twice", "Found --hex and --base64, expected one");
  }
  if (format.is_hex) return from_hex(text);
  if (format.is_base64) return from_base64(text);
  return to_bytes(text);
}

std::string show_value(ByteView value) {
  return is_showable(value) ? std::string(as_text(value)) : "0x" + to_hex(value);
}

std::string show_value(ByteView value, const ValueFormat& format) {
  if (format.is_hex) return to_hex(value);
  if (format.is_base64) return to_base64(value);
  return show_value(value);
}

std::string describe_operation(const ledger::Operation& operation) {
  return std::visit(Describe{}, operation);
}

}  // namespace quorate::node
