// Which chunk is asked of whom, with a real state behind the answers.

#include "node/snapshot_fetch.h"

#include <gtest/gtest.h>

#include <set>

#include "node/snapshot_server.h"
#include "tests/ledger/signed_ledger.h"

namespace quorate::node {
namespace {

using ledger::ReplicaId;
using ledger::test::refusal;

class SnapshotFetchTest : public ledger::test::SignedLedger {
 protected:
  SnapshotFetchTest() {
    // Sixteen chunks below the first one.
    std::vector<ledger::Operation> operations;
    for (int key = 0; key < 100; ++key) {
      operations.push_back(ledger::test::put("key " + std::to_string(key),
                                             std::string(3000, static_cast<char>('a' + key % 26))));
    }
    append({transaction(1, std::move(operations))});
    append({});
    stabilise_newest();
    head_ = std::get<SnapshotOffer>(server_.offer().value()).head.value();
    staging_ = std::move(
        ledger::SnapshotStaging::open("/staging", ledger::chain_id_of(genesis_), {&env_}).value());
    work_.emplace(head_.checkpoint.note.state_root, *staging_);
    fetch_.emplace(*work_, head_.checkpoint.note.sequence);
  }
  [[nodiscard]] ChunkAnswer answer_to(const SnapshotFetch::Question& question) {
    return server_.answer(question.request).value();
  }
  // Answers all but what `answers` says no to, until nothing is asked.
  void run(const std::function<bool(const SnapshotFetch::Question&, ChunkAnswer&)>& answers,
           std::uint64_t now_ms = 1) {
    for (auto asked = fetch_->ask(now_ms).value(); !asked.empty();
         asked = fetch_->ask(now_ms).value()) {
      for (const auto& question : asked) {
        ++questions_[question.to];
        ChunkAnswer answer = answer_to(question);
        if (!answers(question, answer)) continue;
        ASSERT_TRUE(fetch_->on_answer(question.to, answer));
      }
    }
  }

