// CometBFT's methods: the shapes that its clients decode, and what they are made from.
//
// In this dialect 64-bit integers are strings, 32-bit ones numbers, hashes upper-case hex.

#include "node/comet_rpc.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "crypto/bcs.h"
#include "crypto/merkle.h"
#include "node/comet_json.h"
#include "node/time_text.h"
#include "tests/node/rpc_node.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using namespace test;
using ledger::test::kGenesisTime;

std::string base64_of(const ledger::TransactionPtr& transaction) {
  return to_base64(RpcNode::encoded(transaction));
}
std::string hash_of(const ledger::TransactionPtr& transaction) {
  return upper_hex(transaction->id.digest.bytes);
}

TEST(CometStatus, ANodeWithoutABlockSatisfiesClients) {
  RpcNode node;
  const auto status = node.get("status");
  EXPECT_TRUE(text_at(status, "node_info.version").starts_with("0.38."));
  EXPECT_EQ(text_at(status, "node_info.network"), node.view->chain_id.hex());
  EXPECT_EQ(text_at(status, "node_info.moniker"), "replica-0");
  EXPECT_EQ(text_at(status, "node_info.id").size(), 40U);
  EXPECT_EQ(text_at(status, "node_info.listen_addr"), "tcp://127.0.0.1:26600");
  EXPECT_EQ(text_at(status, "sync_info.latest_block_height"), "0");
  EXPECT_EQ(text_at(status, "sync_info.latest_block_hash").size(), 64U);
  EXPECT_EQ(text_at(status, "sync_info.latest_app_hash").size(), 64U);
  EXPECT_EQ(text_at(status, "sync_info.latest_block_time"), time_to_text(kGenesisTime));
  EXPECT_FALSE(at(status, "sync_info.catching_up").as_bool());
  EXPECT_EQ(text_at(status, "validator_info.voting_power"), "1");
  EXPECT_EQ(text_at(status, "validator_info.address").size(), 40U);
  EXPECT_EQ(text_at(status, "validator_info.pub_key.type"), "tendermint/PubKeyEd25519");
}

TEST(CometStatus, NamesTheFirstAndTheLastBlock) {
  RpcNode node;
  node.add_block({node.make_put(1, "a", "1")}, {.after_ms = 7000});
  node.add_block({}, {.after_ms = 9000});
  const auto status = node.get("status");
  EXPECT_EQ(text_at(status, "sync_info.latest_block_height"), "2");
  EXPECT_EQ(text_at(status, "sync_info.earliest_block_height"), "1");
  EXPECT_EQ(text_at(status, "sync_info.latest_block_time"),
            time_to_text({kGenesisTime.value + 9000}));
  EXPECT_EQ(text_at(status, "sync_info.earliest_block_hash"),
            text_at(node.get("block", {{"height", 1}}), "block_id.hash"));
  EXPECT_EQ(text_at(status, "sync_info.latest_block_hash"),
            text_at(node.get("block"), "block_id.hash"));
  EXPECT_EQ(text_at(status, "sync_info.latest_app_hash"),
            text_at(node.get("block"), "block.header.app_hash"));
}

TEST(CometStatus, ALearnerHasNoVotingPowerAndSaysWhenItCatchesUp) {
  RpcNode node;
  node.core.standing = pbft::Standing::kLearner;
  node.core.is_catching_up = true;
  node.restart();
  const auto status = node.get("status");
  EXPECT_EQ(text_at(status, "validator_info.voting_power"), "0");
  EXPECT_TRUE(at(status, "sync_info.catching_up").as_bool());
}

TEST(CometStatus, HealthIsAnEmptyObject) {
  RpcNode node;
  EXPECT_EQ(node.get("health"), json::value(json::object{}));
}

TEST(CometGenesis, HoldsTheDocumentFromWhichTheChainIdComes) {
  RpcNode node;
  const auto genesis = node.get("genesis");
  EXPECT_EQ(text_at(genesis, "genesis.chain_id"), node.view->chain_id.hex());
  EXPECT_EQ(text_at(genesis, "genesis.genesis_time"), time_to_text(kGenesisTime));
  EXPECT_EQ(at(genesis, "genesis.validators").as_array().size(), 4U);
  EXPECT_EQ(text_at(genesis, "genesis.validators.2.power"), "1");
  EXPECT_EQ(text_at(genesis, "genesis.validators.2.name"), "replica-2");
  const auto parsed =
      ledger::parse_genesis(json::serialize(at(genesis, "genesis.app_state")));
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(ledger::chain_id_of(*parsed), node.view->chain_id);
}

