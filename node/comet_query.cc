// CometBFT's methods about single transactions, the state, and what waits.

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "crypto/bcs.h"
#include "crypto/merkle.h"
#include "ledger/proved_state.h"
#include "node/comet_json.h"
#include "node/comet_rpc.h"
#include "node/quorate_rpc.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kUnconfirmedMax = 100;
constexpr std::uint64_t kUnconfirmedUsual = 30;
constexpr std::size_t kUnconfirmedBytesMax = 4 << 20;

// The path from the id to the batch's transaction root.
RpcExpected<json::object> proof_json(const ledger::StoredBlock& block, std::uint32_t index) {
  std::vector<ledger::Digest> leaves;
  for (const ledger::TxResult& result : block.results) {
    leaves.push_back(crypto::merkle::leaf_hash(result.id.digest.bytes));
  }
  QUORATE_ASSIGN(const auto path, answered(crypto::merkle::inclusion_path(index, leaves)));
  json::array aunts;
  for (const ledger::Digest& digest : path) aunts.push_back(json::string(to_base64(digest.bytes)));
  return json::object{
      {"root_hash", upper_hex(block.record.batch.transaction_root.bytes)},
      {"data", to_base64(crypto::encode(block.transactions[index]))},
      {"proof", json::object{{"total", decimal(leaves.size())},
                             {"index", decimal(index)},
                             {"leaf_hash", to_base64(leaves[index].bytes)},
                             {"aunts", std::move(aunts)}}}};
}

json::object unconfirmed_json(const MempoolCounters& counters, std::size_t shown,
                              json::value transactions) {
  return {{"n_txs", decimal(shown)},
          {"total", decimal(counters.transactions)},
          {"total_bytes", decimal(counters.bytes)},
          {"txs", std::move(transactions)}};
}

RpcExpected<json::object> account_json(const ledger::StoreView& state, const Bytes& key) {
  ledger::PublicKey sender;
  if (key.size() != sender.bytes.size()) {
    return wrong_param("data", fmt::format("{} bytes", key.size()), "a public key of 32 bytes");
  }
  std::copy(key.begin(), key.end(), sender.bytes.begin());
  QUORATE_ASSIGN(const ledger::Account account, answered(ledger::read_account(state, sender)));
  QUORATE_ASSIGN(const ledger::NonceWindow nonces, answered(ledger::read_nonces(state, sender)));
  return json::object{{"balance", decimal(account.balance)},
                      {"highest_nonce", decimal(nonces.highest)}};
}

// nullopt: the key is absent.
RpcExpected<std::optional<Bytes>> read_path(const ledger::StoreView& state,
                                            const std::string& path, const Bytes& key) {
  if (path == "/account" || path == "account") {
    QUORATE_ASSIGN(const json::object account, account_json(state, key));
    return to_bytes(json::serialize(account));
  }
  if (path != "/key" && path != "key") {
    return wrong_param("path", json::serialize(json::string(path)), "/key or /account");
  }
  QUORATE_TRY(check_user_key("data", key));
  QUORATE_ASSIGN(auto entry, answered(ledger::read_entry(state, key)));
  if (!entry) return std::optional<Bytes>();
  return std::move(entry->value);
}

json::object query_json(const Bytes& key, const std::optional<Bytes>& value,
                        std::uint64_t height) {
  json::object response{{"code", 0},
                        {"log", value ? "exists" : "does not exist"},
                        {"info", ""},
                        {"index", "0"},
                        {"key", to_base64(key)},
                        {"value", nullptr},
                        {"proofOps", nullptr},
                        {"height", decimal(height)},
                        {"codespace", ""}};
  if (value) response["value"] = to_base64(*value);
  return response;
}

tl::unexpected<RpcError> height_not_kept(std::uint64_t asked, std::uint64_t kept) {
  return tl::unexpected(rpc_error_of(
      {ErrorKind::kUnsupported, "height-not-kept",
       fmt::format("The state of height {} was asked for; the one that is kept is {}", asked, kept),
       "Leave the height out, or 0, for the latest."}));
}

