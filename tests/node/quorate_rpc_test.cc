// Our own methods: levels of truth, receipts, reads, accounts, and what a node says of itself.

#include "node/quorate_rpc.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "ledger/receipt.h"
#include "node/remote_status.h"
#include "node/time_text.h"
#include "tests/ledger/example_membership.h"
#include "tests/node/rpc_node.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using namespace test;
using ledger::test::kGenesisTime;

json::object tx_of(const ledger::TransactionPtr& transaction) {
  return {{"tx", to_base64(RpcNode::encoded(transaction))}};
}
json::object id_of(const ledger::TransactionPtr& transaction) {
  return {{"id", transaction->id.hex()}};
}
json::object key_of(std::string_view key) { return {{"key", to_base64(as_bytes(key))}}; }

TEST(QuorateTxStatus, TellsTheLevelAndItsHistory) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  (void)node.get("broadcast_tx_sync", tx_of(a));
  node.tracker->on_proposed({0}, {1}, {a->id});
  node.tracker->on_prepared({0}, {1});
  const auto before = node.get("quorate_tx_status", id_of(a));
  EXPECT_EQ(text_at(before, "id"), a->id.hex());
  EXPECT_EQ(text_at(before, "level"), "quorum");
  EXPECT_EQ(text_at(before, "node"), "replica-0");
  EXPECT_FALSE(before.as_object().contains("height"));
  EXPECT_FALSE(before.as_object().contains("reached"));
  node.add_block({a});
  const auto after = node.get("quorate_tx_status", id_of(a));
  EXPECT_EQ(text_at(after, "level"), "replicated");
  EXPECT_EQ(number_at(after, "height"), 1);
  EXPECT_EQ(number_at(after, "index"), 0);
  EXPECT_EQ(text_at(after, "outcome.code"), "applied");
  ASSERT_EQ(at(after, "history").as_array().size(), 4U);
  EXPECT_EQ(text_at(after, "history.1.level"), "promised");
  EXPECT_EQ(text_at(after, "history.1.evidence"), "proposed at sequence 1 in view 0");
  EXPECT_GT(number_at(after, "history.3.time_ms"), 1'700'000'000'000);
  EXPECT_GE(number_at(after, "history.3.after_us"), number_at(after, "history.0.after_us"));
}

TEST(QuorateTxStatus, IsReadBackByTheCommandsOfThisProgram) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  (void)node.get("broadcast_tx_sync", tx_of(a));
  node.add_block({a});
  const auto parsed = parse_remote_status(node.get("quorate_tx_status", id_of(a)));
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(parsed->level, Level::kReplicated);
  EXPECT_EQ(parsed->history.size(), 2U);
  EXPECT_EQ(parsed->height, 1U);
}

TEST(QuorateTxStatus, WhatTheTrackerForgotComesFromTheLedger) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  node.add_block({a});
  node.restart();
  for (const json::object& params :
       {id_of(a), json::object{{"id", a->id.hex()}, {"wait", "replicated"}}}) {
    const auto status = node.get("quorate_tx_status", params);
    EXPECT_EQ(text_at(status, "level"), "replicated");
    EXPECT_EQ(number_at(status, "height"), 1);
  }
}

TEST(QuorateTxStatus, AnUnknownOneIsAnErrorThatSaysWhatItMeans) {
  RpcNode node;
  const std::string id(64, '7');
  EXPECT_EQ(node.refusal("quorate_tx_status", {{"id", id}}), "-32000 tx-not-found");
  EXPECT_EQ(node.refusal("quorate_tx_status", {{"id", id}, {"wait", "local"}}),
            "-32000 tx-not-found");
  const auto error = node.ask("quorate_tx_status", {{"id", id}}).error().detail;
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_NE(error.next.find("safe"), std::string::npos);
}

