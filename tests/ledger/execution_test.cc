#include "ledger/execution.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

constexpr TimeMs kNow{kGenesisTime.value + 1000};

class ExecutionTest : public testing::Test {
 protected:
  TransactionPtr from_alice(std::vector<Operation> operations) {
    return Trusting::trust(example_body(genesis_, next_nonce_++, std::move(operations)));
  }
  TransactionPtr with(std::uint64_t nonce, TimeMs valid_until,
                      std::vector<Operation> operations = {put("k", "v")}) {
    Transaction body = example_body(genesis_, nonce, std::move(operations));
    body.valid_until = valid_until;
    return Trusting::trust(body);
  }
  TxResult run(const TransactionPtr& transaction, TimeMs time = kNow) {
    return run_batch(state_, genesis_, time, {transaction}).results.at(0);
  }
  TxResult run(std::vector<Operation> operations, TimeMs time = kNow) {
    return run(from_alice(std::move(operations)), time);
  }
  // What a reader sees; nullopt: absent.
  std::optional<std::string> value(std::string_view key) const {
    const auto entry = read_entry(state_, as_bytes(key)).value();
    if (!entry) return std::nullopt;
    return std::string(as_text(entry->value));
  }
  std::uint64_t balance(std::string_view name) const {
    return read_account(state_, public_key_of(name)).value().balance;
  }
  bool nonce_is_free(std::uint64_t nonce) const {
    const auto window = read_nonces(state_, public_key_of("alice")).value();
    return judge_nonce(window, nonce) == NonceVerdict::kFree;
  }

  Genesis genesis_ = example_genesis();
  MapState state_{genesis_state(genesis_)};
  std::uint64_t next_nonce_ = 1;
};

#define EXPECT_OUTCOME(result, expected) \
  EXPECT_EQ(outcome_code((result).outcome), outcome_code(Outcome::expected))

TEST_F(ExecutionTest, GenesisStateHoldsTimeEpochAndBalances) {
  EXPECT_EQ(read_time(state_), kGenesisTime);
  EXPECT_EQ(crypto::decode<Epoch>(state_.leaves.at(epoch_key())), Epoch{0});
  EXPECT_EQ(balance("alice"), 1000U);
  EXPECT_EQ(balance("bob"), 500U);
  EXPECT_EQ(balance("carol"), 0U);
  EXPECT_EQ(state_.leaves.size(), 5U);
  genesis_.accounts[0].balance = 0;
  EXPECT_EQ(genesis_state(genesis_).size(), 4U);
}

TEST_F(ExecutionTest, PutSetsAndDeleteRemoves) {
  EXPECT_OUTCOME(run({put("colour", "blue"), put("shape", "round")}), kApplied);
  EXPECT_EQ(value("colour"), "blue");
  EXPECT_OUTCOME(run({put("colour", "green"), del("shape"), del("never there")}), kApplied);
  EXPECT_EQ(value("colour"), "green");
  EXPECT_EQ(value("shape"), std::nullopt);
}

TEST_F(ExecutionTest, OperationsSeeThoseBeforeThem) {
  EXPECT_OUTCOME(
      run({put("n", "1"), add("n", 2), compare_and_set("n", "3", "three"), del("n"), add("n", 7)}),
      kApplied);
  EXPECT_EQ(value("n"), "7");
}

TEST_F(ExecutionTest, AllOperationsHappenOrNone) {
  const TxResult result = run({put("a", "1"), Transfer{public_key_of("bob"), 10}, del("b"),
                               compare_and_set("c", "x", "y"), put("d", "1")});
  EXPECT_OUTCOME(result, kRejectedCompareFailed);
  EXPECT_EQ(result.failed_operation, 3U);
  EXPECT_EQ(value("a"), std::nullopt);
  EXPECT_EQ(value("d"), std::nullopt);
  EXPECT_EQ(balance("alice"), 1000U);
  EXPECT_FALSE(nonce_is_free(1));
}

TEST_F(ExecutionTest, ATransactionSeesThoseBeforeItInItsBatch) {
  const auto first = from_alice({put("n", "5")});
  const auto refused = from_alice({put("n", "6"), add("n", INT64_MAX)});
  const auto last = from_alice({compare_and_set("n", "5", "55")});
  const Execution execution = run_batch(state_, genesis_, kNow, {first, refused, last});
  EXPECT_OUTCOME(execution.results[0], kApplied);
  EXPECT_OUTCOME(execution.results[1], kRejectedNumberOverflow);
  EXPECT_OUTCOME(execution.results[2], kApplied);
  EXPECT_EQ(value("n"), "55");
}

