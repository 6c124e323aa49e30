// The file form of a statement about the state.

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "ledger/proof_file.h"
#include "ledger/proved_state.h"
#include "ledger/transaction_json.h"

namespace quorate::ledger {
namespace {

constexpr ProofFileWords kWords = {"proof", "statement-malformed", "statement-newer-format",
                                   "statement-facts-differ"};

// What is stated, as far as the proof's own bytes say; whether it is true is `verify_statement`'s.
void set_read(JsonNode& facts, const ReadSubject& read, const StateStatement& statement) {
  set_bytes(facts, "key", read.key);
  const auto entry =
      statement.leaf.leaf ? crypto::decode<Entry>(*statement.leaf.leaf) : Result<Entry>(Entry{});
  facts.set("present", JsonNode::boolean(statement.leaf.leaf && entry));
  if (!statement.leaf.leaf || !entry) return;
  set_bytes(facts, "value", entry->value);
  facts.set("until_ms",
            entry->until ? JsonNode::number(entry->until->value) : JsonNode::null());
}

void set_fate(JsonNode& facts, const FateSubject& fate) {
  facts.set("id", JsonNode::string(id_of(fate.transaction.body).hex()));
  facts.set("transaction", to_json(fate.transaction.body));
}

[[nodiscard]] JsonNode facts_of(const StateStatement& statement) {
  const CheckpointNote& note = statement.checkpoint.note;
  JsonNode facts = JsonNode::object();
  facts.set("format", JsonNode::number(statement.format));
  const auto* read = std::get_if<ReadSubject>(&statement.subject);
  facts.set("about", JsonNode::string(read != nullptr ? "key" : "transaction"));
  facts.set("chain_id", JsonNode::string(note.chain_id.hex()));
  if (read != nullptr) set_read(facts, *read, statement);
  if (read == nullptr) set_fate(facts, std::get<FateSubject>(statement.subject));
  facts.set("height", JsonNode::number(note.sequence.value));
  const auto time =
      statement.time.leaf ? crypto::decode<TimeMs>(*statement.time.leaf) : Result<TimeMs>({});
  facts.set("agreed_time_ms", time ? JsonNode::number(time->value) : JsonNode::null());
  const auto text = time ? utc_text(*time) : std::nullopt;
  facts.set("agreed_time", text ? JsonNode::string(*text) : JsonNode::null());
  facts.set("state_root", JsonNode::string(note.state_root.hex()));
  facts.set("signers", signers_of(statement.checkpoint.cosignatures));
  if (!statement.epochs.empty()) facts.set("epoch", JsonNode::number(note.epoch.value));
  set_proof(facts, encode_statement(statement));
  return facts;
}

}  // namespace

Bytes encode_statement(const StateStatement& statement) {
  Bytes bytes = crypto::encode(statement);
  if (statement.epochs.empty()) bytes.pop_back();  // the count of none
  return bytes;
}

Result<StateStatement> decode_statement(ByteView bytes) {
  Bytes whole(bytes.begin(), bytes.end());
  // The format stands first, little-endian; 1 has no epochs.
  if (!whole.empty() && whole.front() == 1) whole.push_back(0);
  auto statement = crypto::decode<StateStatement>(whole);
  if (!statement) return malformed(kWords, fmt::format("proof: {}", statement.error().to_string()));
  if (statement->format == 2 && statement->epochs.empty()) {
    return malformed(kWords, "proof: format 2 needs the proof of an epoch");
  }
  const auto* fate = std::get_if<FateSubject>(&statement->subject);
  if (fate != nullptr) QUORATE_TRY(check_renderable(fate->transaction.body, kWords));
  return statement;
}

std::string statement_to_json(const StateStatement& statement) {
  return to_json_text(facts_of(statement));
}

Result<StateStatement> parse_statement(std::string_view json) {
  QUORATE_ASSIGN(const ProofFile file, open_proof_file(json, kWords, kStatementFormat));
  QUORATE_ASSIGN(StateStatement statement, decode_statement(file.proof));
  QUORATE_TRY(check_facts(file.root, facts_of(statement), kWords));
  return statement;
}

}  // namespace quorate::ledger
