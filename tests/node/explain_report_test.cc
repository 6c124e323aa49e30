// The reports behind `quorate explain`, on the wire and in words.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/explain/words.h"
#include "tests/node/explain_network.h"
#include "tests/node/rpc_node.h"

namespace quorate::node {
namespace {

using namespace test;
using ledger::Sequence;
using pbft::Standing;
using pbft::Waiting;
using testing::HasSubstr;

TEST(ExplainReport, IsReadBackAsItWasWritten) {
  Network network;
  network.leave_for(3, {r(1)});
  Waiting& waiting = network.at(1);
  waiting.slots = {slot_at(43), slot_at(44)};
  waiting.slots[1].open_ms.reset();
  waiting.slots[0].prepares_missing = {r(0), r(2)};
  waiting.standing = Standing::kRecovering;
  waiting.ceiling = {64};
  waiting.view_changes_missing = {r(3)};
  waiting.checkpoint = Sequence{42};
  waiting.checkpoint_differs = {r(0)};
  waiting.patience_left_ms = 7;
  waiting.unchecked_ms = 8;
  network.report(1).standing_reason = "because";
  const auto parsed = parse_report(report_to_json(network.report(1)));
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(*parsed, network.report(1));
}

TEST(ExplainReport, WhatANodeMayNotSayIsRefusedByName) {
  const auto refused = [](std::string_view member, const boost::json::value& value) {
    Network network;
    network.at(0).slots = {slot_at(43)};
    boost::json::object report = report_to_json(network.report(0));
    report[member] = value;
    const auto parsed = parse_report(report);
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_THAT(refused("replicas", 0), HasSubstr("\"replicas\""));
  EXPECT_THAT(refused("replicas", 100'000), HasSubstr("\"replicas\""));
  EXPECT_THAT(refused("replica", 4), HasSubstr("\"replica\""));
  EXPECT_THAT(refused("view", -1), HasSubstr("\"view\""));
  EXPECT_THAT(refused("in_view", "yes"), HasSubstr("\"in_view\""));
  EXPECT_THAT(refused("standing", "king"), HasSubstr("\"standing\""));
  EXPECT_THAT(refused("view_changes_missing", boost::json::array{9}),
              HasSubstr("\"view_changes_missing\""));
  EXPECT_THAT(refused("checkpoint_missing", boost::json::array{0, 1, 2, 3, 0}),
              HasSubstr("\"checkpoint_missing\""));
  EXPECT_THAT(refused("slots", boost::json::array{boost::json::object{}}),
              HasSubstr("\"slots.sequence\""));
  EXPECT_THAT(refused("links", nullptr), HasSubstr("\"links\""));
  EXPECT_EQ(refused("unknown", 1), "accepted");
}

TEST(ExplainReport, TextThatGoesToATerminalIsHarmlessAndShort) {
  Network network;
  network.report(0).trouble = "\x1b[2J" + std::string(5000, 'x');
  const auto parsed = parse_report(report_to_json(network.report(0)));
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->trouble.starts_with("?[2Jx"));
  EXPECT_EQ(parsed->trouble.size(), 2000U);
}

TEST(ExplainReport, TheNodeAnswersWithItAndItsConnections) {
  test::RpcNode node;
  node.waiting.replicas = 4;
  node.waiting.quorum = 3;
  node.waiting.executed = {7};
  node.waiting.standing = Standing::kLearner;
  node.peers[1].connected_in = false;
  node.peers[1].last_error = "connection refused";
  const auto report = parse_report(node.get("quorate_explain"));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->waiting, node.waiting);
  EXPECT_EQ(report->name, "replica-0");
  EXPECT_EQ(report->chain_id, node.view->chain_id.hex());
  EXPECT_EQ(report->standing_reason, "the guard is missing");
  ASSERT_EQ(report->links.size(), 3U);
  EXPECT_EQ(report->links[1], (LinkReport{r(2), false, true, "connection refused"}));
  EXPECT_EQ(node.refusal("quorate_explain", {{"verbose", true}}), "-32602 param-unknown");
}

TEST(ExplainJson, CarriesVerdictFindingsAndReports) {
  Network network;
  network.stop(0);
  network.stop(2);
  const auto object = explanation_json(network.explain(), network.answers());
  EXPECT_TRUE(object.at("stuck").as_bool());
  EXPECT_EQ(object.at("code").as_string(), "no-quorum");
  EXPECT_EQ(object.at("findings").as_array().size(), 1U);
  EXPECT_EQ(object.at("replicas").as_array().size(), 4U);
  EXPECT_EQ(object.at("replicas").at(0).at("error").as_string(), "connection refused");
  EXPECT_TRUE(object.at("replicas").at(1).as_object().contains("report"));
}

TEST(ExplainWords, ListsAndTimesReadAsText) {
  EXPECT_EQ(replica_list({r(2)}), "replica 2");
  EXPECT_EQ(replica_list({r(0), r(2)}), "replicas 0 and 2");
  EXPECT_EQ(replica_list({r(0), r(1), r(2)}), "replicas 0, 1 and 2");
  EXPECT_EQ(count_of(1, "vote"), "1 vote");
  EXPECT_EQ(count_of(0, "vote"), "0 votes");
  EXPECT_EQ(duration_text(999), "999 ms");
  EXPECT_EQ(duration_text(3250), "3.2 s");
  EXPECT_EQ(duration_text(61'000), "1 min");
  EXPECT_EQ(duration_text(7'300'000), "2 h");
}

}  // namespace
}  // namespace quorate::node
