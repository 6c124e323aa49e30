#include "pow/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/pow/pow_world.h"

namespace quorate::pow {
namespace {

constexpr std::uint64_t kNow = 2'000'000'000;

std::string code(const std::optional<Reject>& reject) {
  return std::string(reject ? reject_code(*reject) : "accepted");
}

// -- Retargeting ---------------------------------------------------------------------------------

// Real boundaries of the main network: bits before, times of the period's ends, bits after.
TEST(Retarget, IsExactAtRealBoundaries) {
  const Params params = bitcoin_params();
  const auto after = [&](std::uint32_t bits, std::int64_t first, std::int64_t last) {
    return retarget({bits}, last - first, params).value;
  };
  EXPECT_EQ(after(0x1d00ffff, 1231006505, 1233061996), 0x1d00ffffU);  // 2,016: held at the limit
  EXPECT_EQ(after(0x1d00ffff, 1261130161, 1262152739), 0x1d00d86aU);  // 32,256: the first change
  EXPECT_EQ(after(0x1c05a3f4, 1279008237, 1279297671), 0x1c0168fdU);  // 68,544: a quarter
  EXPECT_EQ(after(0x1c387f6f, 1263163443, 1269211443), 0x1d00e1fdU);  // four times
}

TEST(Retarget, HoldsTheSpanBetweenAQuarterAndFourTimes) {
  const Params params = bitcoin_params();
  const auto span = static_cast<std::int64_t>(params.timespan_seconds());
  const Bits bits{0x1c05a3f4};
  EXPECT_EQ(retarget(bits, span, params), bits);
  EXPECT_EQ(retarget(bits, span / 5, params), retarget(bits, span / 4, params));
  EXPECT_EQ(retarget(bits, -span, params), retarget(bits, span / 4, params));
  EXPECT_EQ(retarget(bits, span * 5, params), retarget(bits, span * 4, params));
  EXPECT_NE(retarget(bits, span / 4 + 3600, params), retarget(bits, span / 4, params));
  EXPECT_NE(retarget(bits, span * 4 - 3600, params), retarget(bits, span * 4, params));
}

// A product of a target near 2^255 and a span does not fit 256 bits.
TEST(Retarget, NearTheTopOf256BitsNothingIsLost) {
  const Params params = own_params(10, 10, {0x207fffff}).value();
  EXPECT_EQ(retarget({0x207fffff}, 400, params).value, 0x207fffffU);
  EXPECT_EQ(retarget({0x207fffff}, 50, params).value, 0x203fffffU);
  EXPECT_EQ(retarget({0x207fffff}, 25, params).value, 0x201fffffU);
}

// -- Median time ---------------------------------------------------------------------------------

TEST(MedianTime, IsTheMiddleOfTheLastEleven) {
  std::mt19937 dice(6);
  RecentTimes recent;
  std::vector<std::uint32_t> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(static_cast<std::uint32_t>(dice() % 50));
    recent.add(all.back());
    const std::size_t known = std::min(all.size(), kMedianTimes);
    std::vector<std::uint32_t> last(all.end() - static_cast<std::ptrdiff_t>(known), all.end());
    std::sort(last.begin(), last.end());
    ASSERT_EQ(recent.median(), last[last.size() / 2]) << i;
  }
}

// -- The rules against a twin that walks the chain -----------------------------------------------

// Bitcoin Core's own way: back through the headers, nothing remembered.
class WalkingTwin {
 public:
  explicit WalkingTwin(Params params) : params_(std::move(params)) {}

  void add(const Header& header) { chain_.push_back(header); }

  [[nodiscard]] Bits required(std::uint32_t time) const {
    const Header& last = chain_.back();
    if (chain_.size() % params_.interval == 0) {
      if (!params_.retargets) return last.bits;
      const Header& first = chain_[chain_.size() - params_.interval];
      const std::int64_t wanted = params_.spacing_seconds * params_.interval;
      std::int64_t span = std::int64_t{last.time} - std::int64_t{first.time};
      if (span < wanted / 4) span = wanted / 4;
      if (span > wanted * 4) span = wanted * 4;
      U256 target = scaled(target_number(last.bits), static_cast<std::uint64_t>(span),
                           static_cast<std::uint64_t>(wanted));
      if (target > params_.limit) target = params_.limit;
      return encode_target(target);
    }
    if (!params_.allows_late_minimum) return last.bits;
    if (time > last.time + 2 * params_.spacing_seconds) return params_.limit_bits;
    std::size_t at = chain_.size() - 1;
    while (at > 0 && at % params_.interval != 0 && chain_[at].bits == params_.limit_bits) --at;
    return chain_[at].bits;
  }