TEST(CometGenesis, ItsChunksMakeTheDocument) {
  RpcNode node;
  const auto chunk = node.get("genesis_chunked", {{"chunk", "0"}});
  EXPECT_EQ(number_at(chunk, "chunk"), 0);
  EXPECT_EQ(number_at(chunk, "total"), 1);
  EXPECT_EQ(as_text(from_base64(text_at(chunk, "data")).value()),
            ledger::genesis_to_json(node.genesis));
  EXPECT_EQ(node.refusal("genesis_chunked", {{"chunk", 1}}), "-32602 param-malformed");
}

TEST(CometGenesis, ALargeDocumentComesInSeveralChunks) {
  ledger::Genesis genesis = ledger::test::example_genesis();
  genesis.accounts.clear();
  for (std::uint32_t i = 0; i < 12'000; ++i) {
    const auto seed = crypto::sha256(as_bytes(std::to_string(i)));
    genesis.accounts.push_back({ledger::PublicKey{seed.bytes}, i});
  }
  RpcNode node({}, genesis);
  EXPECT_EQ(node.refusal("genesis"), "-32000 genesis-too-large");
  std::string joined;
  const auto total = number_at(node.get("genesis_chunked"), "total");
  EXPECT_GT(total, 1);
  for (std::int64_t i = 0; i < total; ++i) {
    const auto chunk = node.get("genesis_chunked", {{"chunk", i}});
    joined += as_text(from_base64(text_at(chunk, "data")).value());
  }
  EXPECT_EQ(joined, ledger::genesis_to_json(genesis));
}

TEST(CometNetInfo, ListsThePeersThatAreConnected) {
  RpcNode node;
  node.peers[0].connected_in = node.peers[0].connected_out = false;
  node.peers[0].last_error = "connection refused";
  node.peers[1].connected_out = false;
  const auto info = node.get("net_info");
  EXPECT_TRUE(at(info, "listening").as_bool());
  EXPECT_EQ(text_at(info, "n_peers"), "2");
  EXPECT_EQ(at(info, "peers").as_array().size(), 2U);
  EXPECT_EQ(text_at(info, "peers.0.node_info.moniker"), "replica-2");
  EXPECT_FALSE(at(info, "peers.0.is_outbound").as_bool());
  EXPECT_EQ(text_at(info, "peers.1.remote_ip"), "127.0.0.1");
}

TEST(CometBlock, HasTheShapeThatClientsDecode) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  const auto b = node.make_put(2, "b", "2");
  node.add_block({a});
  node.add_block({b, node.make_put(3, "c", "3")}, {.view = {2}, .voters = {1, 2, 3}});
  const auto block = node.get("block", {{"height", "2"}});
  EXPECT_EQ(text_at(block, "block_id.hash"),
            upper_hex(ledger::record_leaf(node.store->record({2}).value()).bytes));
  EXPECT_EQ(number_at(block, "block_id.parts.total"), 1);
  EXPECT_EQ(text_at(block, "block.header.height"), "2");
  EXPECT_EQ(text_at(block, "block.header.chain_id"), node.view->chain_id.hex());
  EXPECT_EQ(text_at(block, "block.header.version.block"), "11");
  EXPECT_EQ(text_at(block, "block.header.last_block_id.hash"),
            text_at(node.get("block", {{"height", 1}}), "block_id.hash"));
  EXPECT_EQ(text_at(block, "block.header.last_results_hash"),
            text_at(node.get("header", {{"height", 1}}), "header.app_hash"));
  EXPECT_EQ(at(block, "block.data.txs").as_array().size(), 2U);
  EXPECT_EQ(text_at(block, "block.data.txs.0"), base64_of(b));
  EXPECT_EQ(at(block, "block.evidence.evidence").as_array().size(), 0U);
  // View 2 of four replicas: replica 2 was primary.
  EXPECT_EQ(text_at(block, "block.header.proposer_address"),
            validator_address(node.genesis.replicas[2].vote_key));
  EXPECT_EQ(number_at(block, "quorate.view"), 2);
  EXPECT_EQ(text_at(block, "quorate.level"), "replicated");
  EXPECT_EQ(text_at(block, "quorate.transactions.0.id"), b->id.hex());
}

