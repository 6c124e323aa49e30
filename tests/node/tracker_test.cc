// The tracker: levels in their order, ends that are final, waits, and bounded memory.

#include "node/tracker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

#include "crypto/sha256.h"

namespace quorate::node {
namespace {

using ledger::Height;
using ledger::Outcome;
using ledger::Sequence;
using ledger::TxId;
using ledger::View;

TxId id_of(std::uint64_t number) { return {crypto::sha256(as_bytes(std::to_string(number)))}; }

const TxId kA = id_of(1);
const TxId kB = id_of(2);

std::vector<Level> levels(const TxStatus& status) {
  std::vector<Level> out;
  for (const LevelChange& change : status.history) out.push_back(change.level);
  return out;
}
using Levels = std::vector<Level>;

TEST(Levels, EachHasANameThatReadsBack) {
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(Level::kExpired); ++i) {
    const auto level = static_cast<Level>(i);
    EXPECT_EQ(parse_level(level_text(level)).value(), level);
  }
  const auto wrong = parse_level("final");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, "level-unknown");
  EXPECT_NE(wrong.error().message.find("replicated"), std::string::npos);
}

TEST(Levels, AWishIsALevelOrAnAnchorAtADepth) {
  const auto wish = [](std::string_view text) {
    const auto parsed = parse_wish(text);
    return parsed ? std::string(level_text(parsed->level)) + "/" + std::to_string(parsed->depth)
                  : std::string(parsed.error().code);
  };
  EXPECT_EQ(wish("stable"), "stable/1");
  EXPECT_EQ(wish("anchored"), "anchored/1");
  EXPECT_EQ(wish("anchored=6"), "anchored/6");
  for (const std::string_view wrong :
       {"", "unknown", "rejected", "expired", "stable=2", "anchored=", "anchored=0", "anchored=-1",
        "anchored=1000001", "anchored=6 ", "=6", "depth=6"}) {
    EXPECT_EQ(wish(wrong), "level-unknown") << wrong;
  }
}

TEST(Levels, AnEndSatisfiesEveryWait) {
  EXPECT_TRUE(satisfies(Level::kRejected, Level::kStable));
  EXPECT_TRUE(satisfies(Level::kExpired, Level::kLocal));
  EXPECT_TRUE(satisfies(Level::kQuorum, Level::kPromised));
  EXPECT_FALSE(satisfies(Level::kQuorum, Level::kReplicated));
  EXPECT_FALSE(satisfies(Level::kQuorum, Level::kExpired));
  EXPECT_TRUE(satisfies(Level::kReplicated, Level::kRejected));  // no end comes any more
}

TEST(Tracker, TellsEachLevelWithItsTimeAndEvidence) {
  Tracker tracker;
  EXPECT_FALSE(tracker.status(kA));
  tracker.on_local(kA);
  tracker.on_proposed(View{0}, Sequence{7}, {kB, kA});
  tracker.on_prepared(View{0}, Sequence{7});
  tracker.on_executed(Height{7}, {{kB, Outcome::kApplied, {}}, {kA, Outcome::kApplied, {}}},
                      {std::nullopt, std::nullopt});
  const TxStatus status = tracker.status(kA).value();
  EXPECT_EQ(status.id, kA);
  EXPECT_EQ(status.level, Level::kReplicated);
  EXPECT_EQ(status.height, Height{7});
  EXPECT_EQ(status.index, 1U);
  EXPECT_EQ(status.outcome, Outcome::kApplied);
  EXPECT_EQ(levels(status),
            Levels({Level::kLocal, Level::kPromised, Level::kQuorum, Level::kReplicated}));
  EXPECT_EQ(status.history[1].evidence, "proposed at sequence 7 in view 0");
  EXPECT_EQ(status.history[3].evidence, "committed by a quorum and executed at height 7");
  for (std::size_t i = 1; i < status.history.size(); ++i) {
    EXPECT_GE(status.history[i].after_us, status.history[i - 1].after_us);
    EXPECT_GT(status.history[i].wall_ms, 1'700'000'000'000U);
  }
}

TEST(Tracker, ALevelIsNotTakenBack) {
  Tracker tracker;
  tracker.on_proposed(View{0}, Sequence{7}, {kA});
  tracker.on_prepared(View{0}, Sequence{7});
  tracker.on_local(kA);
  tracker.on_proposed(View{0}, Sequence{8}, {kA});
  EXPECT_EQ(levels(*tracker.status(kA)), Levels({Level::kPromised, Level::kQuorum}));
}

