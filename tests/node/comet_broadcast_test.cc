// CometBFT's broadcast methods: one meaning for each answer, and never "maybe".

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <set>
#include <thread>

#include "node/comet_json.h"
#include "node/rpc_error.h"
#include "node/tx_codes.h"
#include "tests/node/rpc_node.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using namespace test;
using ledger::test::compare_and_set;
using ledger::test::example_body;

json::object tx_of(const ledger::TransactionPtr& transaction) {
  return {{"tx", to_base64(RpcNode::encoded(transaction))}};
}
std::string hash_of(const ledger::TransactionPtr& transaction) {
  return upper_hex(transaction->id.digest.bytes);
}

TEST(CometBroadcast, AnAdmittedTransactionHasCodeZeroAndItsHash) {
  RpcNode node;
  for (const auto* method : {"broadcast_tx_sync", "broadcast_tx_async"}) {
    static std::uint64_t nonce = 0;
    const auto a = node.make_put(++nonce, "a", "1");
    const auto answer = node.get(method, tx_of(a));
    EXPECT_EQ(number_at(answer, "code"), 0);
    EXPECT_EQ(text_at(answer, "hash"), hash_of(a));
    EXPECT_EQ(text_at(answer, "log"), "");
    EXPECT_EQ(text_at(answer, "codespace"), "");
    EXPECT_TRUE(at(answer, "quorate.is_new").as_bool());
    EXPECT_EQ(text_at(answer, "quorate.level"), "local");
    EXPECT_NE(node.mempool->find(a->id), nullptr);
  }
}

TEST(CometBroadcast, TheSameTransactionAgainSucceedsWithItsLevelOfNow) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  (void)node.get("broadcast_tx_sync", tx_of(a));
  node.tracker->on_proposed({0}, {1}, {a->id});
  const auto again = node.get("broadcast_tx_sync", tx_of(a));
  EXPECT_EQ(number_at(again, "code"), 0);
  EXPECT_FALSE(at(again, "quorate.is_new").as_bool());
  EXPECT_EQ(text_at(again, "quorate.level"), "promised");
  node.add_block({a});
  EXPECT_EQ(text_at(node.get("broadcast_tx_sync", tx_of(a)), "quorate.level"), "replicated");
  node.restart();  // only the ledger knows it now
  const auto later = node.get("broadcast_tx_sync", tx_of(a));
  EXPECT_EQ(number_at(later, "code"), 0);
  EXPECT_EQ(text_at(later, "quorate.level"), "replicated");
}

TEST(CometBroadcast, BytesMayComeByGetAsHex) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  const auto answer =
      node.get("broadcast_tx_sync", {{"tx", "0x" + to_hex(RpcNode::encoded(a))}}, true);
  EXPECT_EQ(text_at(answer, "hash"), hash_of(a));
  // Text in quotes is bytes too, here of no transaction.
  const auto text = node.get("broadcast_tx_sync", {{"tx", "\"hello\""}}, true);
  EXPECT_EQ(text_at(text, "error.code"), "tx-malformed");
}

TEST(CometBroadcast, ARefusalHasACodeAReasonAndTheHash) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  auto forged = *a->signed_transaction;
  forged.signature.bytes[3] ^= 1;
  const auto answer =
      node.get("broadcast_tx_sync", {{"tx", to_base64(crypto::encode(forged))}});
  EXPECT_EQ(number_at(answer, "code"), 113);
  EXPECT_EQ(text_at(answer, "codespace"), "quorate");
  EXPECT_EQ(text_at(answer, "hash"), hash_of(a));
  EXPECT_FALSE(text_at(answer, "log").empty());
  const auto error = error_from_json(at(answer, "error"));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "tx-bad-signature");
  EXPECT_EQ(error->kind, ErrorKind::kRejected);
  EXPECT_FALSE(error->next.empty());
}

TEST(CometBroadcast, ABadCopyOfAKnownTransactionIsStillRefused) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  node.add_block({a});
  auto forged = *a->signed_transaction;
  forged.signature.bytes[3] ^= 1;
  const auto answer =
      node.get("broadcast_tx_sync", {{"tx", to_base64(crypto::encode(forged))}});
  EXPECT_EQ(text_at(answer, "error.code"), "tx-bad-signature");
}

