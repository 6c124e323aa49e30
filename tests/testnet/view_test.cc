#include "testnet/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "testnet/child.h"
#include "testnet/watch.h"

namespace quorate::testnet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TestnetView sample(std::size_t replicas = 4) {
  TestnetView view;
  view.supervisor = 1;
  for (std::size_t i = 0; i < replicas; ++i) {
    ReplicaView replica;
    replica.replica.id = {static_cast<std::uint16_t>(i)};
    replica.replica.name = "replica-" + std::to_string(i);
    replica.process.replica = static_cast<std::uint16_t>(i);
    replica.process.state = ProcessState::kRunning;
    replica.process.pid = static_cast<pid_t>(100 + i);
    replica.report = NodeReport{i == 0 ? "primary" : "backup", 0, 5, 5, "aa", 3};
    view.replicas.push_back(replica);
  }
  return view;
}

void end(ReplicaView& replica, ProcessState state, const std::string& how) {
  replica.process.state = state;
  replica.process.pid = 0;
  replica.process.end = how;
  replica.report.reset();
}

TEST(View, SaysThatTreeHeadsAreEqual) {
  EXPECT_EQ(agreement(sample()), "4 of 4 replicas answer, with equal tree heads at height 5.");
}

TEST(View, SaysThatSomebodyLags) {
  TestnetView view = sample();
  view.replicas[3].report->sequence = view.replicas[3].report->tree_size = 3;
  view.replicas[3].report->tree_root = "bb";
  EXPECT_EQ(agreement(view), "4 of 4 replicas answer, at heights 3 to 5.");
}

TEST(View, CriesThatLedgersDifferOnlyAtEqualSizes) {
  TestnetView view = sample();
  view.replicas[3].report->tree_root = "bb";
  EXPECT_THAT(agreement(view), HasSubstr("THEIR LEDGERS DIFFER"));
  view.replicas[3].report->tree_size = 4;
  EXPECT_THAT(agreement(view), Not(HasSubstr("DIFFER")));
}

TEST(View, OfProofOfWorkAnotherTipIsAnotherOpinionAndAnotherStateIsNot) {
  TestnetView view = sample();
  view.folder.engine = "pow";
  EXPECT_EQ(agreement(view), "4 of 4 nodes answer, all on the same tip at height 5.");
  view.replicas[3].report->tree_root = "bb";
  EXPECT_EQ(agreement(view), "4 of 4 nodes answer, on 2 different tips.");
  view.replicas[3].report->tree_root = "aa";
  view.replicas[3].report->state_root = "cc";
  EXPECT_THAT(agreement(view), HasSubstr("THEIR STATES DIFFER"));
  EXPECT_THAT(table(view).front(), HasSubstr("state root"));
}

TEST(View, TellsStartingFromSilentAndHowAProcessEnded) {
  TestnetView view = sample();
  view.replicas[1].report.reset();
  view.replicas[1].process.since_ms = 1;
  EXPECT_EQ(view.replicas[1].state(), "silent");
  end(view.replicas[2], ProcessState::kExited, "exit code 3");
  EXPECT_EQ(view.replicas[2].state(), "exited");
  EXPECT_THAT(table(view)[3], HasSubstr("exited: exit code 3"));
  const auto object = view_to_json(view);
  EXPECT_TRUE(object.at("replicas").at(2).at("role").is_null());
  EXPECT_EQ(object.at("replicas").at(2).at("end").as_string(), "exit code 3");
}

TEST(View, EachReplicaHasWhatScriptsNeed) {
  const auto object = view_to_json(sample());
  const auto& replica = object.at("replicas").at(0).as_object();
  for (const char* name : {"id", "url", "role", "state", "view", "sequence", "tree_head"}) {
    EXPECT_TRUE(replica.contains(name)) << name;
  }
  EXPECT_EQ(replica.at("tree_head").at("size").to_number<int>(), 5);
}

TEST(Watch, ReportsProcessesViewsAndHeights) {
  const TestnetView before = sample();
  TestnetView after = sample();
  EXPECT_THAT(changes(before, after), IsEmpty());
  end(after.replicas[1], ProcessState::kKilled, "signal 9 (SIGKILL)");
  after.replicas[2].report->view = 1;
  after.replicas[3].report->sequence = 7;
  EXPECT_THAT(changes(before, after),
              ElementsAre("replica-1 killed: signal 9 (SIGKILL)",
                          "replica-2 entered view 1 as backup", "height 7 (+2)"));
  EXPECT_THAT(changes(after, before),
              ElementsAre("replica-1 running, process 101", "replica-1 answers, at height 5",
                          "replica-2 entered view 0 as backup"));
}

TEST(Child, DescribesHowAProcessEnded) {
  EXPECT_EQ(describe_end(0), "exit code 0");
  EXPECT_EQ(describe_end(3 << 8), "exit code 3");
  EXPECT_EQ(describe_end(SIGKILL), "signal 9 (SIGKILL)");
}

}  // namespace
}  // namespace quorate::testnet
