// quorate tx put | delete | add | cas | transfer | submit

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <charconv>
#include <memory>

#include "node/commands/network_options.h"
#include "node/commands/registry.h"
#include "node/commands/tx_file.h"
#include "node/commands/tx_life.h"
#include "node/commands/value_text.h"
#include "node/files.h"
#include "node/submission.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

struct Options {
  NetworkOptions network;
  ValueFormat format;
  std::optional<std::string> key_file;
  std::string passphrase_file;
  std::optional<std::string> wait;
  std::string timeout = "30s";
  std::string valid_for = "1m";
  std::optional<std::uint64_t> nonce;
  std::optional<std::string> save;
  bool no_submit = false;

  std::string key, value, old_value, to, file;
  std::optional<std::string> new_value, until;
  std::int64_t delta = 0;
  std::uint64_t amount = 0;
  bool is_absent = false;
};
using OptionsPtr = std::shared_ptr<Options>;

constexpr std::uint64_t kDepthMax = 1'000'000;

// "depth=6"; nullopt: something else.
std::optional<std::uint64_t> depth_in(std::string_view text) {
  constexpr std::string_view kStart = "depth=";
  if (!text.starts_with(kStart)) return std::nullopt;
  std::uint64_t depth = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + kStart.size(), end, depth);
  const bool is_depth = error == std::errc{} && stop == end && depth >= 1 && depth <= kDepthMax;
  return is_depth ? std::optional(depth) : std::nullopt;
}

Result<SubmitOptions> submit_options(const Options& options) {
  SubmitOptions wish;
  QUORATE_ASSIGN(wish.timeout_ms, parse_duration_ms(options.timeout));
  if (!options.wait) {
    // In a testnet of proof of work there is nothing to replicate.
    const auto folder = options.network.node ? Result<std::optional<NetworkFolder>>{} :
                                               find_testnet();
    if (folder && *folder && (*folder)->engine == "pow") wish.depth = 1;
    return wish;
  }
  wish.depth = depth_in(*options.wait);
  if (wish.depth) return wish;
  const auto wanted = parse_wish(*options.wait);
  if (!wanted) {
    return fail(ErrorKind::kUsage, "level-unknown",
                fmt::format("Found --wait {}, expected a level that can be waited for: local, "
                            "promised, quorum, replicated, stable, anchored or anchored=N; or "
                            "depth=N on a chain of proof of work",
                            *options.wait));
  }
  wish.wait = wanted->level;
  if (wanted->level == Level::kAnchored) wish.depth = wanted->depth;
  return wish;
}

Result<ExitCode> submit_file(const Options& options, Console& console) {
  QUORATE_ASSIGN(SubmitOptions wish, submit_options(options));
  QUORATE_ASSIGN(const SignedDraft draft, read_signed_draft(options.file));
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  LifePrinter printer(console);
  printer.set_id(draft.id);
  wish.on_level = printer.listener();
  QUORATE_ASSIGN(const Submission submission, submit(nodes, draft, wish));
  return print_end(console, submission);
}

// Signs without submitting; without a node if chain and nonce are given.
Result<ExitCode> only_sign(const Options& options, const Draft& draft, const crypto::SecretKey& key,
                           NodePool* nodes, Console& console) {
  std::uint64_t nonce = draft.nonce.value_or(0);
  if (!draft.nonce) {
    QUORATE_ASSIGN(nonce, next_nonce(*nodes, key.public_key()));
  }
  const SignedDraft signed_draft = sign_draft(draft, key, nonce, clock_now());
  QUORATE_TRY(create_file(*options.save, signed_draft_to_json(signed_draft)));
  console.line(fmt::format("transaction {}", signed_draft.id.hex()));
  for (const auto& operation : draft.operations) console.line(describe_operation(operation));
  console.line(fmt::format("signed into {}; submit it with `quorate tx submit {}`", *options.save,
                           *options.save));
  console.json(boost::json::object{{"id", signed_draft.id.hex()}, {"file", *options.save}});
  return ExitCode::kSuccess;
}

