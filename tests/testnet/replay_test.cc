// What was recorded lives again, in the same way, and what was tampered with does not.

#include "testnet/replay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "crypto/bcs.h"
#include "node/recorder.h"
#include "testnet/film.h"
#include "testnet/nemesis.h"
#include "testnet/picture.h"
#include "testnet/simulator.h"
#include "testnet/workload.h"
#include "tests/support/temporary_folder.h"

namespace quorate::testnet {
namespace {

using ledger::ReplicaId;
using Lives = std::vector<std::unique_ptr<RecordedLife>>;

constexpr std::uint64_t kSecond = 1'000'000;

SimOptions of_seed(std::uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  return options;
}

// Records every life of some replicas of a simulation.
class Recorders {
 public:
  Recorders(Simulator& simulator, const std::set<std::size_t>& whose,
            const node::Recorder::Limits& limits = {}) {
    for (const std::size_t id : whose) {
      SimHost& host = simulator.host(id);
      host.on_life = [this, id, limits](const node::RecordingHead& head) {
        auto& recorder = recorders_[id];
        if (recorder) recorder->stop();
        files_.push_back((folder_.path() / (std::to_string(files_.size()) + ".rec")).string());
        auto made = node::Recorder::create(files_.back(), head, limits, [this](const Error& error) {
          ended_ = error.code;
        });
        ASSERT_TRUE(made.has_value()) << made.error().to_string();
        recorder = *std::move(made);
      };
      host.on_step = [this, id](const pbft::Input& input, const pbft::Output& output,
                                const std::vector<ledger::Signature>& signatures) {
        recorders_[id]->note(input, output, signatures);
      };
    }
  }
  void stop() {
    for (auto& [id, recorder] : recorders_) recorder->stop();
  }
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }
  [[nodiscard]] const std::string& ended() const { return ended_; }