TEST(CometBlock, NamesWhoCommittedTheBlockBefore) {
  RpcNode node;
  node.add_block({}, {.voters = {0, 1, 3}});
  node.add_block({});
  const auto block = node.get("block");
  const auto& commit = at(block, "block.last_commit");
  EXPECT_EQ(text_at(commit, "height"), "1");
  EXPECT_EQ(number_at(commit, "round"), 0);
  EXPECT_EQ(text_at(commit, "block_id.hash"), text_at(block, "block.header.last_block_id.hash"));
  ASSERT_EQ(at(commit, "signatures").as_array().size(), 4U);
  EXPECT_EQ(number_at(commit, "signatures.0.block_id_flag"), 2);
  EXPECT_EQ(number_at(commit, "signatures.2.block_id_flag"), 1);
  EXPECT_EQ(text_at(commit, "signatures.2.validator_address"), "");
  EXPECT_EQ(text_at(commit, "signatures.3.validator_address"),
            validator_address(node.genesis.replicas[3].vote_key));
  EXPECT_EQ(from_base64(text_at(commit, "signatures.3.signature")).value().size(), 64U);
}

TEST(CometBlock, TheFirstBlockHasAnEmptyLastCommit) {
  RpcNode node;
  node.add_block({});
  const auto block = node.get("block");
  EXPECT_EQ(text_at(block, "block.last_commit.height"), "0");
  EXPECT_EQ(text_at(block, "block.last_commit.block_id.hash"), "");
  EXPECT_EQ(text_at(block, "block.header.last_block_id.hash"), "");
  EXPECT_NE(text_at(block, "block.header.app_hash"), "");
}

TEST(CometBlock, HeightMayBeANumberOrTextAndTheLatestIsUsual) {
  RpcNode node;
  node.add_empty_blocks(3);
  for (const json::value& height : {json::value(2), json::value("2")}) {
    const auto block = node.get("block", {{"height", height}});
    EXPECT_EQ(text_at(block, "block.header.height"), "2");
  }
  EXPECT_EQ(text_at(node.get("block", {{"height", nullptr}}), "block.header.height"), "3");
  EXPECT_EQ(text_at(node.get("block", {{"0", 1}}), "block.header.height"), "1");
  EXPECT_EQ(text_at(node.get("block", {{"height", "2"}}, true), "block.header.height"), "2");
  EXPECT_EQ(text_at(node.get("block", {{"height", "\"2\""}}, true), "block.header.height"), "2");
  EXPECT_EQ(text_at(node.get("block", {{"height", ""}}, true), "block.header.height"), "3");
}

TEST(CometBlock, WhatIsNotThereIsNotFound) {
  RpcNode node;
  for (const auto* method : {"block", "header", "commit", "block_results"}) {
    EXPECT_EQ(node.refusal(method), "-32000 block-not-found") << method;
  }
  node.add_empty_blocks(2);
  for (const auto* method : {"block", "header", "commit", "block_results"}) {
    EXPECT_EQ(node.refusal(method, {{"height", 3}}), "-32000 block-not-found") << method;
    EXPECT_EQ(node.refusal(method, {{"height", 0}}), "-32602 param-malformed") << method;
  }
  const auto error = node.ask("block", {{"height", 9}}).error().detail;
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_NE(error.message.find("9"), std::string::npos);
  EXPECT_NE(error.message.find("2"), std::string::npos);
}

TEST(CometBlock, ResultsHaveACodeEach) {
  RpcNode node;
  const auto good = node.make_put(1, "a", "1");
  auto body = ledger::test::example_body(node.genesis, 2,
                                         {ledger::test::compare_and_set("a", "other", "2")});
  node.add_block({good, node.make(body)});
  const auto results = node.get("block_results");
  EXPECT_EQ(text_at(results, "height"), "1");
  EXPECT_EQ(number_at(results, "txs_results.0.code"), 0);
  EXPECT_EQ(number_at(results, "txs_results.1.code"), 6);
  EXPECT_EQ(text_at(results, "txs_results.1.codespace"), "quorate");
  EXPECT_EQ(text_at(results, "txs_results.1.quorate.code"), "tx-compare-failed");
  EXPECT_EQ(number_at(results, "txs_results.1.quorate.failed_operation"), 0);
  EXPECT_EQ(text_at(results, "txs_results.1.gas_used"), "0");
}

