// quorate pow init | show | block | journal | invalidate | reconsider | prefer

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <thread>

#include "node/time_text.h"
#include "pow/miner.h"
#include "testnet/commands/pow_text.h"
#include "testnet/commands/registry.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using node::Console;
using node::ExitCode;

struct InitOptions {
  std::string dir{kPowFolderName};
  std::string params = "own";
  std::uint64_t spacing = 10;
  std::uint64_t interval = 2016;
  std::string limit = "207fffff";
  std::optional<std::string> genesis;
};

Result<PowFolderOptions> folder_options(const InitOptions& options) {
  PowFolderOptions out;
  out.rules.params = options.params;
  out.rules.spacing_seconds = options.spacing;
  out.rules.interval = options.interval;
  QUORATE_ASSIGN(out.rules.limit, node::parse_bits(options.limit));
  if (options.genesis) out.genesis = *options.genesis;
  out.threads = std::clamp(std::thread::hardware_concurrency(), 1U, pow::kMinerThreadsMax);
  return out;
}

Result<ExitCode> init(const InitOptions& options, Console& console) {
  QUORATE_ASSIGN(const PowFolderOptions wish, folder_options(options));
  QUORATE_ASSIGN(PowFolder folder, PowFolder::make(options.dir, wish));
  print_chain(console, folder);
  console.json(chain_to_json(folder));
  console.remark(fmt::format("Mine on it with `quorate pow mine --dir {}`.", options.dir));
  return ExitCode::kSuccess;
}

Result<ExitCode> show(const std::string& dir, Console& console) {
  QUORATE_ASSIGN(PowFolder folder, open_pow_folder(dir, console));
  print_chain(console, folder);
  console.json(chain_to_json(folder));
  return ExitCode::kSuccess;
}

// A height on the active chain, or a hash.
Result<const pow::TreeNode*> find_block(PowFolder& folder, const std::string& name) {
  const pow::Chain& chain = folder.chain().chain();
  const pow::TreeNode* node = nullptr;
  if (name.size() == 64) {
    QUORATE_ASSIGN(const ledger::Digest hash, pow::parse_display_hex(name));
    node = chain.find(hash);
  } else {
    std::uint64_t height = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data(), end, height);
    if (error != std::errc{} || stop != end) {
      return fail(ErrorKind::kUsage, "pow-block-name",
                  fmt::format("found \"{}\", expected a height or a hash of 64 hex digits", name));
    }
    node = chain.at({height});
  }
  if (node != nullptr) return node;
  return fail(ErrorKind::kNotFound, reject_code(pow::Reject::kBlockUnknown),
              fmt::format("there is no block {} here, the tip is at height {}", name,
                          chain.tip().height.value),
              "See what is here with `quorate pow show`.");
}

Result<ExitCode> block(const std::string& dir, const std::string& name, Console& console) {
  QUORATE_ASSIGN(PowFolder folder, open_pow_folder(dir, console));
  QUORATE_ASSIGN(const pow::TreeNode* node, find_block(folder, name));
  print_block(console, folder, *node);
  console.json(block_to_json(folder, *node));
  return ExitCode::kSuccess;
}

Result<ExitCode> journal(const std::string& dir, Console& console) {
  QUORATE_ASSIGN(PowFolder folder, open_pow_folder(dir, console));
  QUORATE_ASSIGN(const Journal journal, folder.journal());
  json::array lines;
  for (const std::string& line : journal.lines) {
    console.line(line);
    lines.push_back(json::string(line));
  }
  console.line(fmt::format("{} entries, root {}", journal.lines.size(), journal.root.hex()));
  console.line(fmt::format("origin {}", journal.origin));
  console.json(json::object{{"entries", lines},
                            {"root", journal.root.hex()},
                            {"origin", journal.origin}});
  return ExitCode::kSuccess;
}

struct Wish {
  std::string dir{kPowFolderName};
  std::string block;
};

