#include "node/quorate_rpc.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "crypto/bcs.h"
#include "ledger/evidence_file.h"
#include "ledger/membership.h"
#include "ledger/proved_state.h"
#include "ledger/receipt.h"
#include "ledger/recorded_evidence.h"
#include "node/explain/report.h"
#include "node/pow_view.h"
#include "node/rpc_error.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

RpcResult quorate_receipt(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const ledger::Digest digest, params.need_hash("id"));
  const ledger::TxId id{digest};
  const auto receipt = ledger::make_receipt(view.store, id);
  if (!receipt && receipt.error().code == "receipt-not-found") {
    return tl::unexpected(not_in_the_ledger(view, id));
  }
  if (!receipt) return tl::unexpected(rpc_error_of(receipt.error()));
  return json::object{{"id", id.hex()}, {"receipt", ledger::receipt_to_json(*receipt)}};
}

RpcResult get_proved(const NodeView& view, const Bytes& key) {
  QUORATE_ASSIGN(const ledger::StableView state, need_stable_view(view));
  QUORATE_ASSIGN(const auto entry, answered(ledger::read_entry(state, key)));
  QUORATE_ASSIGN(const ledger::TimeMs time, answered(ledger::read_time(state)));
  QUORATE_ASSIGN(const auto statement, answered(ledger::prove_read(state, key)));
  json::object answer{{"found", entry.has_value()},
                      {"value", entry ? to_base64(entry->value) : std::string()},
                      {"height", state.checkpoint().note.sequence.value},
                      {"time_ms", time.value},
                      {"staleness_ms", std::max(clock_now().value, time.value) - time.value},
                      {"proof", ledger::statement_to_json(statement)}};
  if (entry && entry->until) answer["until_ms"] = entry->until->value;
  return answer;
}

RpcExpected<json::object> with_receipt(const NodeView& view, json::object answer,
                                       std::string_view fate, const ledger::TxId& id) {
  QUORATE_ASSIGN(const auto receipt, answered(ledger::make_receipt(view.store, id)));
  answer["fate"] = fate;
  answer["receipt"] = ledger::receipt_to_json(receipt);
  return answer;
}

RpcResult quorate_fate(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const Bytes encoded, params.need_bytes("tx"));
  const auto transaction = crypto::decode<ledger::SignedTransaction>(encoded);
  if (!transaction) {
    return wrong_param("tx", transaction.error().message, "a signed transaction in BCS");
  }
  const ledger::Transaction& body = transaction->body;
  if (body.chain_id != view.chain_id) {
    return wrong_param("tx", "a transaction of chain " + body.chain_id.hex(),
                       "one of chain " + view.chain_id.hex());
  }
  const ledger::TxId id = ledger::id_of(body);
  json::object answer{{"id", id.hex()}};
  QUORATE_ASSIGN(const auto place, answered(view.store.find(id)));
  if (place) return with_receipt(view, std::move(answer), "happened", id);
  QUORATE_ASSIGN(const auto owner, answered(view.store.nonce_owner(body.sender, body.nonce)));
  if (owner) return with_receipt(view, std::move(answer), "nonce-taken", *owner);
  QUORATE_ASSIGN(const ledger::StableView state, need_stable_view(view));
  const auto statement = ledger::prove_fate(state, *transaction);
  if (!statement && statement.error().code != "fate-open") {
    return tl::unexpected(rpc_error_of(statement.error()));
  }
  answer["fate"] = "open";
  if (!statement) {
    answer["error"] = error_to_json(statement.error());
    return answer;
  }
  QUORATE_ASSIGN(const auto verdict,
                 answered(ledger::verify_statement(*statement, view.genesis)));
  answer["fate"] = ledger::fate_text(verdict.fate);
  answer["proof"] = ledger::statement_to_json(*statement);
  return answer;
}

RpcResult quorate_get(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const Bytes key, params.need_bytes("key"));
  QUORATE_ASSIGN(const bool prove, params.boolean("prove", false));
  QUORATE_TRY(check_user_key("key", key));
  if (prove) return get_proved(view, key);
  const ledger::StoreView state = view.store.view();
  QUORATE_ASSIGN(const auto entry, answered(ledger::read_entry(state, key)));
  const std::uint64_t agreed_ms = state.time().value;
  json::object answer{{"found", entry.has_value()},
                      {"value", entry ? to_base64(entry->value) : std::string()},
                      {"height", state.height().value},
                      {"time_ms", agreed_ms},
                      // Nothing that was agreed on later than this is in the answer.
                      {"staleness_ms", std::max(clock_now().value, agreed_ms) - agreed_ms},
                      {"proof", "unproved"}};
  if (entry && entry->until) answer["until_ms"] = entry->until->value;
  return answer;
}

