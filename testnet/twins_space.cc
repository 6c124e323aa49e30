#include "testnet/twins_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "crypto/check.h"
#include "ledger/quorum.h"
#include "testnet/prng.h"

namespace quorate::testnet {

using ledger::ReplicaId;

namespace {

constexpr std::array<std::string_view, 3> kReachWords = {"proposed", "prepared", "committed"};

std::string instance_text(const TwinsSize& size, std::size_t instance) {
  return fmt::format("{}{}", size.replica_of(instance).value,
                     instance < size.replicas ? "" : "b");
}

std::vector<std::string_view> split(std::string_view text, char mark) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(mark, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Sides as restricted growth strings: the first instance is on side 0, and each other one on a side
// that is there already or on the next new one. False: there was no next.
bool next_partition(std::vector<std::uint8_t>& sides) {
  for (std::size_t i = sides.size(); i-- > 1;) {
    const auto end = sides.begin() + static_cast<std::ptrdiff_t>(i);
    if (sides[i] > *std::max_element(sides.begin(), end)) continue;
    ++sides[i];
    std::fill(end + 1, sides.end(), std::uint8_t{0});
    return true;
  }
  return false;
}

bool can_lead(const TwinsSize& size, const std::vector<std::uint8_t>& sides, ReplicaId primary) {
  const std::size_t sides_count = 1U + *std::ranges::max_element(sides);
  for (std::size_t side = 0; side < sides_count; ++side) {
    std::set<ReplicaId> there;
    for (std::size_t i = 0; i < sides.size(); ++i) {
      if (sides[i] == side) there.insert(size.replica_of(i));
    }
    if (there.size() >= ledger::quorum(size.replicas) && there.contains(primary)) return true;
  }
  return false;
}

std::optional<std::size_t> find_instance(const TwinsSize& size, std::string_view word) {
  for (std::size_t i = 0; i < size.instances(); ++i) {
    if (instance_text(size, i) == word) return i;
  }
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> parse_sides(const TwinsSize& size,
                                                     std::string_view text) {
  constexpr std::uint8_t kNowhere = 255;
  std::vector<std::uint8_t> sides(size.instances(), kNowhere);
  std::uint8_t side = 0;
  for (const std::string_view part : split(text, '/')) {
    for (const std::string_view word : split(part, ',')) {
      const auto instance = find_instance(size, word);
      if (!instance || sides[*instance] != kNowhere) return std::nullopt;
      sides[*instance] = side;
    }
    ++side;
  }
  if (std::ranges::count(sides, kNowhere) > 0) return std::nullopt;
  return sides;
}

std::optional<TwinsRound> parse_round(const TwinsSize& size, std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() != 3) return std::nullopt;
  TwinsRound round;
  const char* end = parts[0].data() + parts[0].size();
  const auto [at, error] = std::from_chars(parts[0].data(), end, round.primary.value);
  const auto reach = std::ranges::find(kReachWords, parts[2]);
  auto sides = parse_sides(size, parts[1]);
  if (error != std::errc{} || at != end || round.primary.value >= size.replicas || !sides ||
      reach == kReachWords.end()) {
    return std::nullopt;
  }
  round.sides = *std::move(sides);
  round.reach = static_cast<TwinsReach>(reach - kReachWords.begin());
  return round;
}

}  // namespace

std::string twins_text(const TwinsSize& size, const TwinsScenario& scenario) {
  std::string text;
  for (const TwinsRound& round : scenario) {
    text += fmt::format("{}{}:", text.empty() ? "" : " ", round.primary.value);
    const std::size_t last = *std::ranges::max_element(round.sides);
    for (std::size_t side = 0; side <= last; ++side) {
      std::string_view mark = side == 0 ? "" : "/";
      for (std::size_t i = 0; i < round.sides.size(); ++i) {
        if (round.sides[i] != side) continue;
        text += fmt::format("{}{}", mark, instance_text(size, i));
        mark = ",";
      }
    }
    text += fmt::format(":{}", kReachWords[static_cast<std::size_t>(round.reach)]);
  }
  return text;
}

Result<TwinsScenario> parse_twins(const TwinsSize& size, std::string_view text) {
  TwinsScenario scenario;
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    auto round = parse_round(size, word);
    if (!round || scenario.size() == kTwinsRoundsMax) {
      std::string all;
      for (std::size_t i = 0; i < size.instances(); ++i) {
        all += (i == 0 ? "" : ",") + instance_text(size, i);
      }
      return fail(ErrorKind::kUsage, "twins-malformed",
                  fmt::format("Found \"{}\" as round {}", word, scenario.size() + 1),
                  fmt::format("Expected at most {} rounds with each of {} on one side, as in "
                              "\"0:{}:committed\"; the ends are proposed, prepared, committed.",
                              kTwinsRoundsMax, all, all));
    }
    scenario.push_back(*std::move(round));
  }
  if (scenario.empty()) {
    return fail(ErrorKind::kUsage, "twins-malformed", "Found no round",
                "Expected one or more, as a run that fails prints them.");
  }
  return scenario;
}

TwinsPlan::TwinsPlan(const TwinsPlanOptions& options) : options_(options) {
  QUORATE_CHECK(options.size.instances() <= kTwinsInstancesMax && options.size.replicas > 0 &&
                    options.rounds > 0 && options.rounds <= kTwinsRoundsMax,
                "whoever asks for a plan bounds it");
  std::vector<std::uint8_t> sides(options.size.instances(), 0);
  do {
    for (std::size_t i = 0; i < options.size.replicas; ++i) {
      const ReplicaId primary{static_cast<std::uint16_t>(i)};
      if (can_lead(options.size, sides, primary)) layouts_.push_back({primary, sides});
    }
  } while (next_partition(sides));
  std::uint64_t left = options.limit;
  std::uint64_t of_length = 1;  // scenarios, capped above the limit
  for (std::size_t length = 1; length <= options.rounds; ++length) {
    if (of_length > left / rounds()) break;
    of_length *= rounds();
    exhaustive_ += of_length;
    left -= of_length;
    exhaustive_rounds_ = length;
  }
  if (exhaustive_rounds_ < options.rounds) drawn_ = left;
}

TwinsRound TwinsPlan::round(std::uint64_t number) const {
  const Layout& layout = layouts_[number / kReaches];
  return {layout.primary, layout.sides, static_cast<TwinsReach>(number % kReaches)};
}

TwinsScenario TwinsPlan::scenario(std::uint64_t number) const {
  QUORATE_CHECK(number < size(), "a plan has so many scenarios");
  TwinsScenario scenario;
  if (number >= exhaustive_) {
    Prng dice = Prng(options_.seed).fork(number);
    while (scenario.size() < options_.rounds) scenario.push_back(round(dice.below(rounds())));
    return scenario;
  }
  std::size_t length = 1;
  for (std::uint64_t of_length = rounds(); number >= of_length; of_length *= rounds()) {
    number -= of_length;
    ++length;
  }
  for (; length > 0; --length) {
    scenario.push_back(round(number % rounds()));
    number /= rounds();
  }
  return scenario;
}

}  // namespace quorate::testnet
