// A node reports what it saw: once, in its turn, again while the ledger does not have it, and after
// a restart; over a real state machine.

#include "node/evidence_reporter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "tests/ledger/example_network.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;
using namespace ledger::test;
using ledger::Evidence;
using ledger::TimeMs;

// Four nodes with one state: what one submits, all execute at the next `commit`.
class EvidenceReporterTest : public testing::Test {
 protected:
  std::unique_ptr<EvidenceReporter> reporter(std::uint16_t self) {
    const std::string name = "network key of replica " + std::to_string(self);
    keys_[self] = std::make_unique<crypto::SecretKey>(
        crypto::SecretKey::from_seed(crypto::sha256(as_bytes(name)).bytes));
    return std::make_unique<EvidenceReporter>(EvidenceReporter::Parts{
        genesis_, ledger::chain_id_of(genesis_), {self}, *keys_[self], state_,
        [this, self](std::uint64_t highest_used) { return next_nonce(self, highest_used); },
        [this](ByteView encoded) { return submit(encoded); }, folder(self)});
  }
  [[nodiscard]] fs::path folder(std::uint16_t self) const {
    return folder_.path() / std::to_string(self);
  }
  // As the mempool gives them out: none that waits.
  [[nodiscard]] std::uint64_t next_nonce(std::uint16_t self, std::uint64_t highest_used) const {
    std::uint64_t nonce = highest_used + 1;
    const auto is_taken = [&](const ledger::TransactionPtr& each) {
      const ledger::Transaction& body = each->signed_transaction->body;
      return body.sender == keys_.at(self)->public_key() && body.nonce == nonce;
    };
    while (std::any_of(submitted_.begin(), submitted_.end(), is_taken)) ++nonce;
    return nonce;
  }
  Result<SubmitOutcome> submit(ByteView encoded) {
    if (is_busy_) return fail(ErrorKind::kUnavailable, "busy", "no room", "");
    crypto::SignatureCache cache(16);
    const ledger::TransactionVerifier verifier(genesis_, ledger::chain_id_of(genesis_), &cache);
    QUORATE_ASSIGN(const auto transaction, verifier.check(encoded));
    QUORATE_TRY(ledger::check_admission(*transaction, genesis_, state_, now_));
    submitted_.push_back(transaction);
    return SubmitOutcome{transaction->id, true};
  }
  void commit() {
    for (const auto& result : run_batch(state_, genesis_, now_, submitted_, {7}).results) {
      outcomes_.emplace_back(ledger::outcome_code(result.outcome));
    }
    submitted_.clear();
  }
  void pass(std::uint64_t ms) { now_.value += ms; }
  [[nodiscard]] std::size_t recorded(std::uint16_t replica) const {
    return ledger::read_offences(state_, {0}, {replica}).value().size();
  }
  [[nodiscard]] std::size_t files(std::uint16_t self) const {
    if (!fs::exists(folder(self))) return 0;
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder(self)), fs::directory_iterator()));
  }
  // Waits for its turn at most.
  void tend(EvidenceReporter& one) {
    for (std::size_t i = 0; i < genesis_.replicas.size() && submitted_.empty(); ++i) {
      one.tend(now_);
      pass(EvidenceReporter::kTurnMs);
    }
  }

  quorate::test::TemporaryFolder folder_;
  ledger::Genesis genesis_ = [] {
    ledger::Genesis genesis = example_genesis();
    genesis.senders = {{public_key_of("alice")}};  // reports need not be listed
    return genesis;
  }();
  MapState state_{ledger::genesis_state(genesis_)};
  TimeMs now_{kGenesisTime.value + 1000};
  std::map<std::uint16_t, std::unique_ptr<crypto::SecretKey>> keys_;
  std::vector<ledger::TransactionPtr> submitted_;
  std::vector<std::string> outcomes_;
  bool is_busy_ = false;
};

TEST_F(EvidenceReporterTest, ReportsOnceAndForgetsWhatTheLedgerHas) {
  const auto one = reporter(1);
  const Evidence evidence = example_evidence(genesis_, 3);
  one->found(evidence);
  one->found(evidence);
  tend(*one);
  ASSERT_EQ(submitted_.size(), 1U);
  EXPECT_EQ(submitted_[0]->signed_transaction->body.sender, genesis_.replicas[1].network_key);
  for (int i = 0; i < 5; ++i) one->tend(now_);
  EXPECT_EQ(submitted_.size(), 1U) << "it is under way";
  EXPECT_EQ(files(1), 1U);
  commit();
  EXPECT_EQ(recorded(3), 1U);
  one->tend(now_);
  EXPECT_EQ(one->waiting(), 0U);
  EXPECT_EQ(files(1), 0U);
  one->found(evidence);
  tend(*one);
  EXPECT_TRUE(submitted_.empty());
  EXPECT_EQ(outcomes_, std::vector<std::string>{"applied"});
}

TEST_F(EvidenceReporterTest, OneOfManyReportsWhereTheLedgerTakesItInTime) {
  std::vector<std::unique_ptr<EvidenceReporter>> all;
  for (std::uint16_t i = 0; i < 4; ++i) all.push_back(reporter(i));
  for (std::uint64_t sequence = 20; sequence < 24; ++sequence) {
    for (const auto& each : all) each->found(example_evidence(genesis_, 3, {sequence}));
  }
  for (int second = 0; second < 6; ++second) {
    for (const auto& each : all) each->tend(now_);
    commit();
    pass(EvidenceReporter::kTurnMs);
  }
  EXPECT_EQ(outcomes_, std::vector<std::string>(4, "applied"));
  for (const auto& each : all) EXPECT_EQ(each->waiting(), 0U);
}