TEST(Tracker, AProposalInALaterViewAddsItsLine) {
  Tracker tracker;
  tracker.on_proposed(View{0}, Sequence{7}, {kA});
  tracker.on_proposed(View{0}, Sequence{7}, {kA});
  tracker.on_proposed(View{3}, Sequence{9}, {kA});
  const TxStatus status = tracker.status(kA).value();
  EXPECT_EQ(levels(status), Levels({Level::kPromised, Level::kPromised}));
  EXPECT_EQ(status.history[1].evidence, "proposed at sequence 9 in view 3");
}

TEST(Tracker, TheHistoryOfOneTransactionIsBounded) {
  Tracker tracker;
  for (std::uint64_t view = 0; view < 1000; ++view) {
    tracker.on_proposed(View{view}, Sequence{7}, {kA});
  }
  tracker.on_prepared(View{999}, Sequence{7});
  const TxStatus status = tracker.status(kA).value();
  EXPECT_LE(status.history.size(), 12U);
  EXPECT_EQ(status.level, Level::kQuorum);
}

TEST(Tracker, PreparedCountsOnlyForTheViewOfTheProposal) {
  Tracker tracker;
  tracker.on_proposed(View{0}, Sequence{7}, {kA});
  tracker.on_proposed(View{1}, Sequence{7}, {kB});
  tracker.on_prepared(View{0}, Sequence{7});
  EXPECT_EQ(tracker.status(kB)->level, Level::kPromised);
  tracker.on_prepared(View{1}, Sequence{7});
  EXPECT_EQ(tracker.status(kB)->level, Level::kQuorum);
  EXPECT_EQ(tracker.status(kA)->level, Level::kPromised);
}

TEST(Tracker, ARefusalAtExecutionIsFinalAndHasItsPlace) {
  Tracker tracker;
  tracker.on_local(kA);
  tracker.on_local(kB);
  tracker.on_executed(
      Height{3}, {{kA, Outcome::kRejectedCompareFailed, 0}, {kB, Outcome::kRejectedExpired, {}}},
      {std::nullopt, std::nullopt});
  EXPECT_EQ(tracker.status(kA)->level, Level::kRejected);
  EXPECT_EQ(tracker.status(kA)->outcome, Outcome::kRejectedCompareFailed);
  EXPECT_EQ(tracker.status(kA)->height, Height{3});
  EXPECT_EQ(tracker.status(kB)->level, Level::kExpired);
  tracker.on_proposed(View{5}, Sequence{9}, {kA});
  tracker.on_executed(Height{9}, {{kA, Outcome::kApplied, {}}}, {std::nullopt});
  EXPECT_EQ(tracker.status(kA)->level, Level::kRejected);
}

TEST(Tracker, ASkippedOneLostItsNonceToANamedTransaction) {
  Tracker tracker;
  tracker.on_local(kA);
  tracker.on_executed(Height{3}, {{kA, Outcome::kSkippedNonceUsed, {}}}, {kB});
  const TxStatus status = tracker.status(kA).value();
  EXPECT_EQ(status.level, Level::kRejected);
  EXPECT_EQ(status.nonce_owner, kB);
  EXPECT_EQ(status.height, std::nullopt);  // a skipped one has no place in the ledger
  EXPECT_EQ(status.history.back().evidence, "its nonce went to " + kB.short_hex());
}

TEST(Tracker, OrderingItTwiceChangesNothing) {
  Tracker tracker;
  tracker.on_local(kA);
  tracker.on_executed(Height{3}, {{kA, Outcome::kApplied, {}}}, {std::nullopt});
  tracker.on_executed(Height{4}, {{kA, Outcome::kSkippedNonceUsed, {}}}, {kA});
  EXPECT_EQ(tracker.status(kA)->level, Level::kReplicated);
  EXPECT_EQ(tracker.status(kA)->height, Height{3});
}

// A primary may propose again what was executed long ago and is forgotten here.
TEST(Tracker, WhatMayBeInAnOldBlockIsLeftToTheLedger) {
  Tracker tracker;
  for (const auto outcome : {Outcome::kSkippedNonceUsed, Outcome::kSkippedNonceTooOld}) {
    tracker.on_proposed(View{0}, Sequence{7}, {kA});
    TxStatus told;
    tracker.wait(kA, Level::kReplicated, 60'000,
                 [&](TxStatus status) { told = std::move(status); });
    tracker.on_executed(Height{7}, {{kA, outcome, {}}}, {std::nullopt});
    EXPECT_EQ(told.id, kA);
    EXPECT_EQ(told.level, Level::kUnknown);
    EXPECT_FALSE(tracker.status(kA));
  }
  tracker.on_proposed(View{0}, Sequence{8}, {kA});
  tracker.on_executed(Height{8}, {{kA, Outcome::kSkippedNonceUsed, {}}}, {kA});
  EXPECT_FALSE(tracker.status(kA));
}

