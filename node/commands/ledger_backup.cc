// quorate ledger backup | restore

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <chrono>
#include <memory>

#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/ledger_backup.h"

namespace quorate::node {
namespace {

struct Options {
  LedgerOptions ledger;  // its folder: what is copied, a ledger or a backup
  std::string target;
  bool replace = false;
};

// Percent of the bytes, then heights: often on a terminal, now and then elsewhere.
class Bar {
 public:
  explicit Bar(Console& console) : console_(console) {}

  BackupProgress progress() {
    return {.on_copy = [this](const ledger::CopyStep& step) { show(step); },
            .on_audit = [this](const ledger::AuditStep& step) { show(step); }};
  }

 private:
  bool is_due() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return false;
    next_ = now + std::chrono::milliseconds(console_.is_on_terminal() ? 100 : 10'000);
    return true;
  }
  void show(const ledger::CopyStep& step) {
    if (!is_due()) return;
    console_.progress(fmt::format("copied {} of {}, {} %", bytes_text(step.bytes),
                                  bytes_text(step.bytes_all),
                                  100 * step.bytes / std::max<std::uint64_t>(step.bytes_all, 1)));
  }
  void show(const ledger::AuditStep& step) {
    if (!is_due()) return;
    console_.progress(step.phase == "blocks" ? fmt::format("checked height {} of {}", step.height,
                                                           step.last_height)
                                             : fmt::format("checking the {} ...", step.phase));
  }

  Console& console_;
  std::chrono::steady_clock::time_point next_{};
};

// --genesis; else the one that stands in `folder`; else the testnet's.
Result<GenesisFile> genesis_of(const Options& options, const std::filesystem::path& folder) {
  NetworkOptions network = options.ledger.network;
  std::error_code ignored;
  const std::filesystem::path here = folder / "genesis.json";
  if (!network.genesis && std::filesystem::exists(here, ignored)) network.genesis = here.string();
  return find_genesis(network);
}

boost::json::object facts_json(const BackupFacts& facts) {
  return {{"chain_id", facts.chain_id.hex()},
          {"height", facts.height.value},
          {"base", facts.base.value},
          {"stable_height", facts.stable.value},
          {"root", facts.root.hex()},
          {"files", facts.files.size()},
          {"bytes", facts.bytes()}};
}

Result<ExitCode> backup(const Options& options, Console& console) {
  QUORATE_ASSIGN(const GenesisFile genesis, genesis_of(options, options.ledger.folder));
  Bar bar(console);
  QUORATE_ASSIGN(const BackupFacts facts, make_backup(options.ledger.folder, options.target,
                                                      genesis.genesis, bar.progress()));
  console.line(fmt::format("{}: height {}, {} in {} files, checked", options.target,
                           facts.height.value, bytes_text(facts.bytes()), facts.files.size()));
  console.line(fmt::format("  log root {}", facts.root.hex()));
  console.line(facts.stable.value == 0
                   ? "  no checkpoint in it was cosigned by a quorum yet"
                   : fmt::format("  a quorum cosigned it up to height {}", facts.stable.value));
  if (facts.base.value > 0) {
    console.line(fmt::format("  blocks up to height {} are not in it: this ledger began from a "
                             "snapshot, or was pruned",
                             facts.base.value));
  }
  console.line("  It holds no keys, no votes and no guard: copy the keys yourself, and never the "
               "other two.");
  boost::json::object object = facts_json(facts);
  object["folder"] = options.target;
  console.json(object);
  return ExitCode::kSuccess;
}

Result<ExitCode> restore(const Options& options, Console& console) {
  const Home home{options.target};
  QUORATE_ASSIGN(const GenesisFile genesis, genesis_of(options, home.root));
  Bar bar(console);
  QUORATE_ASSIGN(const Restored restored,
                 restore_backup(options.ledger.folder, home, genesis.genesis, options.replace,
                                bar.progress()));
  const BackupFacts& facts = restored.facts;
  console.line(fmt::format("{}: height {}, {} in {} files, checked", home.ledger().string(),
                           facts.height.value, bytes_text(facts.bytes()), facts.files.size()));
  if (!restored.set_aside.empty()) {
    console.line(fmt::format("  what was there is now {}", restored.set_aside.string()));
  }
  std::error_code ignored;
  console.line(std::filesystem::exists(home.guard(), ignored)
                   ? "  Votes and guard are as they were. Start the node: it catches up from its "
                     "peers."
                   : "  There is no guard: the node will follow the others and sign nothing.");
  boost::json::object object = facts_json(facts);
  object["folder"] = home.ledger().string();
  object["set_aside"] = restored.set_aside.string();
  console.json(object);
  return ExitCode::kSuccess;
}

}  // namespace

void add_ledger_backup_commands(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  Parameter source = ledger_folder_parameter(options->ledger);
  source.help = "The home of a node, which may be running, or a ledger's folder";
  line.add({.path = "ledger backup",
            .sentence = "Copy the ledger of a node, which may be running, into a new folder",
            .details = "The copy is the ledger at a block boundary, with its certificates and "
                       "stable checkpoints. It is checked as by `ledger verify\n--structural` "
                       "before it gets its name; broken off, it leaves TARGET.unfinished, which "
                       "the next run removes.\nKeys, votes and guard are not in it: a replica "
                       "that got old votes back could contradict itself.",
            .example = "  quorate ledger backup testnet-data/default/replica-0 backup-monday\n"
                       "  quorate ledger verify backup-monday --genesis backup-monday/genesis.json",
            .parameters = {source,
                           {.name = "TARGET",
                            .help = "A folder that is not there yet",
                            .target = &options->target},
                           genesis_parameter(options->ledger.network)},
            .run = [options](Console& console) { return backup(*options, console); }});
  Parameter made = ledger_folder_parameter(options->ledger);
  made.name = "BACKUP";
  made.help = "A folder that `ledger backup` has made";
  line.add({.path = "ledger restore",
            .sentence = "Put a backup's ledger into the home of a stopped node",
            .details = "Each file must be the one that was backed up, and the whole is checked "
                       "again before it gets its name. Votes, guard and keys of\nthe home stay as "
                       "they are: whether the node may sign is judged by them, so it signs "
                       "nothing twice.",
            .example = "  quorate ledger restore backup-monday testnet-data/default/replica-0 "
                       "--replace",
            .parameters = {made,
                           {.name = "HOME",
                            .help = "The home of the node",
                            .target = &options->target},
                           {.name = "--replace",
                            .help = "Set the ledger that is there aside, as "
                                    "ledger.before-restore-N",
                            .target = &options->replace},
                           genesis_parameter(options->ledger.network)},
            .run = [options](Console& console) { return restore(*options, console); }});
}

}  // namespace quorate::node
