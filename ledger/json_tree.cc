#include "ledger/json_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>

#include "crypto/check.h"

namespace quorate::ledger {
namespace {

namespace json = boost::json;

// Numbers from here on are not exact in every reader (IEEE 754 binary64).
constexpr std::uint64_t kExactMax = std::uint64_t{1} << 53;

// What the parser calls. Containers under construction stand on a stack of their own.
class TreeBuilder {
 public:
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);

  std::uint32_t line = 1;  // of the text that the parser is being fed
  std::string trouble;     // ours; the parser's own stand in its error code
  JsonNode root;

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_array_begin(json::error_code&) { return open(JsonNode::array()); }
  bool on_array_end(std::size_t, json::error_code& ec) { return close(ec); }
  bool on_object_begin(json::error_code&) { return open(JsonNode::object()); }
  bool on_object_end(std::size_t, json::error_code& ec) { return close(ec); }
  bool on_string_part(json::string_view s, std::size_t, json::error_code&) { return collect(s); }
  bool on_string(json::string_view s, std::size_t, json::error_code& ec) {
    collect(s);
    return place(JsonNode::string(std::move(text_)), ec);
  }
  bool on_key_part(json::string_view s, std::size_t, json::error_code&) { return collect(s); }
  bool on_key(json::string_view s, std::size_t, json::error_code&) {
    collect(s);
    names_.back().push_back(line);
    open_.back().names.push_back(std::move(text_));
    text_.clear();
    return true;
  }
  bool on_number_part(json::string_view s, json::error_code&) { return collect(s); }
  bool on_int64(std::int64_t, json::string_view s, json::error_code& ec) { return number(s, ec); }
  bool on_uint64(std::uint64_t, json::string_view s, json::error_code& ec) { return number(s, ec); }
  bool on_double(double, json::string_view s, json::error_code& ec) { return number(s, ec); }
  bool on_bool(bool value, json::error_code& ec) { return place(JsonNode::boolean(value), ec); }
  bool on_null(json::error_code& ec) { return place(JsonNode::null(), ec); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool collect(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool number(json::string_view last_part, json::error_code& ec) {
    collect(last_part);
    JsonNode node;
    node.kind = JsonKind::kNumber;
    node.text = std::move(text_);
    return place(std::move(node), ec);
  }
  bool open(JsonNode container) {
    container.line = line;
    open_.push_back(std::move(container));
    names_.emplace_back();
    return true;
  }
  bool close(json::error_code& ec) {
    JsonNode done = std::move(open_.back());
    open_.pop_back();
    const std::vector<std::uint32_t> lines = std::move(names_.back());
    names_.pop_back();
    std::vector<std::size_t> order(done.names.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&done](std::size_t a, std::size_t b) {
      return done.names[a] < done.names[b];
    });
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (done.names[order[i - 1]] != done.names[order[i]]) continue;
      line = lines[order[i]];
      return stop(fmt::format("the name {} for the second time",
                              describe(JsonNode::string(done.names[order[i]]))),
                  ec);
    }
    const std::uint32_t begins = done.line;
    return place(std::move(done), ec, begins);
  }
  bool place(JsonNode node, json::error_code& ec, std::uint32_t at_line = 0) {
    text_.clear();
    if (++nodes_ > kJsonNodesMax) {
      return stop(fmt::format("more than {} values", kJsonNodesMax), ec);
    }
    node.line = at_line == 0 ? line : at_line;
    if (open_.empty()) {
      root = std::move(node);
    } else {
      open_.back().children.push_back(std::move(node));
    }
    return true;
  }
  bool stop(std::string what, json::error_code& ec) {
    trouble = std::move(what);
    ec = json::make_error_code(json::error::exception);
    return false;
  }

  std::vector<JsonNode> open_;
  std::vector<std::vector<std::uint32_t>> names_;  // one a container: the lines of its names
  std::string text_;
  std::size_t nodes_ = 0;
};

void append_text(std::string& out, const JsonNode& node, std::size_t indent) {
  const auto new_line = [&out](std::size_t spaces) { out.append("\n").append(spaces, ' '); };
  switch (node.kind) {
    case JsonKind::kNull:
      out += "null";
      return;
    case JsonKind::kBool:
    case JsonKind::kNumber:
      out += node.text;
      return;
    case JsonKind::kText:
      out += json::serialize(json::string_view(node.text));
      return;
    case JsonKind::kArray:
    case JsonKind::kObject:
      break;
  }
  const bool is_object = node.kind == JsonKind::kObject;
  const bool one_line =
      !is_object && std::all_of(node.children.begin(), node.children.end(),
                                [](const auto& child) { return child.kind == JsonKind::kNumber; });
  out += is_object ? '{' : '[';
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) out += one_line ? ", " : ",";
    if (!one_line) new_line(indent + 2);
    if (is_object) out.append(json::serialize(json::string_view(node.names[i]))).append(": ");
    append_text(out, node.children[i], indent + 2);
  }
  if (!one_line && !node.children.empty()) new_line(indent);
  out += is_object ? '}' : ']';
}

}  // namespace