TEST(CometBlockchain, GivesAtMostTwentyTheLatestFirst) {
  RpcNode node;
  EXPECT_EQ(at(node.get("blockchain"), "block_metas").as_array().size(), 0U);
  node.add_empty_blocks(25);
  const auto heights = [&](const json::object& params) {
    const auto chain = node.get("blockchain", params);
    EXPECT_EQ(text_at(chain, "last_height"), "25");
    std::vector<std::string> out;
    for (const auto& meta : at(chain, "block_metas").as_array()) {
      out.push_back(text_at(meta, "header.height"));
    }
    return out;
  };
  const auto usual = heights({});
  EXPECT_EQ(usual.size(), 20U);
  EXPECT_EQ(usual.front(), "25");
  EXPECT_EQ(usual.back(), "6");
  EXPECT_EQ(heights({{"minHeight", "0"}, {"maxHeight", "0"}}), usual);
  EXPECT_EQ(heights({{"minHeight", 3}, {"maxHeight", "4"}}), std::vector<std::string>({"4", "3"}));
  EXPECT_EQ(heights({{"minHeight", 24}, {"maxHeight", 99}}),
            std::vector<std::string>({"25", "24"}));
  EXPECT_EQ(heights({{"maxHeight", 1}}), std::vector<std::string>({"1"}));
  EXPECT_EQ(node.refusal("blockchain", {{"minHeight", 5}, {"maxHeight", 4}}),
            "-32602 param-malformed");
  EXPECT_EQ(node.refusal("blockchain", {{"minHeight", 26}}), "-32602 param-malformed");
}

TEST(CometCommit, HoldsTheVotesOfTheCertificate) {
  RpcNode node;
  node.add_block({node.make_put(1, "a", "1")}, {.view = {1}, .voters = {0, 2, 3}});
  const auto commit = node.get("commit", {{"height", 1}});
  EXPECT_TRUE(at(commit, "canonical").as_bool());
  EXPECT_EQ(text_at(commit, "signed_header.commit.height"), "1");
  EXPECT_EQ(number_at(commit, "signed_header.commit.round"), 1);
  EXPECT_EQ(text_at(commit, "signed_header.header.data_hash").size(), 64U);
  const auto certificate = crypto::decode<ledger::CommitCertificate>(
      from_base64(text_at(commit, "quorate.certificate")).value());
  ASSERT_TRUE(certificate);
  crypto::SignatureCache cache(16);
  EXPECT_TRUE(ledger::CertificateVerifier(node.view->chain_id, &cache)
                  .check(*certificate, ledger::genesis_replicas(node.genesis)));
  EXPECT_EQ(text_at(commit, "signed_header.commit.signatures.0.signature"),
            to_base64(certificate->commits[0].signature.bytes));
}

TEST(CometValidators, ComeInPages) {
  RpcNode node;
  const auto all = node.get("validators");
  EXPECT_EQ(text_at(all, "block_height"), "1");
  EXPECT_EQ(text_at(all, "count"), "4");
  EXPECT_EQ(text_at(all, "total"), "4");
  EXPECT_EQ(text_at(all, "validators.0.voting_power"), "1");
  const auto last =
      node.get("validators", {{"height", "1"}, {"page", "2"}, {"per_page", "3"}});
  EXPECT_EQ(text_at(last, "count"), "1");
  EXPECT_EQ(text_at(last, "total"), "4");
  EXPECT_EQ(text_at(last, "validators.0.address"),
            validator_address(node.genesis.replicas[3].vote_key));
  EXPECT_EQ(text_at(last, "validators.0.pub_key.value"),
            to_base64(node.genesis.replicas[3].vote_key.bytes));
  EXPECT_EQ(node.refusal("validators", {{"page", 2}}), "-32602 param-malformed");
  EXPECT_EQ(node.refusal("validators", {{"per_page", 101}}), "-32602 param-malformed");
  EXPECT_EQ(node.refusal("validators", {{"height", 2}}), "-32602 param-malformed");
}

