#include "tests/node/rpc_node.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <charconv>

#include "crypto/bcs.h"

namespace quorate::node::test {

namespace json = boost::json;
using ledger::TransactionPtr;
using ledger::TxId;

RpcNode::RpcNode(MempoolLimits limits, ledger::Genesis genesis_document)
    : genesis(std::move(genesis_document)),
      limits_(limits),
      verifier_(std::make_unique<ledger::TransactionVerifier>(
          genesis, ledger::chain_id_of(genesis), &signatures_)) {
  store = ledger::Store::create(folder.path("ledger"), genesis).value();
  core.high_watermark = {32};
  for (std::uint16_t i = 1; i < genesis.replicas.size(); ++i) {
    PeerState peer;
    peer.id = {i};
    peer.name = genesis.replicas[i].name;
    peer.endpoint = {"127.0.0.1", static_cast<std::uint16_t>(26600 + i)};
    peer.connected_in = peer.connected_out = true;
    peers.push_back(peer);
  }
  restart();
}

void RpcNode::restart() {
  methods.reset();
  view.reset();
  publisher = std::make_unique<LogPublisher>(
      Home{folder.path(has_log_key ? "." : "no home")}, ledger::chain_id_of(genesis),
      ledger::genesis_replicas(genesis), std::nullopt);
  tracker = std::make_unique<Tracker>();
  mempool = std::make_unique<Mempool>(
      genesis, *store, limits_,
      Mempool::Callbacks{[this](const TransactionPtr& t) { tracker->on_local(t->id); },
                         [](TxId) {}});
  view.reset(new NodeView{genesis,
                          ledger::chain_id_of(genesis),
                          {0},
                          "the guard is missing",
                          {"127.0.0.1", 26650},
                          {"127.0.0.1", 26600},
                          1,
                          *store,
                          *publisher,
                          *mempool,
                          *tracker,
                          [this] { return core; },
                          [this](const auto& then) { then(waiting); },
                          [this] { return peers; },
                          [this](ByteView encoded) { return submit(encoded); },
                          [this](const TxId& id) { return status(id); },
                          [this] { return trouble; }});
  methods = std::make_unique<RpcMethods>(*view);
}

Result<SubmitOutcome> RpcNode::submit(ByteView encoded) {
  QUORATE_ASSIGN(const TransactionPtr transaction, verifier_->check(encoded));
  QUORATE_ASSIGN(const bool is_new, mempool->add(transaction, now()));
  return SubmitOutcome{transaction->id, is_new};
}

Result<TxStatus> RpcNode::status(const TxId& id) const {
  if (auto tracked = tracker->status(id)) return *tracked;
  TxStatus status;
  status.id = id;
  QUORATE_ASSIGN(const auto place, store->find(id));
  if (!place) return status;
  QUORATE_ASSIGN(const auto block, store->block(place->height));
  status.height = place->height;
  status.index = place->index;
  status.outcome = block.results[place->index].outcome;
  status.level = level_of(*status.outcome);
  const auto stable = store->stable_at_or_above(place->height).value();
  if (status.level == Level::kReplicated && stable) status.level = Level::kStable;
  return status;
}

void RpcNode::add_block(const std::vector<TransactionPtr>& transactions, const BlockPlan& plan) {
  const ledger::Sequence sequence{store->height().value + 1};
  const ledger::TimeMs time{ledger::test::kGenesisTime.value + plan.after_ms};
  const auto batch =
      ledger::make_batch(sequence, time, plan.flags, ledger::test::ids_of(transactions));
  const auto execution = ledger::execute(batch.header, transactions, genesis, *store).value();
  const auto certificate =
      ledger::test::certify(genesis, batch.header, plan.voters, plan.view);
  const auto appended = store->append({batch, certificate, transactions}, execution);
  ASSERT_TRUE(appended) << appended.error().to_string();
  mempool->on_executed(transactions, execution.results);
  std::vector<std::optional<TxId>> owners;
  for (const TransactionPtr& transaction : transactions) {
    const auto& body = transaction->signed_transaction->body;
    owners.push_back(store->nonce_owner(body.sender, body.nonce).value());
  }
  core.executed = core.committed = sequence;
  tracker->on_executed(sequence, execution.results, owners);
}

void RpcNode::add_empty_blocks(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) add_block({});
}

