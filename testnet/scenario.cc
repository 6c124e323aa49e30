#include "testnet/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "node/wire.h"
#include "testnet/behaviours.h"
#include "testnet/sim_faults.h"

namespace quorate::testnet {

namespace {

constexpr std::size_t kReplicasDefault = 4;

// What a word must be.
enum class WordKind : std::uint8_t {
  kNumber, kPermille, kMs, kSigned, kReplica, kReplicaOrAll, kReplicaOrPrimary, kSides,
  kMessage, kExpectation, kStandIn, kAll, kStore, kPoints
};

struct Verb {
  std::string_view verb;
  std::vector<WordKind> required;
  std::vector<WordKind> optional;
  std::string_view expected;
};

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> kVerbs = {
      {"replicas", {WordKind::kNumber}, {}, "replicas N, with N from 1 to 400"},
      {"spares", {WordKind::kNumber}, {}, "spares N, with N from 0 to 64"},
      {"checkpoint-interval", {WordKind::kNumber}, {},
       "checkpoint-interval K, from 1 to 4294967295"},
      {"batch-transactions", {WordKind::kNumber}, {}, "batch-transactions K, from 1 to 4294967295"},
      {"signatures", {WordKind::kStandIn}, {}, "signatures stand-in"},
      {"liar", {}, {}, "liar I BEHAVIOUR..., with behaviours that --list names"},
      {"as-drawn", {}, {}, "as-drawn"},
      {"submit", {WordKind::kNumber}, {WordKind::kReplica}, "submit N [I]"},
      {"trickle", {WordKind::kNumber, WordKind::kNumber}, {}, "trickle N MS"},
      {"rivals", {WordKind::kNumber}, {}, "rivals N"},
      {"offer-again", {WordKind::kReplica}, {}, "offer-again I"},
      {"clients", {WordKind::kNumber}, {}, "clients MS"},
      {"run", {WordKind::kNumber}, {}, "run MS"},
      {"at", {}, {}, "at MS FAULT, with a line that does something to replicas, links or disks"},
      {"crash", {WordKind::kReplicaOrPrimary}, {}, "crash I, or crash primary"},
      {"power-cut", {WordKind::kReplicaOrAll}, {}, "power-cut I, or power-cut all"},
      {"start", {WordKind::kReplicaOrAll}, {}, "start I, or start all"},
      {"power-cut-after", {WordKind::kReplica, WordKind::kPoints}, {},
       "power-cut-after I N, or power-cut-after I adoption"},
      {"pause", {WordKind::kReplica, WordKind::kMs}, {}, "pause I MS"},
      {"partition", {WordKind::kSides}, {}, "partition I,I/I,I"},
      {"rejoin", {WordKind::kSides}, {}, "rejoin I,I/I,I"},
      {"cut", {WordKind::kSides}, {}, "cut I,I/I,I"},
      {"mend", {WordKind::kSides}, {}, "mend I,I/I,I"},
      {"clog", {WordKind::kSides, WordKind::kMs}, {}, "clog I,I/I,I MS"},
      {"network",
       {WordKind::kPermille, WordKind::kPermille, WordKind::kMs, WordKind::kPermille,
        WordKind::kMs},
       {}, "network LOST REPEATED MS SLOW MS, with shares from 0 to 1000"},
      {"lose", {WordKind::kMessage, WordKind::kSides}, {},
       "lose MESSAGE I,I/I,I, with a MESSAGE such as pre-prepare, commit or view-change"},
      {"delay", {WordKind::kMessage, WordKind::kSides, WordKind::kNumber}, {},
       "delay MESSAGE I,I/I,I MS, with a MESSAGE such as pre-prepare, commit or view-change"},
      {"heal", {}, {WordKind::kAll}, "heal, or heal all"},
      {"clock", {WordKind::kReplica, WordKind::kSigned}, {}, "clock I MS"},
      {"copy-votes", {WordKind::kReplicaOrAll}, {}, "copy-votes I, or copy-votes all"},
      {"restore-votes", {WordKind::kReplica}, {}, "restore-votes I"},
      {"wipe-votes", {WordKind::kReplica}, {}, "wipe-votes I"},
      {"flip-votes", {WordKind::kReplica}, {}, "flip-votes I"},
      {"flip-ledger", {WordKind::kReplica}, {}, "flip-ledger I"},
      {"lose-ledger", {WordKind::kReplica}, {}, "lose-ledger I"},
      {"disk-full", {WordKind::kReplica, WordKind::kStore}, {}, "disk-full I votes, or ledger"},
      {"sync-fails", {WordKind::kReplica, WordKind::kStore}, {}, "sync-fails I votes, or ledger"},
      {"disk-good", {WordKind::kReplica}, {}, "disk-good I"},
      {"damage-state", {WordKind::kReplica}, {}, "damage-state I"},
      {"add-replica", {WordKind::kReplica}, {}, "add-replica I"},
      {"remove-replica", {WordKind::kReplica}, {}, "remove-replica I"},
      {"rekey-replica", {WordKind::kReplica, WordKind::kReplica}, {}, "rekey-replica I I"},
      {"settle", {}, {WordKind::kNumber}, "settle [MS]"},
      {"drain", {}, {}, "drain"},
      {"expect", {WordKind::kExpectation}, {WordKind::kNumber},
       "expect view-change, no-view-change, evidence I, no-evidence, recovery, stalled, decided, "
       "alike, one-view, sealed, epoch N or diverged I"},
  };
  return kVerbs;
}

constexpr std::array<std::string_view, 12> kExpectations = {
    "view-change", "no-view-change", "evidence", "no-evidence", "recovery", "stalled",
    "decided",     "alike",          "one-view", "sealed",      "epoch",    "diverged"};

// Those about agreement; a packet's first byte is the place.
constexpr std::array<std::string_view, node::kSnapshotTagFirst> kMessageKinds = {
    "pre-prepare",   "prepare", "commit",     "status",            "transactions", "body-request",
    "block-request", "blocks",  "checkpoint", "stable-checkpoint", "view-change",  "new-view",
    "ask",           "batch"};

std::optional<std::uint64_t> parse_number(std::string_view word) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(word.data(), word.data() + word.size(), number);
  if (read.ec != std::errc{} || read.ptr != word.data() + word.size()) return std::nullopt;
  // A year in milliseconds has eleven digits; nothing here is a thousand times that.
  return number < 100'000'000'000'000 ? std::optional(number) : std::nullopt;
}

