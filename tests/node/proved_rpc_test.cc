// What the RPC proves: reads under a stable checkpoint, receipts that prove the result, and the
// fates of transactions. Held against genesis alone, as a client does.

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "ledger/proved_state.h"
#include "ledger/receipt.h"
#include "tests/node/rpc_node.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using namespace test;
using ledger::test::add;
using ledger::test::example_body;
using ledger::test::kGenesisTime;

json::object tx_of(const ledger::TransactionPtr& transaction) {
  return {{"tx", to_base64(RpcNode::encoded(transaction))}};
}
json::object proved_key(std::string_view key) {
  return {{"key", to_base64(as_bytes(key))}, {"prove", true}};
}

TEST(ProvedGet, ProvesTheStateOfTheNewestStableCheckpoint) {
  RpcNode node;
  node.add_block({node.make_put(1, "colour", "blue")});
  EXPECT_EQ(node.refusal("quorate_get", proved_key("colour")), "-32000 nothing-stable");
  node.add_stable_checkpoint(2000);
  node.add_block({node.make_put(2, "colour", "red")}, {.after_ms = 2500});

  const auto found = node.get("quorate_get", proved_key("colour"));
  EXPECT_EQ(text_at(found, "value"), to_base64(as_bytes("blue")));
  EXPECT_EQ(number_at(found, "height"), 2);
  EXPECT_EQ(number_at(found, "time_ms"), static_cast<std::int64_t>(kGenesisTime.value + 2000));
  const auto statement = ledger::parse_statement(text_at(found, "proof")).value();
  const auto verdict = ledger::verify_statement(statement, node.genesis);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(as_text(verdict->entry->value), "blue");
  EXPECT_EQ(verdict->height, ledger::Height{2});
  EXPECT_EQ(text_at(node.get("quorate_get", {{"key", to_base64(as_bytes("colour"))}}), "proof"),
            "unproved");

  const auto absent = node.get("quorate_get", proved_key("size"));
  EXPECT_FALSE(at(absent, "found").as_bool());
  const auto proof = ledger::parse_statement(text_at(absent, "proof")).value();
  EXPECT_FALSE(ledger::verify_statement(proof, node.genesis)->entry);
}

TEST(ProvedGet, AbciQueryCarriesTheSameStatement) {
  RpcNode node;
  node.add_block({node.make_put(1, "colour", "blue")});
  node.add_stable_checkpoint(2000);
  node.add_empty_blocks(1);
  const std::string key = to_hex(as_bytes("colour"));
  const auto found = node.get("abci_query", {{"data", key}, {"prove", true}, {"height", "2"}});
  EXPECT_EQ(text_at(found, "response.value"), to_base64(as_bytes("blue")));
  EXPECT_EQ(text_at(found, "response.height"), "2");
  EXPECT_EQ(text_at(found, "response.proofOps.ops.0.type"), "quorate:statement");
  const auto statement = ledger::decode_statement(
      from_base64(text_at(found, "response.proofOps.ops.0.data")).value());
  EXPECT_EQ(as_text(ledger::verify_statement(*statement, node.genesis)->entry->value), "blue");
  EXPECT_EQ(node.refusal("abci_query", {{"data", key}, {"prove", true}, {"height", "3"}}),
            "-32000 height-not-kept");
}

TEST(StableReceipt, ProvesTheResultAndTheStatusSaysStable) {
  RpcNode node;
  const auto a = node.make_put(1, "colour", "blue");
  (void)node.get("broadcast_tx_sync", tx_of(a));
  node.add_block({a});
  const json::object id = {{"id", a->id.hex()}};
  const auto receipt = [&] {
    return ledger::parse_receipt(text_at(node.get("quorate_receipt", id), "receipt")).value();
  };
  EXPECT_FALSE(ledger::verify_receipt(receipt(), node.genesis)->result_proved);
  EXPECT_EQ(text_at(node.get("quorate_tx_status", id), "level"), "replicated");

  auto reply = node.start("quorate_tx_status",
                          {{"id", a->id.hex()}, {"wait", "stable"}, {"timeout_ms", 60'000}});
  EXPECT_EQ(reply.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  node.add_stable_checkpoint(2000);
  const auto status = reply.get();
  ASSERT_TRUE(status);
  EXPECT_EQ(text_at(*status, "level"), "stable");
  EXPECT_TRUE(at(*status, "reached").as_bool());
  EXPECT_NE(json::serialize(*status).find("under the checkpoint of height 2"), std::string::npos);
  EXPECT_TRUE(ledger::verify_receipt(receipt(), node.genesis)->result_proved);
  node.restart();  // the tracker knows nothing; the ledger does
  EXPECT_EQ(text_at(node.get("quorate_tx_status", id), "level"), "stable");
}

TEST(StableReceipt, WhoWaitsForOneThatOnlyTheLedgerKnowsIsAnsweredAtTheCheckpoint) {
  RpcNode node;
  const auto a = node.make_put(1, "colour", "blue");
  node.add_block({a});
  node.restart();
  auto reply = node.start("quorate_tx_status",
                          {{"id", a->id.hex()}, {"wait", "stable"}, {"timeout_ms", 60'000}});
  EXPECT_EQ(reply.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  node.add_stable_checkpoint(2000);
  EXPECT_EQ(text_at(reply.get().value(), "level"), "stable");
}

TEST(Fate, EachOfTheThreeIsProved) {
  RpcNode node;
  const auto body = [&](std::uint64_t nonce, std::int64_t delta, std::uint64_t seconds) {
    ledger::Transaction made = example_body(node.genesis, nonce, {add("n", delta)});
    made.valid_until = {kGenesisTime.value + 1000 * seconds};
    return node.make(made);
  };
  const auto happened = body(1, 1, 60);
  const auto loser = body(1, 2, 60);
  const auto late = body(2, 3, 2);
  node.add_block({happened});
  EXPECT_EQ(node.refusal("quorate_fate", tx_of(late)), "-32000 nothing-stable");
  const auto told = [&](const ledger::TransactionPtr& transaction) {
    return node.get("quorate_fate", tx_of(transaction));
  };
  node.add_stable_checkpoint(1500);
  EXPECT_EQ(text_at(told(late), "fate"), "open");
  EXPECT_EQ(text_at(told(late), "error.code"), "fate-open");
  node.add_stable_checkpoint(3000);

  EXPECT_EQ(text_at(told(happened), "fate"), "happened");
  const auto own = ledger::parse_receipt(text_at(told(happened), "receipt")).value();
  EXPECT_EQ(ledger::verify_receipt(own, node.genesis)->id, happened->id);
  EXPECT_EQ(text_at(told(loser), "fate"), "nonce-taken");
  const auto owner = ledger::parse_receipt(text_at(told(loser), "receipt")).value();
  EXPECT_EQ(ledger::verify_receipt(owner, node.genesis)->id, happened->id);
  EXPECT_EQ(text_at(told(late), "fate"), "never");
  const auto proof = ledger::parse_statement(text_at(told(late), "proof")).value();
  EXPECT_EQ(ledger::verify_statement(proof, node.genesis)->id, late->id);

  EXPECT_EQ(node.refusal("quorate_fate", {{"tx", "AAAA"}}), "-32602 param-malformed");
  EXPECT_EQ(node.refusal("quorate_fate"), "-32602 param-missing");
}

}  // namespace
}  // namespace quorate::node
