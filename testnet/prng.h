#pragma once

// The simulator's dice: xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64.
//
// Integers only, and no distribution of the standard library, whose results differ between
// implementations: one seed gives one sequence everywhere. Not for secrets. Not thread-safe.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace quorate::testnet {

class Prng {
 public:
  explicit Prng(std::uint64_t seed);

  [[nodiscard]] std::uint64_t next();
  // Uniform in [0, bound). Precondition: bound > 0 (checked).
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
  // Uniform in [low, high]. Precondition: low <= high (checked).
  [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high);
  [[nodiscard]] bool chance(std::uint64_t permille) { return below(1000) < permille; }

  // Dice of their own for one part of a simulation, so that a throw more in one part leaves the
  // others as they were. Depends on the seed and `stream` alone, not on what was thrown.
  [[nodiscard]] Prng fork(std::uint64_t stream) const;

  template <class T>
  [[nodiscard]] const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::uint64_t seed_;
  std::array<std::uint64_t, 4> state_;
};

}  // namespace quorate::testnet
