#pragma once

// What a replica core was given in one life, and digests of what it answered.
//
// pbft::Replica is a deterministic function of its inputs, so whoever has these has the life. The
// doors into it, all of which are recorded:
//
//   the constructor   ReplicaConfig, ReplicaStart (what ledger and vote store held) and the voter's
//                     standing and ceiling (what the guard said)
//   step              each Input with its two clocks, in order
//   Signer::sign      the one call that a core makes and that answers within a step: the voter's
//                     signatures, in the order in which they were made
//
// Everything else that a core wants goes out in an Output and comes back as an Input. Nothing
// secret is in a recording: signatures, and no keys.
//
// A file is a chain of records (node/record_chain.h), each BCS(Record): a RecordingHead, then a
// RecordedStep for each step, then a RecordingEnd unless the process was killed. The indices of the
// variants are part of the format: append only.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crypto/signing.h"
#include "ledger/genesis.h"
#include "node/wire.h"
#include "pbft/replica.h"

namespace quorate::node {

struct RecordedStart {
  ledger::Sequence executed;
  ledger::TimeMs effective_time;
  pbft::RestoredVotes votes;
  std::vector<ledger::SignedTransaction> bodies;  // ascending by id
  ledger::Sequence checkpoint;
  ledger::TimeMs checkpoint_time;
  std::optional<pbft::CheckpointExecuted> last_checkpoint;
  std::optional<ledger::Sequence> boundary;
  std::vector<pbft::StableCheckpoint> past;
};

// ReplicaConfig without what genesis says.
struct RecordedTimes {
  std::uint64_t request_timeout_ms = 0;
  std::uint64_t request_timeout_ms_max = 0;
  std::uint64_t status_interval_ms_min = 0;
  std::uint64_t status_interval_ms_max = 0;
  std::uint64_t fetch_timeout_ms = 0;
  std::uint32_t fetch_blocks_max = 0;
};

struct RecordingHead {
  std::string program;  // "0.1.0 (a848450)": who recorded
  // Monotonic clocks of one boot of one machine can be compared; empty: those of a simulation.
  std::string boot;
  ledger::Genesis genesis;
  // Of the epoch: a core serves one, and the life of a node has a recording for each.
  ledger::ReplicaSet replicas;
  ledger::ReplicaId self;
  RecordedTimes times;
  std::uint8_t standing = 0;  // pbft::Standing
  pbft::Ceiling ceiling;
  RecordedStart start;
};

struct RecordedReady {
  ledger::SignedTransaction transaction;
};
struct RecordedBody {
  ledger::SignedTransaction transaction;
};
// One for one the alternatives of pbft::Input, messages as they were signed.
using RecordedEvent =
    std::variant<pbft::Tick, pbft::PrePrepare, pbft::Prepare, pbft::Commit, WireBlock,
                 pbft::CheckpointVote, pbft::StableCheckpoint, pbft::ViewChange, pbft::NewView,
                 pbft::BlocksEnded, pbft::StatusArrived, pbft::AskArrived, pbft::BatchArrived,
                 pbft::PeerConnected, pbft::PeerDisconnected, RecordedReady, pbft::TransactionGone,
                 RecordedBody, pbft::BodiesWanted, pbft::BatchExecuted>;
static_assert(std::variant_size_v<RecordedEvent> ==
              std::variant_size_v<decltype(pbft::Input::event)>);

inline constexpr std::size_t kOutputFields = 12;
// "persist", "send", ...: as pbft::Output has them.
[[nodiscard]] std::string_view output_field(std::size_t index);

// Of each field, its first four bytes; and of all of them.
struct OutputDigest {
  std::array<std::uint32_t, kOutputFields> fields{};
  crypto::Digest whole;

  friend bool operator==(const OutputDigest&, const OutputDigest&) = default;
};

struct RecordedStep {
  pbft::Now now;
  RecordedEvent event;
  std::vector<ledger::Signature> signatures;
  OutputDigest output;
};

enum class RecordingEnded : std::uint8_t {
  kStopped,  // the node stopped in peace
  kFull,     // at its limit in bytes; the node went on
  kBehind,   // the disk was too slow; the node went on
  kEpoch,    // the epoch ended; the node went on with a core of the next
};
struct RecordingEnd {
  std::uint8_t why = 0;  // RecordingEnded
  std::uint64_t steps = 0;
};

using Record = std::variant<RecordingHead, RecordedStep, RecordingEnd>;

// "event" in words for people: "prepare of 2".
[[nodiscard]] std::string event_text(const RecordedEvent& event);

// What stands in a block from a peer, as it crosses the wire.
[[nodiscard]] WireBlock wire_block(const ledger::CertifiedBatch& block);

[[nodiscard]] RecordingHead recording_head(const ledger::Genesis& genesis,
                                           const pbft::ReplicaConfig& config,
                                           const pbft::Voter& voter,
                                           const pbft::ReplicaStart& start);

// An output as bytes, canonical: the same in every build. `ends`: of each field.
struct OutputBytes {
  Bytes bytes;
  std::array<std::size_t, kOutputFields> ends{};
};
[[nodiscard]] OutputBytes output_bytes(const pbft::Output& output);
[[nodiscard]] OutputDigest output_digest(const OutputBytes& output);

// BCS(Record) of a step but for the digest of its output, which follows.
[[nodiscard]] Bytes begin_step(const pbft::Input& input,
                               const std::vector<ledger::Signature>& signatures);

// Stands between a voter and its key and keeps what was signed until it is taken. One thread.
class SignatureTap final : public crypto::Signer {
 public:
  // `signer` outlives this.
  explicit SignatureTap(const crypto::Signer& signer) : signer_(signer) {}
  [[nodiscard]] const crypto::PublicKey& public_key() const override {
    return signer_.public_key();
  }
  [[nodiscard]] ledger::Signature sign(ByteView message) const override;
  [[nodiscard]] std::vector<ledger::Signature> take() const;

  bool is_open = false;  // else nothing is kept

 private:
  const crypto::Signer& signer_;
  mutable std::vector<ledger::Signature> taken_;
};

}  // namespace quorate::node
