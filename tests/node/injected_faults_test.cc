// What a node reads of the faults that somebody wants to see.

#include "node/injected_faults.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <fstream>

#include "node/clock.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

class InjectedFaultsFile : public testing::Test {
 protected:
  void put(const std::string& text) { std::ofstream(file()) << text; }
  [[nodiscard]] std::filesystem::path file() const { return faults_file(folder_.path()); }
  [[nodiscard]] std::string code() const {
    const auto faults = read_faults(file());
    return faults ? "" : std::string(faults.error().code);
  }

 private:
  quorate::test::TemporaryFolder folder_;
};

TEST_F(InjectedFaultsFile, WithoutOneThereAreNone) {
  const auto faults = read_faults(file());
  ASSERT_TRUE(faults);
  EXPECT_FALSE(faults->any());
  EXPECT_EQ(faults->number, 0U);
}

TEST_F(InjectedFaultsFile, GivesBackWhatWasWritten) {
  const InjectedFaults faults{7, {{2}, {3}}, {{{1}, 200}}, -500};
  ASSERT_TRUE(write_faults(file(), faults));
  const auto read = read_faults(file());
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(*read, faults);
  EXPECT_TRUE(read->any());
  EXPECT_EQ(faults_text(*read), "cut off from 2, 3; 200 ms to 1; clock 500 ms behind");
  EXPECT_EQ(faults_text({}), "none");
}

TEST_F(InjectedFaultsFile, WhatIsNotUnderstoodIsRefusedWhole) {
  for (const std::string text :
       {"", "[]", "{\"cut\": 2}", "{\"cut\": [-1]}", "{\"cut\": [65536]}",
        "{\"delay_ms\": {\"x\": 1}}", "{\"delay_ms\": {\"1\": 0}}",
        "{\"delay_ms\": {\"1\": 60001}}", "{\"skew_ms\": 1e3}", "{\"skew_ms\": 31536000001}",
        "{\"number\": -1}", "{\"skw_ms\": 1}"}) {
    put(text);
    EXPECT_EQ(code(), "faults-malformed") << text;
  }
  put("{\"skew_ms\": -31536000000}");
  EXPECT_EQ(code(), "");
}

TEST(WallTime, IsAheadByTheSkewAndNeverBelowZero) {
  const std::uint64_t before = wall_time().value;
  wall_skew_ms = 3'600'000;
  const std::uint64_t ahead = wall_time().value;
  wall_skew_ms = -static_cast<std::int64_t>(before) * 2;
  const std::uint64_t behind = wall_time().value;
  wall_skew_ms = 0;
  EXPECT_GE(ahead, before + 3'600'000);
  EXPECT_LT(ahead, before + 3'700'000);
  EXPECT_EQ(behind, 0U);
}

}  // namespace
}  // namespace quorate::node
