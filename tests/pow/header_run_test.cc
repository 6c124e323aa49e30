#include "pow/header_run.h"

#include <gtest/gtest.h>

#include "tests/pow/pow_world.h"

namespace quorate::pow {
namespace {

constexpr std::uint64_t kNow = 2'000'000'000;

// -- Bitcoin's own first ten thousand ------------------------------------------------------------

class RealRun : public testing::Test {
 protected:
  void SetUp() override {
    headers_ = test::read_headers(test::kMainHeaders);
    if (headers_.empty()) GTEST_SKIP() << test::kNoData << test::kMainHeaders;
  }

  // Runs from `first` to `last`; the error, if any, is that of the first header refused.
  Result<HeaderRun> run(std::size_t first, std::size_t last,
                        const std::optional<Header>& boundary = std::nullopt) {
    auto run = HeaderRun::start(bitcoin_params(), {first}, headers_[first], boundary);
    if (!run) return run;
    for (std::size_t i = first + 1; i <= last; ++i) QUORATE_TRY(run->append(headers_[i], kNow));
    return run;
  }

  std::vector<Header> headers_;
};

TEST_F(RealRun, TenThousandRealHeadersPassWithFourRetargets) {
  const auto run = this->run(0, 9999);
  ASSERT_TRUE(run) << run.error().to_string();
  EXPECT_EQ(run->tip().height.value, 9999U);
  EXPECT_EQ(display_hex(run->tip().hash),
            "00000000fbc97cc6c599ce9c24dd4a2243e2bfd518eda56e1d5e47d29e29c3a7");
  EXPECT_EQ(decimal_of(run->tip().work), "42950328330000");
  EXPECT_EQ(run->medians_unknown(), 0U);
  ASSERT_EQ(run->retargets().size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    const Retarget& retarget = run->retargets()[i];
    EXPECT_EQ(retarget.height.value, 2016 * (i + 1));
    EXPECT_EQ(retarget.before.value, 0x1d00ffffU);
    EXPECT_EQ(retarget.after.value, 0x1d00ffffU);
    EXPECT_GT(retarget.span_seconds, 1'209'600);  // slower than wanted, and easier there is not
  }
  EXPECT_EQ(run->retargets()[0].span_seconds, 1233061996 - 1231006505);
}

TEST_F(RealRun, StartsAnywhereAndAsksForTheBoundaryOnceARetargetNeedsIt) {
  ASSERT_TRUE(run(2100, 4031));
  const auto without = run(2100, 4032);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, "pow-boundary-missing");
  EXPECT_NE(without.error().message.find("height 2016"), std::string::npos)
      << without.error().message;
  const auto with = run(2100, 9999, headers_[2016]);
  ASSERT_TRUE(with) << with.error().to_string();
  EXPECT_EQ(with->retargets().size(), 3U);
  EXPECT_EQ(with->retargets()[0].span_seconds,
            std::int64_t{headers_[4031].time} - std::int64_t{headers_[2016].time});
  EXPECT_EQ(with->medians_unknown(), 10U);
  EXPECT_TRUE(run(2016, 9999));  // begins a period itself
}

// Real times go back now and then; a median of fewer than eleven would refuse good headers.
TEST_F(RealRun, NoStartAmongRealHeadersIsRefusedForAMedianThatIsNotKnown) {
  int steps_back = 0;
  for (std::size_t next = 2; next < headers_.size(); ++next) {
    if (headers_[next].time > headers_[next - 1].time || next % 2016 < 2) continue;
    ++steps_back;
    ASSERT_TRUE(run(next - 1, next)) << next;
  }
  EXPECT_GT(steps_back, 10);
}

TEST_F(RealRun, BoundaryThatCannotHaveBegunThePeriodIsRefused) {
  Header boundary = headers_[2016];
  boundary.time += 1;
  EXPECT_EQ(run(2100, 2200, boundary).error().code, "pow-boundary-wrong");
  boundary = headers_[2016];
  boundary.bits = {0x1c7fff80};
  EXPECT_EQ(run(2100, 2200, boundary).error().code, "pow-boundary-wrong");
}

TEST_F(RealRun, FirstHeaderIsJudgedAsFarAsItCanBe) {
  const auto start = [&](Header header, std::uint64_t height) {
    const auto run = HeaderRun::start(bitcoin_params(), {height}, header, std::nullopt);
    return std::string(run ? "accepted" : run.error().code);
  };
  EXPECT_EQ(start(headers_[0], 0), "accepted");
  EXPECT_EQ(start(headers_[1], 0), "pow-genesis-wrong");
  EXPECT_EQ(start(headers_[1], 1), "accepted");
  Header changed = headers_[1];
  changed.nonce ^= 1;
  EXPECT_EQ(start(changed, 1), "pow-hash-above-target");
  changed.bits = {0x1e00ffff};
  EXPECT_EQ(start(changed, 1), "pow-target-above-limit");
  EXPECT_EQ(HeaderRun::start(testnet_params(), {0}, headers_[0], std::nullopt).error().code,
            "pow-genesis-wrong");
}

TEST_F(RealRun, HeaderThatIsLeftOutOrRepeatedIsFoundAndTheRunStandsWhereItStood) {
  auto run = this->run(0, 100);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->append(headers_[102], kNow).error().code, "pow-parent-unknown");
  EXPECT_EQ(run->append(headers_[100], kNow).error().code, "pow-parent-unknown");
  EXPECT_EQ(run->tip().height.value, 100U);
  EXPECT_TRUE(run->append(headers_[101], kNow));
}

