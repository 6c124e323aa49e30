// quorate ledger prune

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include <boost/json/object.hpp>
#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>

#include "ledger/auditor.h"
#include "ledger/durable_file.h"
#include "ledger/prune.h"
#include "ledger/signed_note.h"
#include "ledger/stopped_ledger.h"
#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/files.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;

struct Options {
  LedgerOptions ledger;
  std::uint64_t below = 0;
  bool keep = false;
};

tl::unexpected<Error> os_said_no(const fs::path& path, std::string_view what, int error) {
  return fail(ErrorKind::kEnvironment, "prune-failed",
              fmt::format("{} could not be {}: {}", path.string(), what,
                          ledger::errno_text(error)),
              "Mend that and type the same again; the ledger is as it was.");
}

// A log key signs nothing that does not extend what it signed last, so that size must stay known.
Result<ledger::Height> ceiling_of(const fs::path& ledger_folder) {
  const fs::path file = ledger_folder.parent_path() / "log.signed";
  const auto text = read_file(file, ledger::kNoteBytesMax);
  if (!text && text.error().kind == ErrorKind::kNotFound) return ledger::Height{UINT64_MAX};
  if (!text) return tl::unexpected(text.error());
  const auto note = ledger::parse_note(*text);
  if (!note) return ledger::Height{UINT64_MAX};  // it has signed nothing yet
  QUORATE_ASSIGN(const auto body, ledger::parse_checkpoint_body(note->text));
  return ledger::Height{body.head.size};
}

Status remove_folder(const fs::path& folder) {
  std::error_code trouble;
  fs::remove_all(folder, trouble);
  if (trouble) return os_said_no(folder, "removed", trouble.value());
  return {};
}

// In one step where the file system can; else a crash between the two leaves `aside` and `fresh`.
Status swap_in(const fs::path& ledger, const fs::path& fresh, const fs::path& aside) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, ledger.c_str(), RENAME_EXCHANGE) == 0) {
    if (::rename(fresh.c_str(), aside.c_str()) != 0) return os_said_no(fresh, "renamed", errno);
  } else {
    if (::rename(ledger.c_str(), aside.c_str()) != 0) return os_said_no(ledger, "renamed", errno);
    if (::rename(fresh.c_str(), ledger.c_str()) != 0) return os_said_no(fresh, "renamed", errno);
  }
  const fs::path parent = ledger.parent_path().empty() ? fs::path(".") : ledger.parent_path();
  if (const int error = ledger::sync_directory(parent); error != 0) {
    return os_said_no(parent, "synced", error);
  }
  return {};
}

Status audit(const fs::path& folder, const ledger::Genesis& genesis, Console& console) {
  QUORATE_ASSIGN(const auto opened,
                 ledger::open_stopped_database(folder, ledger::chain_id_of(genesis)));
  ledger::AuditOptions options;
  options.is_structural = true;
  options.on_step = [&](const ledger::AuditStep& step) {
    if (console.is_on_terminal()) {
      console.progress(fmt::format("checked {} {}", step.phase, step.height));
    }
  };
  QUORATE_ASSIGN(const auto report, ledger::audit_ledger(*opened.database, genesis, options));
  if (!report.finding) return {};
  return fail(ErrorKind::kCorrupt, "prune-damaged",
              fmt::format("what would stay does not hold: {}, expected {}, found {}",
                          report.finding->field, report.finding->expected,
                          report.finding->found),
              "`quorate ledger verify` says what is wrong with the ledger, which is as it was.");
}

Result<ledger::PrunePlan> copy_what_stays(const Options& options, const fs::path& folder,
                                          const fs::path& fresh, const ledger::Genesis& genesis,
                                          Console& console) {
  QUORATE_ASSIGN(const auto opened,
                 ledger::open_stopped_database(folder, ledger::chain_id_of(genesis)));
  QUORATE_ASSIGN(const ledger::Height ceiling, ceiling_of(folder));
  QUORATE_ASSIGN(auto plan, ledger::plan_prune(*opened.database, ledger::Height{options.below},
                                               ceiling));
  QUORATE_TRY(ledger::copy_pruned(*opened.database, opened.identity, plan, fresh,
                                  clock_now().value, [&](std::uint64_t keys) {
                                    if (console.is_on_terminal()) {
                                      console.progress(fmt::format("{} keys kept", keys));
                                    }
                                  }));
  return plan;
}

