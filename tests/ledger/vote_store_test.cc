#include "ledger/vote_store.h"

#include <gtest/gtest.h>

#include <map>

#include "crypto/bcs.h"
#include "tests/support/faulty_env.h"

namespace quorate::ledger {
namespace {

using quorate::test::FaultyEnv;

const Digest kChain = crypto::sha256(as_bytes("chain"));
const Digest kStoreId = crypto::sha256(as_bytes("store"));

using Records = std::map<std::string, std::string>;

VoteRecord record(std::string_view key, std::string_view value) {
  return {to_bytes(key), to_bytes(value)};
}

Records all_of(const VoteStore& store) {
  Records records;
  const Status visited = store.for_each(
      [&](ByteView key, ByteView value) { records.emplace(as_text(key), as_text(value)); });
  EXPECT_TRUE(visited) << visited.error().to_string();
  return records;
}

class VoteStoreTest : public testing::Test {
 protected:
  std::unique_ptr<VoteStore> create(const std::string& folder = "/votes") {
    return VoteStore::create(folder, kChain, kStoreId, {&env_}).value();
  }
  Result<std::unique_ptr<VoteStore>> open(const std::string& folder = "/votes") {
    return VoteStore::open(folder, kChain, {&env_});
  }
  std::string_view refusal(const std::string& folder = "/votes") {
    const auto opened = open(folder);
    return opened ? std::string_view("opened") : opened.error().code;
  }