TEST(QuorateTxStatus, WaitsForTheLevelThatIsAskedFor) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  (void)node.get("broadcast_tx_sync", tx_of(a));
  json::object params = id_of(a);
  params["wait"] = "promised";
  params["timeout_ms"] = "60000";
  auto reply = node.start("quorate_tx_status", params);
  EXPECT_EQ(reply.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  node.tracker->on_proposed({0}, {1}, {a->id});
  const auto status = reply.get();
  ASSERT_TRUE(status);
  EXPECT_EQ(text_at(*status, "level"), "promised");
  EXPECT_TRUE(at(*status, "reached").as_bool());
}

TEST(QuorateTxStatus, ATimeoutAnswersWithTheLevelOfThen) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  (void)node.get("broadcast_tx_sync", tx_of(a));
  for (const std::int64_t timeout_ms : {0, 20}) {
    const auto status = node.get("quorate_tx_status", {{"id", a->id.hex()},
                                                       {"wait", "replicated"},
                                                       {"timeout_ms", timeout_ms}});
    EXPECT_EQ(text_at(status, "level"), "local");
    EXPECT_FALSE(at(status, "reached").as_bool());
  }
}

TEST(QuorateTxStatus, AnEndAnswersAWaitForMore) {
  RpcNode node;
  const auto loser = node.make_put(1, "a", "1");
  const auto winner = node.make_put(1, "a", "2");
  (void)node.get("broadcast_tx_sync", tx_of(loser));
  auto reply =
      node.start("quorate_tx_status", {{"id", loser->id.hex()}, {"wait", "replicated"}});
  node.add_block({winner});
  node.tracker->on_overtaken(loser->id, winner->id);
  const auto status = reply.get();
  ASSERT_TRUE(status);
  EXPECT_EQ(text_at(*status, "level"), "rejected");
  EXPECT_EQ(text_at(*status, "outcome.code"), "tx-nonce-used");
  EXPECT_EQ(text_at(*status, "nonce_owner"), winner->id.hex());
}

TEST(QuorateTxStatus, RefusesWrongParameters) {
  RpcNode node;
  const std::string id(64, '7');
  const auto refused = [&](const json::object& params) {
    return node.refusal("quorate_tx_status", params);
  };
  EXPECT_EQ(refused({}), "-32602 param-missing");
  EXPECT_EQ(refused({{"id", "77"}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"id", id}, {"wait", "final"}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"id", id}, {"wait", "anchored"}}), "-32602 wait-of-other-engine");
  EXPECT_EQ(refused({{"id", id}, {"wait", "unknown"}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"id", id}, {"wait", "rejected"}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"id", id}, {"timeout_ms", 60'001}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"id", id}, {"timeout_ms", -1}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"id", id}, {"timeout", 5}}), "-32602 param-unknown");
}

TEST(QuorateReceipt, VerifiesWithTheGenesisDocumentAlone) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  node.add_block({node.make_put(2, "b", "2"), a});
  const auto answer = node.get("quorate_receipt", id_of(a));
  const auto receipt = ledger::parse_receipt(text_at(answer, "receipt"));
  ASSERT_TRUE(receipt) << receipt.error().to_string();
  const auto verdict = ledger::verify_receipt(*receipt, node.genesis);
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->id, a->id);
  EXPECT_TRUE(verdict->order_proved);
}

TEST(QuorateReceipt, OfWhatIsInNoBlockSaysWhy) {
  RpcNode node;
  const auto waiting = node.make_put(1, "a", "1");
  EXPECT_EQ(node.refusal("quorate_receipt", id_of(waiting)), "-32000 tx-not-found");
  (void)node.get("broadcast_tx_sync", tx_of(waiting));
  EXPECT_EQ(node.refusal("quorate_receipt", id_of(waiting)), "-32000 tx-pending");
  node.tracker->on_expired({waiting->id});
  EXPECT_EQ(node.refusal("quorate_receipt", id_of(waiting)), "-32000 tx-expired");
}

