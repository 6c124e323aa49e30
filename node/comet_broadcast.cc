// CometBFT's broadcast methods. A refusal is an answer with a code, the same transaction again is
// no error, and a timeout says which transaction it was and how to ask for its fate.

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "node/comet_json.h"
#include "node/comet_rpc.h"
#include "node/quorate_rpc.h"
#include "node/rpc_error.h"
#include "node/tx_codes.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

struct Submitted {
  ledger::TxId id;
  bool is_new = false;
  std::optional<Error> refusal;
};

// What a refusal is told of: the id, or of bytes that are no transaction their digest, since
// clients want a hash in every answer.
ledger::TxId name_of(ByteView encoded) {
  const auto decoded = crypto::decode<ledger::SignedTransaction>(encoded);
  return decoded ? ledger::id_of(decoded->body) : ledger::TxId{crypto::sha256(encoded)};
}

// Whether this very transaction is under way or done, so that sending it again is no fault.
bool is_known(const NodeView& view, const ledger::TxId& id) {
  const auto status = view.transaction_status(id);
  return status && status->level != Level::kUnknown &&
         (!is_end(status->level) || status->height.has_value());
}

Submitted submit(const NodeView& view, ByteView encoded) {
  auto outcome = view.submit(encoded);
  if (outcome) return {outcome->id, outcome->is_new, std::nullopt};
  Submitted refused{name_of(encoded), false, std::move(outcome).error()};
  // A bad copy says nothing of the transaction that it resembles.
  const bool is_good_copy = refused.refusal->code != "tx-bad-signature";
  if (is_good_copy && is_known(view, refused.id)) refused.refusal.reset();
  return refused;
}

// code, data, log, codespace: the members that every answer to a submission shares.
json::object verdict_json(const std::optional<Error>& refusal) {
  if (!refusal) return {{"code", 0}, {"data", ""}, {"log", ""}, {"codespace", ""}};
  const std::string log =
      refusal->next.empty() ? refusal->message : refusal->message + ". " + refusal->next;
  return {{"code", number_of_refusal(refusal->code)},
          {"data", ""},
          {"log", log},
          {"codespace", kCodespace}};
}

// The same with what only check_tx and tx_result have.
json::object long_verdict_json(const std::optional<Error>& refusal) {
  json::object verdict = verdict_json(refusal);
  verdict["info"] = "";
  verdict["gas_wanted"] = "0";
  verdict["gas_used"] = "0";
  verdict["events"] = json::array{};
  return verdict;
}

json::object refused_commit(const Submitted& refused) {
  return {{"check_tx", long_verdict_json(refused.refusal)},
          // A client that looks at this alone must not read success.
          {"tx_result", long_verdict_json(refused.refusal)},
          {"hash", upper_hex(refused.id.digest.bytes)},
          {"height", "0"},
          {"error", error_to_json(*refused.refusal)}};
}

json::object finished_commit(const NodeView& view, const TxStatus& status) {
  return {{"check_tx", long_verdict_json(std::nullopt)},
          {"tx_result",
           tx_result_json(status.outcome.value_or(ledger::Outcome::kApplied), std::nullopt)},
          {"hash", upper_hex(status.id.digest.bytes)},
          {"height", decimal(status.height.value_or(ledger::Height{0}).value)},
          {"quorate", tx_status_json(view, status)}};
}

RpcError open_outcome(const TxStatus& status) {
  const std::string hash = upper_hex(status.id.digest.bytes);
  RpcError error;
  error.detail = {
      ErrorKind::kTimeout, "tx-outcome-open",
      fmt::format("Transaction {} was taken and is {} after {} s; its outcome is open, and it may "
                  "still happen",
                  hash, level_text(status.level), kCommitTimeoutMs / 1000),
      fmt::format(
          "Ask with quorate_tx_status {{\"id\":\"{}\",\"wait\":\"replicated\"}}. Sending the "
          "same bytes again is safe; signing anew is not, before you know.",
          hash)};
  error.facts = {{"hash", hash}, {"level", level_text(status.level)}};
  return error;
}

}  // namespace

RpcResult comet_broadcast_tx(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const Bytes encoded, params.need_bytes("tx"));
  const Submitted submitted = submit(view, encoded);
  json::object answer = verdict_json(submitted.refusal);
  answer["hash"] = upper_hex(submitted.id.digest.bytes);
  if (submitted.refusal) {
    answer["error"] = error_to_json(*submitted.refusal);
    return answer;
  }
  const auto status = view.transaction_status(submitted.id);
  answer["quorate"] = json::object{
      {"id", submitted.id.hex()},
      {"is_new", submitted.is_new},
      {"level", level_text(status ? status->level : Level::kUnknown)}};
  return answer;
}

void comet_broadcast_tx_commit(const NodeView& view, const RpcParams& params, RpcReply reply) {
  const auto encoded = params.need_bytes("tx");
  if (!encoded) return reply(tl::unexpected(encoded.error()));
  const Submitted submitted = submit(view, *encoded);
  if (submitted.refusal) return reply(refused_commit(submitted));
  wait_for(view, submitted.id, Level::kReplicated, kCommitTimeoutMs,
           [&view, reply = std::move(reply)](const TxStatus& status) {
             if (satisfies(status.level, Level::kReplicated)) {
               reply(finished_commit(view, status));
             } else {
               reply(tl::unexpected(open_outcome(status)));
             }
           });
}

}  // namespace quorate::node