bool fits(std::string_view word, WordKind kind, std::size_t replicas) {
  const auto is_replica = [&](std::string_view text) {
    const auto number = parse_number(text);
    return number && *number < replicas;
  };
  switch (kind) {
    case WordKind::kNumber:
      return parse_number(word).has_value();
    case WordKind::kPermille: {
      const auto share = parse_number(word);
      return share && *share <= 1'000;
    }
    case WordKind::kMs:
      return parse_ms(word).has_value();
    case WordKind::kAll:
      return word == "all";
    case WordKind::kStore:
      return word == "votes" || word == "ledger";
    case WordKind::kPoints:
      return word == "adoption" || parse_number(word).has_value();
    case WordKind::kSigned:
      return parse_number(word.starts_with('-') ? word.substr(1) : word).has_value();
    case WordKind::kReplica:
      return is_replica(word);
    case WordKind::kReplicaOrAll:
      return word == "all" || is_replica(word);
    case WordKind::kReplicaOrPrimary:
      return word == "primary" || is_replica(word);
    case WordKind::kMessage:
      return std::ranges::find(kMessageKinds, word) != kMessageKinds.end();
    case WordKind::kExpectation:
      return std::ranges::find(kExpectations, word) != kExpectations.end();
    case WordKind::kStandIn:
      return word == "stand-in";
    case WordKind::kSides:
      break;
  }
  const std::size_t slash = word.find('/');
  if (slash == std::string_view::npos) return false;
  const auto first = parse_numbers(word.substr(0, slash));
  const auto second = parse_numbers(word.substr(slash + 1));
  const auto known = [&](const auto& side) {
    return side && std::ranges::all_of(*side, [&](auto number) { return number < replicas; });
  };
  return known(first) && known(second);
}

bool is_good_liar(const ScenarioLine& line, std::size_t replicas) {
  return line.words.size() >= 2 && fits(line.words[0], WordKind::kReplica, replicas) &&
         std::all_of(line.words.begin() + 1, line.words.end(),
                     [](const std::string& word) { return find_behaviour(word).has_value(); });
}

// What stands behind "at MS", as a line of its own.
std::optional<ScenarioLine> fault_of(const ScenarioLine& line) {
  const bool good = line.words.size() >= 2 && parse_fault_time(line.words[0]) &&
                    is_fault_verb(line.words[1]) && line.words.back() != "primary";
  if (!good) return std::nullopt;
  return ScenarioLine{line.number, line.words[1], {line.words.begin() + 2, line.words.end()}};
}