TEST(QuorateGet, TellsValueHeightAndStaleness) {
  RpcNode node;
  node.add_block({node.make_put(1, "colour", "blue")}, {.after_ms = 2500});
  const auto before = clock_now().value;
  const auto found = node.get("quorate_get", key_of("colour"));
  EXPECT_TRUE(at(found, "found").as_bool());
  EXPECT_EQ(text_at(found, "value"), to_base64(as_bytes("blue")));
  EXPECT_EQ(number_at(found, "height"), 1);
  EXPECT_EQ(number_at(found, "time_ms"), static_cast<std::int64_t>(kGenesisTime.value + 2500));
  EXPECT_GE(number_at(found, "staleness_ms"),
            static_cast<std::int64_t>(before - kGenesisTime.value - 2500));
  EXPECT_EQ(text_at(found, "proof"), "unproved");
  EXPECT_FALSE(found.as_object().contains("until_ms"));
  const auto by_get = node.get("quorate_get", {{"key", "\"colour\""}}, true);
  EXPECT_EQ(text_at(by_get, "value"), to_base64(as_bytes("blue")));
  const auto absent = node.get("quorate_get", key_of("size"));
  EXPECT_FALSE(at(absent, "found").as_bool());
  EXPECT_EQ(text_at(absent, "value"), "");
}

TEST(QuorateGet, AKeyWithAnEndIsAbsentFromThenOn) {
  RpcNode node;
  const ledger::TimeMs until{kGenesisTime.value + 5000};
  node.add_block({node.make(ledger::test::example_body(
      node.genesis, 1, {ledger::test::put("lease", "mine", until)}))});
  const auto found = node.get("quorate_get", key_of("lease"));
  EXPECT_EQ(number_at(found, "until_ms"), static_cast<std::int64_t>(until.value));
  node.add_block({}, {.after_ms = 5000});
  EXPECT_FALSE(at(node.get("quorate_get", key_of("lease")), "found").as_bool());
}

TEST(QuorateGet, RefusesWhatCannotBeAKey) {
  RpcNode node;
  EXPECT_EQ(node.refusal("quorate_get"), "-32602 param-missing");
  EXPECT_EQ(node.refusal("quorate_get", {{"key", ""}}), "-32602 param-malformed");
  EXPECT_EQ(node.refusal("quorate_get", {{"key", "colour!"}}), "-32602 param-malformed");
  EXPECT_EQ(node.refusal("quorate_get", key_of(std::string(257, 'k'))), "-32602 param-malformed");
  EXPECT_EQ(node.refusal("quorate_get", key_of(std::string(256, 'k'))), "none");
  EXPECT_EQ(node.refusal("quorate_get", key_of(std::string(1, '\0'))), "-32602 param-malformed");
}

TEST(QuorateAccount, TellsBalanceAndTheNextFreeNonce) {
  RpcNode node;
  const std::string alice = ledger::test::public_key_of("alice").hex();
  const auto fresh = node.get("quorate_account", {{"key", alice}});
  EXPECT_EQ(text_at(fresh, "balance"), "1000");
  EXPECT_EQ(number_at(fresh, "highest_nonce"), 0);
  EXPECT_EQ(number_at(fresh, "next_nonce"), 1);
  node.add_block({node.make_put(4, "a", "1")});
  (void)node.get("broadcast_tx_sync", tx_of(node.make_put(5, "a", "2")));
  const auto used = node.get("quorate_account", {{"key", alice}});
  EXPECT_EQ(number_at(used, "highest_nonce"), 4);
  EXPECT_EQ(number_at(used, "next_nonce"), 6);
  const auto nobody = node.get("quorate_account", {{"key", std::string(64, '9')}});
  EXPECT_EQ(text_at(nobody, "balance"), "0");
  EXPECT_EQ(number_at(nobody, "next_nonce"), 1);
  EXPECT_EQ(node.refusal("quorate_account", {{"key", "99"}}), "-32602 param-malformed");
}

