#pragma once

// What the commands of `quorate ledger` share: the folder that is read, and words for it.

#include <optional>
#include <string>

#include "ledger/stopped_ledger.h"
#include "node/commands/network_options.h"

namespace quorate::node {

struct LedgerOptions {
  std::string folder;
  NetworkOptions network;
};
[[nodiscard]] Parameter ledger_folder_parameter(LedgerOptions& options);
// --genesis, by which a ledger of another network is refused; without it any is read.
[[nodiscard]] Parameter expected_genesis_parameter(LedgerOptions& options);

// The chain of --genesis; nullopt: none was given. Errors: those of find_genesis.
[[nodiscard]] Result<std::optional<ledger::Digest>> expected_chain(const LedgerOptions& options);
[[nodiscard]] Result<ledger::StoppedStore> open_ledger(const LedgerOptions& options);

// "12.3 MiB"
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace quorate::node
