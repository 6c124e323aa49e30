// Links that fail because somebody wants to see it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "tests/node/mesh_node.h"

namespace quorate::node::mesh {
namespace {

TEST(PeersFaults, CutLinkIsClosedAtOnceAndPassesNothingUntilItIsWhole) {
  Pair pair;
  pair.start();
  pair.a.mesh->set_faults({{{2}}, {}});
  EXPECT_TRUE(eventually([&] {
    const PeerState far = pair.b.state(1);
    return pair.a.disconnects == 1 && !far.connected_in && !far.connected_out;
  }));
  EXPECT_TRUE(pair.a.state(2).is_cut);
  // The other end has not heard of it and dials on.
  EXPECT_TRUE(pair.a.refuses("peer-cut"));
  pair.a.send(pair.b, frame("into the void"));
  pair.b.send(pair.a, frame("and back"));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(pair.b.count(1), 0U);
  EXPECT_EQ(pair.a.count(2), 0U);
  EXPECT_FALSE(pair.a.state(2).connected_in);
  pair.a.mesh->set_faults({});
  pair.expect_working();
  EXPECT_FALSE(pair.a.state(2).is_cut);
}

TEST(PeersFaults, SlowLinkDelaysWhatGoesOverItAndKeepsItsOrder) {
  Pair pair;
  pair.start();
  constexpr auto kDelay = std::chrono::milliseconds(150);
  pair.a.mesh->set_faults({{}, {{{2}, 150}}});
  EXPECT_TRUE(eventually([&] { return pair.a.state(2).delay_ms == 150; }));
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Bytes> sent;
  for (int i = 0; i < 20; ++i) {
    sent.push_back(to_bytes(fmt::format("frame {}", i)));
    pair.a.send(pair.b, std::make_shared<const Bytes>(sent.back()));
  }
  pair.b.send(pair.a, frame("the other way is as fast as ever"));
  EXPECT_TRUE(eventually([&] { return pair.a.count(2) == 1; }));
  EXPECT_TRUE(eventually([&] { return pair.b.count(1) == 20; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, kDelay);
  EXPECT_EQ(pair.b.frames(1), sent);
  // What is on its way still arrives, before what follows at full speed.
  pair.a.send(pair.b, frame("late"));
  pair.a.mesh->set_faults({});
  EXPECT_TRUE(eventually([&] { return pair.a.state(2).delay_ms == 0; }));
  pair.a.send(pair.b, frame("after it"));
  EXPECT_TRUE(eventually([&] { return pair.b.count(1) == 22; }));
  EXPECT_EQ(pair.b.frames(1)[20], to_bytes("late"));
}

}  // namespace
}  // namespace quorate::node::mesh
