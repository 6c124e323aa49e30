// quorate pow receipt | verify

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <memory>

#include "node/commands/network_options.h"
#include "node/files.h"
#include "node/json_members.h"
#include "node/pow_rules.h"
#include "node/time_text.h"
#include "pow/depth_receipt.h"
#include "testnet/commands/registry.h"
#include "testnet/pow_race.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using node::Console;
using node::ExitCode;

constexpr std::size_t kReceiptBytesMax = 8 << 20;
constexpr double kUsualShare = 0.1;

struct ReceiptOptions {
  node::NetworkOptions network;
  std::string id;
  std::optional<std::string> out;
};

Result<ExitCode> fetch(const ReceiptOptions& options, Console& console) {
  QUORATE_ASSIGN(node::NodePool nodes, find_nodes(options.network));
  QUORATE_ASSIGN(const json::value answer,
                 nodes.call("quorate_depth_receipt", {{"id", options.id}}));
  const auto text = node::text_member(answer, "receipt");
  if (!text) {
    return fail(ErrorKind::kCorrupt, "node-answer-malformed",
                fmt::format("{} sent no receipt in its answer", nodes.url()), "Ask another node.");
  }
  QUORATE_TRY(pow::parse_depth_receipt(*text));
  if (!options.out) {
    console.raw(*text);
    return ExitCode::kSuccess;
  }
  QUORATE_TRY(node::create_file(*options.out, *text));
  console.line(fmt::format("receipt written to {}", *options.out));
  console.line(fmt::format("verify it with `quorate pow verify {}`", *options.out));
  console.json(json::object{{"id", options.id}, {"file", *options.out}});
  return ExitCode::kSuccess;
}

struct VerifyOptions {
  node::NetworkOptions network;
  std::string file;
  std::optional<std::string> params;
  std::uint64_t spacing = 10;
  std::uint64_t interval = 2016;
  std::string limit = "207fffff";
};

// As given; else those of the testnet here.
Result<node::PowRules> rules_for(const VerifyOptions& options) {
  if (options.params) {
    node::PowRules rules{*options.params, options.spacing, options.interval, {}};
    QUORATE_ASSIGN(rules.limit, node::parse_bits(options.limit));
    return rules;
  }
  QUORATE_ASSIGN(const auto folder, node::find_testnet());
  if (!folder || folder->engine != "pow" || folder->replicas.empty()) {
    return fail(ErrorKind::kUsage, "usage",
                "The rules of the chain are not given, and there is no testnet of proof of work "
                "in or beside this folder",
                "Give --params, and for own --spacing, --interval and --limit.");
  }
  const node::Home home = folder->home_of(folder->replicas.front());
  QUORATE_ASSIGN(const node::Config config, node::load_config_file(home.config()));
  return node::rules_of(config);
}

// The genesis document's, where it has any.
Result<pow::Params> params_for(const VerifyOptions& options, const ledger::Genesis& genesis) {
  if (genesis.pow && !options.params) return pow::params_of(*genesis.pow);
  QUORATE_ASSIGN(const node::PowRules rules, rules_for(options));
  return params_of(rules);
}

Result<ExitCode> verify(const VerifyOptions& options, Console& console) {
  QUORATE_ASSIGN(const std::string text, node::read_file(options.file, kReceiptBytesMax));
  QUORATE_ASSIGN(const node::GenesisFile genesis, find_genesis(options.network));
  QUORATE_ASSIGN(const pow::Params params, params_for(options, genesis.genesis));
  QUORATE_ASSIGN(const pow::DepthProof proof, pow::parse_depth_receipt(text));
  QUORATE_ASSIGN(const pow::DepthVerdict verdict,
                 pow::verify_depth(proof, genesis.genesis, params));
  // Blocks linked after it, as Nakamoto counts.
  const std::uint64_t after = std::min(verdict.place.depth - 1, kRaceBlocksMax);
  const double risk = race_risk(kUsualShare, after);
  console.line(fmt::format("transaction {}", verdict.id.hex()));
  console.line(fmt::format("proved:  it stands in block {} at height {}, depth {}",
                           pow::display_hex(verdict.place.block), verdict.place.height.value,
                           verdict.place.depth));
  console.line(fmt::format("         on it and in it is the work of {} hashes on average, up to "
                           "{} of {}",
                           pow::decimal_of(verdict.place.work), pow::display_hex(verdict.place.tip),
                           node::time_to_text({std::uint64_t{verdict.place.tip_time} * 1000})));
  console.line("not proved: that no chain has more work, nor what it did there");
  console.line(fmt::format("risk:    {:.7f} that an attacker with 10% of the work displaces it",
                           risk));
  console.json(json::object{{"id", verdict.id.hex()},
                            {"block", pow::display_hex(verdict.place.block)},
                            {"height", verdict.place.height.value},
                            {"depth", verdict.place.depth},
                            {"tip", pow::display_hex(verdict.place.tip)},
                            {"work", pow::decimal_of(verdict.place.work)},
                            {"risk", risk}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_pow_receipt_commands(node::CommandLine& line) {
  const auto fetches = std::make_shared<ReceiptOptions>();
  line.add({.path = "pow receipt",
            .sentence = "Fetch the receipt of a transaction that stands in a proof-of-work chain",
            .details = "It holds all headers, so whoever verifies it computes the work himself.",
            .example = "  quorate pow receipt TXID --out receipt.json",
            .parameters = {{.name = "TXID",
                            .help = "Its id, 64 hex digits",
                            .target = &fetches->id},
                           node::node_parameter(fetches->network),
                           {.name = "--out",
                            .value = "FILE",
                            .help = "Write it there, not to standard output",
                            .target = &fetches->out}},
            .run = [fetches](Console& console) { return fetch(*fetches, console); }});
  const auto options = std::make_shared<VerifyOptions>();
  line.add(
      {.path = "pow verify",
       .sentence = "Verify such a receipt offline: block, depth, work, and what risk is left",
       .details = "Needs the genesis document and the rules of the chain; both are the testnet's "
                  "here unless given. Exit\ncode 8 or 4: it does not verify.",
       .example = "  quorate pow verify receipt.json --genesis genesis.json --params regtest",
       .parameters = {{.name = "FILE",
                       .help = "What `quorate pow receipt` wrote",
                       .target = &options->file},
                      node::genesis_parameter(options->network),
                      {.name = "--params",
                       .value = "NAME",
                       .help = "own, bitcoin, testnet or regtest",
                       .target = &options->params},
                      {.name = "--spacing",
                       .value = "SECONDS",
                       .help = "Wanted between blocks, of own; default 10",
                       .target = &options->spacing},
                      {.name = "--interval",
                       .value = "BLOCKS",
                       .help = "Between retargets, of own; default 2016",
                       .target = &options->interval},
                      {.name = "--limit",
                       .value = "BITS",
                       .help = "The easiest target, of own; default 207fffff",
                       .target = &options->limit}},
       .run = [options](Console& console) { return verify(*options, console); }});
}

}  // namespace quorate::testnet
