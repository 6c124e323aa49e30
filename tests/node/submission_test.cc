#include "node/submission.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "node/descriptor.h"
#include "node/json_members.h"
#include "node/rpc_error.h"
#include "node/rpc_server.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;

using Answer = std::function<RpcResult(const json::object& params)>;

// A node that says what its test wants, behind the real server. Each method has a queue of answers;
// the last one is repeated.
class ToldNode final : public RpcHandler {
 public:
  ToldNode() {
    auto server = RpcServer::start(io_, {.listen = {"127.0.0.1", 0}}, *this);
    EXPECT_TRUE(server.has_value());
    server_ = std::move(*server);
  }
  ~ToldNode() override { server_.reset(); }

  ToldNode& will(const std::string& method, Answer answer) {
    answers_[method].push_back(std::move(answer));
    return *this;
  }
  [[nodiscard]] std::string url() const { return "http://" + server_->endpoint().to_string(); }
  // What was broadcast, decoded.
  [[nodiscard]] std::vector<ledger::SignedTransaction> received() const {
    const std::lock_guard lock(mutex_);
    return received_;
  }

  bool call(std::string_view method, const json::object& params, bool, RpcReply reply) override {
    const std::lock_guard lock(mutex_);
    if (method == "broadcast_tx_sync") {
      const auto bytes = from_base64(text_member(params, "tx").value_or(""));
      received_.push_back(crypto::decode<ledger::SignedTransaction>(bytes.value()).value());
    }
    auto& queue = answers_[std::string(method)];
    if (queue.empty()) return false;
    const Answer answer = queue.front();
    if (queue.size() > 1) queue.pop_front();
    reply(answer(params));
    return true;
  }
  std::optional<HttpPage> page(std::string_view) override { return std::nullopt; }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Answer>> answers_;
  std::vector<ledger::SignedTransaction> received_;
  IoThread io_;
  std::unique_ptr<RpcServer> server_;
};

// A node that dies with the question: it reads and hangs up.
class DyingNode {
 public:
  DyingNode() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      const Descriptor client(::accept(listener_.get(), nullptr, nullptr));
      char byte = 0;
      if (client.is_open()) (void)::recv(client.get(), &byte, 1, 0);
      ::shutdown(listener_.get(), SHUT_RDWR);
    });
  }
  ~DyingNode() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  Descriptor listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

Answer takes() {
  return [](const json::object&) { return json::value{{"code", 0}}; };
}
Answer refuses(ErrorKind kind, std::string_view code) {
  return [=](const json::object&) {
    const Error error{kind, code, "The rules say no", ""};
    return json::value{{"code", 5}, {"log", "no"}, {"error", error_to_json(error)}};
  };
}
// Status: everything up to this level, or a rejection with a code.
Answer is_at(Level level, const std::string& rejection = "") {
  return [=](const json::object& params) {
    json::array history;
    for (std::uint8_t l = 1; l <= static_cast<std::uint8_t>(std::min(level, Level::kReplicated));
         ++l) {
      history.push_back(
          json::value{{"level", level_text(static_cast<Level>(l))}, {"after_us", l * 1000}});
    }
    if (is_end(level)) history.push_back(json::value{{"level", level_text(level)}});
    json::object status{{"id", params.at("id")},
                        {"level", level_text(level)},
                        {"history", std::move(history)}};
    if (level == Level::kReplicated) status["height"] = 7;
    if (!rejection.empty()) status["outcome"] = json::object{{"code", rejection}};
    return json::value(std::move(status));
  };
}
Answer fails(ErrorKind kind, std::string_view code) {
  return [=](const json::object&) -> RpcResult {
    return tl::unexpected(RpcError{kRpcServerError, {}, {kind, code, "It fails", ""}, {}});
  };
}
Answer knows_nothing() { return fails(ErrorKind::kNotFound, "tx-not-found"); }
Answer has_next_nonce(std::uint64_t nonce) {
  return [=](const json::object&) { return json::value{{"next_nonce", nonce}}; };
}

constexpr std::string_view kDeadUrl = "http://127.0.0.1:1";

class SubmissionTest : public testing::Test {
 protected:
  SubmissionTest() { draft_.operations = {ledger::Put{to_bytes("k"), to_bytes("v"), {}}}; }

  Result<Submission> submit_to(const std::vector<std::string>& urls, SubmitOptions options = {}) {
    auto nodes = NodePool::create(urls);
    return submit(*nodes, sign_draft(draft_, key_, 1, {1000}), options);
  }
  Result<Submission> sign_and_submit_to(const std::vector<std::string>& urls,
                                        SubmitOptions options = {}) {
    auto nodes = NodePool::create(urls);
    return sign_and_submit(*nodes, draft_, key_, options, [this](const SignedDraft& version) {
      nonces_.push_back(version.transaction.body.nonce);
      return Status();
    });
  }

  crypto::SecretKey key_ = crypto::SecretKey::generate();
  Draft draft_;
  std::vector<std::uint64_t> nonces_;
};

