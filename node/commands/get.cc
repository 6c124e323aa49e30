// quorate get

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>

#include "ledger/proved_state.h"
#include "node/commands/network_options.h"
#include "node/commands/proof_text.h"
#include "node/commands/registry.h"
#include "node/commands/value_text.h"
#include "node/files.h"
#include "node/json_members.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

struct Options {
  NetworkOptions network;
  ValueFormat format;
  std::string key;
  bool prove = false;
  std::optional<std::string> out;
};

struct Reading {
  bool is_found = false;
  Bytes value;
  std::optional<std::uint64_t> until_ms;
  std::uint64_t height = 0;
  std::optional<std::uint64_t> staleness_ms;
  std::string provenance;
  boost::json::object proof;  // empty: unproved
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

Result<Reading> read_unproved(const Bytes& key, NodePool& nodes) {
  QUORATE_ASSIGN(const auto answer, nodes.call("quorate_get", {{"key", to_base64(key)}}));
  QUORATE_ASSIGN(Reading reading, parse_reading(answer, nodes.url()));
  reading.provenance = provenance(reading, nodes.url());
  return reading;
}

// What the node says counts for nothing; what it proves does.
Result<Reading> read_proved(const Bytes& key, const Options& options, NodePool& nodes) {
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.network));
  QUORATE_ASSIGN(const auto answer,
                 nodes.call("quorate_get", {{"key", to_base64(key)}, {"prove", true}}));
  const std::string text = text_member(answer, "proof").value_or("");
  QUORATE_ASSIGN(const ledger::StateStatement statement, ledger::parse_statement(text));
  QUORATE_ASSIGN(const auto verdict, ledger::verify_statement(statement, genesis.genesis));
  const auto* about = std::get_if<ledger::ReadSubject>(&statement.subject);
  if (about == nullptr || about->key != key) {
    return fail(ErrorKind::kCorrupt, "proof-other-key",
                fmt::format("{} proved something else than key {}", nodes.url(), show_value(key)),
                "Ask another node with --node URL.");
  }
  if (options.out) QUORATE_TRY(create_file(*options.out, text));
  Reading reading;
  reading.is_found = verdict.entry.has_value();
  if (verdict.entry) reading.value = verdict.entry->value;
  if (verdict.entry && verdict.entry->until) reading.until_ms = verdict.entry->until->value;
  reading.height = verdict.height.value;
  reading.provenance = proof_provenance(verdict);
  reading.proof = proof_json(verdict);
  return reading;
}

Result<ExitCode> get(const Options& options, Console& console) {
  if (options.out && !options.prove) {
    return fail(ErrorKind::kUsage, "usage", "--out writes a proof; it needs --prove");
  }
  QUORATE_ASSIGN(const Bytes key, parse_value(options.key, options.format));
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  QUORATE_ASSIGN(const Reading reading, options.prove ? read_proved(key, options, nodes)
                                                      : read_unproved(key, nodes));
  if (!reading.is_found) {
    return fail(ErrorKind::kNotFound, "key-not-found",
                fmt::format("There is no key {} ({})", show_value(key), reading.provenance),
                "Keys are exact bytes; a put that has expired reads as absent.");
  }
  console.line(show_value(reading.value, options.format));
  if (reading.until_ms) {
    console.remark(fmt::format("until {}", time_to_text({*reading.until_ms})));
  }
  console.remark(reading.provenance);
  boost::json::object object{{"key", to_base64(key)},
                             {"value", to_base64(reading.value)},
                             {"text", nullptr},
                             {"height", reading.height},
                             {"proof", options.prove ? "proved" : "unproved"},
                             {"node", nodes.url()}};
  if (is_showable(reading.value)) object["text"] = as_text(reading.value);
  if (reading.until_ms) object["until_ms"] = *reading.until_ms;
  if (reading.staleness_ms) object["staleness_ms"] = *reading.staleness_ms;
  if (options.prove) object["proved"] = reading.proof;
  console.json(object);
  return ExitCode::kSuccess;
}

}  // namespace

void add_get_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  line.add({.path = "get",
            .sentence = "Read KEY from one node; without --prove what it says is not proved",
            .details = "With --prove it is the value at the newest height whose state a quorum "
                       "cosigned, verified here\nagainst the genesis document, and how long ago "
                       "that was. Exit code 8: the proof is not good.\n"
                       "With --json, `value` is base64 and `text` the same as text, if it is text.",
            .example = "  quorate get colour\n  quorate get colour --prove --out proof.json",
            .parameters = {{.name = "KEY", .help = "The key", .target = &options->key},
                           {.name = "--prove",
                            .help = "Ask for a proof and verify it",
                            .target = &options->prove},
                           {.name = "--out",
                            .value = "FILE",
                            .help = "Write the proof there, for `quorate proof verify`",
                            .target = &options->out},
                           node_parameter(options->network), genesis_parameter(options->network),
                           hex_parameter(options->format), base64_parameter(options->format)},
            .run = [options](Console& console) { return get(*options, console); }});
}

}  // namespace quorate::node
