#pragma once

// Keys and values of the ledger are bytes; on the command line they are text, hex or base64.

#include <string>
#include <string_view>

#include "crypto/bytes.h"
#include "ledger/transaction.h"
#include "node/commands/command_line.h"

namespace quorate::node {

struct ValueFormat {
  bool is_hex = false;
  bool is_base64 = false;
};
// --hex and --base64.
[[nodiscard]] Parameter hex_parameter(ValueFormat& format);
[[nodiscard]] Parameter base64_parameter(ValueFormat& format);

// Errors: "value-format-twice" (kUsage), "hex-malformed", "base64-malformed".
[[nodiscard]] Result<Bytes> parse_value(std::string_view text, const ValueFormat& format);

// UTF-8 without control characters (C0, DEL, C1), so that a value cannot drive a terminal.
[[nodiscard]] bool is_showable(ByteView value);
// Bytes as a person reads them: the text itself if it is showable, else 0x and hex.
[[nodiscard]] std::string show_value(ByteView value);
// In the form that was asked for; without one, as show_value.
[[nodiscard]] std::string show_value(ByteView value, const ValueFormat& format);

// One line: put "colour" = "blue".
[[nodiscard]] std::string describe_operation(const ledger::Operation& operation);

}  // namespace quorate::node