TEST(CometTx, IsFoundByEveryFormOfItsHash) {
  RpcNode node;
  const auto a = node.make_put(1, "a", "1");
  const auto b = node.make_put(2, "b", "2");
  node.add_block({a, b});
  const std::string hex = b->id.hex();
  const std::string base64 = to_base64(b->id.digest.bytes);
  for (const std::string& hash : {hex, hash_of(b), "0x" + hex, base64}) {
    const auto found = node.get("tx", {{"hash", hash}});
    EXPECT_EQ(text_at(found, "hash"), hash_of(b));
    EXPECT_EQ(text_at(found, "height"), "1");
    EXPECT_EQ(number_at(found, "index"), 1);
    EXPECT_EQ(number_at(found, "tx_result.code"), 0);
    EXPECT_EQ(text_at(found, "tx"), base64_of(b));
    EXPECT_FALSE(found.as_object().contains("proof"));
  }
  for (const std::string& hash : {hex, "0x" + hex, "\"" + hex + "\"", "\"" + base64 + "\""}) {
    EXPECT_EQ(text_at(node.get("tx", {{"hash", hash}, {"prove", "false"}}, true), "hash"),
              hash_of(b));
  }
}

TEST(CometTx, AProofLeadsFromTheIdToTheBatchsRoot) {
  RpcNode node;
  std::vector<ledger::TransactionPtr> batch;
  for (std::uint64_t nonce = 1; nonce <= 5; ++nonce) {
    batch.push_back(node.make_put(nonce, "key", std::to_string(nonce)));
  }
  node.add_block(batch);
  const auto found = node.get("tx", {{"hash", batch[4]->id.hex()}, {"prove", true}});
  std::vector<ledger::Digest> path;
  for (const auto& aunt : at(found, "proof.proof.aunts").as_array()) {
    const auto bytes = from_base64(aunt.as_string()).value();
    path.emplace_back();
    std::copy(bytes.begin(), bytes.end(), path.back().bytes.begin());
  }
  EXPECT_TRUE(crypto::merkle::verify_inclusion(
      crypto::merkle::leaf_hash(batch[4]->id.digest.bytes), 4, 5, path,
      crypto::parse_digest(text_at(found, "proof.root_hash")).value()));
  EXPECT_EQ(text_at(found, "proof.proof.total"), "5");
  EXPECT_EQ(text_at(found, "proof.proof.index"), "4");
  EXPECT_EQ(text_at(found, "proof.root_hash"),
            text_at(node.get("header"), "header.data_hash"));
}

TEST(CometTx, SaysWhatItMeansThatNoBlockHasIt) {
  RpcNode node;
  const std::string unknown(64, 'a');
  EXPECT_EQ(node.refusal("tx", {{"hash", unknown}}), "-32000 tx-not-found");
  EXPECT_NE(node.ask("tx", {{"hash", unknown}}).error().detail.message.find(unknown),
            std::string::npos);
  const auto waiting = node.make_put(1, "a", "1");
  (void)node.get("broadcast_tx_sync", {{"tx", base64_of(waiting)}});
  EXPECT_EQ(node.refusal("tx", {{"hash", hash_of(waiting)}}), "-32000 tx-pending");
  const auto winner = node.make_put(1, "a", "2");
  node.add_block({winner});
  node.tracker->on_overtaken(waiting->id, winner->id);
  EXPECT_EQ(node.refusal("tx", {{"hash", hash_of(waiting)}}), "-32000 tx-nonce-used");
}

TEST(CometAbci, InfoNamesTheLastBlock) {
  RpcNode node;
  EXPECT_EQ(text_at(node.get("abci_info"), "response.last_block_height"), "0");
  EXPECT_EQ(from_base64(text_at(node.get("abci_info"), "response.last_block_app_hash"))->size(),
            32U);
  node.add_empty_blocks(1);
  const auto info = node.get("abci_info");
  EXPECT_EQ(text_at(info, "response.data"), "quorate");
  EXPECT_EQ(text_at(info, "response.last_block_height"), "1");
  EXPECT_EQ(upper_hex(*from_base64(text_at(info, "response.last_block_app_hash"))),
            text_at(node.get("header"), "header.app_hash"));
}