TEST(Tracker, TheNonceWindowThatPassedAnAdmittedOneRejectsIt) {
  Tracker tracker;
  tracker.on_local(kA);
  tracker.on_executed(Height{7}, {{kA, Outcome::kSkippedNonceTooOld, {}}}, {std::nullopt});
  EXPECT_EQ(tracker.status(kA)->level, Level::kRejected);
  EXPECT_EQ(tracker.status(kA)->history.back().evidence, "the nonce window moved past it");
}

TEST(Tracker, ANonceTooFarAheadMayStillHappen) {
  Tracker tracker;
  tracker.on_local(kA);
  tracker.on_executed(Height{7}, {{kA, Outcome::kSkippedNonceTooFar, {}}}, {std::nullopt});
  EXPECT_EQ(tracker.status(kA)->level, Level::kLocal);
}

TEST(Tracker, OvertakenAndExpiredAreEnds) {
  Tracker tracker;
  tracker.on_local(kA);
  tracker.on_local(kB);
  tracker.on_overtaken(kA, kB);
  tracker.on_expired({kB, id_of(3)});
  EXPECT_EQ(tracker.status(kA)->level, Level::kRejected);
  EXPECT_EQ(tracker.status(kA)->nonce_owner, kB);
  EXPECT_EQ(tracker.status(kA)->outcome, Outcome::kSkippedNonceUsed);
  EXPECT_EQ(tracker.status(kB)->level, Level::kExpired);
  EXPECT_EQ(tracker.status(kB)->outcome, Outcome::kRejectedExpired);
  tracker.on_expired({kA});
  tracker.on_overtaken(kB, std::nullopt);
  EXPECT_EQ(tracker.status(kA)->level, Level::kRejected);
  EXPECT_EQ(tracker.status(kB)->level, Level::kExpired);
  EXPECT_FALSE(tracker.status(id_of(3)));
}

TEST(Tracker, WhatReplicatedNeverExpires) {
  Tracker tracker;
  tracker.on_local(kA);
  tracker.on_executed(Height{1}, {{kA, Outcome::kApplied, {}}}, {std::nullopt});
  tracker.on_expired({kA});
  tracker.on_overtaken(kA, kB);
  EXPECT_EQ(tracker.status(kA)->level, Level::kReplicated);
  EXPECT_EQ(tracker.status(kA)->outcome, Outcome::kApplied);
  EXPECT_EQ(tracker.status(kA)->nonce_owner, std::nullopt);
}

TEST(TrackerWait, AnUnknownOneIsAnsweredAtOnce) {
  Tracker tracker;
  int answers = 0;
  tracker.wait(kA, Level::kLocal, 60'000, [&](const TxStatus& status) {
    ++answers;
    EXPECT_EQ(status.id, kA);
    EXPECT_EQ(status.level, Level::kUnknown);
  });
  EXPECT_EQ(answers, 1);
}

TEST(TrackerWait, AnswersOnceWhenTheLevelIsReached) {
  Tracker tracker;
  tracker.on_local(kA);
  std::vector<Level> told;
  const auto note = [&](const TxStatus& status) { told.push_back(status.level); };
  tracker.wait(kA, Level::kLocal, 60'000, note);
  EXPECT_EQ(told, Levels({Level::kLocal}));
  tracker.wait(kA, Level::kQuorum, 60'000, note);
  tracker.wait(kA, Level::kPromised, 60'000, note);
  tracker.on_proposed(View{0}, Sequence{1}, {kA});
  EXPECT_EQ(told, Levels({Level::kLocal, Level::kPromised}));
  tracker.on_prepared(View{0}, Sequence{1});
  tracker.on_executed(Height{1}, {{kA, Outcome::kApplied, {}}}, {std::nullopt});
  EXPECT_EQ(told, Levels({Level::kLocal, Level::kPromised, Level::kQuorum}));
}

TEST(TrackerWait, AnswersAtAnEnd) {
  Tracker tracker;
  tracker.on_local(kA);
  std::optional<TxStatus> told;
  tracker.wait(kA, Level::kStable, 60'000, [&](TxStatus status) { told = std::move(status); });
  tracker.on_overtaken(kA, kB);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->level, Level::kRejected);
}

TEST(TrackerWait, AnswersAtTheTimeoutWithTheStatusOfThen) {
  Tracker tracker;
  tracker.on_local(kA);
  std::promise<Level> late;
  std::promise<Level> early;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the timer's thread waits by now
  const auto begin = std::chrono::steady_clock::now();
  tracker.wait(kA, Level::kReplicated, 300,
               [&](const TxStatus& status) { late.set_value(status.level); });
  tracker.wait(kA, Level::kReplicated, 40,
               [&](const TxStatus& status) { early.set_value(status.level); });
  EXPECT_EQ(early.get_future().get(), Level::kLocal);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(39));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(250));
  tracker.on_proposed(View{0}, Sequence{1}, {kA});
  EXPECT_EQ(late.get_future().get(), Level::kPromised);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(299));
}