TEST_F(ExecutionTest, CompareAndSetTellsAbsentFromEmpty) {
  EXPECT_OUTCOME(run({compare_and_set("k", "", "x")}), kRejectedCompareFailed);
  EXPECT_OUTCOME(run({compare_and_set("k", std::nullopt, "")}), kApplied);
  EXPECT_OUTCOME(run({compare_and_set("k", std::nullopt, "x")}), kRejectedCompareFailed);
  EXPECT_OUTCOME(run({compare_and_set("k", "", "x")}), kApplied);
  EXPECT_EQ(value("k"), "x");
}

TEST_F(ExecutionTest, AddReadsCanonicalNumbersOnly) {
  for (const std::string_view text : {"", "-", "+1", "-0", "007", "1 ", " 1", "1.0", "0x1", "1e3",
                                      "9223372036854775808", "-9223372036854775809"}) {
    run({put("n", text)});
    const TxResult result = run({add("n", 0)});
    EXPECT_OUTCOME(result, kRejectedNotANumber) << text;
    EXPECT_EQ(result.failed_operation, 0U);
    EXPECT_EQ(value("n"), text);
  }
}

TEST_F(ExecutionTest, AddReachesBothEndsAndNotBeyond) {
  EXPECT_OUTCOME(run({add("n", INT64_MAX)}), kApplied);
  EXPECT_EQ(value("n"), "9223372036854775807");
  EXPECT_OUTCOME(run({add("n", 1)}), kRejectedNumberOverflow);
  EXPECT_OUTCOME(run({add("n", -INT64_MAX), add("n", INT64_MIN)}), kApplied);
  EXPECT_EQ(value("n"), "-9223372036854775808");
  EXPECT_OUTCOME(run({add("n", -1)}), kRejectedNumberOverflow);
  EXPECT_OUTCOME(run({add("n", INT64_MAX), add("n", 1)}), kApplied);
  EXPECT_EQ(value("n"), "0");
}

TEST_F(ExecutionTest, TransferMovesUnitsToAnyKey) {
  EXPECT_OUTCOME(run({Transfer{public_key_of("carol"), 1000}}), kApplied);
  EXPECT_EQ(balance("alice"), 0U);
  EXPECT_EQ(balance("carol"), 1000U);
  EXPECT_FALSE(state_.leaves.contains(account_key(public_key_of("alice"))));
  const TxResult result = run({put("a", "b"), Transfer{public_key_of("carol"), 1}});
  EXPECT_OUTCOME(result, kRejectedInsufficientFunds);
  EXPECT_EQ(result.failed_operation, 1U);
}

TEST_F(ExecutionTest, TransferToOneselfChangesNothing) {
  EXPECT_OUTCOME(run({Transfer{public_key_of("alice"), 1000}}), kApplied);
  EXPECT_EQ(balance("alice"), 1000U);
  EXPECT_OUTCOME(run({Transfer{public_key_of("alice"), 1001}}), kRejectedInsufficientFunds);
  EXPECT_EQ(balance("alice"), 1000U);
}

TEST_F(ExecutionTest, AnAccountHolds64Bits) {
  state_.leaves[account_key(public_key_of("bob"))] = crypto::encode(Account{UINT64_MAX - 10});
  EXPECT_OUTCOME(run({Transfer{public_key_of("bob"), 11}}), kRejectedBalanceOverflow);
  EXPECT_EQ(balance("alice"), 1000U);
  EXPECT_OUTCOME(run({Transfer{public_key_of("bob"), 10}}), kApplied);
  EXPECT_EQ(balance("bob"), UINT64_MAX);
}

TEST_F(ExecutionTest, APutUntilATimeReadsAsAbsentFromThenOn) {
  const TimeMs until{kNow.value + 10};
  EXPECT_OUTCOME(run({put("k", "v", until)}), kApplied);
  EXPECT_EQ(value("k"), "v");
  run({put("other", "x")}, {until.value - 1});
  EXPECT_EQ(value("k"), "v");
  // At the very time it is gone, for readers and for operations; its leaf stays.
  EXPECT_OUTCOME(run({compare_and_set("k", "v", "w")}, until), kRejectedCompareFailed);
  EXPECT_EQ(value("k"), std::nullopt);
  EXPECT_TRUE(state_.leaves.contains(to_bytes("k")));
  EXPECT_OUTCOME(run({add("k", 3)}), kApplied);
  EXPECT_EQ(value("k"), "3");
}

