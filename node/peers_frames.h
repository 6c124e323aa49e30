#pragma once

// The bytes between two replicas, inside of TLS, without a socket.
//
//   stream  := hello frame*                 in either direction
//   frame   := length:u32le payload         length <= kFrameBytesMax; 0 is a heartbeat
//   hello   := length:u32le BCS(Hello)      length <= kHelloBytesMax
//   Hello   := magic:8 version:u32le chain_id:32 replica:u16le
//
// The magic and the version stand first in every version to come, so that two nodes that cannot
// understand each other can at least say so. Example, version 1, chain 00..00, replica 3:
//
//   2e000000 71756f72617465 00 01000000 (32 zero bytes) 0300

#include <array>
#include <cstdint>
#include <optional>

#include "crypto/bytes.h"
#include "crypto/result.h"
#include "ledger/types.h"

namespace quorate::node {

inline constexpr std::uint32_t kHelloBytesMax = 1024;
inline constexpr std::array<std::uint8_t, 8> kHelloMagic = {'q', 'u', 'o', 'r', 'a', 't', 'e', 0};

struct Hello {
  std::array<std::uint8_t, 8> magic = kHelloMagic;
  std::uint32_t wire_version = 0;
  ledger::Digest chain_id;
  ledger::ReplicaId replica;
};

// What a hello has to say: our version and chain. Which replica it is, the connection's key says:
// its own word is its number in the epoch that it serves, and may be another in ours. Errors:
// "peer-hello-malformed", "peer-wrong-version" (kUnsupported), "peer-wrong-chain".
[[nodiscard]] Status check_hello(ByteView bytes, const Hello& expected);

// Cuts a stream of bytes, however it was split on its way, into frames. Holds the bytes of one
// unfinished frame, and never reserves much more than what has arrived. Not thread-safe.
class FrameSplitter {
 public:
  explicit FrameSplitter(std::uint32_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

  // For the frames that begin from now on.
  void set_limit(std::uint32_t frame_bytes_max) { frame_bytes_max_ = frame_bytes_max; }

  // Takes bytes from the front of `input` until a frame is whole, and returns its payload; nullopt
  // when the input is used up first. Error: "peer-frame-oversized"; the stream then has no meaning.
  [[nodiscard]] Result<std::optional<Bytes>> next(ByteView& input);

  // Whether the stream may end here without losing anything.
  [[nodiscard]] bool at_boundary() const { return length_bytes_ == 0; }
  // Bytes reserved for the unfinished frame.
  [[nodiscard]] std::size_t capacity() const { return payload_.capacity(); }

 private:
  std::uint32_t frame_bytes_max_;
  std::uint32_t length_ = 0;
  std::uint32_t length_bytes_ = 0;  // how many of the four have come
  Bytes payload_;
};

// Appends the length of a payload of this size, little-endian.
void append_frame_length(Bytes& out, std::size_t payload_bytes);

}  // namespace quorate::node