RpcResult quorate_account(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const ledger::Digest bytes, params.need_hash("key"));
  const ledger::PublicKey key{bytes.bytes};
  const ledger::StoreView state = view.store.view();
  QUORATE_ASSIGN(const ledger::Account account, answered(ledger::read_account(state, key)));
  QUORATE_ASSIGN(const ledger::NonceWindow nonces, answered(ledger::read_nonces(state, key)));
  return json::object{{"key", key.hex()},
                      {"balance", std::to_string(account.balance)},
                      {"highest_nonce", nonces.highest},
                      {"next_nonce", view.mempool.next_nonce(key, nonces.highest)},
                      {"height", state.height().value}};
}

json::object evidence_json(const NodeView& view, const ledger::ReplicaSet& set,
                           const std::vector<ledger::EpochProof>& epochs,
                           const ledger::RecordedEvidence& recorded) {
  const ledger::ReplicaId replica = ledger::accused(recorded.evidence);
  const ledger::EvidenceFile file{ledger::kEvidenceFormat, view.chain_id, recorded.evidence};
  return {{"replica", replica.value},
          {"epoch", set.epoch.value},
          {"name", set.replicas[replica.value].name},
          {"sentence", ledger::evidence_sentence(recorded.evidence)},
          {"offence", ledger::offence_of(recorded.evidence).hex()},
          {"height", recorded.sequence.value},
          {"time_ms", recorded.time.value},
          {"tx", recorded.transaction.hex()},
          {"file", to_base64(ledger::with_epochs(crypto::encode(file), epochs))}};
}

RpcResult quorate_evidence(const NodeView& view, const RpcParams& params) {
  const ledger::StoreView state = view.store.view();
  QUORATE_ASSIGN(const auto membership, answered(ledger::Membership::read(state, view.genesis)));
  std::size_t most = 0;
  for (ledger::Epoch epoch{0}; membership.knows(epoch); epoch = next(epoch)) {
    most = std::max(most, membership.set_of(epoch).size());
  }
  QUORATE_ASSIGN(const auto replica, params.number("replica", 0, most - 1));
  json::array all;
  for (ledger::Epoch epoch{0}; epoch <= membership.current().epoch; epoch = next(epoch)) {
    const ledger::ReplicaSet& set = membership.set_of(epoch);
    for (std::uint16_t i = 0; i < set.size(); ++i) {
      if (replica && *replica != i) continue;
      QUORATE_ASSIGN(const auto found, answered(ledger::read_evidence(state, epoch, {i})));
      if (found.empty()) continue;
      QUORATE_ASSIGN(const auto epochs, answered(view.store.epoch_proofs(epoch)));
      for (const auto& each : found) all.push_back(evidence_json(view, set, epochs, each));
    }
  }
  return json::object{{"height", state.height().value}, {"evidence", std::move(all)}};
}

json::array replicas_json(const std::vector<ledger::ReplicaInfo>& replicas) {
  json::array all;
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    all.push_back(json::object{{"replica", i},
                               {"name", replicas[i].name},
                               {"vote_key", replicas[i].vote_key.hex()},
                               {"network_key", replicas[i].network_key.hex()}});
  }
  return all;
}

RpcResult quorate_membership(const NodeView& view, const RpcParams&) {
  const ledger::StoreView state = view.store.view();
  QUORATE_ASSIGN(const auto membership, answered(ledger::Membership::read(state, view.genesis)));
  const ledger::ReplicaSet& set = membership.current();
  json::object answer{{"height", state.height().value},
                      {"epoch", set.epoch.value},
                      {"start", set.start.value},
                      {"replicas", replicas_json(set.replicas)},
                      {"pending", nullptr}};
  if (const ledger::EpochStart* pending = membership.pending()) {
    answer["pending"] = json::object{{"epoch", pending->epoch.value},
                                     {"executed", pending->executed.value},
                                     {"boundary", pending->boundary.value},
                                     {"replicas", replicas_json(pending->replicas)}};
  }
  return answer;
}