Result<ExitCode> run_operation(const Options& options, Result<ledger::Operation> operation,
                               Console& console) {
  if (!operation) return tl::unexpected(operation.error());
  QUORATE_ASSIGN(SubmitOptions wish, submit_options(options));
  Draft draft;
  draft.operations = {std::move(*operation)};
  draft.nonce = options.nonce;
  QUORATE_ASSIGN(draft.valid_for_ms, parse_duration_ms(options.valid_for));
  if (options.no_submit && !options.save) {
    return fail(ErrorKind::kUsage, "usage", "--no-submit needs --save FILE to write to");
  }
  QUORATE_ASSIGN(const auto key, find_sender_key(options.key_file, options.passphrase_file));
  if (options.no_submit && options.nonce) {
    QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(options.network));
    draft.chain_id = ledger::chain_id_of(genesis.genesis);
    return only_sign(options, draft, key, nullptr, console);
  }
  QUORATE_ASSIGN(NodePool nodes, find_nodes(options.network));
  QUORATE_ASSIGN(draft.chain_id, find_chain_id(options.network, nodes));
  if (options.no_submit) return only_sign(options, draft, key, &nodes, console);

  LifePrinter printer(console);
  wish.on_level = printer.listener();
  bool has_file = false;
  const auto on_signed = [&](const SignedDraft& signed_draft) -> Status {
    printer.set_id(signed_draft.id);
    if (!options.save) return {};
    // The first version must not overwrite anything; a later one replaces it, it is of no more use.
    const std::string text = signed_draft_to_json(signed_draft);
    return std::exchange(has_file, true) ? replace_file(*options.save, text)
                                         : create_file(*options.save, text);
  };
  QUORATE_ASSIGN(const Submission submission,
                 sign_and_submit(nodes, draft, key, wish, on_signed));
  return print_end(console, submission);
}

Result<ledger::Operation> make_put(const Options& options) {
  ledger::Put put;
  QUORATE_ASSIGN(put.key, parse_value(options.key, options.format));
  QUORATE_ASSIGN(put.value, parse_value(options.value, options.format));
  if (options.until) {
    QUORATE_ASSIGN(put.until, parse_time(*options.until, clock_now()));
  }
  return put;
}

Result<ledger::Operation> make_delete(const Options& options) {
  QUORATE_ASSIGN(Bytes key, parse_value(options.key, options.format));
  return ledger::Delete{std::move(key)};
}

Result<ledger::Operation> make_add(const Options& options) {
  QUORATE_ASSIGN(Bytes key, parse_value(options.key, options.format));
  return ledger::Add{std::move(key), options.delta};
}

Result<ledger::Operation> make_cas(const Options& options) {
  ledger::CompareAndSet cas;
  QUORATE_ASSIGN(cas.key, parse_value(options.key, options.format));
  if (options.is_absent == options.new_value.has_value()) {
    return fail(ErrorKind::kUsage, "usage",
                "Expected KEY OLD NEW, or KEY NEW --absent for a key that must not exist yet");
  }
  const std::string& new_value = options.is_absent ? options.old_value : *options.new_value;
  QUORATE_ASSIGN(cas.value, parse_value(new_value, options.format));
  if (!options.is_absent) {
    QUORATE_ASSIGN(cas.expected, parse_value(options.old_value, options.format));
  }
  return cas;
}

Result<ledger::Operation> make_transfer(const Options& options) {
  QUORATE_ASSIGN(const auto to, crypto::parse_public_key(options.to));
  QUORATE_TRY(crypto::admit_public_key(to));
  return ledger::Transfer{to, options.amount};
}

std::vector<Parameter> submit_parameters(Options& options) {
  return {node_parameter(options.network),
          {.name = "--wait",
           .value = "LEVEL",
           .help = "Level to wait for: local, promised, quorum, replicated (default), stable, or "
                   "anchored=N with N blocks from its anchor on; depth=N blocks on a chain of "
                   "proof of work (there depth=1)",
           .target = &options.wait},
          {.name = "--timeout",
           .value = "DURATION",
           .help = "How long to wait for it; default 30s",
           .target = &options.timeout}};
}

