#include "node/pow_rpc.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "pow/miner.h"
#include "tests/node/pow_network.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using test::PowNetwork;

class PowRpcTest : public testing::Test {
 protected:
  PowRpcTest() { genesis_.testnet = true; }

  // nullopt: no answer yet.
  std::optional<RpcResult> call(std::string_view method, std::string_view params = "[]") {
    json::object named;
    const json::value given = json::parse(params);
    if (given.is_object()) named = given.get_object();
    for (std::size_t i = 0; given.is_array() && i < given.get_array().size(); ++i) {
      named[std::to_string(i)] = given.get_array()[i];
    }
    const auto answer = std::make_shared<std::optional<RpcResult>>();
    EXPECT_TRUE(rpc_.call(method, named, false, [answer](RpcResult result) {
      *answer = std::move(result);
    })) << method;
    network_.deliver();
    late_ = answer;
    return *answer;
  }
  json::value ask(std::string_view method, std::string_view params = "[]") {
    const auto answer = call(method, params);
    if (!answer || !*answer) {
      ADD_FAILURE() << method << ": "
                    << (answer ? answer->error().detail.to_string() : "no answer");
      return nullptr;
    }
    return **answer;
  }
  // "-5 pow-block-unknown"
  std::string refusal(std::string_view method, std::string_view params = "[]") {
    const auto answer = call(method, params);
    if (!answer || *answer) return "none";
    return std::to_string(answer->error().number) + " " +
           std::string(answer->error().detail.code);
  }
  std::string text(const json::value& value) { return std::string(value.as_string()); }

  // The block that a miner would make of a template.
  static Bytes mined(const json::value& given) {
    const auto hex = [](const json::value& value) {
      return from_hex(std::string(value.as_string())).value();
    };
    pow::Header header;
    header.version = static_cast<std::int32_t>(given.at("version").as_int64());
    header.previous =
        pow::parse_display_hex(std::string(given.at("previousblockhash").as_string())).value();
    header.time = given.at("curtime").to_number<std::uint32_t>();
    header.bits = parse_bits(std::string(given.at("bits").as_string())).value();
    const Bytes coinbase = hex(given.at("coinbasetxn").at("data"));
    std::vector<ledger::Digest> leaves{pow::sha256d(coinbase)};
    Bytes body{static_cast<std::uint8_t>(1 + given.at("transactions").as_array().size())};
    body.insert(body.end(), coinbase.begin(), coinbase.end());
    for (const json::value& transaction : given.at("transactions").as_array()) {
      const Bytes bytes = hex(transaction.at("data"));
      leaves.push_back(pow::sha256d(bytes));
      body.insert(body.end(), bytes.begin(), bytes.end());
    }
    EXPECT_LE(leaves.size(), 2U);
    Bytes pair(leaves[0].bytes.begin(), leaves[0].bytes.end());
    if (leaves.size() == 2) pair.insert(pair.end(), leaves[1].bytes.begin(), leaves[1].bytes.end());
    header.merkle_root = leaves.size() == 1 ? leaves[0] : pow::sha256d(pair);
    header = pow::test::mined(header);
    const pow::HeaderBytes bytes = pow::encode_header(header);
    Bytes block(bytes.begin(), bytes.end());
    block.insert(block.end(), body.begin(), body.end());
    return block;
  }
  std::string submit(const Bytes& block) {
    return json::serialize(ask("submitblock", "[\"" + to_hex(block) + "\"]"));
  }

  PowNetwork network_{1};
  ledger::Genesis genesis_ = network_.world.genesis;
  PowView view_{.host = network_.host(0),
                .genesis = genesis_,
                .chain_id = ledger::chain_id_of(network_.world.genesis),
                .self = {0},
                .rpc_endpoint = {},
                .peer_endpoint = {},
                .started_wall_ms = 0,
                .peers = [] { return std::vector<PeerState>{}; },
                .trouble = [] { return std::optional<std::string>{}; },
                .miner_hashes = {},
                .miner_threads = 0,
                .faults = {},
                .post = [this](std::function<void()> task) {
                  network_.nodes[0]->tasks.push_back(std::move(task));
                }};
  PowRpc rpc_{view_};
  std::shared_ptr<std::optional<RpcResult>> late_;
};

