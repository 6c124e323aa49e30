#pragma once

// Proofs about the log (ledger/tlog_proof.h), verified and put into words. For commands.

#include <optional>
#include <string>
#include <string_view>

#include "node/commands/console.h"
#include "node/commands/network_options.h"
#include "node/exit_code.h"

namespace quorate::node {

[[nodiscard]] bool is_log_proof(std::string_view text);
// `after`: the file of the checkpoint that a consistency proof begins at. Errors: those of
// verify_tlog_proof and verify_growth, "proof-after-what" (kUsage), those of read_file.
[[nodiscard]] Result<ExitCode> verify_log_proof(std::string_view text,
                                                const std::optional<std::string>& after,
                                                const GenesisFile& genesis, Console& console);

}  // namespace quorate::node