  SnapshotServer server_{*store_, [](ReplicaId, const PeerMessage&) {}};
  ledger::SnapshotHead head_;
  std::unique_ptr<ledger::SnapshotStaging> staging_;
  std::optional<ledger::SnapshotWork> work_;
  std::optional<SnapshotFetch> fetch_;
  std::map<ReplicaId, int> questions_;
};

void change(ChunkAnswer& answer) {
  if (auto* entries = std::get_if<std::vector<ledger::SnapshotEntry>>(&*answer.chunk)) {
    entries->back().value.push_back('!');
  } else {
    std::get<ledger::ChunkSlots>(*answer.chunk)[5] = crypto::sha256(as_bytes("a lie"));
  }
}

TEST_F(SnapshotFetchTest, SeveralAreAskedAtOnceAndALiarIsSkippedAndNamed) {
  for (const ReplicaId source : {ReplicaId{0}, ReplicaId{1}, ReplicaId{2}}) {
    fetch_->add_source(source);
  }
  run([this](const auto& question, ChunkAnswer& answer) {
    fetch_->add_source({1});  // it is still connected
    if (question.to == ReplicaId{1}) change(answer);
    return true;
  });
  EXPECT_TRUE(fetch_->is_done());
  ASSERT_EQ(fetch_->refused().size(), 1U);
  EXPECT_EQ(fetch_->refused()[0].replica, ReplicaId{1});
  EXPECT_EQ(fetch_->refused()[0].code, "chunk-other-digest");
  EXPECT_NE(fetch_->refused()[0].detail.find("was expected"), std::string::npos);
  EXPECT_EQ(fetch_->contributors(), (std::set<ReplicaId>{{0}, {2}}));
  EXPECT_LE(questions_[ReplicaId{1}], static_cast<int>(kQuestionsMax)) << "all before its lie";
  EXPECT_EQ(work_->chunks(), 17U);
}

TEST_F(SnapshotFetchTest, NobodyIsAskedMoreThanAFewThingsAtOnce) {
  fetch_->add_source({0});
  auto asked = fetch_->ask(1).value();
  ASSERT_EQ(asked.size(), 1U) << "one root";
  ASSERT_TRUE(fetch_->on_answer({0}, answer_to(asked[0])).value());
  fetch_->add_source({2});
  asked = fetch_->ask(1).value();
  ASSERT_EQ(asked.size(), 2 * kQuestionsMax);
  std::map<ReplicaId, std::size_t> each;
  std::set<ledger::StatePath> paths;
  for (const auto& question : asked) {
    ++each[question.to];
    paths.insert(question.request.path);
  }
  EXPECT_EQ(each[ReplicaId{0}], kQuestionsMax);
  EXPECT_EQ(each[ReplicaId{2}], kQuestionsMax);
  EXPECT_EQ(paths.size(), asked.size()) << "no chunk is asked for twice";
  EXPECT_TRUE(fetch_->ask(1).value().empty());
}

TEST_F(SnapshotFetchTest, WhatNobodyAnswersIsAskedOfOthersAndASilentSourceIsGivenUp) {
  fetch_->add_source({0});
  fetch_->add_source({1});
  std::uint64_t now = 1;
  for (; !fetch_->is_done() && now < 10 * kChunkTimeoutMs; now += kChunkTimeoutMs) {
    run([](const auto& question, ChunkAnswer&) { return question.to != ReplicaId{1}; }, now);
  }
  EXPECT_TRUE(fetch_->is_done());
  EXPECT_EQ(fetch_->contributors(), std::set<ReplicaId>{ReplicaId{0}});
  EXPECT_TRUE(fetch_->refused().empty()) << "slowness is no lie";
}

TEST_F(SnapshotFetchTest, ASilentSourceAloneIsNotWaitedForForEver) {
  fetch_->add_source({1});
  std::uint64_t now = 1;
  for (std::uint32_t i = 0; i < kSourceFailuresMax; ++i, now += kChunkTimeoutMs) {
    EXPECT_EQ(fetch_->ask(now).value().size(), 1U);
    EXPECT_TRUE(fetch_->ask(now + kChunkTimeoutMs - 1).value().empty());
    EXPECT_FALSE(fetch_->is_stranded());
  }
  EXPECT_TRUE(fetch_->ask(now).value().empty());
  EXPECT_TRUE(fetch_->is_stranded());
  fetch_->add_source({1});
  EXPECT_TRUE(fetch_->is_stranded()) << "it was asked in vain";
  fetch_->add_source({2});
  EXPECT_EQ(fetch_->ask(now).value().size(), 1U);
}

TEST_F(SnapshotFetchTest, WhatWasAskedOfOneThatIsGoneIsAskedOfOthers) {
  fetch_->add_source({0});
  const auto first = fetch_->ask(1).value();
  fetch_->remove_source({0});
  EXPECT_TRUE(fetch_->is_stranded());
  EXPECT_FALSE(fetch_->on_answer({0}, answer_to(first[0])).value());
  fetch_->add_source({2});
  const auto again = fetch_->ask(1).value();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].request.path, first[0].request.path);
  fetch_->remove_source({2});
  fetch_->add_source({0});  // it is back
  EXPECT_EQ(fetch_->ask(1).value().size(), 1U);
}

TEST_F(SnapshotFetchTest, AnAnswerToNoOpenQuestionIsNotTaken) {
  fetch_->add_source({0});
  const auto asked = fetch_->ask(1).value();
  const ChunkAnswer good = answer_to(asked[0]);
  ChunkAnswer other = good;
  other.sequence.value += 2;
  EXPECT_FALSE(fetch_->on_answer({0}, other).value());
  other = good;
  other.path = ledger::path_below(good.path, 3);
  EXPECT_FALSE(fetch_->on_answer({0}, other).value());
  EXPECT_FALSE(fetch_->on_answer({1}, good).value());
  EXPECT_TRUE(fetch_->on_answer({0}, good).value());
  EXPECT_FALSE(fetch_->on_answer({0}, good).value());
  EXPECT_EQ(work_->chunks(), 1U);
}

TEST_F(SnapshotFetchTest, OneThatHoldsTheStateNoMoreIsNoLiarButAskedNoMore) {
  fetch_->add_source({0});
  const auto asked = fetch_->ask(1).value();
  ChunkAnswer none = answer_to(asked[0]);
  none.chunk.reset();
  EXPECT_TRUE(fetch_->on_answer({0}, none).value());
  EXPECT_TRUE(fetch_->refused().empty());
  EXPECT_TRUE(fetch_->is_stranded());
  fetch_->add_source({0});
  EXPECT_TRUE(fetch_->is_stranded());
}

TEST_F(SnapshotFetchTest, AFailureOfTheStagingIsNoLie) {
  fetch_->add_source({0});
  const auto asked = fetch_->ask(1).value();
  env_.fail_appends_from(0);
  EXPECT_EQ(refusal(fetch_->on_answer({0}, answer_to(asked[0]))), "snapshot-write-failed");
  EXPECT_TRUE(fetch_->refused().empty());
}

}  // namespace
}  // namespace quorate::node
