#pragma once

// What happened in a simulation, event by event, and a digest of it.
//
// The digest is over every event in order, with times and bytes: two runs with one digest were the
// same run. It tells runs apart, it does not withstand an attacker. Whoever wants the events gets
// them as they happen; nothing is kept here.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/bytes.h"
#include "ledger/types.h"

namespace quorate::ledger {
struct CertifiedBatch;
}

namespace quorate::testnet {

// A packet's bytes, shared by all who receive it.
using SharedBytes = std::shared_ptr<const Bytes>;

struct TraceEvent {
  enum class Kind : std::uint8_t {
    kStart,       // a replica begins a life
    kCrash,       // `text`: how
    kStop,        // a replica stopped itself; `text`: why
    kSend,        // to `peer`, packet `number`, `bytes`
    kDeliver,     // from `peer`, packet `number`
    kDrop,        // packet `number` to `peer` was lost
    kConnect,     // with `peer`
    kDisconnect,  // from `peer`
    kPersist,     // `number` records became durable
    kCommit,      // handed out sequence `number`
    kExecute,     // executed sequence `number`; `bytes`: the results root
    kEvidence,    // against `peer`, at sequence `number`
    kFault,       // the fault schedule did `text`
    kSubmit,      // a client's transaction was offered; `text`: its id and the answer
    kViolation,   // `text`: which invariant broke, and how
    kLeave,       // moves to view `number`; `text`: why
    kEnter,       // entered view `number`
    kStable,      // sequence `number` is a stable checkpoint here
    kRecovered,   // may vote again after amnesia
    kEpoch,       // serves epoch `number` from here on
  };
  Kind kind;
  std::uint64_t time_us = 0;
  std::optional<ledger::ReplicaId> replica = std::nullopt;
  std::optional<ledger::ReplicaId> peer = std::nullopt;
  std::uint64_t number = 0;
  SharedBytes bytes = nullptr;
  std::string_view text = {};

  // For whoever draws it; the digest is without them, since they follow from what came before.
  std::string_view detail = {};                    // of kEvidence: what it proves, in a sentence
  const ledger::CertifiedBatch* batch = nullptr;   // of kCommit
};

[[nodiscard]] std::string_view kind_text(TraceEvent::Kind kind);

class Trace {
 public:
  void note(const TraceEvent& event);

  [[nodiscard]] std::uint64_t digest() const { return digest_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

  // Sees every event as it happens; the views in it end with the call.
  std::function<void(const TraceEvent&)> on_event;

 private:
  void mix(std::uint64_t word);
  void mix(ByteView bytes);

  std::uint64_t digest_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace quorate::testnet