TEST_F(PowRpcTest, ShowsTheChainAsBitcoinCoreDoes) {
  const json::value made = ask("generate", "[3]");
  ASSERT_EQ(made.as_array().size(), 3U);
  const std::string second = text(made.at(1));
  EXPECT_EQ(ask("getblockcount"), 3U);
  EXPECT_EQ(ask("getbestblockhash"), made.at(2));
  EXPECT_EQ(ask("getblockhash", "[2]"), made.at(1));
  const json::value info = ask("getblockchaininfo");
  EXPECT_EQ(info.at("chain"), "regtest");
  EXPECT_EQ(info.at("blocks"), 3U);
  EXPECT_EQ(info.at("headers"), 3U);
  EXPECT_EQ(info.at("bits"), "207fffff");
  EXPECT_EQ(info.at("chainwork"),
            "0000000000000000000000000000000000000000000000000000000000000008");
  const json::value header = ask("getblockheader", "[\"" + second + "\"]");
  EXPECT_EQ(header.at("height"), 2U);
  EXPECT_EQ(header.at("confirmations"), 2);
  EXPECT_EQ(header.at("previousblockhash"), made.at(0));
  EXPECT_EQ(header.at("nextblockhash"), made.at(2));
  const std::string hex = text(ask("getblockheader", "[\"" + second + "\", false]"));
  EXPECT_EQ(pow::display_hex(pow::hash_of(pow::parse_header(hex).value())), second);
  const json::value block = ask("getblock", "[\"" + second + "\"]");
  EXPECT_EQ(block.at("tx").as_array().size(), 1U);
  EXPECT_EQ(block.at("merkleroot"), block.at("tx").at(0));
  EXPECT_EQ(text(ask("getblock", "{\"blockhash\":\"" + second + "\",\"verbosity\":0}")).size(),
            2 * block.at("size").to_number<std::size_t>());
  EXPECT_NEAR(ask("getdifficulty").as_double(), 4.6565423739069247e-10, 1e-20);
  EXPECT_EQ(ask("getchaintips").as_array().size(), 1U);
}

TEST_F(PowRpcTest, RefusesWithCoresNumbers) {
  const std::string nobody(64, '0');
  EXPECT_EQ(refusal("getblock", "[\"" + nobody + "\"]"), "-5 pow-block-unknown");
  EXPECT_EQ(refusal("getblock", "[\"xyz\"]"), "-8 digest-malformed");
  EXPECT_EQ(refusal("getblockhash", "[7]"), "-8 pow-block-unknown");
  EXPECT_EQ(refusal("getblockhash", "[\"a\"]"), "-32602 param-malformed");
  EXPECT_EQ(refusal("invalidateblock",
                    "[\"" + text(ask("getblockhash", "[0]")) + "\"]"),
            "-8 pow-genesis-stands");
  EXPECT_EQ(refusal("submitblock", "[\"00\"]"), "-22 pow-block-malformed");
  EXPECT_EQ(refusal("sendrawtransaction", "[\"0g\"]"), "-22 hex-malformed");
  EXPECT_EQ(refusal("sendrawtransaction", "[\"00\"]"), "-22 tx-malformed");
  EXPECT_EQ(refusal("generatetoaddress", "[1, \"me\"]").substr(0, 3), "-5 ");
  EXPECT_EQ(refusal("getblocktemplate", R"([{"mode":"proposal","data":""}])"),
            "-8 pow-template-mode");
  genesis_.testnet = false;
  EXPECT_EQ(refusal("setmocktime", "[1700000000]"), "-1 pow-not-a-testnet");
  EXPECT_FALSE(rpc_.call("no_such", {}, false, [](const RpcResult&) {}));
}

TEST_F(PowRpcTest, AMinerThatKnowsOnlyTheTemplateMines) {
  const auto transaction = network_.world.put(1, "a", "1");
  const Bytes encoded = encoded_transaction(*transaction);
  EXPECT_EQ(text(ask("sendrawtransaction", "[\"" + to_hex(encoded) + "\"]")),
            txid_of(encoded));
  EXPECT_EQ(ask("getmempoolinfo").at("size"), 1U);
  const json::value given = ask(
      "getblocktemplate",
      R"([{"capabilities":["coinbasetxn","coinbasevalue","longpoll","workid"],)"
      R"("rules":["segwit"]}])");
  EXPECT_EQ(given.at("height"), 1U);
  EXPECT_EQ(text(given.at("transactions").at(0).at("txid")), txid_of(encoded));
  EXPECT_GE(text(given.at("coinbasetxn").at("data")).size(), 120U);
  const Bytes block = mined(given);
  EXPECT_EQ(submit(block), "null");
  EXPECT_EQ(ask("getblockcount"), 1U);
  EXPECT_EQ(submit(block), "\"duplicate\"");
  EXPECT_EQ(ask("getmempoolinfo").at("size"), 0U);
  EXPECT_EQ(ask("quorate_tx_depth", "{\"id\":\"" + transaction->id.hex() + "\"}").at("depth"), 1U);
}

