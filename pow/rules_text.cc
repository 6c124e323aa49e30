// What a refusal says to people (pow/rules.h).

#include <fmt/format.h>

#include "pow/rules.h"

namespace quorate::pow {
namespace {

std::string target_text(Bits bits, const Params& params) {
  const auto target = decode_target(bits, params.limit);
  return target ? hex_of(*target) : "none";
}

struct Text {
  std::string found;
  std::string next;
};

Text text_of_bits(Reject reject, const Header& header, const ChainPoint* parent,
                  const Params& params) {
  const std::string found = fmt::format("bits are {:08x}", header.bits.value);
  switch (reject) {
    case Reject::kTargetNegative:
      return {found + ", whose sign bit 00800000 is set, expected a positive target",
              "No miner makes such a header; look for damage in transit."};
    case Reject::kTargetZero:
      return {found + ", a target of 0, which no hash meets, expected a positive target",
              "No miner makes such a header; look for damage in transit."};
    case Reject::kTargetOverflow:
      return {found + ", a target of more than 256 bits, expected at most " +
                  hex_of(params.limit),
              "No miner makes such a header; look for damage in transit."};
    case Reject::kTargetAboveLimit:
      return {fmt::format("{}, easier than this chain's limit {:08x}", found,
                          params.limit_bits.value),
              "Is it a header of another chain? Name its parameters with --params."};
    case Reject::kTargetNotCanonical: {
      const Bits exact = encode_target(target_number(header.bits));
      return {fmt::format("{}, expected the canonical spelling {:08x} of that target", found,
                          exact.value),
              "No miner makes such a header; look for damage in transit."};
    }
    default: break;
  }
  const auto required = parent == nullptr ? std::nullopt
                                          : required_bits(*parent, header.time, params);
  return {fmt::format("{}, expected {:08x}", found, required ? required->value : 0),
          "The target follows from the headers before; check that they are the right ones and that "
          "--params names their chain."};
}

Text text_of_time(Reject reject, const Header& header, const ChainPoint* parent,
                  const Params& params, std::uint64_t now_seconds) {
  if (reject == Reject::kTimeTooOld) {
    return {fmt::format("the time is {}, expected more than {}, the median of the last {}",
                        header.time, parent == nullptr ? 0 : parent->recent.median(),
                        kMedianTimes),
            "Its miner's clock is slow by an hour or more, or the header is damaged."};
  }
  return {fmt::format("the time is {}, expected at most {}, which is {} s ahead of this machine's "
                      "clock", header.time, now_seconds + params.future_seconds_max,
                      params.future_seconds_max),
          "Check this machine's clock; if it is right, try again when that time has come."};
}

Text text_of(Reject reject, const Header& header, Height height, const ChainPoint* parent,
             const Params& params, std::uint64_t now_seconds) {
  switch (reject) {
    case Reject::kParentUnknown:
      return {fmt::format("its parent is {}, expected {}", display_hex(header.previous),
                          parent == nullptr ? "a known header" : display_hex(parent->hash)),
              "A header is missing or damaged before it."};
    case Reject::kTimeTooOld:
    case Reject::kTimeTooNew: return text_of_time(reject, header, parent, params, now_seconds);
    case Reject::kHashAboveTarget:
      return {fmt::format("the hash is {}, expected at most {}", display_hex(hash_of(header)),
                          target_text(header.bits, params)),
              "The header was changed after it was mined, or never mined."};
    case Reject::kGenesisWrong:
      return {fmt::format("block 0 is {}, expected {}", display_hex(hash_of(header)),
                          params.genesis ? display_hex(*params.genesis)
                                         : fmt::format("a header without parent with bits {:08x}",
                                                       params.limit_bits.value)),
              "Name the chain with --params, or with --start-height where the headers begin."};
    case Reject::kBoundaryWrong:
      return {fmt::format("the boundary header {} cannot have begun the period of height {}",
                          display_hex(hash_of(header)), height.value),
              fmt::format("Give the header of height {}.",
                          height.value - height.value % params.interval)};
    case Reject::kBoundaryMissing:
      return {fmt::format("its target follows from the time of the header at height {}, which is "
                          "not here",
                          (height.value - 1) - (height.value - 1) % params.interval),
              "Give that header with --boundary-header, as 160 hex digits."};
    default: return text_of_bits(reject, header, parent, params);
  }
}

}  // namespace

Error describe(Reject reject, const Header& header, Height height, const ChainPoint* parent,
               const Params& params, std::uint64_t now_seconds) {
  Text text = text_of(reject, header, height, parent, params, now_seconds);
  return {ErrorKind::kRejected, reject_code(reject),
          fmt::format("header {}: {}", height.value, text.found), std::move(text.next)};
}

}  // namespace quorate::pow
