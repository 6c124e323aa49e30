#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "node/bench/arrivals.h"
#include "node/bench/commit_gap.h"
#include "node/bench/exactly_once.h"
#include "node/bench/latency_histogram.h"
#include "node/bench/workload.h"

namespace quorate::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// -- The schedule ---------------------------------------------------------------------------------

TEST(Arrivals, KeepTheRateWithoutDrift) {
  EXPECT_EQ(arrival_us(0, 3), 0U);
  EXPECT_EQ(arrival_us(1, 3), 333'333U);
  EXPECT_EQ(arrival_us(3, 3), 1'000'000U);
  EXPECT_EQ(arrival_us(3 * 86'400, 3), 86'400'000'000U);
}

TEST(Arrivals, OfARunAreThoseThatAreDueBeforeItsEnd) {
  for (const std::uint64_t rate : {1U, 3U, 7U, 250U, 9999U}) {
    for (const std::uint64_t ms : {100U, 999U, 1000U, 3001U}) {
      const std::uint64_t count = arrivals_in_ms(ms, rate);
      EXPECT_LT(arrival_us(count - 1, rate), ms * 1000) << rate << " for " << ms;
      EXPECT_GE(arrival_us(count, rate) + 1, ms * 1000) << rate << " for " << ms;
    }
  }
}

// -- Latencies ------------------------------------------------------------------------------------

// The nearest rank in the values themselves.
std::uint64_t exact_percentile(const std::vector<std::uint64_t>& sorted,
                               std::uint32_t of_ten_thousand) {
  const std::size_t rank = (sorted.size() * of_ten_thousand + 9999) / 10'000;
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

TEST(LatencyHistogram, IsWrongByLessThanOnePercent) {
  LatencyHistogram histogram;
  std::vector<std::uint64_t> values;
  std::uint64_t value = 1;
  for (int i = 0; i < 20'000; ++i) {
    value = (value * 6364136223846793005ULL + 1442695040888963407ULL);
    values.push_back((value >> 20U) >> (i % 38));  // of every size up to 2^44
    values.back() = std::min<std::uint64_t>(values.back(), (1ULL << 40U) - 1);
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (std::uint32_t percent = 0; percent <= 10'000; percent += 7) {
    const auto exact = static_cast<double>(exact_percentile(values, percent));
    const auto told = static_cast<double>(histogram.percentile_us(percent));
    EXPECT_GE(told, exact) << percent;
    EXPECT_LT(told, exact * 1.01 + 1e-9) << percent;
  }
}

TEST(LatencyHistogram, TellsTheNearestRank) {
  LatencyHistogram histogram;
  for (std::uint64_t i = 1; i <= 100; ++i) histogram.record(i);
  EXPECT_EQ(histogram.percentile_us(5000), 50U);
  EXPECT_EQ(histogram.percentile_us(9900), 99U);
  EXPECT_EQ(histogram.percentile_us(9990), 100U);
  EXPECT_EQ(histogram.count(), 100U);
}

TEST(LatencyHistogram, TellsTheMaximumExactly) {
  LatencyHistogram histogram;
  histogram.record(1'234'567);
  EXPECT_EQ(histogram.max_us(), 1'234'567U);
  EXPECT_EQ(histogram.percentile_us(5000), 1'234'567U);
}

TEST(LatencyHistogram, TakesWhatNoBucketIsForAsTheLargest) {
  LatencyHistogram histogram;
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.max_us(), (1ULL << 40U) - 1);
}

TEST(LatencyHistogram, IsEmptyAfterClear) {
  LatencyHistogram histogram;
  histogram.record(7);
  histogram.clear();
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.percentile_us(5000), 0U);
  EXPECT_EQ(histogram.max_us(), 0U);
}

// -- The commit gap -------------------------------------------------------------------------------

CommitGap::Gap gap_of(const std::vector<std::uint64_t>& times, std::uint64_t window_end,
                      std::uint64_t waited_until) {
  CommitGap gap;
  bool has_ended = false;
  for (const std::uint64_t time : times) {
    if (time >= window_end && !has_ended) {
      gap.end_window(window_end);
      has_ended = true;
    }
    gap.on_acknowledgement(time);
  }
  gap.end_window(window_end);
  gap.finish(waited_until);
  return gap.longest();
}

TEST(CommitGap, IsTheLongestTimeBetweenAcknowledgements) {
  const auto gap = gap_of({100, 200, 900, 950}, 1000, 1000);
  EXPECT_EQ(gap.start_us, 200U);
  EXPECT_EQ(gap.length_us, 700U);
}

TEST(CommitGap, BeginsWithTheRun) {
  const auto gap = gap_of({600, 700}, 1000, 1000);
  EXPECT_EQ(gap.start_us, 0U);
  EXPECT_EQ(gap.length_us, 600U);
}

TEST(CommitGap, ThatBeginsInTheWindowCountsToItsEndAfterIt) {
  const auto gap = gap_of({100, 900, 5000, 9900}, 1000, 9900);
  EXPECT_EQ(gap.start_us, 900U);
  EXPECT_EQ(gap.length_us, 4100U) << "not the one from 5000 on, which begins after the window";
}

TEST(CommitGap, WithoutFurtherAcknowledgementLastsUntilTheWaitingEnds) {
  EXPECT_EQ(gap_of({100}, 1000, 31'000).length_us, 30'900U);
  EXPECT_EQ(gap_of({100}, 1000, 1000).length_us, 900U);
}

// -- Exactly once ---------------------------------------------------------------------------------

NodeLedger ledger_of(std::string node, std::vector<std::uint8_t> applied_times) {
  NodeLedger ledger;
  ledger.node = std::move(node);
  ledger.applied_times = std::move(applied_times);
  ledger.block_hashes = {crypto::sha256(as_bytes("1")), crypto::sha256(as_bytes("2"))};
  ledger.tree_head = ledger::TreeHead{2, crypto::sha256(as_bytes("head"))};
  return ledger;
}

TEST(ExactlyOnce, HoldsForEqualLedgersWithAllThatWasAcknowledged) {
  const auto findings = compare_ledgers({true, false, true},
                                        {ledger_of("a", {1, 0, 1}), ledger_of("b", {1, 0, 1})}, 5);
  EXPECT_THAT(findings.violations, IsEmpty());
  EXPECT_TRUE(findings.heads_compared);
}

TEST(ExactlyOnce, AcceptsAnOpenTransactionThatHappened) {
  EXPECT_FALSE(compare_ledgers({false}, {ledger_of("a", {1})}, 1).is_violated());
}

TEST(ExactlyOnce, FindsAnAcknowledgedTransactionThatOneLedgerLacks) {
  const auto findings =
      compare_ledgers({true, true}, {ledger_of("a", {1, 1}), ledger_of("b", {1, 0})}, 1);
  EXPECT_EQ(findings.missing, 1U);
  EXPECT_THAT(findings.violations, ElementsAre(HasSubstr("b lacks 1 acknowledged")));
}

TEST(ExactlyOnce, FindsATransactionThatHappenedTwice) {
  const auto findings = compare_ledgers({true, false}, {ledger_of("a", {1, 2})}, 1);
  EXPECT_EQ(findings.repeated, 1U);
  EXPECT_THAT(findings.violations, ElementsAre(HasSubstr("a applied 1 transactions more")));
}

TEST(ExactlyOnce, NamesTheFirstHeightWhereBlocksDiffer) {
  NodeLedger other = ledger_of("b", {1});
  other.block_hashes[1] = crypto::sha256(as_bytes("another"));
  const auto findings = compare_ledgers({true}, {ledger_of("a", {1}), other}, 5);
  EXPECT_THAT(findings.violations,
              ElementsAre(HasSubstr("a and b have different blocks at height 6")));
}

TEST(ExactlyOnce, FindsDifferentTreeHeadsOfOneSize) {
  NodeLedger other = ledger_of("b", {1});
  other.tree_head->root = crypto::sha256(as_bytes("another"));
  const auto findings = compare_ledgers({true}, {ledger_of("a", {1}), other}, 1);
  EXPECT_THAT(findings.violations, ElementsAre(HasSubstr("different tree heads at size 2")));
}

TEST(ExactlyOnce, SaysThatTreeHeadsOfDifferentSizesWereNotCompared) {
  NodeLedger other = ledger_of("b", {1});
  other.tree_head->size = 3;
  const auto findings = compare_ledgers({true}, {ledger_of("a", {1}), other}, 1);
  EXPECT_FALSE(findings.heads_compared);
  EXPECT_FALSE(findings.is_violated());
}

// -- The workload ---------------------------------------------------------------------------------

Workload workload_of(std::uint64_t seed, std::uint32_t ops_per_tx, std::uint64_t count) {
  auto senders = bench_senders(seed, count);
  std::vector<std::uint64_t> nonces(senders.size(), 1);
  Workload workload({.seed = seed, .ops_per_tx = ops_per_tx, .keys = 10, .valid_until = {9}},
                    std::move(senders), std::move(nonces));
  workload.sign_until(count, nullptr);
  return workload;
}

TEST(Workload, IsTheSameForTheSameSeedAndAnotherForAnother) {
  const Workload a = workload_of(7, 1, 40);
  const Workload b = workload_of(7, 1, 40);
  const Workload c = workload_of(8, 1, 40);
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(a[i].encoded, b[i].encoded);
    EXPECT_NE(a[i].id, c[i].id);
  }
}

TEST(Workload, SignsWhatVerifiesWithNoncesFromOneOn) {
  const Workload workload = workload_of(7, 1, 40);
  std::map<ledger::PublicKey, std::uint64_t> nonces;
  for (std::size_t i = 0; i < 40; ++i) {
    const auto transaction = crypto::decode<ledger::SignedTransaction>(workload[i].encoded);
    ASSERT_TRUE(transaction.has_value());
    EXPECT_TRUE(crypto::verify_body(transaction->body.sender, crypto::Purpose::kTransaction,
                                    transaction->body.chain_id, transaction->body,
                                    transaction->signature));
    EXPECT_EQ(transaction->body.nonce, ++nonces[transaction->body.sender]);
    EXPECT_EQ(workload[i].id, ledger::id_of(transaction->body));
  }
}

TEST(Workload, OfSeveralOperationsEndsWithACount) {
  const Workload workload = workload_of(7, 3, 1);
  const auto transaction = crypto::decode<ledger::SignedTransaction>(workload[0].encoded);
  ASSERT_EQ(transaction->body.operations.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<ledger::Put>(transaction->body.operations[1]));
  const auto& add = std::get<ledger::Add>(transaction->body.operations[2]);
  EXPECT_EQ(as_text(add.key), "bench/7/applied");
}

TEST(Workload, HasSoManySendersThatTheirNoncesFitTheWindow) {
  EXPECT_EQ(bench_senders(1, 100 * kTransactionsPerSender).size(), 100U);
  EXPECT_GE(workload_of(1, 1, 1).span_max(), kTransactionsPerSender);
}

}  // namespace
}  // namespace quorate::node