TEST(QuorateEvidence, ListsWhatTheLedgerHoldsAsFilesThatVerify) {
  RpcNode node;
  EXPECT_TRUE(at(node.get("quorate_evidence"), "evidence").as_array().empty());
  const auto proof = ledger::test::example_evidence(node.genesis, 3);
  const auto transaction = node.make(ledger::test::example_body(
      node.genesis, 1,
      {ledger::RecordEvidence{proof},
       ledger::RecordEvidence{ledger::test::example_evidence(node.genesis, 1)}}));
  node.add_block({transaction});
  const auto all = node.get("quorate_evidence");
  EXPECT_EQ(number_at(all, "evidence.0.replica"), 1);
  EXPECT_EQ(number_at(all, "evidence.1.replica"), 3);
  EXPECT_EQ(text_at(all, "evidence.1.name"), "replica-3");
  EXPECT_EQ(text_at(all, "evidence.1.sentence"),
            "replica 3 signed two different batches for view 0, sequence 20 (prepare)");
  EXPECT_EQ(number_at(all, "evidence.1.height"), 1);
  EXPECT_EQ(text_at(all, "evidence.1.tx"), transaction->id.hex());
  const Bytes bytes = from_base64(text_at(all, "evidence.1.file")).value();
  const auto file = crypto::decode<ledger::EvidenceFile>(bytes).value();
  EXPECT_EQ(crypto::encode(file.evidence), crypto::encode(ledger::Evidence(proof)));
  crypto::SignatureCache cache(16);
  EXPECT_TRUE(ledger::EvidenceVerifier(ledger::chain_id_of(node.genesis), &cache)
                  .check(file, ledger::genesis_replicas(node.genesis)));
  const auto of_three = node.get("quorate_evidence", {{"replica", 3}});
  EXPECT_EQ(at(of_three, "evidence").as_array().size(), 1U);
  EXPECT_EQ(at(node.get("quorate_evidence", {{"replica", 0}}), "evidence").as_array().size(), 0U);
  EXPECT_EQ(node.refusal("quorate_evidence", {{"replica", 4}}), "-32602 param-malformed");
}

TEST(QuorateMembership, NamesWhoVotesAndWhoWill) {
  RpcNode node;
  const auto before = node.get("quorate_membership");
  EXPECT_EQ(number_at(before, "epoch"), 0);
  EXPECT_EQ(at(before, "replicas").as_array().size(), 4U);
  EXPECT_EQ(text_at(before, "replicas.2.name"), "replica-2");
  EXPECT_EQ(text_at(before, "replicas.2.vote_key"), node.genesis.replicas[2].vote_key.hex());
  EXPECT_TRUE(at(before, "pending").is_null());
  const auto change = ledger::test::example_change(
      node.genesis, ledger::genesis_replicas(node.genesis),
      ledger::AddReplica{ledger::test::example_replica(4)});
  node.add_block({node.make(ledger::test::example_body(node.genesis, 1, {change}))});
  const auto pending = node.get("quorate_membership");
  EXPECT_EQ(number_at(pending, "epoch"), 0);
  EXPECT_EQ(number_at(pending, "pending.epoch"), 1);
  EXPECT_EQ(number_at(pending, "pending.boundary"),
            1 + 4 * std::int64_t{node.genesis.parameters.window_batches});
  EXPECT_EQ(text_at(pending, "pending.replicas.4.name"), "replica-4");
  EXPECT_EQ(node.refusal("quorate_membership", {{"epoch", 1}}), "-32602 param-unknown");
}