TEST(CometAbci, QueryReadsAKeyGivenInHex) {
  RpcNode node;
  node.add_block({node.make_put(1, "colour", "blue")});
  const std::string hex = to_hex(as_bytes("colour"));
  const auto found = node.get(
      "abci_query", {{"path", "/key"}, {"data", hex}, {"height", "0"}, {"prove", false}});
  EXPECT_EQ(number_at(found, "response.code"), 0);
  EXPECT_EQ(text_at(found, "response.key"), to_base64(as_bytes("colour")));
  EXPECT_EQ(text_at(found, "response.value"), to_base64(as_bytes("blue")));
  EXPECT_EQ(text_at(found, "response.height"), "1");
  EXPECT_EQ(text_at(found, "response.index"), "0");
  const auto by_get =
      node.get("abci_query", {{"path", "\"/key\""}, {"data", "\"colour\""}}, true);
  EXPECT_EQ(text_at(by_get, "response.value"), to_base64(as_bytes("blue")));
  const auto by_hex = node.get("abci_query", {{"data", "0x" + hex}}, true);
  EXPECT_EQ(text_at(by_hex, "response.value"), to_base64(as_bytes("blue")));
  const auto absent = node.get("abci_query", {{"path", "/key"}, {"data", "61"}});
  EXPECT_TRUE(at(absent, "response.value").is_null());
  EXPECT_EQ(text_at(absent, "response.log"), "does not exist");
}

TEST(CometAbci, QueryReadsAnAccount) {
  RpcNode node;
  node.add_block({node.make_put(7, "a", "1")});
  const auto found = node.get("abci_query",
                              {{"path", "/account"},
                               {"data", ledger::test::public_key_of("alice").hex()}});
  EXPECT_EQ(as_text(from_base64(text_at(found, "response.value")).value()),
            R"({"balance":"1000","highest_nonce":"7"})");
}

TEST(CometAbci, QueryRefusesWhatItCannotAnswer) {
  RpcNode node;
  node.add_empty_blocks(2);
  const auto refused = [&](const json::object& params) {
    return node.refusal("abci_query", params);
  };
  EXPECT_EQ(refused({{"path", "/nothing"}, {"data", "61"}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"path", "/key"}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"path", "/key"}, {"data", "0061"}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"path", "/key"}, {"data", "xyz"}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"path", "/account"}, {"data", "61"}}), "-32602 param-malformed");
  EXPECT_EQ(refused({{"data", "61"}, {"height", "1"}}), "-32000 height-not-kept");
  EXPECT_EQ(refused({{"data", "61"}, {"height", "2"}}), "none");
  EXPECT_EQ(refused({{"data", "61"}, {"prove", true}}), "-32000 nothing-stable");
  EXPECT_EQ(refused({{"path", "/account"}, {"data", "61"}, {"prove", true}}),
            "-32000 read-not-proved");
}

TEST(CometUnconfirmed, CountsAndListsWhatWaits) {
  RpcNode node;
  std::vector<std::string> sent;
  std::size_t bytes = 0;
  for (std::uint64_t nonce = 1; nonce <= 3; ++nonce) {
    const auto transaction = node.make_put(nonce, "a", "1");
    sent.push_back(base64_of(transaction));
    bytes += transaction->encoded_bytes;
    (void)node.get("broadcast_tx_async", {{"tx", sent.back()}});
  }
  const auto count = node.get("num_unconfirmed_txs");
  EXPECT_EQ(text_at(count, "n_txs"), "3");
  EXPECT_EQ(text_at(count, "total"), "3");
  EXPECT_EQ(text_at(count, "total_bytes"), std::to_string(bytes));
  EXPECT_TRUE(at(count, "txs").is_null());
  const auto two = node.get("unconfirmed_txs", {{"limit", "2"}});
  EXPECT_EQ(text_at(two, "n_txs"), "2");
  EXPECT_EQ(text_at(two, "total"), "3");
  EXPECT_EQ(at(two, "txs"), json::value(json::array{json::string(sent[0]), json::string(sent[1])}));
}

}  // namespace
}  // namespace quorate::node
