// Faults between the nodes of a testnet, as a person types and reads them.

#include "testnet/link_faults.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace quorate::testnet {
namespace {

using Lines = std::vector<std::string>;

LinkFaults partitioned(const std::string& sides, std::size_t replicas) {
  LinkFaults faults(replicas);
  const auto parsed = parse_partition(sides, replicas);
  EXPECT_TRUE(parsed) << sides;
  if (parsed) cut_into(faults, *parsed);
  return faults;
}

TEST(LinkFaults, PartitionCutsWhoIsOnAnotherSideAndNobodyElse) {
  const LinkFaults faults = partitioned("0,1/2,3", 4);
  for (std::uint16_t a = 0; a < 4; ++a) {
    for (std::uint16_t b = 0; b < 4; ++b) {
      EXPECT_EQ(faults[a].cut.contains({b}), a / 2 != b / 2) << a << " and " << b;
    }
  }
  EXPECT_EQ(describe(faults), Lines{"partition 0,1 / 2,3"});
}

TEST(LinkFaults, ReplicasThatAreNotNamedAreOneMoreSide) {
  EXPECT_EQ(describe(partitioned("3", 4)), Lines{"partition 0,1,2 / 3"});
  EXPECT_EQ(describe(partitioned("6/5", 7)), Lines{"partition 0,1,2,3,4 / 5 / 6"});
}

TEST(LinkFaults, PartitionThatIsNoneIsRefused) {
  for (const std::string text :
       {"", "/", "0,1,2,3", "0/0", "0,1/1,2", "4", "0/x", "0,/1", "-1", "0 /1", "0/1/2/3/"}) {
    const auto parsed = parse_partition(text, 4);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, "partition-malformed");
  }
}

TEST(LinkFaults, LinkHasTwoEnds) {
  EXPECT_EQ(parse_link("0-3", 4), (std::pair<std::uint16_t, std::uint16_t>{0, 3}));
  for (const std::string text : {"", "0", "0-", "-1", "0-0", "0-4", "0-1-2", "a-b", "0- 1"}) {
    EXPECT_FALSE(parse_link(text, 4)) << text;
  }
}

TEST(LinkFaults, DelayIsBothWaysAndEndsWithZero) {
  LinkFaults faults(4);
  delay_link(faults, {2, 1}, 200);
  EXPECT_EQ(faults[1].delay_ms.at({2}), 200U);
  EXPECT_EQ(faults[2].delay_ms.at({1}), 200U);
  EXPECT_EQ(describe(faults), Lines{"delay 1-2 200 ms"});
  faults[2].skew_ms = -1500;
  faults[0].cut.insert({1});  // by hand, one way
  const Lines all = {"0 is cut off from 1", "delay 1-2 200 ms", "skew 2 -1500 ms"};
  EXPECT_EQ(describe(faults), all);
  delay_link(faults, {1, 2}, 0);
  EXPECT_TRUE(faults[1].delay_ms.empty());
  EXPECT_TRUE(faults[2].delay_ms.empty());
  heal(faults);
  EXPECT_TRUE(describe(faults).empty());
}

TEST(LinkFaults, AnotherPartitionTakesThePlaceOfTheFirstAndLeavesDelays) {
  LinkFaults faults = partitioned("0/1,2,3", 4);
  delay_link(faults, {0, 1}, 5);
  cut_into(faults, *parse_partition("0,1/2,3", 4));
  EXPECT_EQ(describe(faults), (Lines{"partition 0,1 / 2,3", "delay 0-1 5 ms"}));
}

TEST(LinkFaults, EachWriteHasANumberAboveAllBeforeIt) {
  const test::TemporaryFolder root;
  node::NetworkFolder folder;
  folder.root = root.path();
  for (std::uint16_t i = 0; i < 4; ++i) {
    const std::string name = "replica-" + std::to_string(i);
    folder.replicas.push_back({{i}, name, {}, {}, name, {}});
    std::filesystem::create_directory(root.path() / name);
  }
  EXPECT_EQ(read_link_faults(folder)->size(), 4U);
  EXPECT_EQ(write_link_faults(folder, partitioned("0,1/2,3", 4)), 1U);
  LinkFaults faults = *read_link_faults(folder);
  EXPECT_EQ(describe(faults), Lines{"partition 0,1 / 2,3"});
  heal(faults);
  EXPECT_EQ(write_link_faults(folder, faults), 2U);
  EXPECT_TRUE(describe(*read_link_faults(folder)).empty());
  remove_link_faults(folder);
  EXPECT_EQ((*read_link_faults(folder))[0].number, 0U);
}

}  // namespace
}  // namespace quorate::testnet