// Levels that this network reaches; a wait for a later one would only ever time out.
RpcExpected<std::optional<Wish>> wait_param(const NodeView& view, const RpcParams& params) {
  constexpr std::string_view kExpected =
      "local, promised, quorum, replicated or stable; with both engines anchored, or anchored=N";
  QUORATE_ASSIGN(const auto text, params.text("wait"));
  if (!text) return std::nullopt;
  const auto wish = parse_wish(*text);
  if (!wish) return wrong_param("wait", fmt::format("\"{}\"", text->substr(0, 32)), kExpected);
  if (wish->level < Level::kAnchored || view.chain != nullptr) return *wish;
  return tl::unexpected(
      RpcError{kRpcInvalidParams,
               {},
               {ErrorKind::kInvalid, "wait-of-other-engine",
                fmt::format("found wait \"{}\", expected at most stable: this node has no chain of "
                            "proof of work",
                            text->substr(0, 32)),
                "Wait for stable; anchors are of `quorate testnet up --engine both`."},
               {}});
}

bool has_come(const TxStatus& status, const Wish& wish) {
  if (is_end(status.level) || wish.level < Level::kAnchored) {
    return satisfies(status.level, wish.level);
  }
  return status.level == Level::kAnchored && status.depth >= wish.depth;
}

RpcError tx_not_found(const ledger::TxId& id) {
  return {kRpcServerError,
          {},
          {ErrorKind::kNotFound, "tx-not-found",
           fmt::format("Transaction {} is in no block of this node's ledger and does not wait here",
                       id.hex()),
           "It may never have been sent, or have reached another node only, or this one may be "
           "catching up. Sending the same bytes again is safe."},
          {}};
}

// On the chain's thread, which looks again after each change of the chain and a few times a second.
void wait_for_anchor(const NodeView& view, const ledger::TxId& id, const Wish& wish,
                     std::uint64_t timeout_ms, const RpcReply& reply,
                     const std::function<void(const TxStatus&)>& answer) {
  view.chain->post([&view, id, wish, timeout_ms, reply, answer] {
    const auto done = [&view, id, wish, reply, answer](bool is_late) {
      const auto status = view.transaction_status(id);
      if (status && status->level != Level::kUnknown && !is_late && !has_come(*status, wish)) {
        return false;
      }
      status ? answer(*status) : reply(tl::unexpected(rpc_error_of(status.error())));
      return true;
    };
    if (!view.chain->host.watch(timeout_ms, done)) done(true);
  });
}

void tx_status(const NodeView& view, const RpcParams& params, const RpcReply& reply) {
  const auto id = params.need_hash("id");
  const auto wanted = wait_param(view, params);
  const auto timeout_ms = params.number("timeout_ms", 0, kWaitMsMax);
  if (!id) return reply(tl::unexpected(id.error()));
  if (!wanted) return reply(tl::unexpected(wanted.error()));
  if (!timeout_ms) return reply(tl::unexpected(timeout_ms.error()));
  const auto answer = [&view, reply, wanted = *wanted](const TxStatus& status) {
    if (status.level == Level::kUnknown) return reply(tl::unexpected(tx_not_found(status.id)));
    json::object object = tx_status_json(view, status);
    if (wanted) object["reached"] = has_come(status, *wanted);
    reply(std::move(object));
  };
  if (*wanted && (*wanted)->level == Level::kAnchored) {
    return wait_for_anchor(view, {*id}, **wanted, timeout_ms->value_or(kWaitMsUsual), reply,
                           answer);
  }
  if (*wanted) {
    return wait_for(view, {*id}, (*wanted)->level, timeout_ms->value_or(kWaitMsUsual), answer);
  }
  const auto status = view.transaction_status({*id});
  if (!status) return reply(tl::unexpected(rpc_error_of(status.error())));
  answer(*status);
}

// The core answers on its own thread, between two turns.
void quorate_explain(const NodeView& view, const RpcParams&, const RpcReply& reply) {
  view.waiting([&view, reply](const pbft::Waiting& waiting) {
    ReplicaReport report{view.genesis.replicas[view.self.value].name,
                         view.chain_id.hex(),
                         waiting,
                         {},
                         view.trouble().value_or(""),
                         {}};
    if (waiting.standing != pbft::Standing::kVoter) report.standing_reason = view.standing_reason;
    for (const PeerState& peer : view.peers()) {
      report.links.push_back({peer.id, peer.connected_in, peer.connected_out, peer.last_error});
    }
    reply(report_to_json(report));
  });
}

}  // namespace

