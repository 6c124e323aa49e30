#include "node/rpc_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "node/rpc_server.h"
#include "tests/node/rpc_handler.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

std::string url_of(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

// A server that gives each connection, in turn, one of these texts once it has received something,
// and closes it.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> answers) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    socklen_t length = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) serve(answer);
    });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void serve(const std::string& answer) const {
    const int socket = ::accept(listener_, nullptr, nullptr);
    if (socket < 0) return;
    std::string received(4096, '\0');
    if (::recv(socket, received.data(), received.size(), 0) > 0) {
      ::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    ::close(socket);
  }

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

std::string ok(std::string_view body, bool tell_length = true) {
  std::string text = "HTTP/1.1 200 OK\r\n";
  if (tell_length) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + std::string(body);
}

class RpcClientTest : public testing::Test {
 protected:
  void start(RpcServerOptions options = {}) {
    options.listen = {"127.0.0.1",
                      options.listen.port == 26650 ? std::uint16_t{0} : options.listen.port};
    auto started = RpcServer::start(io_, options, handler_);
    ASSERT_TRUE(started) << started.error().to_string();
    server_ = std::move(*started);
  }
  [[nodiscard]] RpcClient client(std::uint32_t timeout_ms = 5000) const {
    return client_to(server_->endpoint().port, timeout_ms);
  }
  static RpcClient client_to(std::uint16_t port, std::uint32_t timeout_ms = 5000) {
    auto created = RpcClient::create(url_of(port), timeout_ms);
    EXPECT_TRUE(created) << created.error().to_string();
    return std::move(*created);
  }
  static Error error_from(std::vector<std::string> answers) {
    const ScriptedServer server(std::move(answers));
    const auto result = client_to(server.port(), 1000).call("status", {});
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }

  RpcTestHandler handler_;
  IoThread io_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(RpcClientTest, ReturnsResults) {
  start();
  RpcClient rpc = client();
  for (int i = 0; i < 3; ++i) {
    const auto result = rpc.call("echo", {{"a", i}});
    ASSERT_TRUE(result) << result.error().to_string();
    EXPECT_EQ(result->at("params").at("a"), i);
  }
  const auto big = rpc.call("big", {{"bytes", 10'000'000}});
  ASSERT_TRUE(big) << big.error().to_string();
  EXPECT_EQ(big->as_string().size(), 10'000'000U);
}

TEST_F(RpcClientTest, ReturnsTheNodesOwnError) {
  start();
  const auto result = client().call("fail", {{"number", -32000}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(result.error().code, "test-failed");
  EXPECT_EQ(result.error().message, "It fails");
  EXPECT_EQ(result.error().next, "Wait.");
  EXPECT_EQ(client().call("no_such", {}).error().code, "rpc-method-unknown");
}

TEST_F(RpcClientTest, SaysWhenNoNodeListens) {
  start();
  RpcClient rpc = client();
  server_.reset();
  const auto result = rpc.call("status", {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(result.error().code, "node-unreachable");
  EXPECT_NE(result.error().message.find(rpc.url()), std::string::npos);
}

TEST_F(RpcClientTest, GivesUpAtTheDeadlineAndCanBeUsedAgain) {
  start();
  RpcClient rpc = client(100);
  const auto begin = std::chrono::steady_clock::now();
  const auto result = rpc.call("hold", {});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kTimeout);
  EXPECT_EQ(result.error().code, "node-timeout");
  handler_.release();
  EXPECT_TRUE(rpc.call("echo", {}));
}

TEST_F(RpcClientTest, ConnectsAgainWhenTheServerClosedAKeptConnection) {
  RpcServerOptions options;
  options.read_timeout_ms = 30;
  start(options);
  RpcClient rpc = client();
  ASSERT_TRUE(rpc.call("echo", {}));
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  EXPECT_TRUE(rpc.call("echo", {}));
  EXPECT_EQ(handler_.calls(), 2U);
}

TEST_F(RpcClientTest, ReachesANodeThatWasRestarted) {
  start();
  RpcClient rpc = client();
  ASSERT_TRUE(rpc.call("echo", {}));
  RpcServerOptions options;
  options.listen = server_->endpoint();
  server_.reset();
  start(options);
  EXPECT_TRUE(rpc.call("echo", {}));
}

TEST_F(RpcClientTest, SaysWhenTheNodeEndsBeforeItAnswers) {
  const Error error = error_from({""});
  EXPECT_EQ(error.code, "node-connection-lost");
  EXPECT_EQ(error.kind, ErrorKind::kTimeout);
  EXPECT_NE(error.message.find("open"), std::string::npos);
}

TEST_F(RpcClientTest, ReadsAnAnswerThatEndsWithTheConnection) {
  const ScriptedServer server({ok(R"({"id":1,"result":5})", false)});
  EXPECT_EQ(client_to(server.port()).call("status", {}).value(), 5);
}

TEST_F(RpcClientTest, RefusesAnswersThatAreNone) {
  for (const std::string& answer :
       {ok("hello"), ok("[]"), ok("{}"), ok(R"({"id":2,"result":1})"), ok(R"({"result":1})"),
        ok(R"({"id":1})"), std::string("SSH-2.0-x\r\n"), ok("{\"id\":1,\"res").substr(0, 40),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
        "HTTP/1.1 200 OK\r\n" + std::string(20'000, 'a')}) {
    const Error error = error_from({answer});
    EXPECT_EQ(error.code, "node-answer-malformed") << answer.substr(0, 60);
    EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  }
}

TEST_F(RpcClientTest, SaysWhenTheNodeIsBusy) {
  const Error error = error_from({"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno"});
  EXPECT_EQ(error.code, "node-busy");
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
}

TEST_F(RpcClientTest, ReportsErrorsOfOtherPrograms) {
  EXPECT_EQ(error_from({ok(R"({"id":1,"error":{"code":-1,"message":"x","data":"y"}})")}).code,
            "node-error");
  EXPECT_EQ(error_from({ok(R"({"id":1,"error":"x"})")}).code, "node-error");
}

TEST(RpcClientUrl, IsReadStrictly) {
  EXPECT_EQ(RpcClient::create("http://127.0.0.1:26650/")->url(), "http://127.0.0.1:26650");
  EXPECT_EQ(RpcClient::create("http://[::1]:26650")->url(), "http://[::1]:26650");
  for (const std::string_view url :
       {"", "127.0.0.1:26650", "https://127.0.0.1:1", "http://", "http://host", "http://host:",
        "http://host:0", "http://host:70000", "http://host:1/path", "http://a b:1", "ftp://x:1"}) {
    const auto created = RpcClient::create(url);
    ASSERT_FALSE(created) << url;
    EXPECT_EQ(created.error().code, "url-malformed");
  }
}

}  // namespace
}  // namespace quorate::node
