#include "node/commands/log_proof.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>

#include "ledger/tlog_proof.h"
#include "node/files.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

std::string cosigners_text(const ledger::StableCheckpoint& checkpoint,
                           const GenesisFile& genesis) {
  return fmt::format("cosigned by {} of {} replicas of \"{}\"", checkpoint.cosignatures.size(),
                     genesis.genesis.replicas.size(), genesis.genesis.name);
}

Result<ExitCode> verify_inclusion(std::string_view text, const GenesisFile& genesis,
                                  Console& console) {
  QUORATE_ASSIGN(const auto verdict, ledger::verify_tlog_proof(text, genesis.genesis));
  const ledger::CheckpointNote& note = verdict.checkpoint.note;
  const ledger::Record& record = verdict.record;
  boost::json::object object{{"about", verdict.transaction ? "transaction" : "block"},
                             {"chain_id", note.chain_id.hex()},
                             {"height", record.batch.sequence.value},
                             {"agreed_time_ms", record.effective_time.value},
                             {"size", note.head.size},
                             {"root", note.head.root.hex()},
                             {"cosigners", verdict.checkpoint.cosignatures.size()},
                             {"replicas", genesis.genesis.replicas.size()}};
  if (verdict.transaction) {
    const auto& transaction = *verdict.transaction;
    console.line(fmt::format("transaction {}: {}", transaction.id.hex(),
                             ledger::outcome_code(transaction.result.outcome)));
    object["id"] = transaction.id.hex();
    object["index"] = transaction.index;
    object["outcome"] = ledger::outcome_code(transaction.result.outcome);
  }
  console.line(fmt::format("block {} of {} transactions, agreed time {}",
                           record.batch.sequence.value, record.batch.transaction_count,
                           time_to_text(record.effective_time)));
  console.line(fmt::format("proved: it is in the log of {} records with root {},", note.head.size,
                           note.head.root.hex()));
  console.line("        " + cosigners_text(verdict.checkpoint, genesis));
  console.json(object);
  return ExitCode::kSuccess;
}

Result<ExitCode> verify_growth(std::string_view text, const std::optional<std::string>& after,
                               const GenesisFile& genesis, Console& console) {
  if (!after) {
    return fail(ErrorKind::kUsage, "proof-after-what",
                "this proof shows that a log only grew since an earlier checkpoint, which is not "
                "given",
                "Name the checkpoint that you hold: --after FILE");
  }
  QUORATE_ASSIGN(const std::string old_note, read_file(*after, ledger::kNoteBytesMax));
  QUORATE_ASSIGN(const auto verdict, ledger::verify_growth(text, old_note, genesis.genesis));
  const ledger::TreeHead& before = verdict.before.note.head;
  const ledger::TreeHead& now = verdict.after.note.head;
  console.line(fmt::format("proved: the log of {} records with root {}", now.size,
                           now.root.hex()));
  console.line(fmt::format("        extends the one of {} with root {}", before.size,
                           before.root.hex()));
  console.line(fmt::format("        a quorum of the replicas of \"{}\" cosigned each",
                           genesis.genesis.name));
  console.json({{"about", "growth"},
                {"first", before.size},
                {"first_root", before.root.hex()},
                {"second", now.size},
                {"second_root", now.root.hex()}});
  return ExitCode::kSuccess;
}

}  // namespace

bool is_log_proof(std::string_view text) {
  return text.starts_with(ledger::kTlogProofLine) || text.starts_with(ledger::kConsistencyPrefix);
}

Result<ExitCode> verify_log_proof(std::string_view text, const std::optional<std::string>& after,
                                  const GenesisFile& genesis, Console& console) {
  if (text.starts_with(ledger::kTlogProofLine)) return verify_inclusion(text, genesis, console);
  return verify_growth(text, after, genesis, console);
}

}  // namespace quorate::node