TEST(TrackerWait, AnAnswerMayAskTheTrackerAgain) {
  Tracker tracker;
  tracker.on_local(kA);
  std::promise<Level> last;
  tracker.wait(kA, Level::kReplicated, 5, [&](const TxStatus&) {
    EXPECT_TRUE(tracker.status(kA));
    tracker.wait(kA, Level::kReplicated, 5,
                 [&](const TxStatus& status) { last.set_value(status.level); });
  });
  EXPECT_EQ(last.get_future().get(), Level::kLocal);
}

TEST(TrackerWait, TheEndOfTheTrackerAnswersWhoStillWaits) {
  std::vector<Level> told;
  {
    Tracker tracker;
    tracker.on_local(kA);
    for (int i = 0; i < 3; ++i) {
      tracker.wait(kA, Level::kReplicated, 3'600'000,
                   [&](const TxStatus& status) { told.push_back(status.level); });
    }
  }
  EXPECT_EQ(told, Levels({Level::kLocal, Level::kLocal, Level::kLocal}));
}

TEST(TrackerWait, ATimeoutBeyondAllMeasureDoesNotWrapAround) {
  std::atomic<int> answers = 0;  // outlives the tracker, which answers when it ends
  Tracker tracker;
  tracker.on_local(kA);
  tracker.wait(kA, Level::kReplicated, UINT64_MAX, [&](const TxStatus&) { ++answers; });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(answers, 0);
}

TEST(TrackerWait, BeyondTheMostWaitersAnswersAtOnce) {
  std::size_t answers = 0;
  Tracker tracker;
  tracker.on_local(kA);
  for (std::size_t i = 0; i < Tracker::kWaitersMax; ++i) {
    tracker.wait(kA, Level::kReplicated, 60'000, [&](const TxStatus&) { ++answers; });
  }
  EXPECT_EQ(answers, 0U);
  tracker.wait(kA, Level::kReplicated, 60'000, [&](const TxStatus&) { ++answers; });
  EXPECT_EQ(answers, 1U);
  tracker.on_executed(Height{1}, {{kA, Outcome::kApplied, {}}}, {std::nullopt});
  EXPECT_EQ(answers, Tracker::kWaitersMax + 1);
}

TEST(TrackerMemory, TheOldestFinishedGoFirst) {
  Tracker tracker(3);
  tracker.on_local(id_of(1));
  tracker.on_local(id_of(2));
  tracker.on_local(id_of(3));
  tracker.on_executed(Height{1}, {{id_of(2), Outcome::kApplied, {}}}, {std::nullopt});
  tracker.on_local(id_of(4));
  EXPECT_TRUE(tracker.status(id_of(1)));
  EXPECT_FALSE(tracker.status(id_of(2)));
  EXPECT_TRUE(tracker.status(id_of(4)));
}

TEST(TrackerMemory, WhatNeverFinishesIsBoundedTooAndItsWaitersAreAnswered) {
  std::size_t answers = 0;
  Tracker tracker(100);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    tracker.on_local(id_of(i));
    tracker.wait(id_of(i), Level::kReplicated, 60'000, [&](const TxStatus& status) {
      EXPECT_EQ(status.level, Level::kLocal);
      ++answers;
    });
  }
  EXPECT_EQ(answers, 900U);
  EXPECT_FALSE(tracker.status(id_of(899)));
  EXPECT_TRUE(tracker.status(id_of(900)));
}

TEST(TrackerMemory, ProposalsThatAreNeverExecutedAreBounded) {
  Tracker tracker(10);
  for (std::uint64_t sequence = 1; sequence <= 5000; ++sequence) {
    tracker.on_proposed(View{0}, Sequence{sequence}, {kA});
  }
  tracker.on_prepared(View{0}, Sequence{1});  // forgotten
  EXPECT_EQ(tracker.status(kA)->level, Level::kPromised);
  tracker.on_prepared(View{0}, Sequence{5000});
  EXPECT_EQ(tracker.status(kA)->level, Level::kQuorum);
}