TEST_F(EvidenceReporterTest, ThoseAfterASilentOneReport) {
  std::vector<std::unique_ptr<EvidenceReporter>> two;
  for (std::uint16_t i = 0; i < 2; ++i) two.push_back(reporter(i));
  for (std::uint64_t sequence = 20; sequence < 28; ++sequence) {
    for (const auto& each : two) each->found(example_evidence(genesis_, 3, {sequence}));
  }
  for (int second = 0; second < 8; ++second) {
    for (const auto& each : two) each->tend(now_);
    commit();
    pass(EvidenceReporter::kTurnMs);
  }
  EXPECT_EQ(recorded(3), 8U);
  EXPECT_EQ(outcomes_.size(), 8U);
}

TEST_F(EvidenceReporterTest, ABusyNodeTriesAgain) {
  const auto one = reporter(0);
  is_busy_ = true;
  one->found(example_evidence(genesis_, 2));
  for (int i = 0; i < 20; ++i) {
    one->tend(now_);
    pass(1000);
  }
  EXPECT_EQ(one->waiting(), 1U) << "what was not sent is no attempt";
  is_busy_ = false;
  one->tend(now_);
  EXPECT_EQ(submitted_.size(), 1U);
}

TEST_F(EvidenceReporterTest, WhatDoesNotComeThroughIsSignedAnewAFewTimes) {
  const auto one = reporter(0);
  one->found(example_evidence(genesis_, 2));
  std::vector<TimeMs> ends;
  for (int second = 0; second < 600; ++second) {
    one->tend(now_);
    for (const auto& each : submitted_) {
      ends.push_back(each->signed_transaction->body.valid_until);
    }
    submitted_.clear();  // lost
    pass(1000);
  }
  EXPECT_EQ(ends.size(), EvidenceReporter::kAttemptsMax);
  for (std::size_t i = 1; i < ends.size(); ++i) {
    EXPECT_GE(ends[i].value, ends[i - 1].value + 60'000);
  }
  EXPECT_EQ(one->waiting(), 0U);
  EXPECT_EQ(files(0), 0U);
}

TEST_F(EvidenceReporterTest, ARestartGoesOnWithWhatTheLedgerDoesNotHave) {
  const Evidence evidence = example_evidence(genesis_, 3);
  is_busy_ = true;
  {
    const auto one = reporter(1);
    one->found(evidence);
    one->found(example_evidence(genesis_, 3, {21}));
    one->tend(now_);
    EXPECT_EQ(files(1), 2U);
  }
  is_busy_ = false;
  state_ = MapState(ledger::genesis_state(genesis_));
  submitted_ = {Trusting::trust(
      example_body(genesis_, 1, {ledger::RecordEvidence{example_evidence(genesis_, 3, {21})}}))};
  commit();
  const auto again = reporter(1);
  EXPECT_EQ(again->waiting(), 2U);
  again->tend(now_);
  EXPECT_EQ(again->waiting(), 1U) << "another node reported one meanwhile";
  ASSERT_EQ(submitted_.size(), 1U);
  commit();
  EXPECT_EQ(recorded(3), 2U);
  again->tend(now_);
  EXPECT_EQ(files(1), 0U);
}

TEST_F(EvidenceReporterTest, AFileThatDoesNotVerifyIsLeftAlone) {
  ledger::VoteEvidence bad = example_evidence(genesis_, 3);
  bad.second_signature.bytes[0] ^= 1;
  const Bytes bytes = crypto::encode(ledger::EvidenceFile{
      ledger::kEvidenceFormat, ledger::chain_id_of(genesis_), Evidence(bad)});
  fs::create_directories(folder(1));
  for (const std::string_view text : {as_text(bytes), std::string_view("nonsense")}) {
    std::ofstream(folder(1) / "x.evidence") << text;
    const auto one = reporter(1);
    tend(*one);
    EXPECT_EQ(one->waiting(), 0U);
    EXPECT_TRUE(submitted_.empty());
    EXPECT_EQ(files(1), 1U);
  }
}

TEST_F(EvidenceReporterTest, NoLiarFillsIt) {
  const auto one = reporter(1);
  is_busy_ = true;
  for (std::uint64_t i = 0; i < 40; ++i) one->found(example_evidence(genesis_, 3, {100 + i}));
  one->found(example_evidence(genesis_, 2));
  one->tend(now_);
  EXPECT_EQ(one->waiting(), ledger::kOffencesMax + 1);
  is_busy_ = false;
  pass(4000);
  one->tend(now_);
  EXPECT_EQ(submitted_.size(), EvidenceReporter::kOpenMax);
}

// Admission wants more than a slack and no more than the horizon.
TEST_F(EvidenceReporterTest, ItsReportsAreAdmittedUnderAnyRules) {
  for (const auto& [slack, horizon] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {1, 4}, {500, 2000}, {500, 86'400'000}, {3'600'000, 14'400'000}}) {
    genesis_.parameters.time_slack_ms = slack;
    genesis_.parameters.valid_until_horizon_ms = horizon;
    state_ = MapState(ledger::genesis_state(genesis_));
    const auto one = reporter(0);
    one->found(example_evidence(genesis_, 3));
    tend(*one);
    EXPECT_EQ(submitted_.size(), 1U) << slack << " " << horizon;
    submitted_.clear();
    fs::remove_all(folder(0));
  }
}

}  // namespace
}  // namespace quorate::node
