// quorate get

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>

#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/commands/value_text.h"
#include "node/json_members.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

struct Options {
  NetworkOptions network;
  ValueFormat format;
  std::string key;
};

struct Reading {
  bool is_found = false;
  Bytes value;
  std::optional<std::uint64_t> until_ms;
  std::uint64_t height = 0;
  std::optional<std::uint64_t> staleness_ms;
};

Result<Reading> parse_reading(const boost::json::value& answer, const std::string& url) {
  Reading reading;
  const auto* found = find_member(answer, "found");
  const auto value = from_base64(text_member(answer, "value").value_or(""));
  if (found == nullptr || !found->is_bool() || !value) {
    return fail(ErrorKind::kCorrupt, "node-answer-malformed",
                fmt::format("{} did not answer with \"found\" and a base64 \"value\"", url),
                "Ask another node with --node URL.");
  }
  reading.is_found = found->get_bool();
  reading.value = *value;
  reading.until_ms = number_member(answer, "until_ms");
  reading.height = number_member(answer, "height").value_or(0);
  reading.staleness_ms = number_member(answer, "staleness_ms");
  return reading;
}

std::string provenance(const Reading& reading, const std::string& url) {
  return fmt::format("unproved: the word of {} alone, at height {}{}", url, reading.height,
                     reading.staleness_ms
                         ? fmt::format(", {} ms after its last block", *reading.staleness_ms)
                         : "");
}

Result<ExitCode> get(const Options& options, Console& console) {
  QUORATE_ASSIGN(const Bytes key, parse_value(options.key, options.format));
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  QUORATE_ASSIGN(const auto answer, nodes.call("quorate_get", {{"key", to_base64(key)}}));
  QUORATE_ASSIGN(const Reading reading, parse_reading(answer, nodes.url()));
  if (!reading.is_found) {
    return fail(ErrorKind::kNotFound, "key-not-found",
                fmt::format("There is no key {} ({})", show_value(key),
                            provenance(reading, nodes.url())),
                "Keys are exact bytes; a put that has expired reads as absent.");
  }
  console.line(show_value(reading.value, options.format));
  if (reading.until_ms) {
    console.remark(fmt::format("until {}", time_to_text({*reading.until_ms})));
  }
  console.remark(provenance(reading, nodes.url()));
  boost::json::object object{{"key", to_base64(key)},
                             {"value", to_base64(reading.value)},
                             {"text", nullptr},
                             {"height", reading.height},
                             {"proof", "unproved"},
                             {"node", nodes.url()}};
  if (is_showable(reading.value)) object["text"] = as_text(reading.value);
  if (reading.until_ms) object["until_ms"] = *reading.until_ms;
  if (reading.staleness_ms) object["staleness_ms"] = *reading.staleness_ms;
  console.json(object);
  return ExitCode::kSuccess;
}

}  // namespace

void add_get_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "get",
            .sentence = "Read KEY from one node; what it says is not proved",
            .details = "With --json, `value` is base64 and `text` the same as text, if it is text.",
            .example = "  quorate get colour",
            .parameters = {{.name = "KEY", .help = "The key", .target = &options->key},
                           node_parameter(options->network), hex_parameter(options->format),
                           base64_parameter(options->format)},
            .run = [options](Console& console) { return get(*options, console); }});
}

}  // namespace quorate::node
