#include "testnet/shrink.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace quorate::testnet {

namespace {

using Words = std::vector<std::string>;  // a line's, verb first

constexpr std::string_view kName = "shrunk";
constexpr std::uint64_t kMsPerSecond = 1'000;

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

  // Down to 1 at once, else to a half as often as that goes. Replicas are names, not numbers.
  bool lower_numbers() {
    static constexpr std::array<std::string_view, 7> kCounting = {
        "submit", "trickle", "rivals", "clients", "run", "replicas", "settle"};
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
