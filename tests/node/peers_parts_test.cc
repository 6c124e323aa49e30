// The parts of the mesh that need no socket: frames, hello, queue, credit, limiter.

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "crypto/bcs.h"
#include "node/peers_frames.h"
#include "node/peers_mesh.h"
#include "node/peers_queue.h"
#include "tests/node/rpc_handler.h"

namespace quorate::node {
namespace {

Bytes framed(const Bytes& payload) {
  Bytes out;
  append_frame_length(out, payload.size());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

TEST(FrameSplitter, FindsFramesHoweverTheBytesAreCut) {
  std::mt19937 random(1);
  Bytes stream;
  std::vector<Bytes> sent;
  for (const std::size_t size : {3U, 0U, 1U, 200U, 0U, 70'000U}) {
    sent.emplace_back(size, static_cast<std::uint8_t>(size));
    const Bytes bytes = framed(sent.back());
    stream.insert(stream.end(), bytes.begin(), bytes.end());
  }
  for (int round = 0; round < 100; ++round) {
    FrameSplitter splitter(100'000);
    std::vector<Bytes> got;
    ByteView rest = stream;
    while (!rest.empty()) {
      const std::size_t piece = std::min<std::size_t>(1 + random() % (round + 1), rest.size());
      ByteView input = rest.first(piece);
      rest = rest.subspan(piece);
      while (true) {
        auto frame = splitter.next(input);
        ASSERT_TRUE(frame);
        if (!*frame) break;
        got.push_back(std::move(**frame));
      }
    }
    EXPECT_TRUE(splitter.at_boundary());
    EXPECT_TRUE(got == sent) << "round " << round;
  }
}

TEST(FrameSplitter, KnowsWhenTheStreamEndsInsideOfAFrame) {
  const Bytes bytes = framed({1, 2, 3});
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    FrameSplitter splitter(10);
    ByteView input = ByteView(bytes).first(cut);
    EXPECT_FALSE(splitter.next(input)->has_value());
    EXPECT_FALSE(splitter.at_boundary()) << cut;
  }
}

TEST(FrameSplitter, RefusesAFrameAboveTheLimitAndTakesOneAtIt) {
  FrameSplitter splitter(3);
  const Bytes good = framed({1, 2, 3});
  ByteView input = good;
  EXPECT_EQ(**splitter.next(input), (Bytes{1, 2, 3}));
  const Bytes bad = framed({1, 2, 3, 4});
  input = bad;
  EXPECT_EQ(splitter.next(input).error().code, "peer-frame-oversized");
  FrameSplitter largest(kFrameBytesMax);
  const Bytes all_ones(4, 0xff);
  input = all_ones;
  EXPECT_EQ(largest.next(input).error().code, "peer-frame-oversized");
}

TEST(FrameSplitter, ReservesLittleForALengthThatIsOnlyClaimed) {
  FrameSplitter splitter(kFrameBytesMax);
  Bytes claim;
  append_frame_length(claim, kFrameBytesMax);
  ByteView input = claim;
  EXPECT_FALSE(splitter.next(input)->has_value());
  EXPECT_LE(splitter.capacity(), 1U << 20);
}

TEST(Hello, HasTheBytesOfItsDescription) {
  Hello hello;
  hello.wire_version = 1;
  hello.replica = {3};
  EXPECT_EQ(to_hex(framed(crypto::encode(hello))),
            "2e000000"
            "71756f7261746500"
            "01000000" +
                std::string(64, '0') + "0300");
}

TEST(Hello, IsCheckedFieldByField) {
  Hello mine;
  mine.wire_version = kWireVersion;
  mine.replica = {3};
  const auto verdict = [&](const Hello& hello) {
    const Status status = check_hello(crypto::encode(hello), mine);
    return status ? std::string_view("good") : status.error().code;
  };
  EXPECT_EQ(verdict(mine), "good");
  Hello other = mine;
  other.magic[7] = 1;
  EXPECT_EQ(verdict(other), "peer-hello-malformed");
  other = mine;
  other.wire_version = 2;
  EXPECT_EQ(verdict(other), "peer-wrong-version");
  other = mine;
  other.chain_id.bytes[31] = 1;
  EXPECT_EQ(verdict(other), "peer-wrong-chain");
  other = mine;
  other.replica = {4};
  EXPECT_EQ(verdict(other), "good") << "its number in its own epoch";

  const Bytes whole = crypto::encode(mine);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(check_hello(ByteView(whole).first(size), mine).error().code, "peer-hello-malformed");
  }
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_EQ(check_hello(longer, mine).error().code, "peer-hello-malformed");
}

OutboundFrame frame_of_size(std::size_t size) { return std::make_shared<const Bytes>(size); }

TEST(OutboundQueue, DropsTheNewestWhenFullAndTheOldestWhileOffline) {
  const std::uint64_t three = 3 * (10 + kFrameOverheadBytes);
  OutboundQueue queue(three, three - 1);
  for (std::uint8_t i = 1; i <= 5; ++i) {
    (void)queue.push(std::make_shared<const Bytes>(10, i));
  }
  EXPECT_EQ(queue.dropped(), 3U);
  queue.set_online(true);
  (void)queue.push(std::make_shared<const Bytes>(10, 6));
  (void)queue.push(std::make_shared<const Bytes>(10, 7));
  EXPECT_EQ(queue.dropped(), 4U);
  FrameBatch batch;
  queue.take(batch);
  ASSERT_EQ(batch.small.size(), 3 * 14U);
  EXPECT_EQ(batch.small[4], 4);
  EXPECT_EQ(batch.small[18], 5);
  EXPECT_EQ(batch.small[32], 6);
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(OutboundQueue, KeepsTheNewestWhenThePeerGoes) {
  OutboundQueue queue(10'000, 200);
  queue.set_online(true);
  for (int i = 0; i < 20; ++i) (void)queue.push(frame_of_size(36));
  EXPECT_EQ(queue.bytes(), 2000U);
  queue.set_online(false);
  EXPECT_EQ(queue.bytes(), 200U);
  EXPECT_EQ(queue.dropped(), 18U);
}

TEST(OutboundQueue, WakesItsConsumerOnceASleep) {
  OutboundQueue queue(10'000, 10'000);
  EXPECT_FALSE(queue.push(frame_of_size(1)));  // offline
  queue.set_online(true);
  EXPECT_FALSE(queue.push(frame_of_size(1)));  // awake
  FrameBatch batch;
  queue.take(batch);
  EXPECT_FALSE(batch.empty());
  queue.take(batch);
  EXPECT_TRUE(batch.empty());
  EXPECT_TRUE(queue.push(frame_of_size(1)));
  EXPECT_FALSE(queue.push(frame_of_size(1)));
}

TEST(OutboundQueue, JoinsSmallFramesAndPassesLargeOnesThrough) {
  OutboundQueue queue(10 << 20, 10 << 20);
  const auto large = frame_of_size(1 << 20);
  for (int i = 0; i < 3; ++i) (void)queue.push(frame_of_size(1000));
  (void)queue.push(large);
  (void)queue.push(frame_of_size(5));
  FrameBatch batch;
  queue.take(batch);
  EXPECT_EQ(batch.small.size(), 3 * 1004U + 4);
  EXPECT_EQ(batch.large, large);
  queue.take(batch);
  EXPECT_EQ(batch.small.size(), 9U);
  EXPECT_EQ(batch.large, nullptr);
}

TEST(CreditAccount, CallsOnceThereIsRoomAgain) {
  IoThread io;
  int calls = 0;
  auto account = std::make_shared<CreditAccount>(100, io.poster());
  const auto on_loop = [&io](const std::function<void()>& function) { io.run(function); };
  on_loop([&] { account->set_on_room([&] { ++calls; }); });
  EXPECT_FALSE(account->waits_for_room());
  auto first = account->hold(60);
  EXPECT_FALSE(account->waits_for_room());
  auto second = account->hold(60);
  auto third = account->hold(60);
  EXPECT_TRUE(account->waits_for_room());
  third.reset();
  on_loop([&] { EXPECT_EQ(calls, 0); });  // 120 are still held
  second.reset();
  on_loop([&] { EXPECT_EQ(calls, 1); });
  first.reset();
  on_loop([&] { EXPECT_EQ(calls, 1); });
}

TEST(RefusalLimiter, CountsWhatItKeepsToItself) {
  RefusalLimiter limiter;
  const auto begin = std::chrono::steady_clock::time_point(std::chrono::hours(1));
  std::uint32_t passed = 0;
  for (int i = 0; i < 100; ++i) {
    Error error{ErrorKind::kDenied, "x", "Refused", {}};
    passed += limiter.pass(error, begin + std::chrono::milliseconds(i)) ? 1 : 0;
  }
  EXPECT_EQ(passed, kRefusalsPerSecondMax);
  Error error{ErrorKind::kDenied, "x", "Refused", {}};
  EXPECT_TRUE(limiter.pass(error, begin + std::chrono::seconds(1)));
  EXPECT_NE(error.message.find("90 more"), std::string::npos);
}

}  // namespace
}  // namespace quorate::node
