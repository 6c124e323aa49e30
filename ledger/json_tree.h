#pragma once

// A JSON document as a tree that remembers lines and exact numbers, for the files that people write
// and read: the genesis document and receipts.
//
// Boost.JSON does the parsing; its own tree keeps neither the line of a value nor a repeated name,
// and rounds what does not fit 64 bits, where a refusal must name all three. Pure functions,
// thread-safe.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"

namespace quorate::ledger {

enum class JsonKind : std::uint8_t { kNull, kBool, kNumber, kText, kArray, kObject };

struct JsonNode {
  JsonKind kind = JsonKind::kNull;
  std::string text;                // kText: its value; kNumber and kBool: as written
  std::vector<std::string> names;  // kObject: one a child, each once
  std::vector<JsonNode> children;  // kArray, kObject
  std::uint32_t line = 0;          // where it ends (a container: begins), from 1; 0: not parsed

  [[nodiscard]] static JsonNode null() { return {}; }
  [[nodiscard]] static JsonNode boolean(bool value);
  // Readers in JavaScript lose digits above 2^53, so from there on the number is quoted.
  [[nodiscard]] static JsonNode number(std::uint64_t value);
  [[nodiscard]] static JsonNode signed_number(std::int64_t value);
  [[nodiscard]] static JsonNode string(std::string value);
  [[nodiscard]] static JsonNode array();
  [[nodiscard]] static JsonNode object();

  // Precondition: an array, an object (checked).
  void push(JsonNode child);
  void set(std::string name, JsonNode child);
  // nullptr: no such member, or not an object.
  [[nodiscard]] const JsonNode* find(std::string_view name) const;

  // The same document: lines are not compared, names are compared in order.
  friend bool operator==(const JsonNode& a, const JsonNode& b) {
    return a.kind == b.kind && a.text == b.text && a.names == b.names && a.children == b.children;
  }
};

// Values of a document at most, whatever its size, so that a small file cannot take much memory.
inline constexpr std::size_t kJsonNodesMax = 1'000'000;
inline constexpr std::size_t kJsonDepthMax = 32;

// Strict RFC 8259, UTF-8 only, no name twice in an object. Error (kInvalid): `code`, naming the
// line.
[[nodiscard]] Result<JsonNode> parse_json(std::string_view text, std::size_t bytes_max,
                                          std::string_view code);

// Indented by two; an array of numbers stands on one line. Ends with a newline.
[[nodiscard]] std::string to_json_text(const JsonNode& node);

// What was found, in a few words for an error: "an object", "42", "\"colour\"" (cut when long).
[[nodiscard]] std::string describe(const JsonNode& node);

}  // namespace quorate::ledger