TEST_F(SubmissionTest, ReportsEachLevelOnceInOrder) {
  ToldNode node;
  node.will("broadcast_tx_sync", takes())
      .will("quorate_tx_status", is_at(Level::kLocal))
      .will("quorate_tx_status", is_at(Level::kQuorum))
      .will("quorate_tx_status", is_at(Level::kReplicated));
  std::vector<Level> levels;
  const auto submission =
      submit_to({node.url()},
                {.on_level = [&](const LevelChange& change) { levels.push_back(change.level); }});
  ASSERT_TRUE(submission.has_value()) << submission.error().to_string();
  EXPECT_EQ(submission->end, Submission::End::kReached);
  EXPECT_EQ(submission->status.height, 7u);
  EXPECT_THAT(levels,
              ElementsAre(Level::kLocal, Level::kPromised, Level::kQuorum, Level::kReplicated));
}

TEST_F(SubmissionTest, StopsAtTheLevelThatIsWanted) {
  ToldNode node;
  node.will("broadcast_tx_sync", takes()).will("quorate_tx_status", is_at(Level::kLocal));
  const auto submission = submit_to({node.url()}, {.wait = Level::kLocal});
  EXPECT_EQ(submission->end, Submission::End::kReached);
  EXPECT_EQ(submission->status.level, Level::kLocal);
}

TEST_F(SubmissionTest, ARefusalIsFinalAndAsksNobodyElse) {
  ToldNode first;
  ToldNode second;
  first.will("broadcast_tx_sync", refuses(ErrorKind::kRejected, "tx-wrong-chain"));
  const auto submission = submit_to({first.url(), second.url()});
  ASSERT_TRUE(submission.has_value());
  EXPECT_EQ(submission->end, Submission::End::kRefused);
  EXPECT_EQ(submission->error.code, "tx-wrong-chain");
  EXPECT_TRUE(second.received().empty());
}

TEST_F(SubmissionTest, ARejectionAtExecutionCarriesItsCode) {
  ToldNode node;
  node.will("broadcast_tx_sync", takes())
      .will("quorate_tx_status", is_at(Level::kRejected, "tx-compare-failed"));
  const auto submission = submit_to({node.url()});
  EXPECT_EQ(submission->end, Submission::End::kRefused);
  EXPECT_EQ(submission->error.code, "tx-compare-failed");
  EXPECT_EQ(submission->error.kind, ErrorKind::kRejected);
}

TEST_F(SubmissionTest, SaysThatNobodyCouldBeReached) {
  const auto submission = submit_to({std::string(kDeadUrl), "http://127.0.0.1:2"});
  ASSERT_FALSE(submission.has_value());
  EXPECT_EQ(submission.error().code, "node-unreachable");
  EXPECT_THAT(submission.error().message, HasSubstr("http://127.0.0.1:2"));
}

TEST_F(SubmissionTest, GoesToTheNextNodeWhereOneIsDeadOrBusy) {
  ToldNode busy;
  ToldNode good;
  busy.will("broadcast_tx_sync", refuses(ErrorKind::kUnavailable, "busy"));
  good.will("broadcast_tx_sync", takes()).will("quorate_tx_status", is_at(Level::kReplicated));
  const auto submission = submit_to({std::string(kDeadUrl), busy.url(), good.url()});
  ASSERT_TRUE(submission.has_value()) << submission.error().to_string();
  EXPECT_EQ(submission->end, Submission::End::kReached);
  EXPECT_EQ(submission->node, good.url());
}

TEST_F(SubmissionTest, SaysThatAllAreBusyRatherThanUnreachable) {
  ToldNode busy;
  busy.will("broadcast_tx_sync", refuses(ErrorKind::kUnavailable, "busy"));
  EXPECT_EQ(submit_to({busy.url(), std::string(kDeadUrl)}).error().code, "busy");
}

TEST_F(SubmissionTest, GivesTheSameBytesToTheNextNodeWhenOneForgets) {
  ToldNode first;
  ToldNode second;
  first.will("broadcast_tx_sync", takes()).will("quorate_tx_status", knows_nothing());
  second.will("broadcast_tx_sync", takes()).will("quorate_tx_status", is_at(Level::kReplicated));
  const auto submission = submit_to({first.url(), second.url()});
  EXPECT_EQ(submission->end, Submission::End::kReached);
  ASSERT_EQ(second.received().size(), 1u);
  EXPECT_EQ(ledger::id_of(second.received()[0].body), ledger::id_of(first.received()[0].body));
}

TEST_F(SubmissionTest, ATimeoutIsNoFailureAndSaysHowToAskAgain) {
  ToldNode node;
  node.will("broadcast_tx_sync", takes()).will("quorate_tx_status", is_at(Level::kPromised));
  const auto submission = submit_to({node.url()}, {.timeout_ms = 300});
  ASSERT_TRUE(submission.has_value());
  EXPECT_EQ(submission->end, Submission::End::kOpen);
  EXPECT_EQ(submission->error.kind, ErrorKind::kTimeout);
  EXPECT_THAT(submission->error.message, HasSubstr("promised, not replicated"));
  EXPECT_THAT(submission->error.next, HasSubstr("quorate tx status"));
}

