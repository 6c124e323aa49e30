// Any bytes on a peer connection, cut anyhow, are frames or a refusal, and never more memory than
// they pay for. The first byte chooses the cuts.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "node/peers.h"
#include "node/peers_frames.h"
#include "node/pow_wire.h"

namespace {

using namespace quorate;

constexpr std::uint32_t kLimit = 1 << 16;

struct Split {
  std::vector<Bytes> frames;
  bool refused = false;
  bool at_boundary = false;
};

Split split(ByteView input, std::size_t piece) {
  node::FrameSplitter splitter(kLimit);
  Split result;
  while (!input.empty()) {
    ByteView part = input.first(std::min(piece, input.size()));
    input = input.subspan(part.size());
    while (true) {
      auto frame = splitter.next(part);
      if (!frame) {
        QUORATE_CHECK(!frame.error().message.empty(), "a refusal has a reason");
        result.refused = true;
        return result;
      }
      if (!*frame) break;
      QUORATE_CHECK((*frame)->size() <= kLimit, "no frame is above the limit");
      result.frames.push_back(std::move(**frame));
    }
    QUORATE_CHECK(part.empty(), "a splitter that wants more has taken everything");
    QUORATE_CHECK(splitter.capacity() <= 2 * std::size_t{kLimit}, "memory follows the limit");
  }
  result.at_boundary = splitter.at_boundary();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView all(data, size);
  if (all.empty()) return 0;
  const ByteView input = all.subspan(1);
  const Split whole = split(input, input.size() + 1);
  const Split pieces = split(input, 1 + data[0] % 64U);
  QUORATE_CHECK(whole.frames == pieces.frames && whole.refused == pieces.refused &&
                    whole.at_boundary == pieces.at_boundary,
                "cuts carry no meaning");

  Bytes again;
  for (const Bytes& frame : whole.frames) {
    node::append_frame_length(again, frame.size());
    again.insert(again.end(), frame.begin(), frame.end());
  }
  QUORATE_CHECK(
      again.size() <= input.size() && std::equal(again.begin(), again.end(), input.begin()),
      "frames are the bytes that came");

  // What a node of proof of work takes a frame for has one encoding.
  if (const auto message = crypto::decode<node::PowMessage>(input)) {
    const Bytes encoded = crypto::encode(*message);
    QUORATE_CHECK(std::equal(encoded.begin(), encoded.end(), input.begin(), input.end()),
                  "a message has one encoding");
  }

  node::Hello expected;
  expected.wire_version = node::kWireVersion;
  if (const Status good = node::check_hello(input, expected); !good) {
    QUORATE_CHECK(!good.error().code.empty() && !good.error().message.empty(),
                  "a refusal has a reason");
  }
  return 0;
}