TEST_F(ExecutionTest, APutUntilThePastIsRefused) {
  EXPECT_OUTCOME(run({put("k", "v", kNow)}), kRejectedUntilInThePast);
  EXPECT_OUTCOME(run({put("k", "v", TimeMs{0})}), kRejectedUntilInThePast);
  EXPECT_OUTCOME(run({put("k", "v", TimeMs{kNow.value + 1})}), kApplied);
}

TEST_F(ExecutionTest, AddKeepsUntilAndCompareAndSetDropsIt) {
  const TimeMs until{kNow.value + 10};
  run({put("added", "1", until), put("compared", "1", until)});
  run({add("added", 1), compare_and_set("compared", "1", "2")});
  EXPECT_EQ(read_entry(state_, as_bytes("added")).value()->until, until);
  EXPECT_EQ(read_entry(state_, as_bytes("compared")).value()->until, std::nullopt);
}

TEST_F(ExecutionTest, ANonceIsSkippedWhenUsedTooOldOrTooFar) {
  const TimeMs good{kNow.value + 1000};
  EXPECT_OUTCOME(run(with(1025, good)), kSkippedNonceTooFar);
  EXPECT_OUTCOME(run(with(1, good)), kApplied);
  const auto leaves = state_.leaves;
  EXPECT_OUTCOME(run(with(1, good, {put("other", "x")})), kSkippedNonceUsed);
  EXPECT_EQ(state_.leaves, leaves);
  EXPECT_OUTCOME(run(with(1025, good)), kApplied);
  EXPECT_OUTCOME(run(with(1, good)), kSkippedNonceTooOld);
}

TEST_F(ExecutionTest, ANonceIsJudgedBeforeExpiry) {
  EXPECT_OUTCOME(run(with(1, {kNow.value + 1000})), kApplied);
  EXPECT_OUTCOME(run(with(1, {1})), kSkippedNonceUsed);
  EXPECT_OUTCOME(run(with(5000, {1})), kSkippedNonceTooFar);
}

TEST_F(ExecutionTest, ExpiryIsFinalWithoutTheNonce) {
  const auto leaves_but_time = [this] {
    auto leaves = state_.leaves;
    leaves.erase(time_key());
    return leaves;
  };
  const auto before = leaves_but_time();
  EXPECT_OUTCOME(run(with(1, kNow)), kRejectedExpired);
  EXPECT_EQ(leaves_but_time(), before);
  EXPECT_TRUE(nonce_is_free(1));
  EXPECT_OUTCOME(run(with(1, {kNow.value + 1})), kApplied);
}

TEST_F(ExecutionTest, AValidUntilBeyondTheHorizonUsesTheNonce) {
  const std::uint64_t horizon = genesis_.parameters.valid_until_horizon_ms;
  EXPECT_OUTCOME(run(with(1, {kNow.value + horizon + 1})), kRejectedValidUntilTooFar);
  EXPECT_FALSE(nonce_is_free(1));
  EXPECT_EQ(value("k"), std::nullopt);
  EXPECT_OUTCOME(run(with(2, {UINT64_MAX})), kRejectedValidUntilTooFar);
  EXPECT_OUTCOME(run(with(3, {kNow.value + horizon})), kApplied);
}

TEST_F(ExecutionTest, EffectiveTimeNeverGoesBack) {
  EXPECT_EQ(run_batch(state_, genesis_, kNow, {}).effective_time, kNow);
  EXPECT_EQ(run_batch(state_, genesis_, {5}, {}).effective_time, kNow);
  EXPECT_EQ(read_time(state_), kNow);
  // What counts is the effective time, not the proposed one.
  EXPECT_OUTCOME(run(with(1, kNow), {5}), kRejectedExpired);
}

TEST_F(ExecutionTest, NullBatchesInheritTimeAndChangeNothing) {
  run_batch(state_, genesis_, kNow, {});
  const Execution execution = execute(null_batch({2}).header, {}, genesis_, state_).value();
  EXPECT_EQ(execution.effective_time, kNow);
  EXPECT_TRUE(execution.writes.empty());
  EXPECT_TRUE(execution.results.empty());
  EXPECT_EQ(execution.results_root, crypto::sha256({}));
}