JsonNode JsonNode::boolean(bool value) {
  JsonNode node;
  node.kind = JsonKind::kBool;
  node.text = value ? "true" : "false";
  return node;
}

JsonNode JsonNode::number(std::uint64_t value) {
  JsonNode node = string(fmt::format("{}", value));
  if (value < kExactMax) node.kind = JsonKind::kNumber;
  return node;
}

JsonNode JsonNode::signed_number(std::int64_t value) {
  JsonNode node = string(fmt::format("{}", value));
  constexpr auto kMax = static_cast<std::int64_t>(kExactMax);
  if (value < kMax && value > -kMax) node.kind = JsonKind::kNumber;
  return node;
}

JsonNode JsonNode::string(std::string value) {
  JsonNode node;
  node.kind = JsonKind::kText;
  node.text = std::move(value);
  return node;
}

JsonNode JsonNode::array() {
  JsonNode node;
  node.kind = JsonKind::kArray;
  return node;
}

JsonNode JsonNode::object() {
  JsonNode node;
  node.kind = JsonKind::kObject;
  return node;
}

void JsonNode::push(JsonNode child) {
  QUORATE_CHECK(kind == JsonKind::kArray, "only an array takes an element");
  children.push_back(std::move(child));
}

void JsonNode::set(std::string name, JsonNode child) {
  QUORATE_CHECK(kind == JsonKind::kObject && find(name) == nullptr, "a name stands once");
  names.push_back(std::move(name));
  children.push_back(std::move(child));
}

const JsonNode* JsonNode::find(std::string_view name) const {
  const auto it = std::find(names.begin(), names.end(), name);
  return it == names.end() ? nullptr : &children[static_cast<std::size_t>(it - names.begin())];
}

Result<JsonNode> parse_json(std::string_view text, std::size_t bytes_max, std::string_view code) {
  if (text.size() > bytes_max) {
    return fail(
        ErrorKind::kInvalid, code,
        fmt::format("the document has {} bytes; at most {} were expected", text.size(), bytes_max),
        "Check that it is the right file.");
  }
  json::parse_options options;
  options.max_depth = kJsonDepthMax;
  json::basic_parser<TreeBuilder> parser(options);
  TreeBuilder& builder = parser.handler();
  json::error_code ec;
  // A JSON string holds no raw newline, so feeding line by line tells every value's line.
  while (!ec && !text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::size_t taken = parser.write_some(length < text.size(), text.data(), length, ec);
    if (!ec && taken < length) ec = json::make_error_code(json::error::extra_data);
    if (ec) break;
    text.remove_prefix(length);
    if (!text.empty()) ++builder.line;
  }
  if (!ec && !parser.done()) ec = json::make_error_code(json::error::incomplete);
  if (ec) {
    const std::string what = builder.trouble.empty() ? ec.message() : builder.trouble;
    return fail(ErrorKind::kInvalid, code,
                fmt::format("line {}: found {}; a JSON document was expected", builder.line, what),
                "Correct that line.");
  }
  return std::move(builder.root);
}

std::string to_json_text(const JsonNode& node) {
  std::string out;
  append_text(out, node, 0);
  out += '\n';
  return out;
}

std::string describe(const JsonNode& node) {
  constexpr std::size_t kShown = 72;
  switch (node.kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kArray:
      return "an array";
    case JsonKind::kObject:
      return "an object";
    case JsonKind::kBool:
    case JsonKind::kNumber:
    case JsonKind::kText:
      break;
  }
  std::string shown = node.text;
  if (shown.size() > kShown) {
    std::size_t cut = kShown;
    // Not inside a UTF-8 sequence.
    while (cut > 0 && (static_cast<std::uint8_t>(shown[cut]) & 0xc0) == 0x80) --cut;
    shown = shown.substr(0, cut) + "...";
  }
  return node.kind == JsonKind::kText ? json::serialize(json::string_view(shown)) : shown;
}

}  // namespace quorate::ledger
