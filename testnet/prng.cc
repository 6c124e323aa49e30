#include "testnet/prng.h"

#include <bit>
#include <limits>

#include "crypto/check.h"

namespace quorate::testnet {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

Prng::Prng(std::uint64_t seed) : seed_(seed) {
  for (std::uint64_t& word : state_) word = splitmix64(seed);
}

std::uint64_t Prng::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Prng::below(std::uint64_t bound) {
  QUORATE_CHECK(bound > 0, "there is no number below zero");
  // The lowest 2^64 mod bound values would make small results likelier.
  const std::uint64_t skipped = (0 - bound) % bound;
  std::uint64_t thrown = next();
  while (thrown < skipped) thrown = next();
  return thrown % bound;
}

std::uint64_t Prng::between(std::uint64_t low, std::uint64_t high) {
  QUORATE_CHECK(low <= high, "an empty range");
  const std::uint64_t width = high - low;
  if (width == std::numeric_limits<std::uint64_t>::max()) return next();
  return low + below(width + 1);
}

Prng Prng::fork(std::uint64_t stream) const {
  std::uint64_t mixed = seed_ ^ (stream * 0xd1342543de82ef95);
  return Prng(splitmix64(mixed));
}

}  // namespace quorate::testnet