TEST_F(ExecutionTest, WritesAreExactlyWhatDiffers) {
  run({put("same", "1"), put("changed", "1"), put("gone", "1")});
  const auto transaction =
      from_alice({put("same", "1"), put("changed", "2"), del("gone"), del("absent"),
                  put("brief", "x"), del("brief"), Transfer{public_key_of("alice"), 5}});
  const Execution execution = run_batch(state_, genesis_, kNow, {transaction});
  std::vector<Bytes> keys;
  for (const auto& [key, written] : execution.writes) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<Bytes>{nonce_key(public_key_of("alice")), to_bytes("changed"),
                                      to_bytes("gone")}));
  EXPECT_EQ(execution.writes.at(to_bytes("gone")), std::nullopt);
}

TEST_F(ExecutionTest, ResultsRootCoversIdOutcomePlaceAndOrder) {
  const TxResult good{{crypto::sha256(as_bytes("a"))}, Outcome::kRejectedCompareFailed, 2};
  std::vector<TxResult> others(4, good);
  others[0].id.digest.bytes[0] ^= 1;
  others[1].outcome = Outcome::kApplied;
  others[2].failed_operation = 3;
  others[3].failed_operation.reset();
  for (const TxResult& other : others) EXPECT_NE(results_root({other}), results_root({good}));
  EXPECT_NE(results_root({good, others[0]}), results_root({others[0], good}));
}

TEST_F(ExecutionTest, DamagedLeavesEndTheExecutionByName) {
  const auto batch = std::vector{from_alice({add("n", 1), Transfer{public_key_of("bob"), 1}})};
  const BatchHeader header = make_batch({1}, kNow, 0, ids_of(batch)).header;
  const auto error_with = [&](const Bytes& key, Bytes leaf) {
    MapState damaged = state_;
    damaged.leaves[key] = std::move(leaf);
    const auto result = execute(header, batch, genesis_, damaged);
    return result ? Error{} : result.error();
  };
  for (const Bytes& key :
       {time_key(), to_bytes("n"), nonce_key(public_key_of("alice")),
        account_key(public_key_of("alice")), account_key(public_key_of("bob"))}) {
    const Error error = error_with(key, {1, 2, 3});
    EXPECT_EQ(error.code, "state-malformed");
    EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
    EXPECT_NE(error.message.find(to_hex(key)), std::string::npos) << error.message;
  }
  MapState timeless = state_;
  timeless.leaves.erase(time_key());
  EXPECT_EQ(refusal(execute(header, batch, genesis_, timeless)), "state-malformed");
}

// A state whose disk fails at the nth read.
class FailingState final : public StateReader {
 public:
  FailingState(const StateReader& below, int reads) : below_(below), left_(reads) {}
  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const override {
    if (left_-- == 0) return fail(ErrorKind::kCorrupt, "disk-failed", "test");
    return below_.get(key);
  }
  const StateReader& below_;
  mutable int left_;
};

TEST_F(ExecutionTest, AnErrorOfTheStateEndsTheExecutionWithIt) {
  const auto batch =
      std::vector{from_alice({add("n", 1), put("p", "x"), Transfer{public_key_of("bob"), 1}})};
  const BatchHeader header = make_batch({1}, kNow, 0, ids_of(batch)).header;
  int reads = 0;
  for (;; ++reads) {
    const auto result = execute(header, batch, genesis_, FailingState(state_, reads));
    if (result) break;
    ASSERT_EQ(result.error().code, "disk-failed");
  }
  // Each leaf is read once: epoch and the start of the next one, nonces, n, two accounts, p for the
  // difference; and the time twice.
  EXPECT_EQ(reads, 9);
}

TEST_F(ExecutionTest, ReadersDoNotTakeReservedLeavesForEntries) {
  EXPECT_EQ(read_entry(state_, time_key()).value(), std::nullopt);
  EXPECT_EQ(read_entry(state_, account_key(public_key_of("alice"))).value(), std::nullopt);
  EXPECT_EQ(read_entry(state_, {}).value(), std::nullopt);
}

