// Subscriptions over a real WebSocket, to the events of a real ledger.

#include "node/event_streams.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <mutex>
#include <thread>

#include "crypto/bcs.h"
#include "node/rpc_client.h"
#include "node/rpc_server.h"
#include "node/websocket_client.h"
#include "tests/node/raw_client.h"
#include "tests/node/rpc_handler.h"
#include "tests/node/rpc_node.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using test::at;
using test::number_at;
using test::text_at;

class EventStreamsTest : public testing::Test {
 protected:
  void serve(RpcServerOptions options = {}) {
    server_.reset();
    options.listen = {"127.0.0.1", 0};
    server_ = RpcServer::start(io_, options, *node_.methods).value();
    url_ = "http://" + server_->endpoint().to_string();
  }
  // `puts` transactions in a block of their own.
  void add_puts(int puts, std::string_view prefix = "key/") {
    std::vector<ledger::TransactionPtr> transactions;
    for (int i = 0; i < puts; ++i) {
      const std::uint64_t nonce = ++nonce_;
      transactions.push_back(
          node_.make_put(nonce, std::string(prefix) + std::to_string(nonce), "value"));
    }
    node_.add_block(transactions);
  }
  WebSocketClient connect() { return WebSocketClient::connect(url_).value(); }

  static json::value receive(WebSocketClient& client) {
    const auto message = client.receive(20'000);
    if (!message || !*message) {
      ADD_FAILURE() << "no message: " << (message ? "none came" : message.error().to_string());
      return {};
    }
    return json::parse(**message);
  }
  static json::value ask(WebSocketClient& client, std::string_view method,
                         const json::object& params, const json::value& id = 1) {
    EXPECT_TRUE(client.send(json::serialize(json::object{
        {"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}})));
    return receive(client);
  }
  static std::string refusal(WebSocketClient& client, std::string_view method,
                             const json::object& params, const json::value& id = 1) {
    const json::value answer = ask(client, method, params, id);
    if (!answer.is_object() || !answer.get_object().contains("error")) return "none";
    return text_at(answer, "error.data.code");
  }
  static bool is_silent(WebSocketClient& client, std::uint32_t ms = 60) {
    return !client.receive(ms).value();
  }

  test::RpcNode node_;
  IoThread io_;
  std::unique_ptr<RpcServer> server_;
  std::string url_;
  std::uint64_t nonce_ = 0;
};

constexpr std::int64_t kBehind = kBehindBlocks;

const json::object kTransactions{{"query", "tm.event='Tx'"}};

json::object from_first() {
  json::object params = kTransactions;
  params["from"] = 1;
  return params;
}

TEST_F(EventStreamsTest, SendsWhatIsThereAndWhatComesEachOnce) {
  add_puts(3);
  add_puts(0);
  add_puts(2);
  serve();
  WebSocketClient client = connect();
  const json::value answer = ask(client, "subscribe", from_first(), "mine");
  EXPECT_EQ(answer, json::parse(R"({"jsonrpc":"2.0","id":"mine","result":{}})"));
  std::vector<std::string> keys;
  const auto take = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const json::value event = receive(client);
      EXPECT_EQ(text_at(event, "id"), "mine");
      keys.push_back(text_at(event, "result.quorate.operations.0.key"));
    }
  };
  take(5);
  EXPECT_TRUE(is_silent(client));
  add_puts(2);
  take(2);
  EXPECT_TRUE(is_silent(client));
  std::vector<std::string> expected;
  for (int i = 1; i <= 7; ++i) expected.push_back("key/" + std::to_string(i));
  EXPECT_EQ(keys, expected);
}

TEST_F(EventStreamsTest, WithoutAStartOnlyWhatComes) {
  add_puts(2);
  serve();
  WebSocketClient client = connect();
  ask(client, "subscribe", kTransactions);
  EXPECT_TRUE(is_silent(client));
  add_puts(1);
  EXPECT_EQ(text_at(receive(client), "result.quorate.operations.0.key"), "key/3");
}

TEST_F(EventStreamsTest, HasCometsShape) {
  serve();
  WebSocketClient client = connect();
  ask(client, "subscribe", kTransactions, 1);
  ask(client, "subscribe", {{"query", "tm.event = \"NewBlock\""}}, 2);
  ask(client, "subscribe", {{"query", "tm.event='NewBlockHeader'"}}, 3);
  const auto put = node_.make_put(1, "colour", "blue");
  node_.add_block({put});
  std::map<std::int64_t, json::value> events;
  for (int i = 0; i < 3; ++i) {
    json::value event = receive(client);
    events[number_at(event, "id")] = at(event, "result");
  }
  EXPECT_EQ(text_at(events[1], "query"), "tm.event='Tx'");
  EXPECT_EQ(text_at(events[1], "data.type"), "tendermint/event/Tx");
  const json::value& result = at(events[1], "data.value.TxResult");
  EXPECT_EQ(text_at(result, "height"), "1");
  EXPECT_EQ(number_at(result, "index"), 0);
  EXPECT_EQ(text_at(result, "tx"), to_base64(test::RpcNode::encoded(put)));
  EXPECT_EQ(number_at(result, "result.code"), 0);
  EXPECT_EQ(events[1].at("events").at("tm.event"), json::array{"Tx"});
  EXPECT_EQ(text_at(events[2], "data.value.block.header.height"), "1");
  EXPECT_EQ(text_at(events[3], "data.value.header.height"), "1");
}

TEST_F(EventStreamsTest, ACursorGoesOnAfterTheNodeCameAgain) {
  add_puts(3);
  serve();
  std::string cursor;
  {
    WebSocketClient client = connect();
    ask(client, "subscribe", from_first());
    receive(client);
    cursor = text_at(receive(client), "result.quorate.cursor");
  }
  server_.reset();
  node_.restart();
  serve();
  add_puts(1);
  WebSocketClient client = connect();
  json::object params = kTransactions;
  params["cursor"] = cursor;
  ask(client, "subscribe", params);
  EXPECT_EQ(text_at(receive(client), "result.quorate.operations.0.key"), "key/3");
  EXPECT_EQ(text_at(receive(client), "result.quorate.operations.0.key"), "key/4");
  EXPECT_TRUE(is_silent(client));
}

TEST_F(EventStreamsTest, TellsWhoAsksThatItIsBehindAndThatItCaughtUp) {
  node_.add_empty_blocks(kBehindBlocks + 1);
  add_puts(1);
  serve();
  WebSocketClient client = connect();
  json::object params = from_first();
  params["positions"] = true;
  params["prefix"] = to_base64(to_bytes("key/"));
  ask(client, "subscribe", params);
  std::vector<std::string> states;
  for (std::string state; state != "caught-up";) {
    const json::value message = receive(client);
    const json::value& told = at(message, "result.quorate");
    if (text_at(told, "type") != "position") {
      states.push_back("event");
      continue;
    }
    state = text_at(told, "state");
    states.push_back(state);
    EXPECT_EQ(number_at(told, "head"), kBehind + 2);
    if (state == "behind") {
      EXPECT_GT(number_at(told, "behind"), kBehind);
    } else if (state == "caught-up") {
      EXPECT_EQ(number_at(told, "behind"), 0);
    }
  }
  EXPECT_EQ(states.front(), "behind");
  EXPECT_EQ(std::count(states.begin(), states.end(), "behind"), 1);
  EXPECT_EQ(std::count(states.begin(), states.end(), "event"), 1);
}

TEST_F(EventStreamsTest, EachChangeOfAWatchedKeyIsOneEvent) {
  serve();
  WebSocketClient client = connect();
  ask(client, "subscribe",
      {{"query", "tm.event='Change'"}, {"key", to_base64(to_bytes("colour"))}});
  node_.add_block({node_.make_put(1, "colour", "red"), node_.make_put(2, "colour", "blue")});
  node_.add_block({node_.make_put(3, "colour", "blue"), node_.make_put(4, "other", "x")});
  node_.add_block({node_.make_put(5, "colour", "green")});
  const json::value first = receive(client);
  EXPECT_EQ(text_at(first, "result.quorate.value"), "blue");
  EXPECT_EQ(at(first, "result.quorate.transactions").as_array().size(), 2U);
  const json::value second = receive(client);
  EXPECT_EQ(text_at(second, "result.quorate.value"), "green") << "blue again is no change";
  EXPECT_EQ(number_at(second, "result.quorate.height"), 3);
  EXPECT_TRUE(is_silent(client));
}

TEST_F(EventStreamsTest, WhatIsUnsubscribedIsSilent) {
  serve();
  WebSocketClient client = connect();
  ask(client, "subscribe", kTransactions, 1);
  ask(client, "subscribe", {{"query", "tm.event='Change'"}}, 2);
  EXPECT_EQ(at(ask(client, "unsubscribe", {{"query", "tm.event='Tx'"}}, 3), "result"),
            json::object());
  add_puts(1);
  EXPECT_EQ(number_at(receive(client), "id"), 2);
  EXPECT_EQ(refusal(client, "unsubscribe", {{"query", "tm.event='Tx'"}}, 4),
            "subscription-not-found");
  EXPECT_EQ(at(ask(client, "unsubscribe_all", {}, 5), "result"), json::object());
  add_puts(1);
  EXPECT_TRUE(is_silent(client));
}

TEST_F(EventStreamsTest, RefusesWithStableCodes) {
  RpcServerOptions two;
  two.subscriptions_a_websocket_max = 2;
  serve(two);
  WebSocketClient client = connect();
  EXPECT_EQ(refusal(client, "subscribe", {{"query", "tm.event='Tx' AND tx.height>5"}}),
            "query-not-supported");
  EXPECT_EQ(refusal(client, "subscribe", {}), "query-not-supported");
  EXPECT_EQ(refusal(client, "subscribe", {{"query", "tm.event='Tx'"}, {"form", 1}}),
            "param-unknown");
  EXPECT_EQ(refusal(client, "subscribe",
                    {{"query", "tm.event='Tx'"}, {"from", 1}, {"since_ms", 5}}),
            "start-given-twice");
  EXPECT_EQ(refusal(client, "subscribe",
                    {{"query", "tm.event='Tx'"}, {"key", "YQ=="}, {"prefix", "YQ=="}}),
            "filter-given-twice");
  EXPECT_EQ(refusal(client, "subscribe", {{"query", "tm.event='NewBlock'"}, {"key", "YQ=="}}),
            "filter-not-of-kind");
  EXPECT_EQ(refusal(client, "subscribe", {{"query", "tm.event='Tx'"}, {"cursor", "x"}}),
            "cursor-malformed");
  EXPECT_EQ(refusal(client, "subscribe", kTransactions, 1), "none");
  EXPECT_EQ(refusal(client, "subscribe", kTransactions, 1), "subscription-exists");
  EXPECT_EQ(refusal(client, "subscribe", kTransactions, 2), "none");
  EXPECT_EQ(refusal(client, "subscribe", kTransactions, 3), "subscriptions-of-connection-full");
  RpcClient by_http = RpcClient::create(url_).value();
  EXPECT_EQ(by_http.call("subscribe", kTransactions).error().code,
            "subscription-needs-websocket");
}

TEST_F(EventStreamsTest, ANodeHasSoManySubscriptionsAndWebSockets) {
  EventStreams streams(*node_.view);
  std::vector<std::unique_ptr<RpcStream>> open;
  for (std::size_t i = 0; i < kSubscriptionsMax; ++i) {
    open.push_back(streams.open({}, [](const RpcStreamPart&) {}).value());
  }
  EXPECT_EQ(streams.open({}, {}).error().detail.code, "subscriptions-full");
  open.pop_back();
  EXPECT_TRUE(streams.open({}, [](const RpcStreamPart&) {}));

  RpcServerOptions one;
  one.websockets_max = 1;
  serve(one);
  {
    const WebSocketClient only = connect();
    EXPECT_EQ(WebSocketClient::connect(url_).error().code, "node-busy");
  }
  EXPECT_TRUE(eventually([&] { return WebSocketClient::connect(url_).has_value(); }))
      << "its place is free again";
}

TEST_F(EventStreamsTest, AnswersOtherMethodsMeanwhile) {
  add_puts(1);
  serve();
  WebSocketClient client = connect();
  ask(client, "subscribe", {{"query", "tm.event='Change'"}}, 1);
  EXPECT_EQ(text_at(ask(client, "block", {}, 2), "result.block.header.height"), "1");
  EXPECT_TRUE(client.send("nonsense"));
  EXPECT_EQ(number_at(receive(client), "error.code"), kRpcParseError);
  EXPECT_TRUE(client.send(R"([{"jsonrpc":"2.0","id":7,"method":"health"},
                              {"jsonrpc":"2.0","id":8,"method":"subscribe"}])"));
  const json::value both = receive(client);
  EXPECT_EQ(at(both, "0.result"), json::object());
  EXPECT_EQ(text_at(both, "1.error.data.code"), "subscription-needs-websocket");
  add_puts(1);
  EXPECT_EQ(number_at(receive(client), "id"), 1);
}

// Nothing is read from the ledger for a consumer that has not taken what it was sent.
TEST_F(EventStreamsTest, GoesAtThePaceOfEachConsumer) {
  const std::string big(100'000, 'x');
  for (int i = 0; i < 12; ++i) node_.add_block({node_.make_put(++nonce_, "k", big)});
  EventStreams streams(*node_.view);
  std::mutex mutex;
  std::size_t slow_parts = 0;
  std::size_t slow_events = 0;
  std::size_t fast_events = 0;
  const auto locked = [&](const std::size_t& number) {
    const std::lock_guard lock(mutex);
    return number;
  };
  Subscribing asked;
  asked.from = FeedCursor{};
  const auto slow = streams.open(asked, [&](const RpcStreamPart& part) {
    const std::lock_guard lock(mutex);
    ++slow_parts;
    slow_events += part.results.size();
  }).value();
  std::unique_ptr<RpcStream> fast;
  fast = streams.open(asked, [&](const RpcStreamPart& part) {
    {
      const std::lock_guard lock(mutex);
      fast_events += part.results.size();
    }
    fast->more();
  }).value();
  slow->more();
  fast->more();
  EXPECT_TRUE(eventually([&] { return locked(fast_events) == 12; }));
  node_.add_block({node_.make_put(++nonce_, "k", "y")});
  EXPECT_TRUE(eventually([&] { return locked(fast_events) == 13; }));
  EXPECT_EQ(locked(slow_parts), 1U);
  EXPECT_LT(locked(slow_events), 4U) << "about kPartBytes";
  while (locked(slow_events) < 13) {
    const std::size_t before = locked(slow_parts);
    slow->more();
    ASSERT_TRUE(eventually([&] { return locked(slow_parts) == before + 1; }));
  }
  EXPECT_EQ(locked(slow_events), 13U);
}

TEST_F(EventStreamsTest, AConsumerThatReadsNothingHoldsUpNobody) {
  constexpr int kBlocks = 30;
  const std::string big(100'000, 'x');
  for (int i = 0; i < kBlocks; ++i) node_.add_block({node_.make_put(++nonce_, "k", big)});
  serve();
  WebSocketClient stuck = connect();
  EXPECT_TRUE(stuck.send(json::serialize(json::object{
      {"jsonrpc", "2.0"}, {"id", 1}, {"method", "subscribe"}, {"params", from_first()}})));
  WebSocketClient client = connect();
  ask(client, "subscribe", from_first());
  for (int i = 0; i < kBlocks; ++i) receive(client);
  EXPECT_TRUE(is_silent(client));
  receive(stuck);
  for (int i = 0; i < kBlocks; ++i) {
    EXPECT_EQ(number_at(receive(stuck), "result.quorate.height"), i + 1) << "it has lost nothing";
  }
}

TEST_F(EventStreamsTest, RefusesWhatIsNoUpgrade) {
  serve();
  RawClient client(server_->endpoint().port);
  client.send("GET /websocket HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.response().status, 426U);
  client.send("GET /websocket HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
              "\r\n");
  EXPECT_EQ(client.response().status, 400U) << "without a key";
}

}  // namespace
}  // namespace quorate::node