  [[nodiscard]] std::uint32_t median() const {
    std::vector<std::uint32_t> times;
    for (std::size_t i = chain_.size(); i > 0 && times.size() < 11; --i) {
      times.push_back(chain_[i - 1].time);
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
  }

  [[nodiscard]] U256 work() const {
    U256 total;
    for (const Header& header : chain_) {
      total = sum(total, work_of_target(target_number(header.bits)));
    }
    return total;
  }

 private:
  Params params_;
  std::vector<Header> chain_;
};

struct Variant {
  const char* name;
  bool allows_late_minimum;
  bool retargets;
};

class RulesAgainstTwin : public testing::TestWithParam<Variant> {};

TEST_P(RulesAgainstTwin, BitsMedianAndWorkAreWhatAWalkFinds) {
  Params params = own_params(10, 8, {0x207fffff}).value();
  params.allows_late_minimum = GetParam().allows_late_minimum;
  params.retargets = GetParam().retargets;
  std::mt19937 dice(7);
  const Header genesis = test::own_genesis(params);
  WalkingTwin twin(params);
  twin.add(genesis);
  ChainPoint tip = first_point(genesis, {0}, std::nullopt, params);
  int changes = 0;
  for (int i = 1; i < 300; ++i) {
    ASSERT_EQ(tip.recent.median(), twin.median()) << i;
    // Sometimes back, sometimes late; slower where the work grows beyond a test's.
    const bool is_hard = bit_width(target_number(tip.bits)) < 249;
    const auto ahead =
        static_cast<std::uint32_t>(dice() % (is_hard ? 90 : 22) + (is_hard ? 15 : 0));
    const std::uint32_t time = std::max(tip.time + ahead - 5, tip.recent.median() + 1);
    ASSERT_EQ(required_bits(tip, time, params), twin.required(time)) << i;
    const Header header = test::child_of(tip, time, params);
    ASSERT_EQ(code(check_header(header, hash_of(header), tip, params, kNow)), "accepted") << i;
    changes += header.bits != tip.bits ? 1 : 0;
    twin.add(header);
    tip = next_point(tip, header, hash_of(header), params);
    ASSERT_EQ(tip.work, twin.work());
  }
  EXPECT_EQ(changes > 15, params.retargets || params.allows_late_minimum) << changes;
}

INSTANTIATE_TEST_SUITE_P(Chains, RulesAgainstTwin,
                         testing::Values(Variant{"Main", false, true}, Variant{"Test", true, true},
                                         Variant{"Fixed", false, false}),
                         [](const auto& param) { return std::string(param.param.name); });

// -- Refusals ------------------------------------------------------------------------------------

class CheckHeader : public testing::Test {
 protected:
  CheckHeader() {
    Header header = test::own_genesis(params_);
    tip_ = first_point(header, {0}, std::nullopt, params_);
    for (int i = 0; i < 30; ++i) {
      header = test::child_of(tip_, tip_.time + 10, params_);
      tip_ = next_point(tip_, header, hash_of(header), params_);
    }
    good_ = test::child_of(tip_, tip_.time + 10, params_);
  }

  [[nodiscard]] std::string judge(const Header& header, std::uint64_t now = kNow) const {
    return code(check_header(header, hash_of(header), tip_, params_, now));
  }