std::vector<RpcMethod> quorate_methods() {
  return {
      {"quorate_tx_status", {"id", "wait", "timeout_ms"},
       "How true a transaction is; waits for local, promised, quorum, replicated, stable or "
       "anchored=N.",
       tx_status},
      {"quorate_receipt", {"id"}, "The receipt of a transaction, to be verified offline.",
       at_once(quorate_receipt)},
      {"quorate_get", {"key", "prove"},
       "The value of a key and how stale it may be; with prove=true under the newest stable "
       "checkpoint, with its proof.",
       at_once(quorate_get)},
      {"quorate_fate", {"tx"},
       "What has become of a signed transaction, or never can, with the proof of it.",
       at_once(quorate_fate)},
      {"quorate_account", {"key"}, "Balance and nonces of a public key.",
       at_once(quorate_account)},
      {"quorate_evidence", {"replica"},
       "What the ledger holds against replicas: proofs that anyone verifies offline.",
       at_once(quorate_evidence)},
      {"quorate_membership", {},
       "Which replicas vote in this epoch, and in the next one if a change is under way.",
       at_once(quorate_membership)},
      {"quorate_explain", {}, "What this replica waits for, from whom and since when.",
       quorate_explain},
  };
}

json::object tx_status_json(const NodeView& view, const TxStatus& status) {
  json::array history;
  for (const LevelChange& change : status.history) {
    history.push_back(json::object{{"level", level_text(change.level)},
                                   {"time_ms", change.wall_ms},
                                   {"after_us", change.after_us},
                                   {"evidence", change.evidence}});
  }
  json::object object{{"id", status.id.hex()},
                      {"level", level_text(status.level)},
                      {"history", std::move(history)},
                      {"node", view.genesis.replicas[view.self.value].name}};
  if (status.height) object["height"] = status.height->value;
  if (status.index) object["index"] = *status.index;
  if (status.outcome) {
    object["outcome"] = json::object{{"code", outcome_code(*status.outcome)},
                                     {"message", outcome_sentence(*status.outcome)}};
  }
  if (status.depth > 0) object["depth"] = status.depth;
  if (status.nonce_owner) object["nonce_owner"] = status.nonce_owner->hex();
  return object;
}

RpcError not_in_the_ledger(const NodeView& view, const ledger::TxId& id) {
  const auto status = view.transaction_status(id);
  if (!status) return rpc_error_of(status.error());
  if (status->level == Level::kUnknown) return tx_not_found(id);
  if (is_end(status->level)) {
    const auto outcome = status->outcome.value_or(ledger::Outcome::kRejectedExpired);
    return rpc_error_of({ErrorKind::kRejected, outcome_code(outcome),
                         fmt::format("Transaction {} is {} and in no block: {}", id.hex(),
                                     level_text(status->level), outcome_sentence(outcome)),
                         "It never happened and never will; sign a new one."});
  }
  return rpc_error_of(
      {ErrorKind::kUnavailable, "tx-pending",
       fmt::format("Transaction {} is {} and in no executed block yet", id.hex(),
                   level_text(status->level)),
       "Wait for it with quorate_tx_status and \"wait\":\"replicated\", then ask again."});
}

void wait_for(const NodeView& view, const ledger::TxId& id, Level wanted, std::uint64_t timeout_ms,
              std::function<void(const TxStatus&)> then) {
  const auto answer = [&view, then = std::move(then)](const TxStatus& told) {
    if (told.level != Level::kUnknown) return then(told);
    then(view.transaction_status(told.id).value_or(told));
  };
  // The ledger may know one that the tracker does not; who waits for more of it waits there.
  const auto status = view.tracker.status(id) ? Result<TxStatus>(TxStatus{})
                                              : view.transaction_status(id);
  if (status && status->level == Level::kReplicated && !satisfies(status->level, wanted)) {
    view.tracker.adopt(*status);
  }
  view.tracker.wait(id, wanted, timeout_ms, answer);
}

RpcExpected<ledger::StableView> need_stable_view(const NodeView& view) {
  if (auto state = view.store.stable_view()) return std::move(*state);
  return tl::unexpected(rpc_error_of(
      {ErrorKind::kUnavailable, "nothing-stable",
       fmt::format("A proof was asked for; at height {} this node has no state under a checkpoint "
                   "that a quorum cosigned",
                   view.store.height().value),
       "Ask again in a moment, or another node; reads without proof are answered."}));
}

RpcExpected<void> check_user_key(std::string_view param, ByteView key) {
  if (key.empty() || key.size() > ledger::kKeyBytesMax) {
    return wrong_param(param, fmt::format("{} bytes", key.size()),
                       fmt::format("a key of 1 to {} bytes", ledger::kKeyBytesMax));
  }
  if (key.front() == ledger::kReservedPrefix) {
    return wrong_param(param, "a key that begins with byte 00, which is reserved",
                       "a key that a transaction can name");
  }
  return {};
}

}  // namespace quorate::node