void RpcNode::add_stable_checkpoint(std::uint64_t after_ms) {
  add_block({}, {.flags = ledger::kFlagCheckpoint, .after_ms = after_ms});
  const auto own = store->own_checkpoint(store->height()).value();
  ASSERT_TRUE(own) << "too soon after the last one";
  const std::uint64_t seconds = store->time().value / 1000;
  ASSERT_TRUE(store->put_stable(ledger::test::stabilise(*own, seconds, {0, 1, 3})));
  tracker->on_stable(own->sequence);
  ASSERT_TRUE(publisher->refresh(*store));
}

TransactionPtr RpcNode::make_put(std::uint64_t nonce, std::string_view key,
                                 std::string_view value) {
  return make(ledger::test::example_body(genesis, nonce, {ledger::test::put(key, value)}));
}

TransactionPtr RpcNode::make(const ledger::Transaction& body, std::string_view sender) {
  return verifier_->check(ledger::test::sign(body, sender)).value();
}

Bytes RpcNode::encoded(const TransactionPtr& transaction) {
  return crypto::encode(*transaction->signed_transaction);
}

std::future<RpcResult> RpcNode::start(std::string_view method, const json::object& params,
                                      bool from_get) {
  auto promise = std::make_shared<std::promise<RpcResult>>();
  auto future = promise->get_future();
  const bool known = methods->call(method, params, from_get, [promise](RpcResult result) {
    promise->set_value(std::move(result));
  });
  EXPECT_TRUE(known) << method;
  return future;
}

RpcResult RpcNode::ask(std::string_view method, const json::object& params, bool from_get) {
  return start(method, params, from_get).get();
}

json::value RpcNode::get(std::string_view method, const json::object& params, bool from_get) {
  auto result = ask(method, params, from_get);
  if (result) return std::move(*result);
  ADD_FAILURE() << method << " " << json::serialize(params) << ": "
                << result.error().detail.to_string();
  return {};
}

std::string RpcNode::refusal(std::string_view method, const json::object& params, bool from_get) {
  const auto result = ask(method, params, from_get);
  if (result) return "none";
  return std::to_string(result.error().number) + " " + std::string(result.error().detail.code);
}

std::string RpcNode::page(std::string_view path) {
  const auto found = methods->page(path);
  return found ? std::to_string(found->status) + " " + found->body : "none";
}

const json::value& at(const json::value& value, std::string_view path) {
  static const json::value kNone;
  const std::string_view name = path.substr(0, path.find('.'));
  const json::value* member = nullptr;
  if (value.is_object()) member = value.get_object().if_contains(name);
  if (value.is_array()) {
    std::size_t index = 0;
    std::from_chars(name.data(), name.data() + name.size(), index);
    member = value.get_array().if_contains(index);
  }
  if (member == nullptr) {
    ADD_FAILURE() << "no " << name << " in " << json::serialize(value).substr(0, 400);
    return kNone;
  }
  return name.size() == path.size() ? *member : at(*member, path.substr(name.size() + 1));
}

std::string text_at(const json::value& value, std::string_view path) {
  const json::value& member = at(value, path);
  if (member.is_string()) return std::string(member.get_string());
  ADD_FAILURE() << path << " is no string but " << json::serialize(member);
  return {};
}

std::int64_t number_at(const json::value& value, std::string_view path) {
  const json::value& member = at(value, path);
  if (member.is_int64()) return member.get_int64();
  if (member.is_uint64()) return static_cast<std::int64_t>(member.get_uint64());
  ADD_FAILURE() << path << " is no integer but " << json::serialize(member);
  return -1;
}

}  // namespace quorate::node::test
