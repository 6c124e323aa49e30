// A load and the check behind it against nodes that say what the test wants, over real sockets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <map>
#include <mutex>

#include "crypto/bcs.h"
#include "node/bench/ledger_check.h"
#include "node/bench/load.h"
#include "node/json_members.h"
#include "node/rpc_server.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

// One ledger behind several nodes: each transaction is a block at once.
struct FakeLedger {
  std::mutex mutex;
  std::vector<ledger::TxId> blocks;
  std::map<ledger::TxId, int> submissions;
};

class FakeNode final : public RpcHandler {
 public:
  explicit FakeNode(FakeLedger& ledger) : ledger_(ledger) {
    auto server = RpcServer::start(io_, {.listen = {"127.0.0.1", 0}}, *this);
    EXPECT_TRUE(server.has_value());
    server_ = std::move(*server);
  }
  ~FakeNode() override { server_.reset(); }

  // What is true of the node from then on.
  std::atomic<bool> is_busy = false;
  std::atomic<bool> refuses = false;
  std::atomic<std::size_t> hides_from = SIZE_MAX;   // it is that many blocks high
  std::atomic<std::size_t> lacks_block = SIZE_MAX;  // by index: it shows an empty one
  std::atomic<int> submissions = 0;
  std::function<void()> on_submission;

  [[nodiscard]] Endpoint endpoint() const { return server_->endpoint(); }
  [[nodiscard]] std::string url() const { return "http://" + endpoint().to_string(); }
  void die() { server_.reset(); }

  bool call(std::string_view method, const json::object& params, bool, RpcReply reply) override {
    if (method == "broadcast_tx_sync") {
      reply(submit(params));
    } else if (method == "block") {
      reply(block(number_member(params, "height").value_or(0)));
    } else if (method == "status") {
      reply(status());
    } else {
      reply(json::object{});
    }
    return true;
  }
  std::optional<HttpPage> page(std::string_view) override { return std::nullopt; }

 private:
  static json::object refusal(std::string_view code, std::string_view kind) {
    return {{"code", 115}, {"error", json::object{{"code", code}, {"kind", kind}}}};
  }

  RpcResult submit(const json::object& params) {
    ++submissions;
    if (on_submission) on_submission();
    if (is_busy) return refusal("busy", "unavailable");
    if (refuses) return refusal("tx-sender-not-allowed", "rejected");
    const auto bytes = from_base64(text_member(params, "tx").value_or(""));
    const auto transaction = crypto::decode<ledger::SignedTransaction>(bytes.value()).value();
    const ledger::TxId id = ledger::id_of(transaction.body);
    const std::lock_guard lock(ledger_.mutex);
    if (++ledger_.submissions[id] == 1) ledger_.blocks.push_back(id);
    return json::object{{"code", 0}};
  }

  [[nodiscard]] std::size_t height() const {
    return std::min<std::size_t>(ledger_.blocks.size(), hides_from);
  }

  RpcResult block(std::uint64_t height_asked) {
    const std::lock_guard lock(ledger_.mutex);
    if (height_asked == 0 || height_asked > height()) {
      return tl::unexpected(
          RpcError{kRpcServerError, {}, {ErrorKind::kNotFound, "block-not-found", "", ""}, {}});
    }
    json::array rows;
    if (height_asked - 1 != lacks_block) {
      rows.push_back(
          json::object{{"id", ledger_.blocks[height_asked - 1].hex()}, {"code", "applied"}});
    }
    const std::string hash = crypto::sha256(as_bytes(std::to_string(height_asked))).hex();
    return json::object{{"block_id", json::object{{"hash", hash}}},
                        {"block", json::object{{"header", json::object{{"height", height_asked}}}}},
                        {"quorate", json::object{{"transactions", std::move(rows)}}}};
  }

  RpcResult status() {
    const std::lock_guard lock(ledger_.mutex);
    const std::string root = crypto::sha256(as_bytes(std::to_string(height()))).hex();
    return json::object{
        {"quorate", json::object{{"tree_head", json::object{{"size", height()}, {"root", root}}}}}};
  }

  FakeLedger& ledger_;
  IoThread io_;
  std::unique_ptr<RpcServer> server_;
};

