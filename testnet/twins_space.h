#pragma once

// The scenarios of Twins: who can talk to whom, who leads, and how far that goes, round by round.
//
// Twins (Bano et al., OPODIS '21) makes Byzantine behaviour out of honest code: a faulty replica
// runs twice with one key, and each of the two knows nothing of the other. A scenario is a list of
// rounds; a round says which instances can talk to each other and who leads it. Here, where the
// primary follows from the view, "who leads" means which views may begin: proposals and NEW-VIEWs
// pass only in views of the round's primary, so the others time out until they reach such a view.
// How far it goes is a third dimension, since a view of PBFT has phases that a partition can cut
// between: only what leads up to proposals, prepares or commits passes.
//
// Rounds that cannot get anywhere are left out: some side must hold a quorum and the primary.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/result.h"
#include "ledger/types.h"

namespace quorate::testnet {

// Replicas 0 to twins - 1 run twice. An instance below `replicas` is the replica of its number;
// instance replicas + i is the second one of replica i, "0b" in texts.
struct TwinsSize {
  std::size_t replicas = 4;
  std::size_t twins = 1;

  [[nodiscard]] std::size_t instances() const { return replicas + twins; }
  [[nodiscard]] ledger::ReplicaId replica_of(std::size_t instance) const {
    return {static_cast<std::uint16_t>(instance < replicas ? instance : instance - replicas)};
  }
};
// More have more partitions than anybody walks through.
inline constexpr std::size_t kTwinsInstancesMax = 10;
inline constexpr std::size_t kTwinsRoundsMax = 16;

enum class TwinsReach : std::uint8_t { kProposed, kPrepared, kCommitted };

struct TwinsRound {
  ledger::ReplicaId primary;
  // Of each instance; sides are numbered in the order of their lowest instance.
  std::vector<std::uint8_t> sides;
  TwinsReach reach = TwinsReach::kCommitted;

  friend bool operator==(const TwinsRound&, const TwinsRound&) = default;
};
using TwinsScenario = std::vector<TwinsRound>;

// "1:0,2,3/0b,1:prepared", and a blank between rounds.
[[nodiscard]] std::string twins_text(const TwinsSize& size, const TwinsScenario& scenario);
// Error: "twins-malformed" (kUsage), with the round, what was found and what was expected.
[[nodiscard]] Result<TwinsScenario> parse_twins(const TwinsSize& size, std::string_view text);

struct TwinsPlanOptions {
  TwinsSize size;
  std::size_t rounds = 4;       // at most
  std::uint64_t limit = 1'000;  // scenarios, at most
  std::uint64_t seed = 1;
};

// Which scenarios are run: all of one round, all of two and so on, as long as they fit into the
// limit; what is left of it is drawn among those of the most rounds. Immutable.
class TwinsPlan {
 public:
  explicit TwinsPlan(const TwinsPlanOptions& options);

  // Different rounds.
  [[nodiscard]] std::uint64_t rounds() const { return layouts_.size() * kReaches; }
  [[nodiscard]] std::uint64_t size() const { return exhaustive_ + drawn_; }
  // The first so many are all there are, of up to exhaustive_rounds() rounds.
  [[nodiscard]] std::uint64_t exhaustive() const { return exhaustive_; }
  [[nodiscard]] std::size_t exhaustive_rounds() const { return exhaustive_rounds_; }
  // Precondition: number < size() (checked). The same on every machine, in any order of calls.
  [[nodiscard]] TwinsScenario scenario(std::uint64_t number) const;

 private:
  static constexpr std::uint64_t kReaches = 3;

  struct Layout {
    ledger::ReplicaId primary;
    std::vector<std::uint8_t> sides;
  };
  [[nodiscard]] TwinsRound round(std::uint64_t number) const;

  TwinsPlanOptions options_;
  std::vector<Layout> layouts_;
  std::size_t exhaustive_rounds_ = 0;
  std::uint64_t exhaustive_ = 0;
  std::uint64_t drawn_ = 0;
};

}  // namespace quorate::testnet