TEST(CometBroadcast, BytesThatAreNoTransactionAreNamedByTheirDigest) {
  RpcNode node;
  const auto answer = node.get("broadcast_tx_sync", {{"tx", to_base64(as_bytes("hello"))}});
  EXPECT_EQ(number_at(answer, "code"), 100);
  EXPECT_EQ(text_at(answer, "hash"), upper_hex(crypto::sha256(as_bytes("hello")).bytes));
  EXPECT_EQ(text_at(answer, "error.code"), "tx-malformed");
}

TEST(CometBroadcast, AUsedNonceARivalAndABusyNodeHaveCodesOfTheirOwn) {
  RpcNode node({.transactions_max = 1, .bytes_max = 1 << 20, .sender_transactions_max = 10});
  node.add_block({node.make_put(1, "a", "1")});
  const auto code = [&](const ledger::TransactionPtr& transaction) {
    return number_at(node.get("broadcast_tx_sync", tx_of(transaction)), "code");
  };
  EXPECT_EQ(code(node.make_put(1, "a", "2")), 1);
  EXPECT_EQ(code(node.make_put(2, "a", "3")), 0);
  EXPECT_EQ(code(node.make_put(3, "a", "4")), 115);
  node.add_block({});
  RpcNode other;
  EXPECT_EQ(number_at(other.get("broadcast_tx_sync", tx_of(other.make_put(2, "a", "3"))), "code"),
            0);
  EXPECT_EQ(number_at(other.get("broadcast_tx_sync", tx_of(other.make_put(2, "a", "4"))), "code"),
            114);
}

TEST(CometBroadcast, ATransactionThatCanNeverHappenIsRefusedAlsoWhenItIsKnown) {
  RpcNode node;
  const auto loser = node.make_put(1, "a", "1");
  const auto winner = node.make_put(1, "a", "2");
  (void)node.get("broadcast_tx_sync", tx_of(loser));
  node.add_block({winner});
  node.tracker->on_overtaken(loser->id, winner->id);
  const auto answer = node.get("broadcast_tx_sync", tx_of(loser));
  EXPECT_EQ(number_at(answer, "code"), 1);
  EXPECT_EQ(text_at(answer, "error.code"), "tx-nonce-used");
}

TEST(CometBroadcast, TheTransactionIsRequiredAndInBase64) {
  RpcNode node;
  for (const auto* method : {"broadcast_tx_sync", "broadcast_tx_async", "broadcast_tx_commit"}) {
    EXPECT_EQ(node.refusal(method), "-32602 param-missing");
    EXPECT_EQ(node.refusal(method, {{"tx", nullptr}}), "-32602 param-missing");
    EXPECT_EQ(node.refusal(method, {{"tx", 7}}), "-32602 param-malformed");
    EXPECT_EQ(node.refusal(method, {{"tx", "not base64"}}), "-32602 param-malformed");
    EXPECT_EQ(node.refusal(method, {{"tx", "abcd"}}, true), "-32602 param-malformed");
  }
}

TEST(CometBroadcastCommit, AnswersWhenTheTransactionIsReplicated) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  auto reply = node.start("broadcast_tx_commit", tx_of(a));
  EXPECT_EQ(reply.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  node.add_block({node.make_put(9, "b", "2"), a});
  const auto result = reply.get();
  ASSERT_TRUE(result);
  EXPECT_EQ(number_at(*result, "check_tx.code"), 0);
  EXPECT_EQ(number_at(*result, "tx_result.code"), 0);
  EXPECT_EQ(text_at(*result, "hash"), hash_of(a));
  EXPECT_EQ(text_at(*result, "height"), "1");
  EXPECT_EQ(number_at(*result, "quorate.index"), 1);
}

TEST(CometBroadcastCommit, OfASettledOneAnswersAtOnce) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  node.add_block({a});
  EXPECT_EQ(text_at(node.get("broadcast_tx_commit", tx_of(a)), "height"), "1");
  node.restart();
  const auto result = node.get("broadcast_tx_commit", tx_of(a));
  EXPECT_EQ(text_at(result, "height"), "1");
  EXPECT_EQ(number_at(result, "tx_result.code"), 0);
}

TEST(CometBroadcastCommit, ARejectionAtExecutionIsAnAnswerWithItsCode) {
  RpcNode node;
  const auto a = node.make(example_body(node.genesis, 1, {compare_and_set("a", "x", "y")}));
  auto reply = node.start("broadcast_tx_commit", tx_of(a));
  node.add_block({a});
  const auto result = reply.get();
  ASSERT_TRUE(result);
  EXPECT_EQ(number_at(*result, "check_tx.code"), 0);
  EXPECT_EQ(number_at(*result, "tx_result.code"), 6);
  EXPECT_EQ(text_at(*result, "tx_result.quorate.code"), "tx-compare-failed");
  EXPECT_EQ(text_at(*result, "height"), "1");
}