Status judge(const ScenarioLine& line, std::size_t replicas) {
  const auto verb = std::ranges::find(verbs(), line.verb, &Verb::verb);
  if (verb == verbs().end()) {
    std::string all;
    for (const Verb& known : verbs()) {
      all += (all.empty() ? "" : ", ") + std::string(known.verb);
    }
    return tl::unexpected(scenario_error(line, "one of " + all));
  }
  if (verb->verb == "liar") {
    if (is_good_liar(line, replicas)) return {};
    return tl::unexpected(scenario_error(line, verb->expected));
  }
  if (verb->verb == "at") {
    const auto fault = fault_of(line);
    if (!fault) return tl::unexpected(scenario_error(line, verb->expected));
    return judge(*fault, replicas);
  }
  const std::size_t least = verb->required.size();
  bool good = line.words.size() >= least && line.words.size() <= least + verb->optional.size();
  for (std::size_t i = 0; good && i < line.words.size(); ++i) {
    good = fits(line.words[i], i < least ? verb->required[i] : verb->optional[i - least], replicas);
  }
  if (good && verb->verb == "replicas") {
    const std::uint64_t count = number_of(line.words[0]);
    good = count >= 1 && count <= kSimulatedReplicasMax;
  }
  if (good && verb->verb == "spares") good = number_of(line.words[0]) <= pbft::kObserversMax;
  if (good && (verb->verb == "batch-transactions" || verb->verb == "checkpoint-interval")) {
    const std::uint64_t count = number_of(line.words[0]);
    good = count >= 1 && count <= std::numeric_limits<std::uint32_t>::max();
  }
  if (good && verb->verb == "expect") {
    const bool names_one = line.words[0] == "evidence" || line.words[0] == "diverged";
    const bool has_number = line.words.size() == 2;
    good = has_number == (names_one || line.words[0] == "epoch") &&
           (!names_one || fits(line.words[1], WordKind::kReplica, replicas));
  }
  if (good) return {};
  return tl::unexpected(scenario_error(line, verb->expected));
}

std::vector<std::string> split(std::string_view text, std::string_view at) {
  std::vector<std::string> words;
  for (std::size_t begin = text.find_first_not_of(at); begin != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(at, begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(at, end);
  }
  return words;
}

}  // namespace

bool is_head_verb(std::string_view verb) {
  return verb == "replicas" || verb == "spares" || verb == "checkpoint-interval" ||
         verb == "batch-transactions" || verb == "signatures" || verb == "liar" ||
         verb == "as-drawn";
}

Error scenario_error(const ScenarioLine& line, std::string_view expected) {
  std::string found = line.verb;
  for (const std::string& word : line.words) found += " " + word;
  return {ErrorKind::kInvalid, "scenario-malformed",
          fmt::format("line {}: found \"{}\", expected {}", line.number, found, expected), ""};
}

std::span<const std::string_view> message_kinds() { return kMessageKinds; }

std::uint64_t number_of(std::string_view word) { return parse_number(word).value_or(0); }

std::optional<FaultTime> parse_fault_time(std::string_view word) {
  const bool is_late = word.ends_with('+');
  if (is_late) word.remove_suffix(1);
  const auto us = parse_ms(word);
  return us ? std::optional(FaultTime{*us, is_late}) : std::nullopt;
}

std::optional<std::vector<std::uint64_t>> parse_numbers(std::string_view word) {
  std::vector<std::uint64_t> numbers;
  for (std::size_t begin = 0; begin <= word.size();) {
    const std::size_t end = std::min(word.find(',', begin), word.size());
    const auto number = parse_number(word.substr(begin, end - begin));
    if (!number) return std::nullopt;
    numbers.push_back(*number);
    begin = end + 1;
  }
  return numbers;
}

std::size_t replicas_of(const Scenario& scenario) {
  for (const ScenarioLine& line : scenario.lines) {
    if (line.verb == "replicas" && !line.words.empty()) return number_of(line.words[0]);
  }
  return kReplicasDefault;
}

std::size_t spares_of(const Scenario& scenario) {
  for (const ScenarioLine& line : scenario.lines) {
    if (line.verb == "spares" && !line.words.empty()) return number_of(line.words[0]);
  }
  return 0;
}

Result<Scenario> parse_scenario(std::string name, std::string_view text) {
  Scenario scenario;
  scenario.name = std::move(name);
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    const std::size_t hash = std::min(line.find('#'), line.size());
    if (scenario.sentence.empty() && hash + 2 <= line.size()) {
      scenario.sentence = line.substr(std::min(hash + 2, line.size()));
    }
    std::vector<std::string> words = split(line.substr(0, hash), " \t\r");
    if (words.empty()) continue;
    ScenarioLine parsed{number, std::move(words.front()), {}};
    parsed.words.assign(std::make_move_iterator(words.begin() + 1),
                        std::make_move_iterator(words.end()));
    scenario.lines.push_back(std::move(parsed));
  }
  bool in_head = true;
  for (const ScenarioLine& line : scenario.lines) {
    const bool is_head = is_head_verb(line.verb);
    if (is_head && !in_head) {
      return tl::unexpected(scenario_error(line, "it before everything that happens"));
    }
    in_head = is_head;
    QUORATE_TRY(judge(line, replicas_of(scenario) + spares_of(scenario)));
  }
  return scenario;
}

}  // namespace quorate::testnet
