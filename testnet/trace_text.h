#pragma once

// A trace for people and for grep: a line an event, packets in words.

#include <string>

#include "testnet/trace.h"

namespace quorate::testnet {

// "1.012345 s  2 send to 3: #17 prepare view 0 sequence 1 batch 1a2b3c4d".
[[nodiscard]] std::string trace_line(const TraceEvent& event);

// What a packet says; "garbled" if it cannot be decoded.
[[nodiscard]] std::string packet_text(ByteView bytes);

}  // namespace quorate::testnet