 private:
  test::TemporaryFolder folder_;
  std::map<std::size_t, std::unique_ptr<node::Recorder>> recorders_;
  std::vector<std::string> files_;
  std::string ended_;
};

Lives open_all(const std::vector<std::string>& files) {
  Lives lives;
  for (const std::string& file : files) {
    auto life = RecordedLife::open(file);
    if (!life) {
      ADD_FAILURE() << file << ": " << life.error().to_string();
      continue;
    }
    lives.push_back(*std::move(life));
  }
  return lives;
}

LifeReport replayed(const std::string& file) {
  Lives lives = open_all({file});
  if (lives.empty()) return {};
  replay(lives, nullptr);
  return lives[0]->report();
}

void expect_identical(const LifeReport& report) {
  EXPECT_FALSE(report.difference) << report.file << " step " << report.difference->step << " ("
                                  << report.difference->input
                                  << "): " << report.difference->fields.front();
  EXPECT_FALSE(report.damage) << report.damage->to_string();
}

std::string slurp(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void spill(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

// A short run of four without faults, of which replica 1 was recorded.
struct QuietRun {
  explicit QuietRun(const node::Recorder::Limits& limits = {})
      : simulator(of_seed(5)), recorders(simulator, {1}, limits) {
    Workload workload(simulator, {});
    simulator.start_all();
    workload.start();
    simulator.run_for(kSecond / 2);
    recorders.stop();
  }
  [[nodiscard]] const std::string& file() const { return recorders.files().front(); }
  Simulator simulator;
  Recorders recorders;
};

// Crashes, power cuts, lost and old stores, skewed clocks, liars: every life that there was.
TEST(Replay, EveryLifeOfARunWithFaultsComesOutAsRecorded) {
  std::uint64_t steps = 0;
  std::uint64_t view_changes = 0;
  std::size_t lives = 0;
  for (const std::uint64_t seed : {3, 28}) {
    Simulator simulator(of_seed(seed));
    Recorders recorders(simulator, {0, 1, 2, 3});
    Workload workload(simulator, {});
    Nemesis nemesis(simulator, {});
    simulator.start_all();
    workload.start();
    nemesis.start();
    simulator.run_for(5 * kSecond);
    recorders.stop();
    for (const std::string& file : recorders.files()) {
      Lives open = open_all({file});
      ASSERT_EQ(open.size(), 1U);
      replay(open, nullptr);
      const LifeReport& report = open[0]->report();
      expect_identical(report);
      EXPECT_EQ(report.end, LifeEnd::kStopped);
      steps += report.steps;
      view_changes += report.view_changes;
      ++lives;
    }
  }
  EXPECT_GT(lives, 8U);
  EXPECT_GT(steps, 1000U);
  EXPECT_GT(view_changes, 0U);
}

TEST(Replay, LifeThatBeginsWithoutItsVotesComesOutAsRecorded) {
  Simulator simulator(of_seed(4));
  Recorders recorders(simulator, {2});
  Workload workload(simulator, {});
  simulator.start_all();
  workload.start();
  simulator.run_for(kSecond / 2);
  simulator.host(2).crash(CrashKind::kProcess);
  simulator.host(2).votes().wipe();
  simulator.host(2).start();
  simulator.run_for(3 * kSecond);
  recorders.stop();
  Lives lives = open_all(recorders.files());
  ASSERT_EQ(lives.size(), 2U);
  EXPECT_EQ(lives[0]->head().standing, static_cast<std::uint8_t>(pbft::Standing::kVoter));
  EXPECT_EQ(lives[1]->head().standing, static_cast<std::uint8_t>(pbft::Standing::kRecovering));
  EXPECT_GT(lives[1]->head().start.executed.value, 0U);
  bool has_recovered = false;
  replay(lives, [&](std::size_t, const node::RecordedStep&, const pbft::Output& output) {
    has_recovered = has_recovered || output.recovered;
  });
  EXPECT_TRUE(has_recovered);
  for (const auto& life : lives) expect_identical(life->report());
}

TEST(Replay, RecordingDoesNotChangeARun) {
  Simulator plain(of_seed(5));
  Workload workload(plain, {});
  plain.start_all();
  workload.start();
  plain.run_for(kSecond / 2);
  QuietRun recorded;
  EXPECT_EQ(plain.trace().digest(), recorded.simulator.trace().digest());
}

TEST(Replay, ReportCountsWhatTheReplicaDid) {
  QuietRun run;
  const LifeReport report = replayed(run.file());
  expect_identical(report);
  EXPECT_EQ(report.self, ReplicaId{1});
  EXPECT_EQ(report.replicas, 4U);
  EXPECT_EQ(report.executed, run.simulator.host(1).replica().executed());
  EXPECT_EQ(report.batches, report.executed.value);
  EXPECT_GT(report.batches, 3U);
  EXPECT_GT(report.votes, report.batches);
  EXPECT_GT(report.messages, report.votes);
  EXPECT_GE(report.covered_ms, 400U);
  EXPECT_FALSE(report.outputs.is_zero());
  EXPECT_EQ(replayed(run.file()).outputs, report.outputs);
}

TEST(Replay, ChangedByteAnywhereIsNoticed) {
  const QuietRun run;
  const std::string good = slurp(run.file());
  const std::uint64_t steps = replayed(run.file()).steps;
  for (std::size_t i = 0; i < good.size(); i += good.size() / 40) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    spill(run.file(), bad);
    auto life = RecordedLife::open(run.file());
    if (!life) continue;  // in its opening or its head
    Lives lives;
    lives.push_back(*std::move(life));
    replay(lives, nullptr);
    EXPECT_TRUE(lives[0]->report().damage) << "byte " << i;
    EXPECT_EQ(lives[0]->report().end, LifeEnd::kDamaged) << "byte " << i;
    EXPECT_LE(lives[0]->report().steps, steps) << "byte " << i;
  }
}

TEST(Replay, CutTailIsReplayedAsFarAsItGoesAndSaysSo) {
  const QuietRun run;
  const std::string good = slurp(run.file());
  const std::uint64_t steps = replayed(run.file()).steps;
  // The last record, and the tail of the one before it.
  const std::size_t end_bytes = node::kRecordOverheadBytes + 1 + 1 + 8;
  spill(run.file(), good.substr(0, good.size() - end_bytes));
  LifeReport report = replayed(run.file());
  expect_identical(report);
  EXPECT_EQ(report.end, LifeEnd::kOpen);
  EXPECT_EQ(report.steps, steps);
  spill(run.file(), good.substr(0, good.size() - end_bytes - 3));
  report = replayed(run.file());
  expect_identical(report);
  EXPECT_EQ(report.end, LifeEnd::kCut);
  EXPECT_EQ(report.steps, steps - 1);
}

// Rewrites a recording, each step by the say of `change`, with a good chain.
std::string rewritten(const std::string& from,
                      const std::function<void(std::uint64_t, node::RecordedStep&)>& change) {
  std::ifstream in(from, std::ios::binary);
  node::RecordChainReader reader(in);
  EXPECT_TRUE(reader.open());
  node::RecordChainWriter writer;
  std::string file(as_text(writer.opening()));
  std::uint64_t number = 0;
  for (auto bytes = reader.next(); bytes && *bytes; bytes = reader.next()) {
    auto record = crypto::decode<node::Record>(**bytes);
    if (auto* step = std::get_if<node::RecordedStep>(&*record)) change(++number, *step);
    file += as_text(writer.frame(crypto::encode(*record)));
  }
  return file;
}

// The chain is good, and the core does something else than it says.
TEST(Replay, FirstStepThatComesOutOtherwiseIsNamed) {
  const QuietRun run;
  std::uint64_t changed = 0;
  spill(run.file(), rewritten(run.file(), [&](std::uint64_t number, node::RecordedStep& step) {
    if (changed > 0 || step.signatures.size() != 1) return;
    changed = number;
    step.output.fields[2] ^= 1;
  }));
  ASSERT_GT(changed, 0U);
  const LifeReport report = replayed(run.file());
  ASSERT_TRUE(report.difference);
  EXPECT_EQ(report.end, LifeEnd::kDifferent);
  EXPECT_EQ(report.difference->step, changed);
  EXPECT_EQ(report.difference->fields, std::vector<std::string>{"send"});
  EXPECT_EQ(report.steps, changed - 1);
}

TEST(Replay, ForgedVoteSignatureOrExecutionIsRefusedAndAbortsNothing) {
  const QuietRun run;
  const std::string good = slurp(run.file());
  std::string code;
  const auto replay_with = [&](const auto& change) {
    spill(run.file(), good);
    spill(run.file(), rewritten(run.file(), change));
    return replayed(run.file());
  };
  LifeReport report = replay_with([](std::uint64_t, node::RecordedStep& step) {
    if (auto* vote = std::get_if<pbft::Prepare>(&step.event)) ++vote->vote.view.value;
  });
  ASSERT_TRUE(report.damage);
  EXPECT_EQ(report.damage->code, "recording-input-impossible");
  report = replay_with([](std::uint64_t, node::RecordedStep& step) {
    if (auto* executed = std::get_if<pbft::BatchExecuted>(&step.event)) ++executed->sequence.value;
  });
  ASSERT_TRUE(report.damage);
  EXPECT_EQ(report.damage->code, "recording-input-impossible");
  report = replay_with([](std::uint64_t, node::RecordedStep& step) {
    if (!step.signatures.empty()) step.signatures.front().bytes[0] ^= 1;
  });
  ASSERT_TRUE(report.difference);
  EXPECT_EQ(report.difference->fields.front(), "signatures");
}

TEST(Replay, RecordingEndsAtItsLimitAndSaysSo) {
  const QuietRun run(node::Recorder::Limits{.file_bytes = 20'000});
  EXPECT_EQ(run.recorders.ended(), "recording-full");
  EXPECT_LE(slurp(run.file()).size(), 20'000U);
  const LifeReport report = replayed(run.file());
  expect_identical(report);
  EXPECT_EQ(report.end, LifeEnd::kFull);
  EXPECT_GT(report.steps, 0U);
}

TEST(Replay, RecordingEndsWhenTheDiskIsTooSlow) {
  const QuietRun run(node::Recorder::Limits{.queue_bytes = 10});
  EXPECT_EQ(run.recorders.ended(), "recording-behind");
  EXPECT_EQ(replayed(run.file()).end, LifeEnd::kBehind);
}

TEST(Replay, NoRecordingIsWrittenOver) {
  const QuietRun run;
  const auto again = node::Recorder::create(run.file(), {}, {}, nullptr);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "recording-exists");
}

// All four: what the film shows on its way is what crossed the simulated network.
TEST(Film, MessagesBetweenRecordedReplicasArriveWhenTheyDid) {
  Simulator simulator(of_seed(7));
  Recorders recorders(simulator, {0, 1, 2, 3});
  Workload workload(simulator, {});
  std::uint64_t commits = 0;
  simulator.trace().on_event = [&](const TraceEvent& event) {
    if (event.kind == TraceEvent::Kind::kCommit) ++commits;
  };
  simulator.start_all();
  workload.start();
  simulator.run_for(kSecond);
  recorders.stop();

  Lives lives = open_all(recorders.files());
  std::uint64_t filmed_commits = 0;
  std::uint64_t slow = 0;
  std::uint64_t last_us = 0;
  std::map<std::uint64_t, TraceEvent> sent;
  Picture picture;
  Film film(lives, [&](const TraceEvent& event) {
    picture.note(event);
    EXPECT_GE(event.time_us, last_us);
    last_us = event.time_us;
    if (event.kind == TraceEvent::Kind::kCommit) ++filmed_commits;
    if (event.kind == TraceEvent::Kind::kSend) sent[event.number] = event;
    if (event.kind != TraceEvent::Kind::kDeliver) return;
    ASSERT_TRUE(sent.contains(event.number));
    const TraceEvent& send = sent[event.number];
    EXPECT_EQ(send.replica, event.peer);
    EXPECT_EQ(send.peer, event.replica);
    if (event.time_us > send.time_us) ++slow;
  });
  replay(lives, [&](std::size_t life, const node::RecordedStep& step, const pbft::Output& output) {
    film.note(life, step, output);
  });
  for (const auto& life : lives) expect_identical(life->report());
  EXPECT_EQ(filmed_commits, commits);
  EXPECT_GT(slow, 50U);
  EXPECT_EQ(picture.counts().commits, commits);
  EXPECT_EQ(picture.counts().equivocations, 0U);
  EXPECT_EQ(picture.counts().crashes, 0U);
}

}  // namespace
}  // namespace quorate::testnet