Workload workload_of(std::uint64_t count) {
  auto senders = bench_senders(1, count);
  std::vector<std::uint64_t> nonces(senders.size(), 1);
  Workload workload({.valid_until = {9}}, std::move(senders), std::move(nonces));
  workload.sign_until(count, nullptr);
  return workload;
}

LoadOptions open_loop(const std::vector<Endpoint>& nodes, std::uint64_t rate,
                      std::uint64_t duration_ms) {
  LoadOptions options;
  options.nodes = nodes;
  options.rate_per_s = rate;
  options.duration_ms = duration_ms;
  return options;
}

TEST(Load, OfAnOpenLoopSendsWhatTheScheduleHasOnceOverAllNodes) {
  FakeLedger ledger;
  FakeNode a(ledger);
  FakeNode b(ledger);
  Workload workload = workload_of(100);
  const LoadResult result = run_load(open_loop({a.endpoint(), b.endpoint()}, 200, 500), workload);
  EXPECT_EQ(result.counts.arrived, 100U);
  EXPECT_EQ(result.counts.acknowledged, 100U);
  EXPECT_EQ(result.latencies.count(), 100U);
  EXPECT_EQ(result.last_height, 100U);
  EXPECT_EQ(result.counts.sent_again, 0U);
  EXPECT_GT(a.submissions, 30);
  EXPECT_GT(b.submissions, 30);
  EXPECT_EQ(a.submissions + b.submissions, 100);
}

TEST(Load, OfAClosedLoopKeepsOneOutstandingAClient) {
  FakeLedger ledger;
  FakeNode node(ledger);
  Workload workload = workload_of(8);
  LoadOptions options;
  options.nodes = {node.endpoint()};
  options.clients = 4;
  options.duration_ms = 300;
  const LoadResult result = run_load(options, workload);
  EXPECT_GT(result.counts.acknowledged, 8U) << "it signs more where the first did not suffice";
  EXPECT_GT(result.signed_late, 0U);
  EXPECT_EQ(result.counts.acknowledged, result.counts.arrived);
}