  FaultyEnv env_;
};

TEST_F(VoteStoreTest, NumbersItsWritesFromOne) {
  const auto store = create();
  EXPECT_EQ(store->last_write(), 0U);
  EXPECT_EQ(store->write({record("a", "1")}), 1U);
  EXPECT_EQ(store->write({record("b", "2"), record("c", "3")}), 2U);
  EXPECT_EQ(store->write({}), 3U);
  EXPECT_EQ(store->last_write(), 3U);
}

TEST_F(VoteStoreTest, GoesOnAfterARestart) {
  {
    const auto store = create();
    ASSERT_TRUE(store->write({record("a", "1"), record("b", "2")}));
    ASSERT_TRUE(store->write({record("a", "3")}));
  }
  const auto store = open();
  ASSERT_TRUE(store) << store.error().to_string();
  EXPECT_EQ((*store)->store_id(), kStoreId);
  EXPECT_EQ((*store)->last_write(), 2U);
  EXPECT_EQ(all_of(**store), (Records{{"a", "3"}, {"b", "2"}}));
  EXPECT_EQ((*store)->write({}), 3U);
}

TEST_F(VoteStoreTest, AnyBytesAreAKey) {
  const auto store = create();
  const std::string zero("\0\0", 2);
  const std::string high("\xff\xff", 2);
  ASSERT_TRUE(store->write({record("", "empty"), record(zero, "zero"), record(high, "high")}));
  EXPECT_EQ(all_of(*store), (Records{{"", "empty"}, {zero, "zero"}, {high, "high"}}));
}

TEST_F(VoteStoreTest, VisitsInKeyOrder) {
  const auto store = create();
  ASSERT_TRUE(store->write({record("c", ""), record("a", ""), record("b", "")}));
  std::string order;
  ASSERT_TRUE(store->for_each([&](ByteView key, ByteView) { order += as_text(key); }));
  EXPECT_EQ(order, "abc");
}

TEST_F(VoteStoreTest, VisitsFromAKeyOnWithinItsKind) {
  const auto store = create();
  ASSERT_TRUE(store->write({record("a9", ""), record("b1", ""), record("b2", ""), record("b", ""),
                            record("b25", ""), record("c1", "")}));
  const auto visited_from = [&](std::string_view first) {
    std::string order;
    EXPECT_TRUE(store->for_each_from(as_bytes(first), [&](ByteView key, ByteView) -> Status {
      order.append(as_text(key)).append(" ");
      return {};
    }));
    return order;
  };
  EXPECT_EQ(visited_from("b"), "b b1 b2 b25 ");
  EXPECT_EQ(visited_from("b15"), "b2 b25 ");
  EXPECT_EQ(visited_from("b3"), "");
  EXPECT_EQ(visited_from("z"), "");
  int visits = 0;
  const Status stopped = store->for_each_from(as_bytes("b"), [&](ByteView, ByteView) -> Status {
    ++visits;
    return fail(ErrorKind::kInvalid, "enough", "");
  });
  EXPECT_EQ(visits, 1);
  EXPECT_EQ(stopped.error().code, "enough");
}

TEST_F(VoteStoreTest, GivesOneRecordByItsKey) {
  const auto store = create();
  ASSERT_TRUE(store->write({record("a", "1")}));
  EXPECT_EQ(store->get(as_bytes("a")).value(), to_bytes("1"));
  EXPECT_EQ(store->get(as_bytes("b")).value(), std::nullopt);
}

TEST_F(VoteStoreTest, ErasesWithoutNumbering) {
  {
    const auto store = create();
    ASSERT_TRUE(store->write({record("a", "1"), record("b", "2")}));
    const auto syncs = env_.syncs();
    ASSERT_TRUE(store->erase({to_bytes("a"), to_bytes("not there")}));
    EXPECT_EQ(env_.syncs(), syncs);
    EXPECT_EQ(store->last_write(), 1U);
    EXPECT_EQ(all_of(*store), (Records{{"b", "2"}}));
    EXPECT_EQ(store->write({}), 2U);
  }
  EXPECT_EQ(all_of(**open()), (Records{{"b", "2"}}));
}

TEST_F(VoteStoreTest, ErasesARangeAndNothingBesideIt) {
  {
    const auto store = create();
    ASSERT_TRUE(store->write({record("b", ""), record("v", ""), record("v1", ""), record("v10", ""),
                              record("v2", ""), record("v3", ""), record("w", "")}));
    const auto syncs = env_.syncs();
    ASSERT_TRUE(store->erase_range(as_bytes("v1"), as_bytes("v3")));
    const Records left = {{"b", ""}, {"v", ""}, {"v3", ""}, {"w", ""}};
    EXPECT_EQ(all_of(*store), left);
    ASSERT_TRUE(store->erase_range(as_bytes("v1"), as_bytes("v3")));
    ASSERT_TRUE(store->erase_range(as_bytes("w"), as_bytes("b")));
    ASSERT_TRUE(store->erase_range(as_bytes("w"), as_bytes("w")));
    EXPECT_EQ(all_of(*store), left);
    EXPECT_EQ(env_.syncs(), syncs);
    EXPECT_EQ(store->last_write(), 1U);
    ASSERT_TRUE(store->erase_range({}, as_bytes("w")));
    EXPECT_EQ(all_of(*store), (Records{{"w", ""}}));
    ASSERT_TRUE(store->write({}));
    env_.stop();
  }
  env_.cut_power(FaultyEnv::PowerCut::kLosesUnsynced);
  env_.heal();
  const auto store = open();
  ASSERT_TRUE(store) << store.error().to_string();
  EXPECT_EQ(all_of(**store), (Records{{"w", ""}}));
  EXPECT_EQ((*store)->last_write(), 2U);
}

TEST_F(VoteStoreTest, ErasesARangeOfAnyLength) {
  const auto store = create();
  std::vector<VoteRecord> records;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    records.push_back({crypto::encode(i), to_bytes("value")});
  }
  ASSERT_TRUE(store->write(records));
  ASSERT_TRUE(store->erase_range({}, Bytes{0xff, 0xff}));
  EXPECT_EQ(all_of(*store), Records{});
}

TEST_F(VoteStoreTest, ErasingARangeWithNothingInItWritesNothing) {
  const auto store = create();
  ASSERT_TRUE(store->write({record("a", "1"), record("c", "3")}));
  env_.fail_appends_from(0);
  EXPECT_TRUE(store->erase_range(as_bytes("b"), as_bytes("c")));
  EXPECT_EQ(store->erase_range(as_bytes("a"), as_bytes("c")).error().code,
            "vote-store-write-failed");
  env_.heal();
  EXPECT_EQ(store->erase_range(as_bytes("a"), as_bytes("c")).error().code, "vote-store-stopped");
  EXPECT_EQ(all_of(*store), (Records{{"a", "1"}, {"c", "3"}}));
}

TEST_F(VoteStoreTest, EveryWriteSurvivesAPowerCut) {
  using Cut = FaultyEnv::PowerCut;
  for (const Cut cut : {Cut::kLosesUnsynced, Cut::kLeavesZeros, Cut::kTearsSectors}) {
    env_.remove_folder("/votes");
    {
      const auto store = create();
      for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(store->write({record("key " + std::to_string(i), std::string(200, 'v'))}));
      }
      env_.stop();
    }
    env_.cut_power(cut);
    env_.heal();
    const auto store = open();
    ASSERT_TRUE(store) << store.error().to_string();
    EXPECT_EQ((*store)->last_write(), 20U);
    EXPECT_EQ(all_of(**store).size(), 20U);
  }
}

