#include "testnet/behaviours_live.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <type_traits>
#include <utility>

#include "crypto/bcs.h"
#include "ledger/decimal.h"
#include "node/clock.h"

namespace quorate::testnet {

using ledger::ReplicaId;
using ledger::Sequence;

namespace {

[[nodiscard]] tl::unexpected<Error> refuse(std::string_view code, std::string what) {
  return fail(ErrorKind::kUsage, code, std::move(what),
              "Write NAME, NAME@SEQUENCE or NAME@FIRST..LAST, several by commas: "
              "3=equivocate@20..40,double-vote");
}

[[nodiscard]] Result<LiveBehaviour> parse_live_behaviour(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::string_view name = text.substr(0, at);
  const auto behaviour = find_behaviour(name);
  if (!behaviour) {
    return refuse("behaviour-unknown", fmt::format("Found the behaviour \"{}\", expected one of {}",
                                                   name, live_behaviour_names()));
  }
  if (!is_live(*behaviour)) {
    return fail(ErrorKind::kUsage, "behaviour-not-live",
                fmt::format("A single process cannot do \"{}\"; it can do {}", name,
                            live_behaviour_names()),
                "`quorate simulate` has it: see its --help.");
  }
  LiveBehaviour result{*behaviour, {}, {UINT64_MAX}};
  if (at == std::string_view::npos) return result;
  const std::string_view range = text.substr(at + 1);
  const std::size_t dots = range.find("..");
  const auto first = ledger::parse_decimal(range.substr(0, dots));
  const bool is_open = dots != std::string_view::npos && range.size() == dots + 2;
  const auto last = dots == std::string_view::npos ? first
                    : is_open                      ? std::optional(UINT64_MAX)
                                                   : ledger::parse_decimal(range.substr(dots + 2));
  if (!first || !last || *first > *last) {
    return refuse("behaviour-malformed",
                  fmt::format("Found \"@{}\", expected sequence numbers as in @20, @20..40 or "
                              "@20..",
                              range));
  }
  result.first = {*first};
  result.last = {*last};
  return result;
}

// The sequence number that a message speaks of.
struct SequenceOf {
  template <class T>
  std::optional<Sequence> operator()(const T& message) const {
    if constexpr (requires { message.vote.sequence; }) return message.vote.sequence;
    if constexpr (requires { message.note.sequence; }) return message.note.sequence;
    return std::nullopt;
  }
};

}  // namespace

bool is_live(Behaviour behaviour) {
  return behaviour != Behaviour::kTwin && behaviour != Behaviour::kFork &&
         behaviour != Behaviour::kCensor;
}

std::string live_behaviour_names() {
  std::string names;
  for (const BehaviourInfo& info : behaviours()) {
    if (!is_live(info.behaviour)) continue;
    names += names.empty() ? "" : ", ";
    names += info.name;
  }
  return names;
}

Result<std::vector<LiveBehaviour>> parse_live_behaviours(std::string_view text) {
  std::vector<LiveBehaviour> result;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    QUORATE_ASSIGN(LiveBehaviour each, parse_live_behaviour(text.substr(begin, end - begin)));
    result.push_back(each);
    begin = end + 1;
  }
  return result;
}

std::string live_behaviours_text(const std::vector<LiveBehaviour>& all) {
  std::string text;
  for (const LiveBehaviour& each : all) {
    const auto& known = behaviours();
    const auto info = std::find_if(known.begin(), known.end(), [&](const BehaviourInfo& one) {
      return one.behaviour == each.behaviour;
    });
    text += text.empty() ? "" : ",";
    text += info->name;
    const bool is_open = each.last.value == UINT64_MAX;
    if (is_open && each.first.value == 0) continue;
    text += fmt::format("@{}", each.first.value);
    if (is_open) {
      text += "..";
    } else if (each.last != each.first) {
      text += fmt::format("..{}", each.last.value);
    }
  }
  return text;
}

