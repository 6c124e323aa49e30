#include "node/peers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "crypto/bcs.h"
#include "node/peers_frames.h"
#include "tests/node/mesh_node.h"
#include "tests/node/raw_client.h"
#include "tests/node/rpc_handler.h"
#include "tests/node/tls_peer.h"

namespace quorate::node::mesh {
namespace {

Bytes framed(ByteView payload) {
  Bytes out;
  append_frame_length(out, payload.size());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Hello hello_of(std::uint8_t id, std::uint8_t chain = 1) {
  Hello hello;
  hello.wire_version = kWireVersion;
  hello.chain_id.bytes.fill(chain);
  hello.replica = {id};
  return hello;
}
Bytes hello_frame(const Hello& hello) { return framed(crypto::encode(hello)); }

TEST(Peers, ThreeNodesExchangeFramesInOrder) {
  Node nodes[] = {{1, {2, 3}}, {2, {1, 3}}, {3, {1, 2}}};
  for (Node& node : nodes) node.start();
  for (Node& node : nodes) {
    for (const Node& other : nodes) node.know(other);
  }
  ASSERT_TRUE(eventually([&] {
    return std::all_of(std::begin(nodes), std::end(nodes), [](Node& n) { return n.is_meshed(); });
  }));
  constexpr std::size_t kEach = 2000;
  for (std::size_t i = 0; i < kEach; ++i) {
    for (Node& node : nodes) {
      if (i % 2 == 0) {
        node.mesh->broadcast(frame(std::to_string(i)));
        continue;
      }
      for (const Node& other : nodes) node.send(other, frame(std::to_string(i)));
    }
  }
  for (Node& node : nodes) {
    for (const Node& other : nodes) {
      if (node.id() == other.id()) continue;
      const auto from = static_cast<std::uint8_t>(other.id().value);
      ASSERT_TRUE(eventually([&] { return node.count(from) == kEach; }));
      const auto frames = node.frames(from);
      for (std::size_t i = 0; i < kEach; ++i) ASSERT_EQ(as_text(frames[i]), std::to_string(i));
    }
  }
}

TEST(Peers, LargeFramesArriveWhole) {
  Pair pair;
  pair.start();
  std::vector<OutboundFrame> sent;
  for (const std::size_t size : {std::size_t{1}, std::size_t{16383}, std::size_t{32768},
                                 std::size_t{1} << 20, std::size_t{kFrameBytesMax}}) {
    sent.push_back(frame_of_size(size, static_cast<std::uint8_t>(size >> 4)));
    pair.a.send(pair.b, sent.back());
  }
  ASSERT_TRUE(eventually([&] { return pair.b.count(1) == sent.size(); }));
  const auto frames = pair.b.frames(1);
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_TRUE(frames[i] == *sent[i]) << i;
  EXPECT_GT(pair.a.state(2).bytes_sent, std::uint64_t{kFrameBytesMax});
  EXPECT_GT(pair.b.state(1).bytes_received, std::uint64_t{kFrameBytesMax});
}

TEST(Peers, ReconnectWhenAPeerComesBack) {
  Pair pair;
  pair.start();
  const int connects = pair.a.connects;
  pair.b.stop();
  ASSERT_TRUE(eventually([&] { return !pair.a.state(2).connected_out; }));
  EXPECT_EQ(pair.a.disconnects, 1);
  EXPECT_FALSE(pair.a.state(2).last_error.empty());
  pair.a.send(pair.b, frame("kept while away"));
  pair.b.start();
  pair.b.know(pair.a);
  pair.expect_working();
  EXPECT_GT(pair.a.connects, connects);
  EXPECT_EQ(as_text(pair.b.frames(1).front()), "kept while away");
  EXPECT_EQ(pair.a.state(2).last_error, "");
}

TEST(Peers, AnIdleConnectionStaysUp) {
  Pair pair;
  pair.a.options.heartbeat_ms = pair.b.options.heartbeat_ms = 20;
  pair.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_EQ(pair.a.disconnects, 0);
  EXPECT_EQ(pair.b.disconnects, 0);
  pair.expect_working();
}

TEST(Peers, AnUnknownKeyIsRefusedAndNamed) {
  Pair pair;
  pair.start();
  Node stranger(1, {2}, 1, 77);
  stranger.start();
  stranger.know(pair.b);
  ASSERT_TRUE(pair.b.refuses("peer-unknown-key"));
  EXPECT_NE(pair.b.refusal("peer-unknown-key").message.find(key_of(77).public_key().hex()),
            std::string::npos);
  EXPECT_TRUE(eventually([&] { return !stranger.state(2).last_error.empty(); }));
  EXPECT_EQ(stranger.connects, 0);
  pair.expect_working();
}

TEST(Peers, AWrongChainIsNamedOnBothSides) {
  Node a(1, {2}, 0xaa);
  Node b(2, {1}, 0xbb);
  a.start();
  b.start();
  a.know(b);
  for (Node* node : {&a, &b}) {
    ASSERT_TRUE(node->refuses("peer-wrong-chain"));
    const std::string message = node->refusal("peer-wrong-chain").message;
    EXPECT_NE(message.find("aaaaaaaa"), std::string::npos);
    EXPECT_NE(message.find("bbbbbbbb"), std::string::npos);
  }
  EXPECT_EQ(a.connects + b.connects, 0);
  EXPECT_NE(a.state(2).last_error.find("peer-wrong-chain"), std::string::npos);
}

TEST(Peers, AnAddressThatBelongsToAnotherPeerIsNamed) {
  Node a(1, {2, 3});
  Node c(3, {1, 2});
  a.start();
  c.start();
  a.know(2, c.port());
  ASSERT_TRUE(a.refuses("peer-wrong-key"));
  EXPECT_NE(a.refusal("peer-wrong-key").message.find("replica 3, expected n2"), std::string::npos);
}

TEST(Peers, AnAddressThatIsOnesOwnIsNamed) {
  Node a(1, {2});
  a.start();
  a.know(2, a.port());
  ASSERT_TRUE(a.refuses("peer-unknown-key"));
  EXPECT_NE(a.refusal("peer-unknown-key").next.find("own key"), std::string::npos);
}

TEST(Peers, APeerThatIsWrongAboutItselfIsRefused) {
  Pair pair;
  pair.start();
  struct {
    Bytes hello;
    std::string_view code;
  } cases[] = {{hello_frame(hello_of(1, 9)), "peer-wrong-chain"},
               {framed(Bytes(46, 0)), "peer-hello-malformed"},
               {framed({}), "peer-hello-malformed"},
               {framed(Bytes(kHelloBytesMax + 1, 0)), "peer-frame-oversized"}};
  for (const auto& [hello, code] : cases) {
    TlsPeer liar(key_of(1), pair.b.port());
    ASSERT_TRUE(liar.is_up());
    liar.send(hello);
    EXPECT_TRUE(liar.closed_within()) << code;
    EXPECT_TRUE(pair.b.refuses(code)) << code;
  }
  pair.expect_working();
}

TEST(Peers, AnotherWireVersionIsNamed) {
  Pair pair;
  pair.start();
  TlsPeer newer(key_of(1), pair.b.port());
  Hello hello = hello_of(1);
  hello.wire_version = 7;
  Bytes longer = crypto::encode(hello);
  longer.push_back(1);  // a field that this version does not know
  newer.send(framed(longer));
  EXPECT_TRUE(newer.closed_within());
  ASSERT_TRUE(pair.b.refuses("peer-wrong-version"));
  EXPECT_EQ(pair.b.refusal("peer-wrong-version").kind, ErrorKind::kUnsupported);
  EXPECT_NE(pair.b.refusal("peer-wrong-version").message.find('7'), std::string::npos);
}

TEST(Peers, AnOversizedFrameEndsOnlyItsConnection) {
  Pair pair;
  pair.b.start();
  TlsPeer peer(key_of(1), pair.b.port());
  ASSERT_TRUE(peer.send(hello_frame(hello_of(1))));
  Bytes bytes = framed(as_bytes("good"));
  append_frame_length(bytes, kFrameBytesMax + 1);
  peer.send(bytes);
  EXPECT_TRUE(peer.closed_within());
  EXPECT_TRUE(pair.b.refuses("peer-frame-oversized"));
  EXPECT_EQ(pair.b.count(1), 1U);
  pair.start_a();
  pair.expect_working();
}

TEST(Peers, AFrameThatEndsInTheMiddleIsNamed) {
  Pair pair;
  pair.b.start();
  TlsPeer peer(key_of(1), pair.b.port());
  peer.send(hello_frame(hello_of(1)));
  peer.send(Bytes{100, 0, 0, 0, 1, 2, 3});
  peer.cut();
  EXPECT_TRUE(pair.b.refuses("peer-frame-truncated"));
  pair.start_a();
  pair.expect_working();
}

TEST(Peers, AFrameOnAConnectionForOursIsRefused) {
  Node a(1, {2});
  a.start();
  TlsListener listener;
  a.know(2, listener.port());
  TlsPeer peer(key_of(2), listener);
  ASSERT_TRUE(peer.is_up());
  peer.send(hello_frame(hello_of(2)));
  ASSERT_TRUE(eventually([&] { return a.state(2).connected_out; }));
  peer.send(framed(as_bytes("unasked")));
  EXPECT_TRUE(a.refuses("peer-frame-unexpected"));
  EXPECT_EQ(a.count(2), 0U);
}

TEST(Peers, ANewConnectionReplacesTheOldOne) {
  Node b(2, {1});
  b.start();
  TlsPeer first(key_of(1), b.port());
  first.send(hello_frame(hello_of(1)));
  first.send(framed(as_bytes("first")));
  ASSERT_TRUE(eventually([&] { return b.count(1) == 1; }));
  TlsPeer second(key_of(1), b.port());
  second.send(hello_frame(hello_of(1)));
  second.send(framed(as_bytes("second")));
  ASSERT_TRUE(eventually([&] { return b.count(1) == 2; }));
  EXPECT_TRUE(first.closed_within());
  EXPECT_TRUE(b.state(1).connected_in);
}

TEST(Peers, ASilentPeerIsGivenUpAndDialledAgain) {
  Node a(1, {2});
  a.options.heartbeat_ms = 20;
  a.start();
  TlsListener listener;
  a.know(2, listener.port());
  TlsPeer out(key_of(2), listener);
  out.send(hello_frame(hello_of(2)));
  TlsPeer in(key_of(2), a.port());
  in.send(hello_frame(hello_of(2)));
  ASSERT_TRUE(eventually([&] { return a.is_meshed(); }));
  EXPECT_TRUE(out.closed_within());
  EXPECT_TRUE(in.closed_within());
  TlsPeer again(key_of(2), listener);
  EXPECT_TRUE(again.is_up());
  EXPECT_EQ(a.refusals(), 0U);
}

TEST(Peers, RandomBytesOnThePortHarmNobody) {
  Pair pair;
  pair.start();
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::string bytes(random() % 400, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (seed % 3 == 0) bytes.insert(0, std::string("\x16\x03\x01\x01\x00\x01\x00\x00", 8));
    RawClient client(pair.b.port());
    client.send(bytes);
    client.end_sending();
    EXPECT_TRUE(client.closed_within()) << "seed " << seed;
  }
  EXPECT_EQ(pair.b.refusal("peer-handshake-failed").kind, ErrorKind::kDenied);
  pair.expect_working();
}

TEST(Peers, RandomBytesOfAPeerHarmNobody) {
  Node b(2, {1, 3});
  Node c(3, {2, 1});
  b.start();
  c.start();
  b.know(c);
  c.know(b);
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    std::mt19937 random(seed);
    TlsPeer peer(key_of(1), b.port());
    Bytes bytes = seed % 4 == 0 ? Bytes() : hello_frame(hello_of(1));
    for (std::uint32_t i = 0; i < random() % 300; ++i) {
      bytes.push_back(static_cast<std::uint8_t>(random()));
    }
    if (seed % 4 == 1) bytes[random() % bytes.size()] ^= static_cast<std::uint8_t>(random());
    peer.send(bytes);
    peer.cut();
    EXPECT_TRUE(peer.closed_within()) << "seed " << seed;
  }
  ASSERT_TRUE(eventually([&] { return c.state(2).connected_out; }));
  c.send(b, frame("still"));
  EXPECT_TRUE(eventually([&] { return b.count(3) == 1; }));
}

TEST(Peers, SilentStrangersDoNotKeepPeersOut) {
  Pair pair;
  pair.b.options.handshake_timeout_ms = 500;
  pair.b.start();
  std::vector<RawClient> strangers;
  for (std::size_t i = 0; i < 3 * kHandshakesMax; ++i) strangers.emplace_back(pair.b.port());
  EXPECT_TRUE(strangers.front().closed_within());
  EXPECT_TRUE(pair.b.refuses("peer-too-many-handshakes"));
  pair.a.start();
  pair.a.know(pair.b);
  pair.b.know(pair.a);
  pair.expect_working();
  for (RawClient& stranger : strangers) EXPECT_TRUE(stranger.closed_within());
}

TEST(Peers, ASlowHandshakeHasADeadline) {
  Node b(2, {1});
  b.options.handshake_timeout_ms = 200;
  b.start();
  RawClient dripping(b.port());
  for (int i = 0; i < 100 && dripping.send("\x16"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(dripping.closed_within(1000));
  TlsPeer mute(key_of(1), b.port());  // shakes hands and then says nothing
  EXPECT_TRUE(mute.is_up());
  EXPECT_TRUE(mute.closed_within());
  EXPECT_TRUE(b.refuses("peer-handshake-timeout"));
}

TEST(Peers, RefusalsAreRateLimited) {
  Node b(2, {1});
  b.start();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    RawClient client(b.port());
    client.send("garbage\r\n\r\n");
    EXPECT_TRUE(client.closed_within());
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(took).count() + 2;
  EXPECT_GT(b.refusals(), 0U);
  EXPECT_LE(b.refusals(), kRefusalsPerSecondMax * static_cast<std::size_t>(seconds));
}

// The receiver keeps what it gets: it must stop reading, and the sender must drop the newest.
TEST(Peers, AReceiverThatHoldsItsFramesBoundsBothSides) {
  Pair pair;
  pair.a.options.queue_bytes_max = 2 << 20;
  pair.b.options.credit_bytes_max = 1 << 20;
  pair.b.hold_credit = true;
  pair.start();
  constexpr std::size_t kFrameBytes = 100'000;
  constexpr std::uint32_t kFrames = 400;
  for (std::uint32_t i = 0; i < kFrames; ++i) {
    Bytes bytes(kFrameBytes);
    std::copy_n(crypto::encode(i).begin(), 4, bytes.begin());
    pair.a.send(pair.b, std::make_shared<const Bytes>(std::move(bytes)));
    EXPECT_LE(pair.a.state(2).queued_bytes, 2U << 20);
    if (i % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  // Two heartbeats later nothing has moved, and nobody takes the other for dead.
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const std::size_t held = pair.b.count(1);
  EXPECT_GE(held, 10U);
  EXPECT_LE(held, (1U << 20) / kFrameBytes + 2);
  EXPECT_GT(pair.a.state(2).frames_dropped, 0U);
  EXPECT_EQ(pair.a.disconnects, 0);

  pair.b.release_credit();
  const std::uint64_t dropped = pair.a.state(2).frames_dropped;
  ASSERT_TRUE(eventually([&] { return pair.b.count(1) == kFrames - dropped; }));
  std::uint32_t last = 0;
  for (const Bytes& bytes : pair.b.frames(1)) {
    const auto number = crypto::decode<std::uint32_t>(ByteView(bytes).first(4));
    EXPECT_TRUE(*number > last || (*number == 0 && last == 0));
    last = *number;
  }
  pair.expect_working();
}

TEST(Peers, CreditMayBeGivenBackAfterTheMeshHasGone) {
  auto pair = std::make_unique<Pair>();
  pair->b.hold_credit = true;
  pair->b.options.credit_bytes_max = 10;
  pair->start();
  pair->a.send(pair->b, frame("held for long"));
  ASSERT_TRUE(eventually([&] { return pair->b.count(1) == 1; }));
  pair->b.stop();
  pair->b.io.stop();
  pair->b.release_credit();
}

TEST(Peers, AFrameToNobodyIsDropped) {
  Pair pair;
  pair.start();
  pair.a.mesh->send({9}, frame("x"));
  pair.expect_working();
}

TEST(Peers, AMeshThatStartsAndStopsAtOnceLeavesNothing) {
  for (int i = 0; i < 20; ++i) {
    Node node(1, {2, 3, 4});
    node.start();
    node.mesh->broadcast(frame("x"));
  }
}

TEST(Peers, ATakenPortIsNamedWithItsHolder) {
  Node a(1, {2});
  a.start();
  Node b(2, {1});
  b.options.listen = a.mesh->endpoint();
  const auto started = PeerMesh::start(b.io, key_of(2), b.options, {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, "peer-port-taken");
  EXPECT_EQ(started.error().kind, ErrorKind::kConflict);
  EXPECT_NE(started.error().message.find(a.mesh->endpoint().to_string()), std::string::npos);
  EXPECT_NE(started.error().message.find("this process itself"), std::string::npos);
}

}  // namespace
}  // namespace quorate::node::mesh