TEST_F(SubmissionTest, ANodeThatDiesWithTheQuestionLeavesTheOutcomeOpen) {
  const DyingNode dying;
  const auto submission = submit_to({dying.url()}, {.timeout_ms = 300});
  ASSERT_TRUE(submission.has_value()) << submission.error().to_string();
  EXPECT_EQ(submission->end, Submission::End::kOpen);
}

TEST_F(SubmissionTest, ARefusalElsewhereIsNotFinalWhileACopyMayBeAlive) {
  for (const char* code : {"tx-nonce-pending", "tx-expired", "tx-nonce-too-far"}) {
    ToldNode other;
    other.will("broadcast_tx_sync", refuses(ErrorKind::kRejected, code))
        .will("quorate_tx_status", knows_nothing());
    EXPECT_EQ(submit_to({other.url()})->end, Submission::End::kRefused) << code;

    const DyingNode dying;
    const auto submission = submit_to({dying.url(), other.url()}, {.timeout_ms = 300});
    EXPECT_EQ(submission->end, Submission::End::kOpen) << code;
  }
}

TEST_F(SubmissionTest, AUsedUpNonceIsFinalEvenThen) {
  const DyingNode dying;
  ToldNode other;
  other.will("broadcast_tx_sync", refuses(ErrorKind::kRejected, "tx-nonce-used"))
      .will("quorate_tx_status", knows_nothing());
  const auto submission = submit_to({dying.url(), other.url()}, {.timeout_ms = 3000});
  EXPECT_EQ(submission->end, Submission::End::kRefused);
  EXPECT_EQ(submission->error.code, "tx-nonce-used");
}

TEST_F(SubmissionTest, IsSignedAgainWithAFreeNonceWhenAnotherTookIt) {
  ToldNode node;
  node.will("quorate_account", has_next_nonce(5))
      .will("quorate_account", has_next_nonce(6))
      .will("quorate_account", has_next_nonce(9))
      .will("broadcast_tx_sync", refuses(ErrorKind::kConflict, "tx-nonce-pending"))
      .will("broadcast_tx_sync", takes())
      .will("quorate_tx_status", knows_nothing())
      .will("quorate_tx_status", is_at(Level::kRejected, "tx-nonce-used"))
      .will("quorate_tx_status", is_at(Level::kReplicated));
  const auto submission = sign_and_submit_to({node.url()});
  ASSERT_TRUE(submission.has_value()) << submission.error().to_string();
  EXPECT_EQ(submission->end, Submission::End::kReached);
  EXPECT_EQ(submission->signed_anew, 2u);
  EXPECT_THAT(nonces_, ElementsAre(5, 6, 9));
}

TEST_F(SubmissionTest, ItsOwnNonceBeingUsedIsSuccess) {
  ToldNode node;
  node.will("quorate_account", has_next_nonce(5))
      .will("broadcast_tx_sync", refuses(ErrorKind::kRejected, "tx-nonce-used"))
      .will("quorate_tx_status", is_at(Level::kReplicated));
  const auto submission = sign_and_submit_to({node.url()});
  EXPECT_EQ(submission->end, Submission::End::kReached);
  EXPECT_EQ(submission->signed_anew, 0u);
}

TEST_F(SubmissionTest, AFixedNonceIsNotReplaced) {
  ToldNode node;
  node.will("broadcast_tx_sync", refuses(ErrorKind::kRejected, "tx-nonce-used"))
      .will("quorate_tx_status", knows_nothing());
  draft_.nonce = 3;
  const auto submission = sign_and_submit_to({node.url()});
  EXPECT_EQ(submission->end, Submission::End::kRefused);
  EXPECT_THAT(nonces_, ElementsAre(3));
}

TEST_F(SubmissionTest, GivesUpSigningAfterABoundedNumberOfRaces) {
  ToldNode node;
  node.will("quorate_account", has_next_nonce(5))
      .will("broadcast_tx_sync", refuses(ErrorKind::kRejected, "tx-nonce-used"))
      .will("quorate_tx_status", knows_nothing());
  const auto submission = sign_and_submit_to({node.url()});
  EXPECT_EQ(submission->end, Submission::End::kRefused);
  EXPECT_EQ(nonces_.size(), 8u);
}

TEST_F(SubmissionTest, NonsenseFromANodeLeavesTheOutcomeOpen) {
  const std::vector<json::value> nonsense = {
      nullptr, 5, json::object{}, json::object{{"id", "x"}, {"level", "local"}},
      json::object{{"id", std::string(64, '0')}, {"level", "replicated"}},
      json::object{{"id", std::string(64, '0')}, {"level", "sure"}}};
  for (const json::value& answer : nonsense) {
    ToldNode node;
    node.will("broadcast_tx_sync", takes())
        .will("quorate_tx_status", [&](const json::object&) { return answer; });
    const auto submission = submit_to({node.url()}, {.timeout_ms = 150});
    ASSERT_TRUE(submission.has_value());
    EXPECT_EQ(submission->end, Submission::End::kOpen);
  }
}

}  // namespace
}  // namespace quorate::node
