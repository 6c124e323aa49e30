#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "node/port_holder.h"
#include "node/rpc_server.h"
#include "tests/node/raw_client.h"
#include "tests/node/rpc_handler.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

class RpcServerTest : public testing::Test {
 protected:
  void start(RpcServerOptions options = {}) {
    options.listen = {"127.0.0.1", 0};
    auto started = RpcServer::start(io_, options, handler_);
    ASSERT_TRUE(started) << started.error().to_string();
    server_ = std::move(*started);
  }
  [[nodiscard]] std::uint16_t port() const { return server_->endpoint().port; }

  json::value post(std::string_view body) {
    RawClient client(port());
    client.send(post_request(body));
    const HttpResponse response = client.response();
    EXPECT_EQ(response.status, 200U) << body;
    json::error_code trouble;
    json::value answer = json::parse(response.body, trouble);
    EXPECT_FALSE(trouble) << response.body;
    return answer;
  }
  HttpResponse get(std::string_view target) { return ask("GET", target); }
  HttpResponse ask(std::string_view method, std::string_view target) {
    RawClient client(port());
    client.send(fmt::format("{} {} HTTP/1.1\r\nHost: x\r\n\r\n", method, target));
    return client.response();
  }

  RpcTestHandler handler_;
  IoThread io_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(RpcServerTest, AnswersACall) {
  start();
  EXPECT_EQ(
      post(R"({"jsonrpc":"2.0","id":"x","method":"echo","params":{"a":[1]}})"),
      json::parse(R"({"jsonrpc":"2.0","id":"x","result":{"params":{"a":[1]},"from_get":false}})"));
}

TEST_F(RpcServerTest, AnswersErrorsWithStatus200AndDetail) {
  start();
  for (const int number : {kRpcParseError, kRpcInvalidRequest, kRpcMethodNotFound,
                           kRpcInvalidParams, kRpcInternalError, kRpcServerError}) {
    const json::value answer = post(fmt::format(
        R"({{"jsonrpc":"2.0","id":1,"method":"fail","params":{{"number":{}}}}})", number));
    EXPECT_EQ(answer.at("error").at("code"), number);
    EXPECT_EQ(answer.at("error").at("data"), (json::object{{"code", "test-failed"},
                                                           {"kind", "unavailable"},
                                                           {"message", "It fails"},
                                                           {"next", "Wait."}}));
  }
}

TEST_F(RpcServerTest, NamesTheErrorByItsNumber) {
  start();
  const auto error = [&](std::string_view body) { return post(body).at("error").as_object(); };
  EXPECT_EQ(error("{")["code"], kRpcParseError);
  EXPECT_EQ(error("{}")["code"], kRpcInvalidRequest);
  EXPECT_EQ(error(R"({"id":1,"method":"no_such"})")["code"], kRpcMethodNotFound);
  EXPECT_EQ(error(R"({"id":1,"method":"no_such"})")["message"], "Method not found");
  EXPECT_EQ(error(R"({"id":1,"method":"echo","params":1})")["code"], kRpcInvalidParams);
  EXPECT_EQ(error(R"({"id":1,"method":"throw"})")["code"], kRpcInternalError);
  EXPECT_EQ(error(R"({"id":1,"method":"drop"})")["code"], kRpcInternalError);
}

TEST_F(RpcServerTest, TakesTheFirstOfTwoReplies) {
  start();
  EXPECT_EQ(post(R"({"id":1,"method":"twice"})").at("result"), 1);
}

TEST_F(RpcServerTest, AnswersABatchInOrderWithoutItsNotifications) {
  start();
  const json::value answer =
      post(R"([{"jsonrpc":"2.0","id":1,"method":"later","params":{"ms":30}},{"method":"echo"},7,)"
           R"({"jsonrpc":"2.0","id":null,"method":"twice"},{"id":"z","method":"no_such"}])");
  ASSERT_EQ(answer.as_array().size(), 4U);
  EXPECT_EQ(answer.at(0), (json::object{{"jsonrpc", "2.0"}, {"id", 1}, {"result", "late"}}));
  EXPECT_EQ(answer.at(1).at("error").at("code"), kRpcInvalidRequest);
  EXPECT_EQ(answer.at(2), (json::object{{"jsonrpc", "2.0"}, {"id", nullptr}, {"result", 1}}));
  EXPECT_EQ(answer.at(3).at("id"), "z");
}

// As Bitcoin Core does, whose clients look at both members.
TEST_F(RpcServerTest, AnswersACallOfVersion1WithResultAndError) {
  start();
  EXPECT_EQ(post(R"({"id":0,"method":"twice","params":[]})"),
            json::parse(R"({"jsonrpc":"2.0","id":0,"result":1,"error":null})"));
  const json::value refused = post(R"({"jsonrpc":"1.0","id":0,"method":"no_such"})");
  EXPECT_TRUE(refused.at("result").is_null());
  EXPECT_EQ(refused.at("error").at("code"), kRpcMethodNotFound);
}

TEST_F(RpcServerTest, GivesNotificationsNoAnswer) {
  start();
  for (const std::string_view body :
       {R"({"method":"echo"})", R"([{"method":"echo"},{"method":"no_such"}])"}) {
    RawClient client(port());
    client.send(post_request(body));
    const HttpResponse response = client.response();
    EXPECT_EQ(response.status, 204U);
    EXPECT_EQ(response.body, "");
  }
  EXPECT_EQ(handler_.calls(), 3U);
}

TEST_F(RpcServerTest, AnswersGetAsTheDialectDoes) {
  start();
  const HttpResponse response = get("/echo?a=%22x%22&b=12&c=0xab&d=true");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(json::parse(response.body),
            json::parse(R"({"jsonrpc":"2.0","id":-1,"result":{"params":)"
                        R"({"a":"\"x\"","b":"12","c":"0xab","d":"true"},"from_get":true}})"));
  EXPECT_EQ(get("http://localhost/echo?a=1").status, 200U);
}

