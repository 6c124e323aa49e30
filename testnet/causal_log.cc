#include "testnet/causal_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "testnet/trace_text.h"

namespace quorate::testnet {

using Kind = TraceEvent::Kind;

void CausalLog::note(const TraceEvent& event) {
  if (!event.replica) {
    out_ << fmt::format("faults {{\"faults\":{}}}\n{}\n", ++faults_, trace_line(event));
    return;
  }
  // The network loses a packet; its sender does not notice.
  if (event.kind == Kind::kDrop) return;
  const std::size_t self = event.replica->value;
  Clock& clock = clocks_[self];
  if (clock.size() <= self) clock.resize(self + 1);
  ++clock[self];
  if (event.kind == Kind::kDeliver) {
    if (const auto sent = under_way_.find(event.number); sent != under_way_.end()) {
      clock.resize(std::max(clock.size(), sent->second.size()));
      for (std::size_t i = 0; i < sent->second.size(); ++i) {
        clock[i] = std::max(clock[i], sent->second[i]);
      }
    }
  }
  if (event.kind == Kind::kSend) {
    under_way_[event.number] = clock;
    if (under_way_.size() > kPacketsRemembered) under_way_.erase(under_way_.begin());
  }
  std::string text;
  for (std::size_t i = 0; i < clock.size(); ++i) {
    if (clock[i] == 0) continue;
    text += fmt::format("{}\"replica-{}\":{}", text.empty() ? "" : ",", i, clock[i]);
  }
  out_ << fmt::format("replica-{} {{{}}}\n{}\n", self, text, trace_line(event));
}

}  // namespace quorate::testnet