void say(Console& console, const fs::path& folder, const ledger::PrunePlan& plan) {
  const std::uint64_t base = plan.base.value;
  console.line(fmt::format("{}: blocks {} to {} are gone, {} to {} are here, checked",
                           folder.string(), plan.base_before.value + 1, base, base + 1,
                           plan.head.value));
  console.line(fmt::format("  It begins with the checkpoint of height {}, which a quorum cosigned.",
                           base));
  console.line(fmt::format("  Provable as before: each block above {}, sizes of the log from {} "
                           "on, the state. Receipts that are",
                           base, base));
  console.line("  kept elsewhere verify as ever. Not from here any more: receipts and inclusion of "
               "what is gone, and");
  console.line("  executing again from genesis.");
}

Result<ExitCode> prune(const Options& options, Console& console) {
  QUORATE_ASSIGN(const fs::path found, ledger::find_ledger_folder(options.ledger.folder));
  std::error_code trouble;
  const fs::path folder = fs::canonical(found, trouble);
  if (trouble) return os_said_no(found, "found", trouble.value());
  NetworkOptions network = options.ledger.network;
  const fs::path beside = folder.parent_path() / "genesis.json";
  if (!network.genesis && fs::exists(beside, trouble)) network.genesis = beside.string();
  QUORATE_ASSIGN(const GenesisFile genesis, find_genesis(network));
  const fs::path fresh = folder.string() + ".prune";
  const fs::path aside = folder.string() + ".before-prune";
  QUORATE_TRY(remove_folder(fresh));
  if (fs::exists(aside, trouble)) {
    return fail(ErrorKind::kConflict, "prune-leftover",
                fmt::format("{} is there, from an earlier run", aside.string()),
                "Remove it if the ledger opens; else put it back in its place.");
  }
  const auto plan = copy_what_stays(options, folder, fresh, genesis.genesis, console);
  const Status good = plan ? audit(fresh, genesis.genesis, console)
                           : Status(tl::unexpected(plan.error()));
  if (!good) {
    QUORATE_TRY(remove_folder(fresh));
    return tl::unexpected(good.error());
  }
  QUORATE_TRY(swap_in(folder, fresh, aside));
  if (!options.keep) QUORATE_TRY(remove_folder(aside));
  say(console, folder, *plan);
  if (options.keep) console.line(fmt::format("  The whole ledger is {}.", aside.string()));
  console.json(boost::json::object{{"folder", folder.string()},
                                   {"base_before", plan->base_before.value},
                                   {"base", plan->base.value},
                                   {"height", plan->head.value},
                                   {"kept", options.keep ? aside.string() : ""}});
  return ExitCode::kSuccess;
}

}  // namespace

void add_ledger_prune_command(CommandLine& line) {
  const auto options = std::make_shared<Options>();
  Parameter folder = ledger_folder_parameter(options->ledger);
  folder.help = "The home of a stopped node, or a ledger's folder";
  line.add({.path = "ledger prune",
            .sentence = "Drop a stopped ledger's early blocks, and keep what later proofs rest on",
            .details = "The ledger then begins with the newest stable checkpoint below the height: "
                       "its cosignatures, the roots of the log up to it, all later\nblocks, and "
                       "the state stay. Everything that reads it says from where on it can. "
                       "Needs room for what stays; a crash leaves\neither ledger whole. Back up "
                       "before, or leave one node of the network with all blocks: nobody else can "
                       "bring them back.",
            .example = "  quorate ledger prune testnet-data/default/replica-0 --below 100000",
            .parameters = {folder,
                           {.name = "--below",
                            .value = "HEIGHT",
                            .help = "Blocks from here on stay, and some before it",
                            .target = &options->below},
                           {.name = "--keep",
                            .help = "Keep the whole ledger beside it, as ledger.before-prune",
                            .target = &options->keep},
                           genesis_parameter(options->ledger.network)},
            .run = [options](Console& console) { return prune(*options, console); }});
}

}  // namespace quorate::node