TEST(QuorateStatus, SaysWhereTheNodeStands) {
  RpcNode node;
  node.core.view = {6};
  node.core.primary = {2};
  node.add_block({node.make_put(1, "a", "1")});
  node.peers[2].connected_in = false;
  node.peers[2].last_error = "connection refused";
  (void)node.get("broadcast_tx_sync", tx_of(node.make_put(2, "a", "2")));
  const auto status = at(node.get("status"), "quorate");
  EXPECT_EQ(number_at(status, "replica"), 0);
  EXPECT_EQ(text_at(status, "name"), "replica-0");
  EXPECT_EQ(text_at(status, "chain_id"), node.view->chain_id.hex());
  EXPECT_EQ(text_at(status, "role"), "backup");
  EXPECT_EQ(text_at(status, "state"), "running");
  EXPECT_EQ(number_at(status, "epoch"), 0);
  EXPECT_EQ(number_at(status, "view"), 6);
  EXPECT_EQ(number_at(status, "primary"), 2);
  EXPECT_EQ(number_at(status, "sequence"), 1);
  EXPECT_EQ(number_at(status, "committed"), 1);
  EXPECT_EQ(number_at(status, "tree_head.size"), 1);
  EXPECT_EQ(text_at(status, "tree_head.root"), node.store->tree_head().root.hex());
  EXPECT_EQ(number_at(status, "mempool.transactions"), 1);
  EXPECT_GT(number_at(status, "mempool.bytes"), 100);
  EXPECT_EQ(at(status, "peers").as_array().size(), 3U);
  EXPECT_EQ(number_at(status, "peers_connected"), 2);
  EXPECT_EQ(text_at(status, "peers.2.last_error"), "connection refused");
  EXPECT_FALSE(text_at(status, "version").empty());
  EXPECT_EQ(text_at(status, "version").find("quorate"), std::string::npos);
  EXPECT_FALSE(status.as_object().contains("standing_reason"));
}

TEST(QuorateStatus, RolesAndStatesHaveTheirWords) {
  RpcNode node;
  const auto word = [&](std::string_view name) {
    return text_at(node.get("status"), "quorate." + std::string(name));
  };
  EXPECT_EQ(word("role"), "primary");
  node.core.is_catching_up = true;
  EXPECT_EQ(word("state"), "catching-up");
  node.trouble = "the disk is nearly full";
  EXPECT_EQ(word("state"), "trouble");
  EXPECT_EQ(word("trouble"), "the disk is nearly full");
  node.core.standing = pbft::Standing::kLearner;
  node.restart();
  EXPECT_EQ(word("role"), "learner");
  EXPECT_EQ(word("standing_reason"), "the guard is missing");
}

TEST(Pages, ReadyMeansThatAVoteCanCount) {
  RpcNode node;
  EXPECT_EQ(node.page("/health"), "200 ok\n");
  EXPECT_EQ(node.page("/ready"), "200 ready\n");
  node.peers[0].connected_out = false;
  EXPECT_EQ(node.page("/ready"), "200 ready\n");  // two others make a quorum of three
  node.peers[1].connected_in = false;
  EXPECT_TRUE(node.page("/ready").starts_with("503 1 other replicas"));
  node.trouble = "the disk is nearly full";
  EXPECT_EQ(node.page("/ready"), "503 the disk is nearly full\n");
  EXPECT_EQ(node.page("/health"), "200 ok\n");
  node.trouble.reset();
  node.core.standing = pbft::Standing::kLearner;
  node.restart();
  EXPECT_TRUE(node.page("/ready").starts_with("503 This node is a learner"));
}

TEST(Pages, TheIndexNamesEveryMethodAndNothingElseIsAPage) {
  RpcNode node;
  const std::string index = node.page("/");
  for (const auto* line :
       {"status()", "block(height)", "broadcast_tx_commit(tx)", "tx(hash, prove)",
        "validators(height, page, per_page)", "quorate_tx_status(id, wait, timeout_ms)",
        "abci_query(path, data, height, prove)", "blockchain(minHeight, maxHeight)"}) {
    EXPECT_NE(index.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(node.page("/status"), "none");
  EXPECT_EQ(node.page(""), "none");
  EXPECT_EQ(node.page("/healthy"), "none");
}

TEST(Methods, AnUnknownOneIsNotAnswered) {
  RpcNode node;
  bool answered = false;
  EXPECT_FALSE(node.methods->call("no_such_method", {}, false,
                                  [&](const RpcResult&) { answered = true; }));
  EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace quorate::node