TEST(CometBroadcastCommit, OneThatLosesItsNonceMeanwhileIsToldSo) {
  RpcNode node;
  const auto loser = node.make_put(1, "a", "1");
  const auto winner = node.make_put(1, "a", "2");
  auto reply = node.start("broadcast_tx_commit", tx_of(loser));
  node.add_block({winner});
  node.tracker->on_overtaken(loser->id, winner->id);
  const auto result = reply.get();
  ASSERT_TRUE(result);
  EXPECT_EQ(number_at(*result, "tx_result.code"), 1);
  EXPECT_EQ(text_at(*result, "height"), "0");
  EXPECT_EQ(text_at(*result, "quorate.nonce_owner"), winner->id.hex());
}

TEST(CometBroadcastCommit, ARefusalAtAdmissionDoesNotReadAsSuccessAnywhere) {
  RpcNode node;
  node.add_block({node.make_put(1, "a", "1")});
  const auto refused = node.get("broadcast_tx_commit", tx_of(node.make_put(1, "a", "2")));
  EXPECT_EQ(number_at(refused, "check_tx.code"), 1);
  EXPECT_EQ(number_at(refused, "tx_result.code"), 1);
  EXPECT_EQ(text_at(refused, "check_tx.codespace"), "quorate");
  EXPECT_EQ(text_at(refused, "height"), "0");
  EXPECT_EQ(text_at(refused, "error.code"), "tx-nonce-used");
}

TEST(CometBroadcastCommit, ATimeoutIsAnErrorThatCarriesTheHash) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  auto reply = node.start("broadcast_tx_commit", tx_of(a));
  node.tracker->stop();  // answers as the timeout does
  const auto result = reply.get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().number, kRpcServerError);
  EXPECT_EQ(result.error().detail.kind, ErrorKind::kTimeout);
  EXPECT_EQ(result.error().detail.code, "tx-outcome-open");
  const auto answer = rpc_error_answer(1, result.error());
  EXPECT_EQ(text_at(answer, "error.data.hash"), hash_of(a));
  EXPECT_EQ(text_at(answer, "error.data.level"), "local");
  EXPECT_EQ(text_at(answer, "error.data.code"), "tx-outcome-open");
  EXPECT_NE(text_at(answer, "error.data.message").find(hash_of(a)), std::string::npos);
  EXPECT_NE(text_at(answer, "error.data.next").find("quorate_tx_status"), std::string::npos);
}

TEST(TxCodes, EachRefusalHasANumberOfItsOwnAndNoneIsSuccess) {
  std::set<std::uint32_t> seen;
  for (const std::string_view code :
       {"tx-nonce-used", "tx-nonce-too-old", "tx-nonce-too-far", "tx-expired",
        "tx-valid-until-too-far", "tx-compare-failed", "tx-malformed", "tx-wrong-chain",
        "tx-too-large", "tx-no-operations", "tx-too-many-operations", "tx-key-empty",
        "tx-key-too-long", "tx-key-reserved", "tx-nonce-zero", "tx-valid-until-zero",
        "tx-sender-invalid-key", "tx-sender-not-allowed", "tx-transfer-zero", "tx-bad-signature",
        "tx-nonce-pending", "busy", "disk-nearly-full"}) {
    const std::uint32_t number = number_of_refusal(code);
    EXPECT_NE(number, kNumberOfOtherRefusals) << code;
    EXPECT_TRUE(seen.insert(number).second) << code;
    EXPECT_NE(number, 0U) << code;
  }
  EXPECT_EQ(number_of_refusal("something-new"), kNumberOfOtherRefusals);
  EXPECT_EQ(number_of_refusal("applied"), kNumberOfOtherRefusals);
  // Part of the interface.
  EXPECT_EQ(number_of_refusal("tx-expired"), 4U);
  EXPECT_EQ(number_of_refusal("tx-malformed"), 100U);
  EXPECT_EQ(number_of_outcome(ledger::Outcome::kRejectedInsufficientFunds), 9U);
}

}  // namespace
}  // namespace quorate::node