std::vector<Parameter> operation_parameters(Options& options, std::vector<Parameter> parameters,
                                            bool has_values) {
  const std::vector<Parameter> common = submit_parameters(options);
  parameters.insert(parameters.end(), common.begin(), common.end());
  const std::vector<Parameter> signing = {
      {.name = "--key",
       .value = "FILE",
       .help = "The key to sign with; else the funded key of the testnet here",
       .target = &options.key_file},
      {.name = "--passphrase-file",
       .value = "FILE",
       .help = "Its first line opens the key; else QUORATE_PASSPHRASE, else a prompt",
       .target = &options.passphrase_file},
      {.name = "--valid-for",
       .value = "DURATION",
       .help = "It can happen this long from now and never later; default 1m",
       .target = &options.valid_for},
      {.name = "--nonce",
       .value = "N",
       .help = "Use exactly this nonce; else the next free one",
       .target = &options.nonce},
      genesis_parameter(options.network),
      {.name = "--save",
       .value = "FILE",
       .help = "Write the signed transaction there before it leaves",
       .target = &options.save},
      {.name = "--no-submit",
       .help = "Only sign and save; with --nonce no node is needed",
       .target = &options.no_submit}};
  parameters.insert(parameters.end(), signing.begin(), signing.end());
  if (has_values) {
    parameters.push_back(hex_parameter(options.format));
    parameters.push_back(base64_parameter(options.format));
  }
  return parameters;
}

using Make = Result<ledger::Operation> (*)(const Options&);

void add_operation(CommandLine& line, const OptionsPtr& options, Command command, Make make,
                   bool has_values = true) {
  command.parameters = operation_parameters(*options, std::move(command.parameters), has_values);
  command.run = [options, make](Console& console) {
    return run_operation(*options, make(*options), console);
  };
  line.add(std::move(command));
}

}  // namespace

void add_tx_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  const Parameter key{.name = "KEY", .help = "The key", .target = &options->key};
  line.add_group("tx", "Sign and submit transactions, and ask for their fate");
  add_operation(
      line, options,
      {.path = "tx put",
       .sentence = "Set KEY to VALUE",
       .details = "Prints the transaction's life as it happens, in milliseconds since the node\n"
                  "first saw it. Exit code 7 means that time ran out and the outcome is open:\n"
                  "`quorate tx status` tells it later.",
       .example = "  quorate tx put colour blue\n"
                  "  quorate tx put session open --until 10m",
       .parameters = {key,
                      {.name = "VALUE", .help = "The value", .target = &options->value},
                      {.name = "--until",
                       .value = "TIME",
                       .help = "Absent from then on: 10m, 2026-01-31T12:00:00Z, or ms since 1970",
                       .target = &options->until}}},
      make_put);
  add_operation(line, options,
                {.path = "tx delete",
                 .sentence = "Remove KEY",
                 .example = "  quorate tx delete colour",
                 .parameters = {key}},
                make_delete);
  add_operation(
      line, options,
      {.path = "tx add",
       .sentence = "Add N to the integer that KEY holds; an absent key counts as 0",
       .example = "  quorate tx add visits 1\n  quorate tx add visits -1",
       .parameters = {key, {.name = "N", .help = "What to add", .target = &options->delta}}},
      make_add);
  add_operation(
      line, options,
      {.path = "tx cas",
       .sentence = "Set KEY to NEW if it holds OLD, else reject",
       .example = "  quorate tx cas colour blue green\n  quorate tx cas lock mine --absent",
       .parameters = {key,
                      {.name = "OLD", .help = "What it must hold", .target = &options->old_value},
                      {.name = "NEW",
                       .help = "What to set it to",
                       .target = &options->new_value,
                       .required = false},
                      {.name = "--absent",
                       .help = "KEY must not exist: type only KEY NEW",
                       .target = &options->is_absent}}},
      make_cas);
  add_operation(line, options,
                {.path = "tx transfer",
                 .sentence = "Move AMOUNT units from the key's account to TO",
                 .example = "  quorate tx transfer $(quorate keys address bob.key) 100",
                 .parameters = {{.name = "TO",
                                 .help = "An address: a public key, 64 hex digits",
                                 .target = &options->to},
                                {.name = "AMOUNT",
                                 .help = "Units, a positive integer",
                                 .target = &options->amount}}},
                make_transfer, false);
  std::vector<Parameter> parameters = submit_parameters(*options);
  parameters.insert(parameters.begin(), {.name = "FILE",
                                         .help = "A transaction that --save wrote",
                                         .target = &options->file});
  line.add({.path = "tx submit",
            .sentence = "Submit a signed transaction from a file; again is no error",
            .example = "  quorate tx put colour blue --no-submit --save t.json\n"
                       "  quorate tx submit t.json",
            .parameters = std::move(parameters),
            .run = [options](Console& console) { return submit_file(*options, console); }});
}

}  // namespace quorate::node