// As of the newest stable checkpoint: one operation, whose data is BCS of the statement.
RpcResult prove_query(const NodeView& view, const std::string& path, const Bytes& key,
                      const std::optional<std::uint64_t>& height) {
  if (path != "/key" && path != "key") {
    return tl::unexpected(
        rpc_error_of({ErrorKind::kUnsupported, "read-not-proved",
                      fmt::format("A proof was asked for path {}; only /key is proved",
                                  json::serialize(json::string(path))),
                      "Ask for the path /key, or with prove=false."}));
  }
  QUORATE_TRY(check_user_key("data", key));
  QUORATE_ASSIGN(const ledger::StableView state, need_stable_view(view));
  const std::uint64_t kept = state.checkpoint().note.sequence.value;
  if (height.value_or(0) != 0 && *height != kept) return height_not_kept(*height, kept);
  QUORATE_ASSIGN(auto entry, answered(ledger::read_entry(state, key)));
  QUORATE_ASSIGN(const auto statement, answered(ledger::prove_read(state, key)));
  std::optional<Bytes> value;
  if (entry) value = std::move(entry->value);
  json::object response = query_json(key, value, kept);
  response["proofOps"] = json::object{
      {"ops", json::array{json::object{{"type", "quorate:statement"},
                                       {"key", to_base64(key)},
                                       {"data", to_base64(ledger::encode_statement(statement))}}}}};
  return json::object{{"response", std::move(response)}};
}

}  // namespace

RpcResult comet_tx(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const ledger::Digest hash, params.need_hash("hash"));
  QUORATE_ASSIGN(const bool prove, params.boolean("prove", false));
  const ledger::TxId id{hash};
  QUORATE_ASSIGN(const auto place, answered(view.store.find(id)));
  if (!place) return tl::unexpected(not_in_the_ledger(view, id));
  QUORATE_ASSIGN(const ledger::StoredBlock block, answered(view.store.block(place->height)));
  const ledger::TxResult& result = block.results[place->index];
  json::object answer{
      {"hash", upper_hex(hash.bytes)},
      {"height", decimal(place->height.value)},
      {"index", place->index},
      {"tx_result", tx_result_json(result.outcome, result.failed_operation)},
      {"tx", to_base64(crypto::encode(block.transactions[place->index]))},
      {"quorate", json::object{{"level", level_text(level_of(result.outcome))},
                               {"view", block.certificate.view.value},
                               {"epoch", block.record.epoch.value},
                               {"effective_time_ms", block.record.effective_time.value}}}};
  if (prove) {
    QUORATE_ASSIGN(answer["proof"], proof_json(block, place->index));
  }
  return answer;
}

RpcResult comet_abci_info(const NodeView& view, const RpcParams&) {
  const ledger::Height latest = view.store.height();
  json::object response{{"data", "quorate"},
                        {"version", program_version()},
                        {"app_version", "1"},
                        {"last_block_height", decimal(latest.value)},
                        {"last_block_app_hash", to_base64(crypto::sha256({}).bytes)}};
  if (latest > view.store.base()) {
    QUORATE_ASSIGN(const ledger::Record last, answered(view.store.record(latest)));
    response["last_block_app_hash"] = to_base64(last.results_root.bytes);
  }
  return json::object{{"response", std::move(response)}};
}

RpcResult comet_abci_query(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const auto path, params.text("path"));
  QUORATE_ASSIGN(const auto data, params.hex_bytes("data"));
  QUORATE_ASSIGN(const auto height, params.number("height", 0, UINT64_MAX));
  QUORATE_ASSIGN(const bool prove, params.boolean("prove", false));
  if (prove) return prove_query(view, path.value_or("/key"), data.value_or(Bytes{}), height);
  const ledger::StoreView state = view.store.view();
  const std::uint64_t latest = state.height().value;
  if (height.value_or(0) != 0 && *height != latest) {
    return height_not_kept(*height, latest);
  }
  const Bytes key = data.value_or(Bytes{});
  QUORATE_ASSIGN(const auto value, read_path(state, path.value_or("/key"), key));
  return json::object{{"response", query_json(key, value, latest)}};
}

RpcResult comet_num_unconfirmed_txs(const NodeView& view, const RpcParams&) {
  const MempoolCounters counters = view.mempool.counters();
  return unconfirmed_json(counters, counters.transactions, nullptr);
}

RpcResult comet_unconfirmed_txs(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const auto limit, params.number("limit", 1, kUnconfirmedMax));
  const auto oldest = view.mempool.oldest(limit.value_or(kUnconfirmedUsual), kUnconfirmedBytesMax);
  json::array transactions;
  for (const ledger::TransactionPtr& transaction : oldest) {
    transactions.push_back(
        json::string(to_base64(crypto::encode(*transaction->signed_transaction))));
  }
  return unconfirmed_json(view.mempool.counters(), oldest.size(), std::move(transactions));
}

}  // namespace quorate::node