Result<LiveLiars> parse_live_liars(const std::vector<std::string>& texts, std::size_t replicas) {
  LiveLiars liars;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const auto number = ledger::parse_decimal(std::string_view(text).substr(0, equals));
    if (equals == std::string::npos || !number) {
      return refuse("liar-malformed",
                    fmt::format("Found \"{}\", expected REPLICA=BEHAVIOUR", text));
    }
    if (*number >= replicas) {
      return refuse("liar-unknown", fmt::format("Found replica {}, expected 0 to {}", *number,
                                                replicas - 1));
    }
    QUORATE_ASSIGN(auto behaviours,
                   parse_live_behaviours(std::string_view(text).substr(equals + 1)));
    const ReplicaId id{static_cast<std::uint16_t>(*number)};
    if (!liars.emplace(id, std::move(behaviours)).second) {
      return refuse("liar-twice",
                    fmt::format("Found replica {} twice, expected all that it does at once",
                                *number));
    }
  }
  return liars;
}

Status check_may_lie(const ledger::Genesis& genesis) {
  if (genesis.testnet) return {};
  return fail(ErrorKind::kRejected, "byzantine-not-a-testnet",
              fmt::format("The genesis document of \"{}\" does not say that it is a testnet",
                          genesis.name),
              "Replicas lie in testnets only: make one with `quorate testnet up`.");
}

LiveLiar::LiveLiar(const ledger::Genesis& genesis, ReplicaId self,
                   std::unique_ptr<crypto::KeySigner> key, std::vector<LiveBehaviour> behaviours,
                   node::Speak say, std::uint64_t seed)
    : replicas_(genesis.replicas.size()),
      chain_id_(ledger::chain_id_of(genesis)),
      key_(std::move(key)),
      behaviours_(std::move(behaviours)),
      say_(std::move(say)) {
  std::vector<ReplicaId> others;
  for (std::uint16_t i = 0; i < replicas_; ++i) {
    if (i != self.value) others.push_back({i});
  }
  const auto middle = others.begin() + static_cast<std::ptrdiff_t>((others.size() + 1) / 2);
  plot_.set_halves({others.begin(), middle}, {middle, others.end()});
  Stage& stage = *this;
  tongue_ = std::make_unique<Tongue>(stage, plot_, self, std::set<Behaviour>{}, Prng(seed));
  delays_ = std::thread([this] { run_delays(); });
}

LiveLiar::~LiveLiar() {
  {
    const std::lock_guard lock(delays_mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  delays_.join();
}

void LiveLiar::choose_behaviours(const node::PeerMessage& message) {
  const auto sequence = std::visit(SequenceOf{}, message);
  if (sequence) spoken_of_ = std::max(spoken_of_, *sequence);
  std::set<Behaviour> acting;
  for (const LiveBehaviour& each : behaviours_) {
    if (each.acts_at(sequence.value_or(spoken_of_))) acting.insert(each.behaviour);
  }
  tongue_->behave(std::move(acting));
}

void LiveLiar::speak(ReplicaId to, const SharedBytes& frame) {
  auto message = crypto::decode<node::PeerMessage>(*frame);
  if (!message) return say_(to, frame);  // its own node said it, so this does not happen
  const std::lock_guard lock(mutex_);
  choose_behaviours(*message);
  tongue_->send(to, *message);
}

void LiveLiar::put(ReplicaId, ReplicaId to, const SharedBytes& frame, std::uint64_t delay_us) {
  if (delay_us == 0) return say_(to, frame);
  {
    const std::lock_guard lock(delays_mutex_);
    if (delayed_.size() < kDelayedMax) {
      delayed_.push_back({node::monotonic_ms() + delay_us / 1000, to, frame});
      wake_.notify_one();
      return;
    }
  }
  say_(to, frame);
}

void LiveLiar::run_delays() {
  std::unique_lock lock(delays_mutex_);
  while (!stopping_) {
    if (delayed_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const std::uint64_t now = node::monotonic_ms();
    if (const std::uint64_t due = delayed_.front().due_ms; due > now) {
      wake_.wait_for(lock, std::chrono::milliseconds(due - now));
      continue;
    }
    const Delayed next = std::move(delayed_.front());
    delayed_.pop_front();
    lock.unlock();
    say_(next.to, next.frame);
    lock.lock();
  }
}

}  // namespace quorate::testnet
