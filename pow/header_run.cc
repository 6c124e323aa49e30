#include "pow/header_run.h"

#include <utility>

namespace quorate::pow {
namespace {

std::optional<Reject> check_genesis(const Header& first, const Params& params) {
  if (params.genesis) {
    if (hash_of(first) != *params.genesis) return Reject::kGenesisWrong;
    return std::nullopt;
  }
  if (!first.previous.is_zero() || first.bits != params.limit_bits) return Reject::kGenesisWrong;
  return std::nullopt;
}

bool can_begin_period_of(const Header& boundary, const Header& first, const Params& params) {
  if (check_alone(boundary, hash_of(boundary), params)) return false;
  // Where late headers may have the limit as their target, every other one has the boundary's.
  if (params.allows_late_minimum && first.bits == params.limit_bits) return true;
  return boundary.bits == first.bits;
}

}  // namespace

HeaderRun::HeaderRun(Params params, Height height, ChainPoint tip)
    : params_(std::move(params)), first_height_(height), tip_(std::move(tip)) {}

Result<HeaderRun> HeaderRun::start(Params params, Height height, const Header& first,
                                   const std::optional<Header>& boundary) {
  const auto refuse = [&](Reject reject, const Header& header) {
    return tl::unexpected(describe(reject, header, height, nullptr, params, 0));
  };
  if (height.value == 0) {
    if (const auto reject = check_genesis(first, params)) return refuse(*reject, first);
  }
  if (const auto reject = check_alone(first, hash_of(first), params)) {
    return refuse(*reject, first);
  }
  std::optional<PeriodStart> period_start;
  if (boundary && !begins_period(height, params)) {
    if (!can_begin_period_of(*boundary, first, params)) {
      return refuse(Reject::kBoundaryWrong, *boundary);
    }
    period_start = {boundary->time, boundary->bits};
  }
  ChainPoint tip = first_point(first, height, period_start, params);
  return HeaderRun(std::move(params), height, std::move(tip));
}

Status HeaderRun::append(const Header& header, std::uint64_t now_seconds) {
  const Digest hash = hash_of(header);
  const Height height{tip_.height.value + 1};
  if (const auto reject = check_header(header, hash, tip_, params_, now_seconds)) {
    return tl::unexpected(describe(*reject, header, height, &tip_, params_, now_seconds));
  }
  if (begins_period(height, params_) && params_.retargets) {
    retargets_.push_back({height, tip_.bits, header.bits,
                          std::int64_t{tip_.time} - std::int64_t{tip_.period_start->time}});
  }
  if (!tip_.knows_median()) ++medians_unknown_;
  tip_ = next_point(tip_, header, hash, params_);
  return {};
}

}  // namespace quorate::pow
