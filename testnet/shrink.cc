#include "testnet/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "testnet/sim_faults.h"

namespace quorate::testnet {

namespace {

using Words = std::vector<std::string>;  // a line's, verb first

constexpr std::string_view kName = "shrunk";
constexpr std::uint64_t kMsPerSecond = 1'000;
constexpr std::uint64_t kShortestUs = 1'000;  // of what is made shorter

std::string text_of(const std::vector<Words>& lines) {
  std::string text;
  for (const Words& line : lines) text += fmt::format("{}\n", fmt::join(line, " "));
  return text;
}

std::vector<Words> lines_of(const Scenario& scenario) {
  std::vector<Words> lines;
  for (const ScenarioLine& line : scenario.lines) {
    lines.push_back({line.verb});
    lines.back().insert(lines.back().end(), line.words.begin(), line.words.end());
  }
  return lines;
}

Words liar_line(ledger::ReplicaId id, const std::set<Behaviour>& does) {
  Words line = {"liar", fmt::format("{}", id.value)};
  for (const BehaviourInfo& info : behaviours()) {
    if (does.contains(info.behaviour)) line.emplace_back(info.name);
  }
  return line;
}

bool is_number(const std::string& word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

class Shrinker {
 public:
  Shrinker(std::vector<Words> lines, std::uint64_t seed, std::string failure,
           std::size_t lacking_max,
           const std::function<void(std::uint64_t, std::uint64_t)>& on_progress)
      : lines_(std::move(lines)),
        seed_(seed),
        failure_(std::move(failure)),
        lacking_max_(lacking_max),
        on_progress_(on_progress) {}

  Shrunk run() {
    bool is_smaller = true;
    while (is_smaller && runs_ < kShrinkRunsMax) {
      is_smaller = take_lines();
      is_smaller = take_words() || is_smaller;
      is_smaller = lower_numbers() || is_smaller;
      if (is_smaller) continue;
      // Only when no line can go: there are many times to try, and each takes a run.
      is_smaller = close_gaps();
      is_smaller = shorten_faults() || is_smaller;
    }
    return {text_of(lines_), failure_, lines_.size(), runs_, runs_ < kShrinkRunsMax};
  }

 private:
  // Takes it if it still fails, in the same way.
  bool attempt(std::vector<Words> candidate) {
    if (runs_ >= kShrinkRunsMax) return false;
    const auto scenario = parse_scenario(std::string(kName), text_of(candidate));
    if (!scenario) return false;
    ++runs_;
    ScenarioOptions options;
    options.seed = seed_;
    const auto report = run_scenario(*scenario, options);
    if (!report || failure_of(*report) != failure_) return false;
    // That nobody recovers when more than before lack their stores at once is another story.
    if (report->lacking_a_store_max > lacking_max_) return false;
    lines_ = std::move(candidate);
    on_progress_(lines_.size(), runs_);
    return true;
  }

  bool take_lines() {
    bool is_smaller = false;
    for (std::size_t size = std::max<std::size_t>(lines_.size() / 2, 1); size > 0; size /= 2) {
      for (std::size_t at = 0; at < lines_.size();) {
        std::vector<Words> candidate = lines_;
        const auto first = candidate.begin() + static_cast<std::ptrdiff_t>(at);
        candidate.erase(first, first + static_cast<std::ptrdiff_t>(
                                           std::min(size, candidate.size() - at)));
        if (attempt(std::move(candidate))) {
          is_smaller = true;
        } else {
          at += size;
        }
      }
    }
    return is_smaller;
  }

  bool take_words() {
    bool is_smaller = false;
    for (std::size_t line = 0; line < lines_.size(); ++line) {
      for (std::size_t word = lines_[line].size(); word > 1; --word) {
        std::vector<Words> candidate = lines_;
        candidate[line].erase(candidate[line].begin() + static_cast<std::ptrdiff_t>(word - 1));
        is_smaller = attempt(std::move(candidate)) || is_smaller;
      }
    }
    return is_smaller;
  }

  // Down to 1 at once, else to a half as often as that goes. Replicas are names, not numbers; and
  // nothing settles in a millisecond, so the time of `settle` stays.
  bool lower_numbers() {
    static constexpr std::array<std::string_view, 6> kCounting = {"submit",  "trickle", "rivals",
                                                                  "clients", "run",     "replicas"};
    bool is_smaller = false;
    for (std::size_t line = 0; line < lines_.size(); ++line) {
      if (std::ranges::find(kCounting, lines_[line][0]) == kCounting.end()) continue;
      for (std::size_t word = 1; word < lines_[line].size(); ++word) {
        while (is_number(lines_[line][word]) && lower(line, word)) is_smaller = true;
      }
    }
    return is_smaller;
  }

  bool lower(std::size_t line, std::size_t word) {
    const std::uint64_t number = number_of(lines_[line][word]);
    for (const std::uint64_t less : {std::uint64_t{1}, number / 2}) {
      if (less == 0 || less >= number) continue;
      std::vector<Words> candidate = lines_;
      candidate[line][word] = fmt::format("{}", less);
      if (attempt(std::move(candidate))) return true;
    }
    return false;
  }

  // The time of a fault alone; what is "late" within its microsecond stays as it is.
  [[nodiscard]] std::optional<std::uint64_t> time_of(const Words& line) const {
    if (line[0] != "at" || line.size() < 2) return std::nullopt;
    const auto time = parse_fault_time(line[1]);
    return time && !time->is_late ? std::optional(time->us) : std::nullopt;
  }

  // What lies between two faults is waited for no longer than it takes: all later ones move.
  bool close_gaps() {
    bool is_smaller = false;
    std::uint64_t before_us = 0;
    for (std::size_t line = 0; line < lines_.size(); ++line) {
      while (move_earlier(line, before_us)) is_smaller = true;
      before_us = std::max(before_us, time_of(lines_[line]).value_or(0));
    }
    return is_smaller;
  }

  bool move_earlier(std::size_t first, std::uint64_t before_us) {
    const auto time_us = time_of(lines_[first]);
    if (!time_us || *time_us <= before_us) return false;
    const std::uint64_t gap_us = *time_us - before_us;
    for (const std::uint64_t less_us : {std::uint64_t{0}, whole_ms(gap_us / 2)}) {
      std::vector<Words> candidate = lines_;
      for (std::size_t line = first; line < candidate.size(); ++line) {
        const auto moved_us = time_of(candidate[line]);
        if (!moved_us || *moved_us < *time_us) continue;
        candidate[line][1] = ms_text(*moved_us - gap_us + less_us);
      }
      if (less_us < gap_us && attempt(std::move(candidate))) return true;
    }
    return false;
  }

  // Those that end by themselves.
  bool shorten_faults() {
    bool is_smaller = false;
    for (std::size_t line = 0; line < lines_.size(); ++line) {
      while (shorten(line)) is_smaller = true;
    }
    return is_smaller;
  }

  bool shorten(std::size_t line) {
    const Words& words = lines_[line];
    const std::size_t verb = words[0] == "at" ? 2 : 0;
    if (words.size() <= verb || (words[verb] != "pause" && words[verb] != "clog")) return false;
    const auto lasts_us = parse_ms(words.back());
    if (!lasts_us) return false;
    const std::uint64_t less_us = whole_ms(*lasts_us / 2);
    if (less_us == 0 || less_us >= *lasts_us) return false;
    std::vector<Words> candidate = lines_;
    candidate[line].back() = ms_text(less_us);
    return attempt(std::move(candidate));
  }

  static std::uint64_t whole_ms(std::uint64_t us) { return us / kShortestUs * kShortestUs; }

  std::vector<Words> lines_;
  std::uint64_t seed_;
  std::string failure_;
  std::size_t lacking_max_;
  const std::function<void(std::uint64_t, std::uint64_t)>& on_progress_;
  std::uint64_t runs_ = 0;
};

}  // namespace

std::optional<std::string> failure_of(const ScenarioReport& report) {
  if (!report.run.violations.empty()) return std::string(report.run.violations[0].invariant);
  if (report.unmet) {
    // Without the number of the line and what was found, which change.
    const std::size_t begin = report.unmet->find(':') + 2;
    return report.unmet->substr(begin, report.unmet->find(';') - begin);
  }
  if (report.run.verdict != Verdict::kSound) return std::string(verdict_text(report.run.verdict));
  return std::nullopt;
}

std::string scenario_text(const Scenario& scenario, const ScenarioOptions& options) {
  std::vector<Words> lines;
  if (options.replicas) lines.push_back({"replicas", fmt::format("{}", *options.replicas)});
  if (!options.byzantine.empty()) {
    for (const auto& [id, does] : liars_of(scenario, options)) lines.push_back(liar_line(id, does));
  }
  for (Words& line : lines_of(scenario)) {
    if (line[0] == "replicas" && options.replicas) continue;
    if (line[0] == "liar" && !options.byzantine.empty()) continue;
    lines.push_back(std::move(line));
  }
  return text_of(lines);
}

std::string scenario_text_of_run(const RunOptions& options, const RunReport& report) {
  std::vector<Words> lines = {{"replicas", fmt::format("{}", options.replicas)}};
  if (options.spares > 0) lines.push_back({"spares", fmt::format("{}", options.spares)});
  if (options.signatures == SimSignatures::kStandIn) lines.push_back({"signatures", "stand-in"});
  lines.push_back({"as-drawn"});
  for (const auto& [id, does] : report.liars) lines.push_back(liar_line(id, does));
  lines.insert(lines.end(), report.happened.begin(), report.happened.end());
  lines.push_back({"clients", fmt::format("{}", options.seconds * kMsPerSecond)});
  lines.push_back({"drain"});
  return text_of(lines);
}

Result<Shrunk> shrink(const std::string& text, std::uint64_t seed,
                      const std::function<void(std::uint64_t, std::uint64_t)>& on_progress) {
  QUORATE_ASSIGN(const Scenario scenario, parse_scenario(std::string(kName), text));
  ScenarioOptions options;
  options.seed = seed;
  QUORATE_ASSIGN(const ScenarioReport report, run_scenario(scenario, options));
  const std::optional<std::string> failure = failure_of(report);
  if (!failure) {
    return fail(ErrorKind::kInvalid, "shrink-does-not-fail",
                fmt::format("With seed {} the scenario holds", seed),
                "Give a seed with which it fails. What fails only by --quiet cannot be said as a "
                "scenario; look at it with --trace run.html.");
  }
  return Shrinker(lines_of(scenario), seed, *failure, report.lacking_a_store_max, on_progress)
      .run();
}

}  // namespace quorate::testnet