template <class Event>
Result<ExitCode> grant(const Wish& wish, Console& console) {
  QUORATE_ASSIGN(PowFolder folder, open_pow_folder(wish.dir, console));
  QUORATE_ASSIGN(const pow::TreeNode* node, find_block(folder, wish.block));
  QUORATE_ASSIGN(const pow::Happened happened,
                 folder.step(Event{node->hash()}, node::clock_now()));
  if (!happened.refused.empty()) return tl::unexpected(happened.refused.front().error);
  const pow::ChainPoint& tip = folder.chain().chain().tip();
  print_steps(console, happened);
  console.line(fmt::format("{}tip      height {:>6}  {}",
                           happened.steps.empty() ? "nothing changed: " : "", tip.height.value,
                           pow::display_hex(tip.hash)));
  console.json(json::object{{"steps", steps_to_json(happened)},
                            {"blocks", tip.height.value},
                            {"bestblockhash", pow::display_hex(tip.hash)}});
  return ExitCode::kSuccess;
}

template <class Event>
void add_wish(node::CommandLine& line, std::string name, std::string sentence,
              std::string details) {
  const auto wish = std::make_shared<Wish>();
  line.add({.path = "pow " + name,
            .sentence = std::move(sentence),
            .details = std::move(details),
            .example = "  quorate pow " + name + " 3",
            .parameters = {{.name = "BLOCK",
                            .help = "Its hash, or its height on the active chain",
                            .target = &wish->block},
                           pow_dir_parameter(wish->dir)},
            .run = [wish](Console& console) { return grant<Event>(*wish, console); }});
}

void add_init(node::CommandLine& line) {
  const auto options = std::make_shared<InitOptions>();
  line.add(
      {.path = "pow init",
       .sentence = "Make a proof-of-work chain in a new folder on this machine",
       .details = "Makes block 0, and unless one is named a genesis document with a funded key. "
                  "The easiest target\ndecides how long block 0 takes: two hashes with 207fffff, "
                  "minutes with 1d00ffff.",
       .example = "  quorate pow init --dir a\n"
                  "  quorate pow init --dir b --genesis a/genesis.json",
       .parameters = {pow_dir_parameter(options->dir),
                      {.name = "--params",
                       .value = "NAME",
                       .help = "own (default), bitcoin, testnet or regtest",
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
                       .target = &options->limit},
                      {.name = "--genesis",
                       .value = "FILE",
                       .help = "The genesis document; two folders with the same one and the same "
                               "rules are one network",
                       .target = &options->genesis}},
       .run = [options](Console& console) { return init(*options, console); }});
}

}  // namespace

void add_pow_chain_commands(node::CommandLine& line) {
  add_init(line);
  add_pow_mine_commands(line);
  const auto dir = std::make_shared<std::string>(kPowFolderName);
  line.add({.path = "pow show",
            .sentence = "Show a chain: its tip, work, state, branches and waiting transactions",
            .example = "  quorate pow show --json",
            .parameters = {pow_dir_parameter(*dir)},
            .run = [dir](Console& console) { return show(*dir, console); }});
  const auto wish = std::make_shared<Wish>();
  line.add({.path = "pow block",
            .sentence = "Show a block: its place, header and transactions",
            .example = "  quorate pow block 3",
            .parameters = {{.name = "BLOCK",
                            .help = "Its hash, or its height on the active chain",
                            .target = &wish->block},
                           pow_dir_parameter(wish->dir)},
            .run = [wish](Console& console) { return block(wish->dir, wish->block, console); }});
  line.add({.path = "pow journal",
            .sentence = "Show each block that was connected or disconnected here, and when",
            .details = "What this folder believed, in order; entries are added and never changed. "
                       "The root is that of an\nRFC 6962 tree over the lines.",
            .example = "  quorate pow journal",
            .parameters = {pow_dir_parameter(*dir)},
            .run = [dir](Console& console) { return journal(*dir, console); }});
  add_pow_receipt_commands(line);
  add_pow_risk_command(line);
  add_wish<pow::Invalidate>(line, "invalidate", "Treat a block as invalid, and what follows it",
                            "A reorganisation like any other. `reconsider` takes it back.");
  add_wish<pow::Reconsider>(line, "reconsider", "Take the marks off a block and judge it again",
                            "Off its ancestors and what follows it as well. If it has the most "
                            "work, the chain goes back to it.");
  add_wish<pow::Prefer>(line, "prefer", "Let a block go before others with as much work",
                        "As if it had been seen first.");
}

}  // namespace quorate::testnet