// -- Chains of one's own -------------------------------------------------------------------------

TEST(OwnRun, RetargetsAreListedWithWhatWasMeasured) {
  const Params params = own_params(10, 8, {0x207fffff}).value();
  const Header genesis = test::own_genesis(params);
  auto run = HeaderRun::start(params, {0}, genesis, std::nullopt);
  ASSERT_TRUE(run) << run.error().to_string();
  for (int i = 1; i <= 24; ++i) {
    const std::uint32_t pace = i < 16 ? 5 : 40;  // twice as fast as wanted, then four times slower
    const Header header = test::child_of(run->tip(), run->tip().time + pace, params);
    ASSERT_TRUE(run->append(header, kNow));
  }
  ASSERT_EQ(run->retargets().size(), 3U);
  EXPECT_EQ(run->retargets()[0].span_seconds, 35);
  EXPECT_EQ(run->retargets()[0].after.value, 0x2037ffffU);  // 35/80 of 7fffff
  EXPECT_EQ(run->retargets()[1].span_seconds, 35);
  EXPECT_EQ(run->retargets()[2].span_seconds, 280);
  EXPECT_EQ(run->retargets()[2].before.value, run->retargets()[1].after.value);
}

TEST(OwnRun, BoundaryOfAnotherPeriodIsRefusedForItsBitsThoughItsWorkIsGood) {
  const Params params = own_params(10, 8, {0x207fffff}).value();
  ChainPoint tip = first_point(test::own_genesis(params), {0}, std::nullopt, params);
  std::vector<Header> headers = {test::own_genesis(params)};
  for (int i = 1; i <= 12; ++i) {
    headers.push_back(test::child_of(tip, tip.time + 5, params));
    tip = next_point(tip, headers.back(), hash_of(headers.back()), params);
  }
  ASSERT_NE(headers[12].bits, headers[0].bits);
  EXPECT_TRUE(HeaderRun::start(params, {12}, headers[12], headers[8]));
  const auto run = HeaderRun::start(params, {12}, headers[12], headers[0]);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, "pow-boundary-wrong");
}

TEST(OwnRun, FirstBlockOfAChainWithoutNamedGenesisHasNoParentAndTheLimit) {
  const Params params = own_params(10, 8, {0x207fffff}).value();
  Header genesis = test::own_genesis(params);
  genesis.previous.bytes[0] = 1;
  EXPECT_EQ(HeaderRun::start(params, {0}, test::mined(genesis), std::nullopt).error().code,
            "pow-genesis-wrong");
  genesis = test::own_genesis(params);
  genesis.bits = {0x203fffff};
  EXPECT_EQ(HeaderRun::start(params, {0}, test::mined(genesis), std::nullopt).error().code,
            "pow-genesis-wrong");
}

// The 20-minute rule, from the middle of a period: every header is late or has the boundary's bits.
TEST(OwnRun, LateHeadersMayHaveTheLimitAndTheNextOneReturns) {
  Params params = own_params(10, 8, {0x207fffff}).value();
  params.allows_late_minimum = true;
  ChainPoint tip = first_point(test::own_genesis(params), {0}, std::nullopt, params);
  std::vector<Header> headers;
  for (int i = 1; i <= 20; ++i) {
    const bool is_late = i == 11 || i == 12;
    const Header header = test::child_of(tip, tip.time + (is_late ? 21 : 5), params);
    headers.push_back(header);
    tip = next_point(tip, header, hash_of(header), params);
  }
  const Bits regular = headers[7].bits;  // height 8 began the second period
  EXPECT_NE(regular, params.limit_bits);
  EXPECT_EQ(headers[10].bits, params.limit_bits);
  EXPECT_EQ(headers[11].bits, params.limit_bits);
  EXPECT_EQ(headers[12].bits, regular);
  // From height 12, itself late, what the next needs is known from the boundary alone.
  const auto run_from_12 = [&](const std::optional<Header>& boundary) -> std::string {
    auto run = HeaderRun::start(params, {12}, headers[11], boundary);
    if (!run) return std::string(run.error().code);
    for (std::size_t i = 12; i < headers.size(); ++i) {
      if (const auto status = run->append(headers[i], kNow); !status) {
        return std::string(status.error().code);
      }
    }
    return "accepted";
  };
  EXPECT_EQ(run_from_12(headers[7]), "accepted");
  EXPECT_EQ(run_from_12(std::nullopt), "pow-boundary-missing");
  EXPECT_EQ(run_from_12(headers[10]), "pow-bits-not-required");  // late, but no boundary
}

}  // namespace
}  // namespace quorate::pow
