#include "testnet/trace.h"

#include <array>
#include <bit>

namespace quorate::testnet {

std::string_view kind_text(TraceEvent::Kind kind) {
  static constexpr std::array<std::string_view, 20> kTexts = {
      "start",   "crash",  "stop",    "send",     "deliver", "drop",   "connect",  "disconnect",
      "persist", "commit", "execute", "evidence", "fault",   "submit", "violation",
      "leave",   "enter",  "stable",  "recovered", "epoch"};
  return kTexts[static_cast<std::size_t>(kind)];
}

void Trace::mix(std::uint64_t word) {
  digest_ = std::rotl((digest_ ^ word) * 0x9e3779b97f4a7c15, 29) * 0xbf58476d1ce4e5b9;
}

void Trace::mix(ByteView bytes) {
  mix(bytes.size());
  std::uint64_t word = 0;
  unsigned filled = 0;
  for (const std::uint8_t byte : bytes) {
    word |= std::uint64_t{byte} << (8 * filled);
    if (++filled < 8) continue;
    mix(word);
    word = 0;
    filled = 0;
  }
  if (filled > 0) mix(word);
}

void Trace::note(const TraceEvent& event) {
  ++events_;
  mix(event.time_us);
  mix(std::uint64_t{static_cast<std::uint8_t>(event.kind)} << 32 |
      std::uint64_t{event.replica ? event.replica->value : 0xffffU} << 16 |
      std::uint64_t{event.peer ? event.peer->value : 0xffffU});
  mix(event.number);
  if (event.bytes) mix(ByteView(*event.bytes));
  if (!event.text.empty()) mix(as_bytes(event.text));
  if (on_event) on_event(event);
}

}  // namespace quorate::testnet