TEST(TrackerBlocks, TheListenerHearsEachBlockAfterItsTransactions) {
  Tracker tracker;
  tracker.on_local(kA);
  std::vector<std::uint64_t> heard;
  tracker.set_block_listener([&](Height height) {
    heard.push_back(height.value);
    if (height.value == 2) {
      EXPECT_EQ(tracker.status(kA)->level, Level::kReplicated);
    }
  });
  tracker.on_executed(Height{1}, {}, {});
  tracker.on_executed(Height{2}, {{kA, Outcome::kApplied, {}}}, {std::nullopt});
  tracker.set_block_listener({});
  tracker.on_executed(Height{3}, {}, {});
  EXPECT_EQ(heard, std::vector<std::uint64_t>({1, 2}));
}

TEST(TrackerStable, ACheckpointMakesWhatItCoversStable) {
  Tracker tracker;
  const TxId b = id_of(901);
  const TxId c = id_of(902);
  for (const TxId& id : {kA, b, c}) tracker.on_local(id);
  tracker.on_executed(Height{1}, {{kA, Outcome::kApplied, {}}}, {std::nullopt});
  tracker.on_executed(Height{2}, {{b, Outcome::kRejectedCompareFailed, 0}}, {std::nullopt});
  tracker.on_executed(Height{3}, {{c, Outcome::kApplied, {}}}, {std::nullopt});
  std::vector<Level> answered;
  tracker.wait(c, Level::kStable, 60'000,
               [&](const TxStatus& status) { answered.push_back(status.level); });
  tracker.on_stable(Height{2});
  EXPECT_EQ(tracker.status(kA)->level, Level::kStable);
  EXPECT_EQ(tracker.status(kA)->history.back().evidence,
            "under the checkpoint of height 2, which a quorum cosigned");
  EXPECT_EQ(tracker.status(b)->level, Level::kRejected);  // an end stays an end
  EXPECT_EQ(tracker.status(c)->level, Level::kReplicated);
  EXPECT_TRUE(answered.empty());
  tracker.on_stable(Height{4});
  EXPECT_EQ(answered, std::vector<Level>{Level::kStable});
  // What is executed below a stable checkpoint, in catching up, is stable at once.
  const TxId d = id_of(903);
  tracker.on_local(d);
  tracker.on_executed(Height{4}, {{d, Outcome::kApplied, {}}}, {std::nullopt});
  EXPECT_EQ(tracker.status(d)->level, Level::kStable);
}

// Every wait is answered exactly once, whoever wins: the level, the timeout, or the end.
TEST(TrackerThreads, EachWaitIsAnsweredOnce) {
  std::atomic<std::size_t> answers = 0;
  std::atomic<std::size_t> waits = 0;
  constexpr std::uint64_t kBlocks = 200;
  {
    Tracker tracker(500);
    std::atomic<bool> running = true;
    std::vector<std::thread> threads;
    for (std::uint64_t client = 0; client < 3; ++client) {
      threads.emplace_back([&, client] {
        for (std::uint64_t i = 0; running; ++i) {
          const TxId id = id_of(i % (kBlocks * 5));
          if (client == 0) tracker.on_local(id);
          ++waits;
          tracker.wait(id, i % 2 == 0 ? Level::kReplicated : Level::kQuorum, i % 7,
                       [&](const TxStatus&) { ++answers; });
          (void)tracker.status(id);
        }
      });
    }
    for (std::uint64_t height = 1; height <= kBlocks || waits < 2000; ++height) {
      std::vector<TxId> ids;
      std::vector<ledger::TxResult> results;
      for (std::uint64_t i = 0; i < 5; ++i) {
        ids.push_back(id_of((height * 5 + i) % (kBlocks * 5)));
        results.push_back(
            {ids.back(), i == 4 ? Outcome::kSkippedNonceUsed : Outcome::kApplied, {}});
      }
      tracker.on_proposed(View{0}, Sequence{height}, ids);
      tracker.on_prepared(View{0}, Sequence{height});
      tracker.on_executed(Height{height}, results,
                          std::vector<std::optional<TxId>>(results.size()));
      if (height % 10 == 0) tracker.on_expired({id_of(height)});
      std::this_thread::yield();
    }
    running = false;
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(answers, waits);
}

}  // namespace
}  // namespace quorate::node