  Params params_ = own_params(10, 100, {0x207fffff}).value();
  ChainPoint tip_;
  Header good_;
};

TEST_F(CheckHeader, AcceptsAGoodOne) { EXPECT_EQ(judge(good_), "accepted"); }

TEST_F(CheckHeader, RefusesAnotherParent) {
  Header header = good_;
  header.previous.bytes[5] ^= 1;
  EXPECT_EQ(judge(test::mined(header)), "pow-parent-unknown");
}

TEST_F(CheckHeader, RefusesBitsThatItsPlaceDoesNotAskFor) {
  Header header = good_;
  header.bits = {0x203fffff};
  EXPECT_EQ(judge(test::mined(header)), "pow-bits-not-required");
  header.bits = {0x217fffff};
  EXPECT_EQ(judge(header), "pow-target-overflow");
  header.bits = {0x2100ffff};
  EXPECT_EQ(judge(header), "pow-target-above-limit");
}

TEST_F(CheckHeader, RefusesATimeAtTheMedianAndTakesOneAfterIt) {
  Header header = good_;
  header.time = tip_.recent.median();
  EXPECT_EQ(judge(test::mined(header)), "pow-time-too-old");
  header.time += 1;
  EXPECT_LT(header.time, tip_.time);  // earlier than its parent, and good
  EXPECT_EQ(judge(test::mined(header)), "accepted");
}

TEST_F(CheckHeader, RefusesATimeBeyondTwoHoursAheadUntilThatTimeHasCome) {
  EXPECT_EQ(judge(good_, good_.time - 7200ULL), "accepted");
  EXPECT_EQ(judge(good_, good_.time - 7201ULL), "pow-time-too-new");
}

TEST_F(CheckHeader, RefusesAHashAboveItsTarget) {
  EXPECT_EQ(judge(test::unmined(good_)), "pow-hash-above-target");
}

TEST_F(CheckHeader, EachRefusalSaysWhatWasFoundAndExpected) {
  Header header = good_;
  header.time = tip_.recent.median();
  const Error error = describe(Reject::kTimeTooOld, header, {31}, &tip_, params_, kNow);
  EXPECT_EQ(error.code, "pow-time-too-old");
  EXPECT_EQ(error.message, "header 31: the time is 1700000250, expected more than 1700000250, the "
                           "median of the last 11");
  for (int i = 0; i <= static_cast<int>(Reject::kBoundaryMissing); ++i) {
    const auto reject = static_cast<Reject>(i);
    const Error any = describe(reject, header, {31}, nullptr, params_, kNow);
    EXPECT_TRUE(any.code.starts_with("pow-")) << i;
    EXPECT_NE(any.code, "pow-unknown") << i;
    EXPECT_GT(any.message.size(), 20U) << any.code;
    EXPECT_FALSE(any.next.empty()) << any.code;
  }
}

// Each of the 640 bits of a real header, turned alone: refused for what that field is about.
TEST(RealHeader, EveryTurnedBitIsRefusedForTheRightReason) {
  const auto headers = test::read_headers(test::kMainHeaders);
  if (headers.empty()) GTEST_SKIP() << test::kNoData << test::kMainHeaders;
  const Params params = bitcoin_params();
  constexpr std::size_t kHeight = 5000;
  ChainPoint parent = first_point(headers[0], {0}, std::nullopt, params);
  for (std::size_t i = 1; i < kHeight; ++i) {
    parent = next_point(parent, headers[i], hash_of(headers[i]), params);
  }
  std::map<std::string, int> reasons;
  for (std::size_t bit = 0; bit < 8 * kHeaderBytes; ++bit) {
    HeaderBytes bytes = encode_header(headers[kHeight]);
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    const Header header = decode_header(bytes);
    const std::string found = code(check_header(header, hash_of(header), parent, params, kNow));
    ++reasons[found];
    const std::size_t byte = bit / 8;
    std::string expected = "pow-hash-above-target";
    if (byte >= 4 && byte < 36) expected = "pow-parent-unknown";
    if (byte >= 68 && byte < 72) {
      if (header.time <= parent.recent.median()) expected = "pow-time-too-old";
      if (header.time > kNow + 7200) expected = "pow-time-too-new";
    }
    if (byte >= 72 && byte < 76) {
      const auto target = decode_target(header.bits, params.limit);
      expected = target ? "pow-bits-not-required" : std::string(reject_code(target.error()));
    }
    EXPECT_EQ(found, expected) << "bit " << bit;
  }
  for (const char* reason :
       {"pow-parent-unknown", "pow-time-too-old", "pow-time-too-new", "pow-target-negative",
        "pow-target-overflow", "pow-target-above-limit", "pow-bits-not-required",
        "pow-hash-above-target"}) {
    EXPECT_GT(reasons[reason], 0) << reason;
  }
  EXPECT_EQ(reasons["accepted"], 0);
}

// -- Parameters ----------------------------------------------------------------------------------

TEST(Params, OwnOnesAreJudged) {
  const auto refused = [](std::uint64_t spacing, std::uint64_t interval, std::uint32_t limit) {
    const auto params = own_params(spacing, interval, {limit});
    return std::string(params ? "accepted" : params.error().code);
  };
  EXPECT_EQ(refused(1, 4, 0x207fffff), "accepted");
  EXPECT_EQ(refused(1, 3, 0x207fffff), "pow-params-bad-spacing");
  EXPECT_EQ(refused(0, 10, 0x207fffff), "pow-params-bad-spacing");
  EXPECT_EQ(refused(1'000'000, 1'000'000, 0x207fffff), "pow-params-bad-spacing");
  EXPECT_EQ(refused(~0ULL, 10, 0x207fffff), "pow-params-bad-spacing");
  EXPECT_EQ(refused(600, 1, 0x207fffff), "pow-params-bad-interval");
  EXPECT_EQ(refused(600, ~0ULL, 0x207fffff), "pow-params-bad-interval");
  EXPECT_EQ(refused(600, 2016, 0x1e0000ff), "pow-params-bad-limit");
  EXPECT_EQ(find_params("main").error().code, "pow-params-unknown");
  for (const char* name : {"bitcoin", "testnet", "regtest"}) {
    EXPECT_EQ(find_params(name).value().name, name);
  }
}

}  // namespace
}  // namespace quorate::pow
