#include "node/peers_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"

namespace quorate::node {
namespace {

constexpr std::uint32_t kLengthBytes = 4;
// More than this is reserved only as it arrives: a length is a claim.
constexpr std::size_t kReserveBytesMax = 1 << 20;

struct HelloStart {
  std::array<std::uint8_t, 8> magic{};
  std::uint32_t wire_version = 0;
};
constexpr std::size_t kHelloStartBytes = 12;

}  // namespace

Status check_hello(ByteView bytes, const Hello& expected) {
  const auto start =
      crypto::decode<HelloStart>(bytes.first(std::min(bytes.size(), kHelloStartBytes)));
  if (!start || start->magic != expected.magic) {
    return fail(ErrorKind::kInvalid, "peer-hello-malformed",
                "The connection does not begin with a hello of Quorate",
                "Check that the address belongs to a node's peer port.");
  }
  if (start->wire_version != expected.wire_version) {
    return fail(ErrorKind::kUnsupported, "peer-wrong-version",
                fmt::format("The peer speaks wire version {}, this node speaks {}",
                            start->wire_version, expected.wire_version),
                "Run the same release on all nodes.");
  }
  const auto hello = crypto::decode<Hello>(bytes);
  if (!hello) {
    return fail(ErrorKind::kInvalid, "peer-hello-malformed",
                fmt::format("The peer's hello does not parse: {}", hello.error().message),
                "Run the same release on all nodes.");
  }
  if (hello->chain_id != expected.chain_id) {
    return fail(ErrorKind::kRejected, "peer-wrong-chain",
                fmt::format("The peer is on chain {}, this node is on chain {}",
                            hello->chain_id.hex(), expected.chain_id.hex()),
                "Compare the genesis.json of both nodes; they must be the same file.");
  }
  return {};
}

Result<std::optional<Bytes>> FrameSplitter::next(ByteView& input) {
  while (length_bytes_ < kLengthBytes) {
    if (input.empty()) return std::nullopt;
    length_ |= std::uint32_t{input.front()} << (8 * length_bytes_);
    input = input.subspan(1);
    if (++length_bytes_ < kLengthBytes) continue;
    if (length_ > frame_bytes_max_) {
      return fail(
          ErrorKind::kInvalid, "peer-frame-oversized",
          fmt::format("A frame of {} bytes, expected at most {}", length_, frame_bytes_max_),
          "Run the same release on all nodes.");
    }
    payload_.reserve(std::min<std::size_t>(length_, kReserveBytesMax));
  }
  const std::size_t count = std::min<std::size_t>(length_ - payload_.size(), input.size());
  payload_.insert(payload_.end(), input.begin(),
                  input.begin() + static_cast<std::ptrdiff_t>(count));
  input = input.subspan(count);
  if (payload_.size() < length_) return std::nullopt;
  length_ = 0;
  length_bytes_ = 0;
  return std::exchange(payload_, {});
}

void append_frame_length(Bytes& out, std::size_t payload_bytes) {
  for (std::uint32_t i = 0; i < kLengthBytes; ++i) {
    out.push_back(static_cast<std::uint8_t>(payload_bytes >> (8 * i)));
  }
}

}  // namespace quorate::node
