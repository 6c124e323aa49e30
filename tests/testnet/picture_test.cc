// The picture and the causal log of a run: what is in them, not how it looks.

#include "testnet/picture.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <sstream>

#include "testnet/causal_log.h"
#include "testnet/scenario_run.h"

namespace quorate::testnet {
namespace {

namespace json = boost::json;
using ledger::ReplicaId;

ScenarioReport run(std::string_view text, const std::function<void(const TraceEvent&)>& watch,
                   std::uint64_t seed = 7) {
  ScenarioOptions options;
  options.seed = seed;
  options.on_event = watch;
  return run_scenario(parse_scenario("test", text).value(), options).value();
}

constexpr std::string_view kEquivocation =
    "liar 0 equivocate double-vote\nrun 1000\nsubmit 4\nsettle\n";

Picture::Heading heading(std::size_t replicas = 4) {
  Picture::Heading result;
  result.title = "test";
  result.replicas = replicas;
  return result;
}

json::value drawn(const Picture& picture) { return json::parse(picture.data(heading())); }

TEST(Picture, EquivocationHasItsSidesAndWhomEachWasTold) {
  Picture picture;
  (void)run(kEquivocation, [&](const TraceEvent& event) { picture.note(event); });
  const json::value data = drawn(picture);
  const json::array& found = data.at("contradictions").as_array();
  ASSERT_EQ(found.size(), picture.counts().equivocations);
  std::size_t proposals = 0;
  for (const json::value& each : found) {
    EXPECT_EQ(each.at("replica").as_int64(), 0) << "replica 0 alone lies";
    if (data.at("types").at(each.at("type").as_int64()).as_string() != "pre-prepare") continue;
    ++proposals;
    const json::array& sides = each.at("sides").as_array();
    ASSERT_EQ(sides.size(), 2U);
    EXPECT_NE(sides[0].at("content"), sides[1].at("content"));
    std::vector<std::int64_t> told;
    for (const json::value& side : sides) {
      for (const json::value& to : side.at("to").as_array()) told.push_back(to.as_int64());
    }
    std::ranges::sort(told);
    EXPECT_EQ(told, (std::vector<std::int64_t>{1, 2, 3})) << "each was told one of the two";
  }
  EXPECT_GE(proposals, 1U);
}

TEST(Picture, HonestRunHasNoEquivocationAndCountsWhatTheRunCounts) {
  Picture picture;
  std::uint64_t sends = 0;
  const ScenarioReport report =
      run("run 1000\nsubmit 8\nsettle\ncrash 2\nrun 100\nstart 2\n", [&](const TraceEvent& event) {
        picture.note(event);
        if (event.kind == TraceEvent::Kind::kSend) ++sends;
      });
  EXPECT_EQ(report.run.verdict, Verdict::kSound);
  EXPECT_EQ(picture.counts().equivocations, 0U);
  EXPECT_EQ(picture.counts().crashes, 1U);
  EXPECT_EQ(picture.counts().messages, sends);
  EXPECT_EQ(picture.counts().events, report.run.events);
  EXPECT_EQ(picture.counts().commits, 4 * report.run.counts.commits);
}

TEST(Picture, WhatALiarSaysInAnothersNameIsNotThatOnesContradiction) {
  Picture picture;
  const auto send = [&](ReplicaId from, std::string_view batch) {
    pbft::Commit commit;
    commit.vote.replica = {1};
    commit.vote.batch = crypto::sha256(as_bytes(batch));
    TraceEvent event{TraceEvent::Kind::kSend, 1, from, ReplicaId{2}, 1};
    event.bytes = to_frame(commit);
    picture.note(event);
  };
  send({1}, "one");
  send({0}, "another");
  EXPECT_EQ(picture.counts().equivocations, 0U);
  send({1}, "another");
  EXPECT_EQ(picture.counts().equivocations, 1U);
  send({1}, "a third");
  EXPECT_EQ(picture.counts().equivocations, 1U) << "of one place it is one";
  EXPECT_EQ(drawn(picture).at("contradictions").at(0).at("sides").as_array().size(), 3U);
}

TEST(Picture, CommitShowsViewBatchAndVoters) {
  Picture picture;
  (void)run("run 1000\nsubmit 1\nsettle\n",
            [&](const TraceEvent& event) { picture.note(event); });
  const json::value data = drawn(picture);
  std::size_t commits = 0;
  for (const json::value& row : data.at("events").as_array()) {
    if (data.at("kinds").at(row.at(0).as_int64()).as_string() != "commit") continue;
    ++commits;
    EXPECT_EQ(row.at(5).as_int64(), 0) << "view";
    EXPECT_EQ(data.at("texts").at(row.at(6).as_int64()).as_string().size(), 16U);
    EXPECT_GE(row.at(7).as_array().size(), 3U) << "a quorum of four";
  }
  EXPECT_EQ(commits, picture.counts().commits);
}

TEST(Picture, KeepsTheLastEventsAndSaysHowManyWentBefore) {
  Picture picture(100);
  (void)run(kEquivocation, [&](const TraceEvent& event) { picture.note(event); });
  const json::value data = drawn(picture);
  EXPECT_EQ(data.at("events").as_array().size(), 100U);
  EXPECT_EQ(data.at("left_out").as_int64(),
            static_cast<std::int64_t>(picture.counts().events) - 100);
}

TEST(Picture, PageIsWholeAndTextInItStaysText) {
  Picture picture;
  TraceEvent event{TraceEvent::Kind::kFault};
  event.text = "</script><script>alert(1)</script>";
  picture.note(event);
  Picture::Heading head = heading();
  head.title = "\"</script>\"";
  const std::string page = picture.page(head);
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_EQ(page.find("alert(1)</script>"), std::string::npos);
  EXPECT_EQ(page.find("{\"run\": null}"), std::string::npos);
  EXPECT_EQ(page.find("http://"), std::string::npos) << "nothing comes from a network";
  EXPECT_EQ(page.find("https://"), std::string::npos);
  EXPECT_NE(page.find("function readRun"), std::string::npos);
  EXPECT_NE(page.find("--paper"), std::string::npos);
}

// A log as ShiViz takes it apart.
struct LoggedEvent {
  std::string host;
  std::map<std::string, std::uint64_t> clock;
  std::string text;
};

std::vector<LoggedEvent> read_log(const std::string& log) {
  std::vector<LoggedEvent> events;
  std::istringstream lines(log);
  for (std::string head, text; std::getline(lines, head) && std::getline(lines, text);) {
    LoggedEvent event{head.substr(0, head.find(' ')), {}, text};
    const json::value clock = json::parse(head.substr(head.find(' ') + 1));
    for (const auto& [host, count] : clock.as_object()) {
      event.clock[host] = count.to_number<std::uint64_t>();
    }
    events.push_back(std::move(event));
  }
  return events;
}

std::string packet_in(const std::string& text) {
  const std::size_t at = text.find('#');
  return text.substr(at, text.find_first_of(" :", at) - at);
}

TEST(CausalLog, EachHostCountsItsEventsAndADeliveryKnowsWhatItsSenderKnew) {
  std::ostringstream out;
  CausalLog log(out);
  (void)run(kEquivocation, [&](const TraceEvent& event) { log.note(event); });
  std::map<std::string, std::uint64_t> counts;
  std::map<std::string, LoggedEvent> sent;
  std::size_t deliveries = 0;
  for (const LoggedEvent& event : read_log(out.str())) {
    EXPECT_EQ(event.clock.at(event.host), ++counts[event.host]);
    if (event.text.find(" send ") != std::string::npos) sent[packet_in(event.text)] = event;
    if (event.text.find(" deliver ") == std::string::npos) continue;
    ++deliveries;
    const auto& knew = sent.at(packet_in(event.text)).clock;
    for (const auto& [host, count] : knew) EXPECT_GE(event.clock.at(host), count);
  }
  EXPECT_EQ(counts.size(), 4U);
  EXPECT_GT(deliveries, 100U);
}

TEST(CausalLog, LostPacketTellsNobodyAnything) {
  std::ostringstream out;
  CausalLog log(out);
  TraceEvent event{TraceEvent::Kind::kSend, 1, ReplicaId{0}, ReplicaId{1}, 5};
  log.note(event);
  event.kind = TraceEvent::Kind::kDrop;
  log.note(event);
  log.note({TraceEvent::Kind::kCommit, 2, ReplicaId{1}, {}, 1});
  const auto events = read_log(out.str());
  ASSERT_EQ(events.size(), 2U);
  EXPECT_FALSE(events[1].clock.contains("replica-0"));
}

}  // namespace
}  // namespace quorate::testnet