TEST_F(RpcServerTest, GivesErrorsOfGetAnHttpStatus) {
  start();
  EXPECT_EQ(get("/fail?number=-32000").status, 503U);
  EXPECT_EQ(get("/fail?number=-32602").status, 400U);
  EXPECT_EQ(json::parse(get("/fail?number=-32602").body).at("error").at("code"), -32602);
  EXPECT_EQ(get("/throw").status, 500U);
  EXPECT_EQ(get("/echo?a=%zz").status, 400U);
}

TEST_F(RpcServerTest, ServesPagesAndExplainsUnknownAddresses) {
  start();
  EXPECT_EQ(get("/").body, "<p>front</p>");
  EXPECT_EQ(get("/?x=1").body, "<p>front</p>");
  const HttpResponse unknown = get("/no/such");
  EXPECT_EQ(unknown.status, 404U);
  EXPECT_NE(unknown.body.find("/no/such"), std::string::npos);
  EXPECT_NE(unknown.body.find("POST"), std::string::npos);
  EXPECT_EQ(get("/broken").status, 500U);
  RawClient client(port());
  client.send(post_request("{}", "/elsewhere"));
  EXPECT_EQ(client.response().status, 404U);
}

TEST_F(RpcServerTest, AsksForCredentialsWhereItShall) {
  RpcServerOptions options;
  options.credentials.emplace("miner", "correct horse battery");
  start(options);
  const auto with = [&](std::string_view authorization, std::string_view target) {
    RawClient client(port());
    client.send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}{}{}\r\n", target,
                            authorization.empty() ? "" : "Authorization: ", authorization,
                            authorization.empty() ? "" : "\r\n"));
    return client.rest();
  };
  const std::string denied = with("", "/echo");
  EXPECT_TRUE(denied.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << denied;
  EXPECT_NE(denied.find("WWW-Authenticate: Basic realm=\"quorate\""), std::string::npos) << denied;
  EXPECT_NE(denied.find("rpc-credentials-missing: "), std::string::npos) << denied;
  EXPECT_NE(with(basic_authorization("miner:wrong"), "/echo").find("rpc-credentials-wrong: "),
            std::string::npos);
  EXPECT_TRUE(with("", "/websocket").starts_with("HTTP/1.1 401 "));
  EXPECT_EQ(handler_.calls(), 0U);
  EXPECT_FALSE(with("", "/health").starts_with("HTTP/1.1 401 "));
  EXPECT_EQ(handler_.calls(), 1U);
  EXPECT_TRUE(with(basic_authorization("miner:correct horse battery"), "/echo")
                  .starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(handler_.calls(), 2U);
}

TEST_F(RpcServerTest, ItsClientSendsThem) {
  RpcServerOptions options;
  options.credentials.emplace("miner", "correct horse battery");
  start(options);
  auto right = RpcClient::create(
      fmt::format("http://miner:correct horse battery@127.0.0.1:{}", port())).value();
  EXPECT_TRUE(right.call("echo", {}));
  EXPECT_EQ(right.url(), fmt::format("http://127.0.0.1:{}", port()));
  auto without = RpcClient::create(fmt::format("http://127.0.0.1:{}", port())).value();
  const auto refused = without.call("echo", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "node-asks-for-credentials");
}

TEST_F(RpcServerTest, AnswersHeadWithoutBody) {
  start();
  RawClient client(port());
  client.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string all = client.rest();
  EXPECT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n")) << all;
  EXPECT_NE(all.find("Content-Length: 12\r\n"), std::string::npos) << all;
  EXPECT_TRUE(all.ends_with("\r\n\r\n")) << all;
  RawClient other(port());
  other.send("HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(other.rest().starts_with("HTTP/1.1 405 "));
  EXPECT_EQ(handler_.calls(), 0U);
}

TEST_F(RpcServerTest, NamesItsMethodsAndAllowsNoOtherSite) {
  start();
  for (const std::string_view method : {"OPTIONS", "DELETE"}) {
    RawClient client(port());
    client.send(
        fmt::format("{} / HTTP/1.1\r\nHost: x\r\nOrigin: http://other\r\n"
                    "Connection: close\r\n\r\n",
                    method));
    const std::string all = client.rest();
    EXPECT_TRUE(all.starts_with(method == "OPTIONS" ? "HTTP/1.1 204 " : "HTTP/1.1 405 ")) << all;
    EXPECT_NE(all.find("Allow: GET, HEAD, POST, OPTIONS\r\n"), std::string::npos) << all;
    EXPECT_EQ(all.find("Access-Control"), std::string::npos) << all;
  }
}

TEST_F(RpcServerTest, ReadsChunkedBodies) {
  start();
  RawClient client(port());
  client.send(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "9\r\n{\"id\":1,\"\r\n");
  client.send("10\r\nmethod\":\"twice\"}\r\n0\r\n\r\n");
  EXPECT_EQ(json::parse(client.response().body).at("result"), 1);
}

TEST_F(RpcServerTest, InvitesTheBodyOfAClientThatWaits) {
  start();
  const std::string body = R"({"id":1,"method":"twice"})";
  RawClient client(port());
  client.send(
      fmt::format("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                  "Connection: close\r\nContent-Length: {}\r\n\r\n",
                  body.size()));
  EXPECT_TRUE(eventually([&] { return client.response().status == 100; }));
  client.send(body);
  EXPECT_EQ(json::parse(client.response().body).at("result"), 1);
}

TEST_F(RpcServerTest, RefusesABodyThatIsTooLarge) {
  RpcServerOptions options;
  options.body_bytes_max = 1000;
  start(options);
  RawClient announced(port());
  announced.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(announced.response().status, 413U);
  // The refusal reaches a client that goes on sending, too.
  RawClient chunked(port());
  chunked.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
  chunked.send(std::string(500'000, 'x'));
  EXPECT_EQ(chunked.response().status, 413U);
  RawClient fits(port());
  fits.send(post_request(R"({"id":1,"method":"twice"})" + std::string(900, ' ')));
  EXPECT_EQ(fits.response().status, 200U);
}

TEST_F(RpcServerTest, RefusesHeadersThatAreTooLargeOrEndless) {
  start();
  const std::array<std::string, 3> starts = {
      "GET /" + std::string(20'000, 'a'), "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a'),
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(20'000, 'a')};
  for (const std::string& start_of_request : starts) {
    RawClient client(port());
    client.send(start_of_request);
    EXPECT_EQ(client.response().status, 431U) << start_of_request.substr(0, 30);
    EXPECT_TRUE(client.closed_within());
  }
}

TEST_F(RpcServerTest, RefusesWhatIsNoHttp) {
  start();
  for (const std::string_view bytes :
       {"\x16\x03\x01\x02", "SSH-2.0-x\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\r\n\r\n\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    RawClient client(port());
    client.send(bytes);
    client.end_sending();
    EXPECT_TRUE(client.closed_within()) << bytes;
  }
  EXPECT_EQ(get("/").status, 200U);
}

TEST_F(RpcServerTest, SurvivesRandomBytes) {
  start();
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::string bytes =
        seed % 2 ? post_request(R"([{"id":1,"method":"echo","params":{"a":"b"}}])") : "";
    for (std::uint32_t i = 0; i < 1 + random() % 200; ++i) {
      if (seed % 2) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      } else {
        bytes.push_back(static_cast<char>(random()));
      }
    }
    RawClient client(port());
    client.send(bytes);
    client.end_sending();
    EXPECT_TRUE(client.closed_within()) << "seed " << seed;
  }
  EXPECT_EQ(get("/").status, 200U);
}

TEST_F(RpcServerTest, KeepsAConnectionAndAnswersPipelinedRequestsInOrder) {
  start();
  RawClient client(port());
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const char* method = i % 10 == 3 ? "later" : "echo";
    all += post_request(fmt::format(R"({{"id":{},"method":"{}","params":{{"ms":5}}}})", i, method));
  }
  client.send(all);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(json::parse(client.response().body).at("id"), i);
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.response().status, 200U);
  EXPECT_TRUE(client.closed_within());
}

TEST_F(RpcServerTest, AnswersAClientThatHasEndedItsSending) {
  start();
  RawClient client(port());
  client.send(post_request(R"({"id":1,"method":"later","params":{"ms":30}})"));
  client.end_sending();
  EXPECT_EQ(json::parse(client.response().body).at("result"), "late");
}

TEST_F(RpcServerTest, SurvivesClientsThatGoBeforeTheReply) {
  start();
  for (int i = 0; i < 20; ++i) {
    RawClient client(port());
    client.send(post_request(R"({"id":1,"method":"hold"})"));
    ASSERT_TRUE(eventually([&] { return handler_.held() == static_cast<std::size_t>(i) + 1; }));
  }
  EXPECT_EQ(handler_.release(), 20U);
  EXPECT_EQ(get("/").status, 200U);
}

TEST_F(RpcServerTest, TakesRepliesAfterItHasGone) {
  start();
  RawClient client(port());
  client.send(post_request(R"({"id":1,"method":"hold"})"));
  ASSERT_TRUE(eventually([&] { return handler_.held() == 1; }));
  server_.reset();
  EXPECT_TRUE(client.closed_within());
  io_.stop();
  EXPECT_EQ(handler_.release(), 1U);
}

TEST_F(RpcServerTest, EndsSlowAndSilentClients) {
  RpcServerOptions options;
  options.read_timeout_ms = 100;
  start(options);
  RawClient silent(port());
  RawClient dripping(port());
  RawClient stuck_body(port());
  stuck_body.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n{");
  std::thread drip([&] {
    for (int i = 0; i < 100 && dripping.send("G"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  EXPECT_EQ(stuck_body.response().status, 408U);
  EXPECT_TRUE(silent.closed_within());
  drip.join();
  EXPECT_EQ(dripping.response().status, 408U);
  EXPECT_EQ(get("/").status, 200U);
}

TEST_F(RpcServerTest, EndsClientsThatDoNotReadTheirAnswers) {
  RpcServerOptions options;
  options.read_timeout_ms = 100;
  options.write_bytes_per_ms_min = 100'000;
  start(options);
  RawClient client(port(), 4096);
  client.send(post_request(R"({"id":1,"method":"big","params":{"bytes":30000000}})"));
  std::this_thread::sleep_for(std::chrono::milliseconds(900));
  EXPECT_LT(client.rest().size(), 30'000'000U);
}

TEST_F(RpcServerTest, BoundsWhatAllAnswersTogetherHold) {
  RpcServerOptions options;
  options.answers_bytes_max = 10'000'000;
  start(options);
  RawClient unread(port(), 4096);
  unread.send(post_request(
      R"({"jsonrpc":"2.0","id":1,"method":"big","params":{"bytes":8000000}})"));
  const auto status_of_big = [&] {
    RawClient client(port());
    client.send(post_request(R"({"id":1,"method":"big","params":{"bytes":4000000}})"));
    return client.response().status;
  };
  EXPECT_TRUE(eventually([&] { return status_of_big() == 503; }));
  EXPECT_EQ(get("/").status, 200U);
  EXPECT_EQ(unread.response().body.size(), 8'000'036U);
  EXPECT_TRUE(eventually([&] { return status_of_big() == 200; }));
}

TEST_F(RpcServerTest, DeliversALargeAnswer) {
  start();
  const json::value answer = post(R"({"id":1,"method":"big","params":{"bytes":20000000}})");
  EXPECT_EQ(answer.at("result").as_string().size(), 20'000'000U);
}

TEST_F(RpcServerTest, MakesRoomByEndingTheLongestSilence) {
  RpcServerOptions options;
  options.connections_max = 8;
  start(options);
  RawClient busy(port());
  busy.send(post_request(R"({"id":1,"method":"hold"})"));
  ASSERT_TRUE(eventually([&] { return handler_.held() == 1; }));
  std::vector<RawClient> silent;
  for (int i = 0; i < 100; ++i) silent.emplace_back(port());
  EXPECT_EQ(get("/").status, 200U);
  EXPECT_TRUE(silent.front().closed_within());
  EXPECT_EQ(handler_.release(), 1U);
  EXPECT_EQ(json::parse(busy.response().body).at("result"), "released");
}

TEST_F(RpcServerTest, SaysWhenAllConnectionsWaitForAnswers) {
  RpcServerOptions options;
  options.connections_max = 4;
  start(options);
  std::vector<RawClient> waiting;
  for (std::size_t i = 0; i < 4; ++i) {
    waiting.emplace_back(port());
    waiting.back().send(post_request(R"({"id":1,"method":"hold"})"));
    ASSERT_TRUE(eventually([&] { return handler_.held() == i + 1; }));
  }
  EXPECT_EQ(RawClient(port()).response().status, 503U);
  handler_.release();
  for (RawClient& client : waiting) EXPECT_EQ(client.response().status, 200U);
  EXPECT_EQ(get("/").status, 200U);
}

TEST_F(RpcServerTest, BoundsWhatAllRequestsTogetherHold) {
  RpcServerOptions options;
  options.requests_bytes_max = 3 << 20;
  start(options);
  const auto unfinished = [](std::size_t bytes) {
    return fmt::format("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", bytes + 1) +
           std::string(bytes, ' ');
  };
  std::vector<RawClient> clients;
  unsigned refused = 0;
  for (int i = 0; i < 8; ++i) clients.emplace_back(port()).send(unfinished(1 << 20));
  for (RawClient& client : clients) refused += client.response(200).status == 503 ? 1 : 0;
  EXPECT_GE(refused, 5U);
  // Small ones pass meanwhile, and big ones do again afterwards.
  EXPECT_EQ(post(R"({"id":1,"method":"twice"})").at("result"), 1);
  clients.clear();
  EXPECT_TRUE(eventually([&] {
    RawClient client(port());
    client.send(post_request(std::string(2 << 20, ' ') + R"({"id":1,"method":"twice"})"));
    return client.response().status == 200;
  }));
}

TEST_F(RpcServerTest, ServesManyConnectionsAtOnce) {
  start();
  std::vector<RawClient> clients;
  for (int i = 0; i < 300; ++i) clients.emplace_back(port());
  for (RawClient& client : clients) {
    EXPECT_TRUE(client.send(post_request(R"({"id":1,"method":"echo"})")));
  }
  for (RawClient& client : clients) EXPECT_EQ(client.response().status, 200U);
}

TEST_F(RpcServerTest, NamesWhoHoldsItsPort) {
  start();
  RpcServerOptions options;
  options.listen = {"127.0.0.1", port()};
  const auto second = RpcServer::start(io_, options, handler_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "rpc-port-taken");
  EXPECT_EQ(second.error().kind, ErrorKind::kConflict);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(port())), std::string::npos);
  EXPECT_NE(second.error().message.find("this process itself"), std::string::npos);
  const auto holder = find_port_holder(port());
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->pid, ::getpid());
  EXPECT_NE(holder->command.find("node_tests"), std::string::npos);
  const std::uint16_t freed = port();
  server_.reset();
  EXPECT_FALSE(find_port_holder(freed));
  EXPECT_TRUE(RpcServer::start(io_, options, handler_));
}

TEST_F(RpcServerTest, RefusesAnAddressOfAnotherMachine) {
  RpcServerOptions options;
  options.listen = {"192.0.2.1", 0};
  const auto started = RpcServer::start(io_, options, handler_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, "rpc-listen-failed");
}

}  // namespace
}  // namespace quorate::node
