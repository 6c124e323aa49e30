#pragma once

// The commands of this folder, one function a source. Each adds its commands and keeps what they
// write their arguments to alive.

#include <string>

#include "node/commands/command_line.h"

namespace quorate::node {

void add_keys_commands(CommandLine& line);
void add_tx_commands(CommandLine& line);         // put, delete, add, cas, transfer, submit
void add_tx_query_commands(CommandLine& line);   // status, receipt
void add_tx_fate_command(CommandLine& line);
void add_get_command(CommandLine& line);
void add_proof_commands(CommandLine& line);
void add_explain_command(CommandLine& line);
void add_receipt_commands(CommandLine& line);
void add_ledger_commands(CommandLine& line);     // the group, and stat
void add_ledger_blame_command(CommandLine& line);
void add_ledger_verify_command(CommandLine& line);
void add_ledger_show_commands(CommandLine& line);     // show, blocks, tx
void add_ledger_history_commands(CommandLine& line);  // history, diff
void add_ledger_export_command(CommandLine& line);
void add_ledger_follow_command(CommandLine& line);
void add_ledger_backup_commands(CommandLine& line);   // backup, restore
void add_ledger_prune_command(CommandLine& line);
void add_ledger_prove_command(CommandLine& line);
void add_ledger_checkpoint_command(CommandLine& line);
void add_evidence_commands(CommandLine& line);   // verify, show
void add_validator_commands(CommandLine& line);  // list, add, remove, rekey, sign, show, submit
void add_recover_commands(CommandLine& line);    // look, propose, sign, install
void add_pow_commands(CommandLine& line);        // check-headers
void add_bench_command(CommandLine& line);
void add_init_command(CommandLine& line);
void add_node_command(CommandLine& line);
void add_version_command(CommandLine& line);

// What --version prints: version, commit, build, and the formats that this build writes.
[[nodiscard]] std::string version_text();

}  // namespace quorate::node