TEST_F(ExecutionTest, EveryOutcomeHasACodeAndASentence) {
  std::set<std::string_view> codes;
  for (int i = 0; i <= static_cast<int>(Outcome::kRejectedNotSigned); ++i) {
    const auto outcome = static_cast<Outcome>(i);
    codes.insert(outcome_code(outcome));
    EXPECT_TRUE(outcome_sentence(outcome).ends_with('.'));
    EXPECT_EQ(is_skipped(outcome), i >= 1 && i <= 3);
    EXPECT_EQ(uses_nonce(outcome), i == 0 || i >= 5);
  }
  EXPECT_EQ(codes.size(), 23U);
}

class AdmissionTest : public ExecutionTest {
 protected:
  std::string_view admission(std::uint64_t nonce, std::uint64_t valid_until, TimeMs now = kNow) {
    return refusal(check_admission(*with(nonce, {valid_until}), genesis_, state_, now));
  }
  const std::uint64_t slack_ = genesis_.parameters.time_slack_ms;
  const std::uint64_t horizon_ = genesis_.parameters.valid_until_horizon_ms;
};

TEST_F(AdmissionTest, JudgesTheNonceByTheState) {
  const std::uint64_t good = kNow.value + 10'000;
  EXPECT_EQ(admission(1024, good), "none");
  EXPECT_EQ(admission(1025, good), "tx-nonce-too-far");
  run(with(1, {good}));
  EXPECT_EQ(admission(1, good), "tx-nonce-used");
  run(with(1025, {good}));
  EXPECT_EQ(admission(1, good), "tx-nonce-too-old");
}

TEST_F(AdmissionTest, RefusesWithinASlackOfExpiry) {
  EXPECT_EQ(admission(1, kNow.value + slack_), "tx-expired");
  EXPECT_EQ(admission(1, kNow.value + slack_ + 1), "none");
  EXPECT_EQ(admission(1, 1), "tx-expired");
  // Agreed time counts where it is ahead of the own clock.
  run_batch(state_, genesis_, {kNow.value + 5000}, {});
  EXPECT_EQ(admission(1, kNow.value + 5000), "tx-expired");
  EXPECT_EQ(admission(1, kNow.value + 5001), "none");
  EXPECT_EQ(admission(1, UINT64_MAX, {UINT64_MAX}), "tx-expired");
}

TEST_F(AdmissionTest, RefusesWhatABatchASlackBehindWouldRefuse) {
  EXPECT_EQ(admission(1, kNow.value - slack_ + horizon_), "none");
  EXPECT_EQ(admission(1, kNow.value - slack_ + horizon_ + 1), "tx-valid-until-too-far");
  EXPECT_EQ(admission(1, UINT64_MAX), "tx-valid-until-too-far");
  // Agreed time counts where it is ahead of that.
  EXPECT_EQ(admission(1, kGenesisTime.value + horizon_, {0}), "none");
  EXPECT_EQ(admission(1, kGenesisTime.value + horizon_ + 1, {0}), "tx-valid-until-too-far");
}

TEST_F(AdmissionTest, WhatIsAdmittedIsOrderedWithoutSkipOrExpiry) {
  const std::uint64_t until = kNow.value + slack_ + 1;
  ASSERT_EQ(admission(1, until), "none");
  EXPECT_OUTCOME(run(with(1, {until}), {kNow.value + slack_}), kApplied);
}

TEST_F(AdmissionTest, LeavesWhatOperationsDoToExecution) {
  const auto poor = from_alice({Transfer{public_key_of("bob"), 1'000'000}});
  EXPECT_TRUE(check_admission(*poor, genesis_, state_, kNow));
}

TEST_F(AdmissionTest, NamesWhatWasFoundAndExpected) {
  const auto status = check_admission(*with(3000, {kNow.value + 10'000}), genesis_, state_, kNow);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kRejected);
  EXPECT_NE(status.error().message.find("3000"), std::string::npos);
  EXPECT_FALSE(status.error().next.empty());
}

using ExecutionDeathTest = ExecutionTest;

TEST_F(ExecutionDeathTest, ExecutingOtherBodiesThanTheBatchNamesIsOurOwnBug) {
  const auto named = std::vector{from_alice({put("a", "1")})};
  const auto other = std::vector{from_alice({put("a", "2")})};
  const BatchHeader header = make_batch({1}, kNow, 0, ids_of(named)).header;
  EXPECT_DEATH((void)execute(header, other, genesis_, state_), "with its own bodies");
  EXPECT_DEATH((void)execute(header, {}, genesis_, state_), "with its own bodies");
}

}  // namespace
}  // namespace quorate::ledger