TEST_F(VoteStoreTest, WriteIsWholeOrAbsentAfterACutAtAnyByte) {
  {
    const auto store = create();
    ASSERT_TRUE(store->write({record("a", "1"), record("b", "1"), record("c", "1")}));
    ASSERT_TRUE(store->write({record("a", "2"), record("b", "2"), record("c", "2")}));
  }
  const std::string log = env_.newest_log("/votes");
  const std::string bytes = env_.read(log);
  std::map<std::uint64_t, int> seen;
  for (std::size_t size = bytes.size(); size > 0; --size) {
    env_.copy_folder("/votes", "/cut");
    env_.write("/cut" + log.substr(6), bytes.substr(0, size));
    const auto store = open("/cut");
    if (!store) {  // the identity itself is cut off
      ASSERT_EQ(store.error().code, "vote-store-corrupt") << size;
      env_.remove_folder("/cut");
      continue;
    }
    const std::uint64_t number = (*store)->last_write();
    const std::string value = std::to_string(number);
    const Records expected =
        number == 0 ? Records{} : Records{{"a", value}, {"b", value}, {"c", value}};
    ASSERT_EQ(all_of(**store), expected) << size;
    ++seen[number];
    env_.remove_folder("/cut");
  }
  EXPECT_EQ(seen.size(), 3U);
}

TEST_F(VoteStoreTest, FailedWriteStopsItForGood) {
  {
    const auto store = create();
    ASSERT_TRUE(store->write({record("a", "1")}));
    env_.fail_syncs_from(0);
    const auto failed = store->write({record("a", "2")});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, "vote-store-write-failed");
    env_.heal();
    EXPECT_EQ(store->write({record("a", "3")}).error().code, "vote-store-stopped");
    EXPECT_EQ(store->erase({to_bytes("a")}).error().code, "vote-store-stopped");
    EXPECT_EQ(store->last_write(), 1U);
    EXPECT_EQ(all_of(*store), (Records{{"a", "1"}}));
  }
  // Whether the failed write reached the disk nobody knows; it is there as a whole or not at all.
  const auto store = open();
  ASSERT_TRUE(store) << store.error().to_string();
  EXPECT_EQ(all_of(**store), (Records{{"a", std::to_string((*store)->last_write())}}));
}

TEST_F(VoteStoreTest, RefusesWhatIsNotItsOwn) {
  EXPECT_EQ(refusal(), "vote-store-missing");
  auto store = create();
  EXPECT_EQ(refusal(), "vote-store-in-use");
  store.reset();
  EXPECT_EQ(VoteStore::create("/votes", kChain, kStoreId, {&env_}).error().code,
            "vote-store-exists");
  EXPECT_EQ(VoteStore::open("/votes", kStoreId, {&env_}).error().code, "vote-store-other-chain");
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(VoteStoreTest, NoBitOfAnyFileFlipsUnnoticed) {
  Records expected;
  {
    const auto store = create();
    for (int i = 0; i < 8; ++i) {
      const std::string key = "key " + std::to_string(i);
      expected[key] = std::string(60, static_cast<char>('a' + i));
      ASSERT_TRUE(store->write({record(key, expected[key])}));
    }
  }
  {
    const auto store = open();  // moves the records to a table
    ASSERT_TRUE(store);
    ASSERT_TRUE((*store)->write({record("new", "in the log")}));
    expected["new"] = "in the log";
  }
  int refused = 0;
  for (const std::string& file : env_.files("/votes")) {
    const std::string bytes = env_.read(file);
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 5) {
      env_.copy_folder("/votes", "/flip");
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      env_.write("/flip" + file.substr(6), flipped);
      {
        const auto store = open("/flip");
        Records found;
        const bool whole = store && (*store)->for_each([&](ByteView key, ByteView value) {
          found.emplace(as_text(key), as_text(value));
        });
        if (whole) {
          ASSERT_EQ(found, expected) << file << " bit " << bit;
          ASSERT_EQ((*store)->last_write(), 9U) << file << " bit " << bit;
        } else {
          ++refused;
        }
      }
      env_.remove_folder("/flip");
    }
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace quorate::ledger
