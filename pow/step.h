#pragma once

// The door of the chain core: Input in, Output out (pow/chain.h).
//
// The core is a deterministic function of its inputs. It has no clock, so each input says what time
// it is; it keeps no bodies and no state, so Output says which block to connect or disconnect, and
// the host does it.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pow/block.h"
#include "pow/rules.h"

namespace quorate::pow {

// A connection of the host's; no two have one id.
using PeerId = Strong<struct PeerIdTag, std::uint32_t>;

// Consecutive headers, the oldest first. No `from`: from this machine.
struct HeadersArrived {
  std::optional<PeerId> from;
  std::vector<Header> headers;
};
// What a BlockReader read. Its header is judged too if it is new.
struct BlockArrived {
  std::optional<PeerId> from;
  BlockPtr block;
};
// What a BlockReader refused.
struct BodyRefused {
  std::optional<PeerId> from;
  Header header;
  BodyReject reject;
};
// The state refused a block that Output said to connect. All moves before that one are done, it and
// those after it are not. It must be the next input after that Output.
struct ConnectFailed {
  Digest hash;
  std::string found;  // what was found and expected, a clause
};
// By hand, as Bitcoin Core's invalidateblock, reconsiderblock and preciousblock.
struct Invalidate {
  Digest hash;
};
struct Reconsider {
  Digest hash;
};
struct Prefer {
  Digest hash;
};

struct Input {
  std::uint64_t now_seconds = 0;  // wall time; only judges how far ahead a header is
  std::variant<HeadersArrived, BlockArrived, BodyRefused, ConnectFailed, Invalidate, Reconsider,
               Prefer>
      event;
};

struct Move {
  enum class Kind : std::uint8_t { kConnect, kDisconnect };
  Kind kind = Kind::kConnect;
  Digest hash;
  Height height;

  friend bool operator==(const Move&, const Move&) = default;
};

struct Refusal {
  std::optional<PeerId> from;
  Digest hash;
  Reject why = Reject::kParentUnknown;
  Error error;  // the same for people
};

// In the order in which a host acts on it.
struct Output {
  // To be stored, in this order, before anything below is done. Headers and bodies that are given
  // to a new core in the order in which they came make the same tree and the same choice.
  std::vector<Header> headers;
  std::vector<BlockPtr> bodies;
  // The way from where the host stands to where it shall stand, one block after the other.
  std::vector<Move> moves;
  // Out of the tree for good, and their bodies with them; never one that `moves` names.
  std::vector<Digest> forgotten;
  // Bodies that are wanted as of now, the lowest first. Each is named once; Chain::wanted says all.
  std::vector<Digest> wanted;
  // Its headers follow none that is known: send it our locator.
  std::optional<PeerId> ask_headers_of;
  // Good, but of no use now, so not kept.
  std::vector<Digest> ignored;
  std::vector<Refusal> refused;
};

}  // namespace quorate::pow
