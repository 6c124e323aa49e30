// quorate ledger stat

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <memory>

#include "ledger/prune.h"
#include "ledger/store_kinds.h"
#include "node/commands/ledger_options.h"
#include "node/commands/registry.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

struct FilesOnDisk {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

FilesOnDisk measure(const std::filesystem::path& folder) {
  FilesOnDisk found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    std::error_code ignored;
    if (!entry.is_regular_file(ignored)) continue;
    ++found.files;
    found.bytes += entry.file_size(ignored);
  }
  return found;
}

std::string began_text(std::uint64_t base, const std::optional<ledger::SnapshotOrigin>& origin) {
  if (base == 0) return "began     at genesis: all blocks are here";
  return origin && ledger::is_pruned(*origin)
             ? fmt::format("pruned    up to height {}: blocks 1 to {} are not here any more", base,
                           base)
             : fmt::format("began     from a snapshot of height {}: blocks 1 to {} are not here",
                           base, base);
}

boost::json::object print_head(Console& console, const ledger::Store& store,
                               const std::optional<ledger::SnapshotOrigin>& origin,
                               const std::optional<ledger::StableCheckpoint>& stable) {
  console.line(fmt::format("chain     {}", store.chain_id().hex()));
  console.line(fmt::format("height    {}, agreed time {}", store.height().value,
                           time_to_text(store.time())));
  console.line(fmt::format("log root  {}", store.tree_head().root.hex()));
  console.line(began_text(store.base().value, origin));
  boost::json::object object{{"chain_id", store.chain_id().hex()},
                             {"format", ledger::kLedgerFormat},
                             {"height", store.height().value},
                             {"agreed_time_ms", store.time().value},
                             {"root", store.tree_head().root.hex()},
                             {"base", store.base().value},
                             {"pruned", origin && ledger::is_pruned(*origin)},
                             {"stable_height", nullptr}};
  if (!stable) {
    console.line("stable    nothing yet: no checkpoint here was cosigned by a quorum");
    return object;
  }
  std::vector<std::uint16_t> signers;
  for (const auto& each : stable->cosignatures) signers.push_back(each.replica.value);
  console.line(fmt::format("stable    up to height {}, cosigned by replicas {}",
                           stable->note.sequence.value, fmt::join(signers, ", ")));
  object["stable_height"] = stable->note.sequence.value;
  return object;
}

boost::json::array print_uses(Console& console, const std::vector<ledger::KindUse>& uses) {
  std::uint64_t total = 0;
  for (const ledger::KindUse& use : uses) total += use.bytes;
  boost::json::array kinds;
  console.line("");
  console.line(fmt::format("{:<20}{:>12}{:>12}{:>8}", "kind", "keys", "size", "share"));
  for (const ledger::KindUse& use : uses) {
    if (use.keys == 0) continue;
    const std::string_view name = use.kind.name.empty() ? "unknown" : use.kind.name;
    const std::uint64_t tenths = total == 0 ? 0 : use.bytes * 1000 / total;
    console.line(fmt::format("{:<20}{:>12}{:>12}{:>5}.{} %  {}", name, use.keys,
                             bytes_text(use.bytes), tenths / 10, tenths % 10,
                             use.kind.sentence));
    kinds.push_back({{"kind", name}, {"keys", use.keys}, {"bytes", use.bytes}});
  }
  console.line(fmt::format("{:<32}{:>12}  before compression", "all", bytes_text(total)));
  return kinds;
}

Result<ExitCode> stat(const LedgerOptions& options, Console& console) {
  QUORATE_ASSIGN(const auto folder, ledger::find_ledger_folder(options.folder));
  boost::json::object object;
  ledger::Digest chain_id;
  {
    QUORATE_ASSIGN(const ledger::StoppedStore opened, open_ledger(options));
    QUORATE_ASSIGN(const auto stable, opened.store->latest_stable());
    chain_id = opened.store->chain_id();
    console.line(fmt::format("ledger    {}, format {}", folder.string(), ledger::kLedgerFormat));
    QUORATE_ASSIGN(const auto origin, opened.store->origin());
    object = print_head(console, *opened.store, origin, stable);
  }
  const FilesOnDisk disk = measure(folder);
  console.line(fmt::format("on disk   {} in {} files", bytes_text(disk.bytes), disk.files));
  object["folder"] = folder.string();
  object["disk_bytes"] = disk.bytes;
  object["files"] = disk.files;
  QUORATE_ASSIGN(const auto opened, ledger::open_stopped_database(options.folder, chain_id));
  const auto on_keys = [&](std::uint64_t keys) {
    if (console.is_on_terminal()) console.progress(fmt::format("{} keys read", keys));
  };
  QUORATE_ASSIGN(const auto uses, ledger::count_kinds(*opened.database, on_keys));
  object["kinds"] = print_uses(console, uses);
  console.json(object);
  return ExitCode::kSuccess;
}

}  // namespace

void add_ledger_commands(CommandLine& line) {
  const auto options = std::make_shared<LedgerOptions>();
  line.add_group("ledger", "Read, check and take out the ledger of a stopped node or a copy of it");
  line.add({.path = "ledger stat",
            .sentence = "Say what a ledger holds and where its bytes go",
            .details = "Reads everything, so every checksum too; changes nothing. Whether what it "
                       "holds is true, `ledger verify` says.\nRefused: a ledger that a running "
                       "node has open, that a newer version wrote, or that is of another network "
                       "than --genesis.",
            .example = "  quorate ledger stat testnet-data/default/replica-0\n"
                       "  quorate ledger stat copy/ledger --genesis genesis.json --json",
            .parameters = {ledger_folder_parameter(*options), expected_genesis_parameter(*options)},
            .run = [options](Console& console) { return stat(*options, console); }});
}

}  // namespace quorate::node
