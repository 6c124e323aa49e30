// CometBFT's methods about blocks and validators.

#include <fmt/format.h>

#include <algorithm>

#include "crypto/bcs.h"
#include "ledger/membership.h"
#include "node/comet_json.h"
#include "node/comet_rpc.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kMetasMax = 20;
constexpr std::uint64_t kValidatorsMax = 100;
constexpr std::uint64_t kValidatorsUsual = 30;

json::object empty_commit() {
  return {{"height", "0"},
          {"round", 0},
          {"block_id", json::object{{"hash", ""},
                                    {"parts", json::object{{"total", 0}, {"hash", ""}}}}},
          {"signatures", json::array{}}};
}

// The certificate of the block before, which a header of the dialect commits to.
RpcExpected<json::object> last_commit(const NodeView& view, const CometBlock& block) {
  if (!block.previous) return empty_commit();
  const ledger::Height height{block.height().value - 1};
  QUORATE_ASSIGN(const auto certificate, answered(view.store.certificate(height)));
  return commit_json(view, *block.previous, certificate);
}

}  // namespace

RpcResult comet_block(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const ledger::Height height, height_param(view, params));
  QUORATE_ASSIGN(const CometBlock block, read_comet_block(view.store, height));
  QUORATE_ASSIGN(const ledger::StoredBlock stored, answered(view.store.block(height)));
  QUORATE_ASSIGN(json::object commit, last_commit(view, block));
  json::array transactions;
  for (const ledger::SignedTransaction& transaction : stored.transactions) {
    transactions.push_back(json::string(to_base64(crypto::encode(transaction))));
  }
  json::object extras = block_extras(block);
  json::array ids;
  for (const ledger::TxResult& result : stored.results) {
    ids.push_back(json::object{{"id", result.id.hex()}, {"code", outcome_code(result.outcome)}});
  }
  extras["transactions"] = std::move(ids);
  return json::object{
      {"block_id", block_id_json(block.record)},
      {"block", json::object{{"header", header_json(view, block)},
                             {"data", json::object{{"txs", std::move(transactions)}}},
                             {"evidence", json::object{{"evidence", json::array{}}}},
                             {"last_commit", std::move(commit)}}},
      {"quorate", std::move(extras)}};
}

RpcResult comet_header(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const ledger::Height height, height_param(view, params));
  QUORATE_ASSIGN(const CometBlock block, read_comet_block(view.store, height));
  return json::object{{"header", header_json(view, block)}, {"quorate", block_extras(block)}};
}

RpcResult comet_block_results(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const ledger::Height height, height_param(view, params));
  QUORATE_ASSIGN(const ledger::StoredBlock block, answered(view.store.block(height)));
  json::array results;
  for (const ledger::TxResult& result : block.results) {
    results.push_back(tx_result_json(result.outcome, result.failed_operation));
  }
  return json::object{{"height", decimal(height.value)},
                      {"txs_results", std::move(results)},
                      {"finalize_block_events", json::array{}},
                      {"validator_updates", json::array{}},
                      {"consensus_param_updates", nullptr},
                      {"app_hash", app_hash(block.record)}};
}

RpcResult comet_blockchain(const NodeView& view, const RpcParams& params) {
  const std::uint64_t latest = view.store.height().value;
  QUORATE_ASSIGN(const auto asked_min, params.number("minHeight", 0, UINT64_MAX));
  QUORATE_ASSIGN(const auto asked_max, params.number("maxHeight", 0, UINT64_MAX));
  // In this dialect 0 means "not given".
  const std::uint64_t max =
      asked_max.value_or(0) == 0 ? latest : std::min(latest, *asked_max);
  // As far back as blocks are kept, unless none that was asked for is.
  const std::uint64_t base = view.store.base().value;
  const std::uint64_t min = std::max(asked_min.value_or(0), (max > base ? base : 0) + 1);
  if (min > max && latest > 0) {
    return wrong_param("minHeight", decimal(min), fmt::format("an integer of at most {}", max));
  }
  json::array metas;
  for (std::uint64_t height = max; height >= min && metas.size() < kMetasMax; --height) {
    QUORATE_ASSIGN(const CometBlock block, read_comet_block(view.store, {height}));
    metas.push_back(json::object{
        {"block_id", block_id_json(block.record)},
        {"block_size", "-1"},
        {"header", header_json(view, block)},
        {"num_txs", decimal(block.record.batch.transaction_count)},
        {"quorate", json::object{{"view", block.certificate.view.value},
                                 {"epoch", block.record.epoch.value}}}});
  }
  return json::object{{"last_height", decimal(latest)}, {"block_metas", std::move(metas)}};
}

RpcResult comet_commit(const NodeView& view, const RpcParams& params) {
  QUORATE_ASSIGN(const ledger::Height height, height_param(view, params));
  QUORATE_ASSIGN(const CometBlock block, read_comet_block(view.store, height));
  return json::object{
      {"signed_header",
       json::object{{"header", header_json(view, block)},
                    {"commit", commit_json(view, block.record, block.certificate)}}},
      {"canonical", true},
      {"quorate", block_extras(block)}};
}

RpcResult comet_validators(const NodeView& view, const RpcParams& params) {
  const std::uint64_t latest = view.store.height().value;
  // The set that votes on the next block is known as well.
  QUORATE_ASSIGN(const auto height, params.number("height", 1, latest + 1));
  QUORATE_ASSIGN(const auto membership,
                 answered(ledger::Membership::read(view.store.view(), view.genesis)));
  const ledger::Height at{height.value_or(std::max<std::uint64_t>(latest, 1))};
  const auto& replicas = membership.set_of(membership.epoch_at(at)).replicas;
  QUORATE_ASSIGN(const auto per_page, params.number("per_page", 1, kValidatorsMax));
  const std::uint64_t size = per_page.value_or(kValidatorsUsual);
  QUORATE_ASSIGN(const auto page, params.number("page", 1, (replicas.size() + size - 1) / size));
  const std::uint64_t begin = (page.value_or(1) - 1) * size;
  const std::uint64_t end = std::min<std::uint64_t>(begin + size, replicas.size());
  json::array validators;
  for (std::uint64_t i = begin; i < end; ++i) {
    validators.push_back(
        json::object{{"address", validator_address(replicas[i].vote_key)},
                     {"pub_key", public_key_json(replicas[i].vote_key)},
                     {"voting_power", "1"},
                     {"proposer_priority", "0"},
                     {"quorate", json::object{{"id", i}, {"name", replicas[i].name}}}});
  }
  return json::object{
      {"block_height", decimal(at.value)},
      {"validators", std::move(validators)},
      {"count", decimal(end - begin)},
      {"total", decimal(replicas.size())}};
}

}  // namespace quorate::node
