// The executable `quorate`: the commands of node/ and testnet/ behind one command line. The only
// source of this folder that knows testnet/, because it belongs to the executable and not to the
// library.

#include <iostream>
#include <string>
#include <vector>

#include "crypto/ed25519.h"
#include "node/commands/command_line.h"
#include "node/commands/registry.h"
#include "node/exit_code.h"
#include "testnet/commands/registry.h"

int main(int argc, char** argv) {
  namespace node = quorate::node;
  if (const auto status = quorate::crypto::self_test(); !status) {
    std::cerr << "error: " << status.error().to_string() << '\n';
    return static_cast<int>(node::exit_code_of(status.error().kind));
  }
  node::CommandLine line(
      "Quorate turns votes into a ledger: PBFT among replicas of which f may lie.",
      node::version_text());
  quorate::testnet::add_tour_command(line);
  quorate::testnet::add_testnet_commands(line);
  quorate::testnet::add_simulate_command(line);
  node::add_tx_commands(line);
  node::add_tx_query_commands(line);
  node::add_tx_fate_command(line);
  node::add_get_command(line);
  node::add_explain_command(line);
  node::add_receipt_commands(line);
  node::add_proof_commands(line);
  node::add_ledger_commands(line);
  node::add_ledger_blame_command(line);
  node::add_ledger_verify_command(line);
  node::add_ledger_show_commands(line);
  node::add_ledger_history_commands(line);
  node::add_ledger_export_command(line);
  node::add_ledger_follow_command(line);
  node::add_ledger_backup_commands(line);
  node::add_ledger_prune_command(line);
  node::add_ledger_prove_command(line);
  node::add_ledger_checkpoint_command(line);
  node::add_evidence_commands(line);
  node::add_validator_commands(line);
  node::add_recover_commands(line);
  node::add_pow_commands(line);
  quorate::testnet::add_pow_chain_commands(line);
  node::add_bench_command(line);
  node::add_keys_commands(line);
  node::add_init_command(line);
  node::add_node_command(line);
  node::add_version_command(line);
  return line.run(std::vector<std::string>(argv, argv + argc), std::cout, std::cerr);
}