TEST(Load, CountsLatencyFromTheScheduleWhileTheNodesTakeNothing) {
  FakeLedger ledger;
  FakeNode node(ledger);
  node.is_busy = true;
  const auto begin = std::chrono::steady_clock::now();
  node.on_submission = [&] {
    if (std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(400)) {
      node.is_busy = false;
    }
  };
  Workload workload = workload_of(60);
  const LoadResult result = run_load(open_loop({node.endpoint()}, 100, 600), workload);
  EXPECT_EQ(result.counts.acknowledged, 60U);
  EXPECT_GT(result.counts.busy_answers, 0U);
  EXPECT_GE(result.latencies.max_us(), 350'000U) << "the first waited for all of that time";
  EXPECT_GE(result.latencies.percentile_us(5000), 50'000U) << "and so did those behind it";
  EXPECT_GE(result.gap.length_us, 350'000U);
  EXPECT_EQ(result.gap.start_us, 0U);
}

TEST(Load, HandsTheSameTransactionsToOthersWhenANodeDies) {
  FakeLedger ledger;
  FakeNode survivor(ledger);
  FakeNode victim(ledger);
  const std::vector<Endpoint> nodes = {victim.endpoint(), survivor.endpoint()};
  std::thread killer([&] {
    while (victim.submissions < 20) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    victim.die();
  });
  Workload workload = workload_of(200);
  const LoadResult result = run_load(open_loop(nodes, 250, 800), workload);
  killer.join();
  EXPECT_EQ(result.counts.acknowledged, 200U);
  EXPECT_EQ(result.counts.rejected, 0U);
  EXPECT_GT(result.failed_requests, 0U);
  const std::lock_guard lock(ledger.mutex);
  EXPECT_EQ(ledger.blocks.size(), 200U);
}

TEST(Load, CountsRefusalsByCode) {
  FakeLedger ledger;
  FakeNode node(ledger);
  node.refuses = true;
  Workload workload = workload_of(20);
  const LoadResult result = run_load(open_loop({node.endpoint()}, 100, 200), workload);
  EXPECT_EQ(result.counts.acknowledged, 0U);
  EXPECT_THAT(result.counts.rejected_by_code,
              UnorderedElementsAre(Pair("tx-sender-not-allowed", 20)));
}

TEST(Load, LeavesOpenWhatNobodyAnsweredInTime) {
  FakeLedger ledger;
  FakeNode node(ledger);
  node.is_busy = true;
  Workload workload = workload_of(20);
  LoadOptions options = open_loop({node.endpoint()}, 100, 200);
  options.drain_ms_max = 200;
  const LoadResult result = run_load(options, workload);
  EXPECT_EQ(result.counts.in_flight(), 20U);
  EXPECT_GE(result.gap.length_us, 400'000U) << "the waiting at the end is part of the gap";
}

TEST(Load, FollowsTheOtherNodeWhenOneStandsStill) {
  FakeLedger ledger;
  FakeNode still(ledger);
  still.hides_from = 0;
  FakeNode other(ledger);
  Workload workload = workload_of(20);
  const LoadResult result =
      run_load(open_loop({still.endpoint(), other.endpoint()}, 100, 200), workload);
  EXPECT_EQ(result.counts.acknowledged, 20U);
}

// -- The check ------------------------------------------------------------------------------------

class LedgerCheckTest : public testing::Test {
 protected:
  LedgerCheckTest() {
    for (std::size_t i = 0; i < 5; ++i) ledger_.blocks.push_back(workload_[i].id);
  }
  LedgerCheck check(std::vector<std::string> urls) {
    return check_ledgers({.urls = std::move(urls), .last_height = 5, .timeout_ms = 300}, workload_,
                         std::vector<bool>(5, true));
  }

  Workload workload_ = workload_of(5);
  FakeLedger ledger_;
  FakeNode a_{ledger_};
  FakeNode b_{ledger_};
};

TEST_F(LedgerCheckTest, HoldsWhereAllIsThere) {
  const LedgerCheck result = check({a_.url(), b_.url()});
  EXPECT_EQ(result.verdict, LedgerCheck::Verdict::kHolds) << result.sentence;
  EXPECT_EQ(result.nodes_checked, 2U);
  EXPECT_THAT(result.sentence, HasSubstr("5 acknowledged"));
}

TEST_F(LedgerCheckTest, IsViolatedWhereANodeLacksOne) {
  b_.lacks_block = 3;
  const LedgerCheck result = check({a_.url(), b_.url()});
  EXPECT_EQ(result.verdict, LedgerCheck::Verdict::kViolated);
  EXPECT_THAT(result.sentence, HasSubstr(b_.url() + " lacks 1 acknowledged"));
}

TEST_F(LedgerCheckTest, IsViolatedWhereOneStandsTwice) {
  ledger_.blocks[4] = ledger_.blocks[3];
  const LedgerCheck result = check({a_.url()});
  EXPECT_EQ(result.verdict, LedgerCheck::Verdict::kViolated);
  EXPECT_EQ(result.findings.repeated, 1U);
  EXPECT_EQ(result.findings.missing, 1U);
}

TEST_F(LedgerCheckTest, IsNotDoneWhereANodeStaysBehind) {
  b_.hides_from = 4;
  const LedgerCheck result = check({a_.url(), b_.url()});
  EXPECT_EQ(result.verdict, LedgerCheck::Verdict::kNotDone);
  EXPECT_THAT(result.sentence, HasSubstr("is at height 4 and did not reach 5"));
}

TEST_F(LedgerCheckTest, LeavesOutANodeThatIsDown) {
  const std::string gone = b_.url();
  b_.die();
  const LedgerCheck result = check({a_.url(), gone});
  EXPECT_EQ(result.verdict, LedgerCheck::Verdict::kHolds) << result.sentence;
  EXPECT_EQ(result.nodes_unreachable, 1U);
}

TEST_F(LedgerCheckTest, IsNotDoneWhereNobodyAnswers) {
  const std::string gone = b_.url();
  b_.die();
  const LedgerCheck result = check({gone});
  EXPECT_EQ(result.verdict, LedgerCheck::Verdict::kNotDone);
  EXPECT_THAT(result.sentence, HasSubstr("no node answers"));
}

}  // namespace
}  // namespace quorate::node
