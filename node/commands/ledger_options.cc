#include "node/commands/ledger_options.h"

#include <fmt/format.h>

#include <array>

namespace quorate::node {

Parameter ledger_folder_parameter(LedgerOptions& options) {
  return {.name = "DIR",
          .help = "A ledger's folder, or the home of a stopped node; it is read, never changed",
          .target = &options.folder};
}

Parameter expected_genesis_parameter(LedgerOptions& options) {
  return {.name = "--genesis",
          .value = "FILE",
          .help = "Refuse a ledger that is not of this genesis document's network",
          .target = &options.network.genesis};
}

Result<std::optional<ledger::Digest>> expected_chain(const LedgerOptions& options) {
  if (!options.network.genesis) return std::nullopt;
  QUORATE_ASSIGN(const GenesisFile file, find_genesis(options.network));
  return ledger::chain_id_of(file.genesis);
}

Result<ledger::StoppedStore> open_ledger(const LedgerOptions& options) {
  QUORATE_ASSIGN(const auto chain_id, expected_chain(options));
  return ledger::open_stopped_store(options.folder, chain_id);
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  std::uint64_t tenths = bytes;
  std::size_t unit = 0;
  for (tenths = bytes * 10 / 1024; tenths >= 10240 && unit + 1 < kUnits.size(); ++unit) {
    tenths /= 1024;
  }
  return fmt::format("{}.{} {}", tenths / 10, tenths % 10, kUnits[unit]);
}

}  // namespace quorate::node