TEST_F(PowRpcTest, AMinersGarbageIsRefusedForWhatIsWrongWithIt) {
  const json::value given = ask("getblocktemplate");
  const Bytes good = mined(given);
  const auto with = [&](const std::function<void(pow::Header&)>& change, bool has_work = true) {
    pow::Header header = pow::decode_header(ByteView(good).first<pow::kHeaderBytes>());
    change(header);
    header = has_work ? pow::test::mined(header) : pow::test::unmined(header);
    const pow::HeaderBytes bytes = pow::encode_header(header);
    Bytes block = good;
    std::copy(bytes.begin(), bytes.end(), block.begin());
    return submit(block);
  };
  EXPECT_EQ(with([](pow::Header&) {}, false), "\"high-hash\"");
  EXPECT_EQ(with([](pow::Header& h) { h.time = 1; }), "\"time-too-old\"");
  EXPECT_EQ(with([](pow::Header& h) { h.time += 100'000; }), "\"time-too-new\"");
  EXPECT_EQ(with([](pow::Header& h) { h.bits = pow::Bits{0x207ffffe}; }), "\"bad-diffbits\"");
  EXPECT_EQ(with([](pow::Header& h) { h.previous.bytes[0] ^= 1; }), "\"prev-blk-not-found\"");
  EXPECT_EQ(with([](pow::Header& h) { h.merkle_root.bytes[0] ^= 1; }), "\"bad-txnmrklroot\"");
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(submit(longer), "\"pow-block-malformed\"");
  EXPECT_EQ(ask("getblockcount"), 0U);
  // One on the same parent as the tip, later: good, and of no use.
  ask("generate", "[2]");
  EXPECT_EQ(submit(good), "\"inconclusive\"");
  ask("invalidateblock", "[\"" + text(ask("getblockhash", "[1]")) + "\"]");
  EXPECT_EQ(ask("getblockcount"), 1U);
  EXPECT_EQ(text(ask("getbestblockhash")),
            pow::display_hex(pow::sha256d(ByteView(good).first(80))));
}

TEST_F(PowRpcTest, ALongPollWaitsForTheNextTip) {
  const std::string id = text(ask("getblocktemplate").at("longpollid"));
  const std::string request = "[{\"longpollid\":\"" + id + "\"}]";
  EXPECT_FALSE(call("getblocktemplate", request));
  const auto waiting = late_;
  ask("generate", "[1]");
  ASSERT_TRUE(waiting->has_value());
  EXPECT_EQ((**waiting)->at("height"), 2U);
  // That id is of another tip: at once.
  EXPECT_EQ(ask("getblocktemplate", request).at("height"), 2U);
  // Transactions are worth one after a while.
  const std::string next = text(ask("getblocktemplate").at("longpollid"));
  EXPECT_FALSE(call("getblocktemplate", "[{\"longpollid\":\"" + next + "\"}]"));
  const auto later = late_;
  ASSERT_TRUE(network_.host(0).submit(network_.world.put(1, "a", "1")));
  EXPECT_FALSE(later->has_value());
  network_.wall_seconds += 5;
  network_.pass(100);
  ASSERT_TRUE(later->has_value());
  EXPECT_EQ((**later)->at("transactions").as_array().size(), 1U);
}

TEST_F(PowRpcTest, StateAndJournalAreReadAtTheTip) {
  const auto transaction = network_.world.put(1, "colour", "blue");
  const json::value taken =
      ask("broadcast_tx_sync",
          "{\"tx\":\"" + to_base64(encoded_transaction(*transaction)) + "\"}");
  EXPECT_EQ(taken.at("code"), 0);
  EXPECT_EQ(text(taken.at("quorate").at("id")), transaction->id.hex());
  const std::string account =
      "{\"key\":\"" + transaction->signed_transaction->body.sender.hex() + "\"}";
  EXPECT_EQ(ask("quorate_account", account).at("next_nonce"), 2U);
  ask("setmocktime", "[1700200000]");
  const std::string block = text(ask("generate").at(0));
  const json::value value =
      ask("quorate_get", "{\"key\":\"" + to_base64(as_bytes("colour")) + "\"}");
  EXPECT_EQ(text(value.at("value")), to_base64(as_bytes("blue")));
  EXPECT_EQ(value.at("height"), 1U);
  const json::value journal = ask("quorate_journal");
  EXPECT_EQ(journal.at("size"), 1U);
  EXPECT_EQ(text(journal.at("lines").at(0)), "2023-11-17T05:46:40.000Z connect 1 " + block);
  // A transaction whose nonce is used is refused by an answer with its code.
  const auto again = network_.world.put(1, "colour", "red");
  const json::value refused = ask(
      "broadcast_tx_sync", "{\"tx\":\"" + to_base64(encoded_transaction(*again)) + "\"}");
  EXPECT_NE(refused.at("code"), 0);
  EXPECT_EQ(refused.at("error").at("code"), "tx-nonce-used");
  EXPECT_EQ(refusal("quorate_tx_depth", "{\"id\":\"" + again->id.hex() + "\"}"),
            "-32000 tx-not-found");
}

TEST_F(PowRpcTest, EveryMethodIsListed) {
  const auto page = rpc_.page("/");
  ASSERT_TRUE(page);
  for (const char* name : {"getblocktemplate(", "submitblock(", "preciousblock(", "status("}) {
    EXPECT_NE(page->body.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(rpc_.page("/ready")->status, 200U);
  EXPECT_FALSE(rpc_.page("/checkpoint"));
}

}  // namespace
}  // namespace quorate::node
