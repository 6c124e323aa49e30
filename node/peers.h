#pragma once

// The peer mesh: authenticated byte frames between replicas, over TLS 1.3.
//
// Each node dials every other one and uses that connection to send; what it accepts it only reads.
// So there is no tie to break, and the sender alone decides when to reconnect (a bounded back-off
// with jitter, 50 ms to 2 s, at once after the peer has dialled us). Both ends present the network
// key that genesis lists; a connection from any other key is closed and counted.
//
// A frame is a u32 length (little-endian, at most kFrameBytesMax) and that many bytes (the bytes
// are described in peers_frames.h). The first frame in either direction is a hello with wire
// version and chain id; another network or version is named on both sides and refused. Bytes that
// do not parse end the connection with a reason. An empty frame is a heartbeat: each side sends one
// when it has nothing else to say, so a peer whose machine is gone is noticed in seconds.
//
// Frames from one peer arrive in the order in which it sent them. Some may be missing (a queue was
// full, a connection broke), none comes twice.
//
// Bounds: per peer an outgoing queue in bytes (the newest frame is dropped when it is full; the
// protocol retransmits; while the peer is away only the newest kOfflineQueueBytesMax are kept) and
// an incoming credit in bytes: reading from a peer pauses while the frames that it sent are still
// held by the receiver. Strangers: a bounded number of handshakes at once, each with a deadline;
// when there are too many, the oldest goes.
//
// Threads: callbacks run on the I/O thread and must not block; the other functions are thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crypto/ed25519.h"
#include "crypto/result.h"
#include "ledger/types.h"
#include "node/config.h"
#include "node/io_thread.h"

namespace quorate::node {

inline constexpr std::uint32_t kFrameBytesMax = 8 << 20;
inline constexpr std::uint32_t kWireVersion = 1;
inline constexpr std::uint64_t kOfflineQueueBytesMax = 4 << 20;
inline constexpr std::size_t kHandshakesMax = 64;
inline constexpr std::uint32_t kRefusalsPerSecondMax = 10;

struct PeerAddress {
  ledger::ReplicaId id;
  std::string name;
  crypto::PublicKey network_key;
  Endpoint endpoint;
};

// A frame that arrived. Dropping `credit` lets the mesh read more from that peer.
struct InboundFrame {
  ledger::ReplicaId from;
  Bytes bytes;
  std::shared_ptr<void> credit;
};

using OutboundFrame = std::shared_ptr<const Bytes>;  // shared between the peers it goes to

struct PeerState {
  ledger::ReplicaId id;
  std::string name;
  Endpoint endpoint;
  bool connected_out = false;  // our dialled connection is up
  bool connected_in = false;   // theirs is
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t frames_dropped = 0;  // outgoing queue was full, or old news for an absent peer
  std::uint64_t queued_bytes = 0;
  bool is_cut = false;          // by an injected fault
  std::uint32_t delay_ms = 0;   // by another
  std::string last_error;  // why the last attempt failed, for people
};

struct PeerMeshOptions {
  ledger::ReplicaId self;
  ledger::Digest chain_id;
  Endpoint listen;
  std::vector<PeerAddress> peers;  // without self
  std::uint64_t queue_bytes_max = 64 << 20;
  std::uint64_t credit_bytes_max = 16 << 20;
  std::uint32_t handshake_timeout_ms = 5'000;  // from the first packet to both hellos
  std::uint32_t heartbeat_ms = 1'000;          // a link is given up after 5 of these in silence
};

// Of a testnet in which links are to fail (node/injected_faults.h). A cut link is closed at both
// ends and not dialled again until it is whole; what goes over a slow one waits so long first, in
// order.
struct MeshFaults {
  std::set<ledger::ReplicaId> cut;
  std::map<ledger::ReplicaId, std::uint32_t> delay_ms;
};

class PeerMesh {
 public:
  struct Callbacks {
    std::function<void(InboundFrame)> on_frame;
    std::function<void(ledger::ReplicaId)> on_connected;  // our sending connection is up
    std::function<void(ledger::ReplicaId)> on_disconnected;
    // A refused stranger, a broken frame, a wrong network: code and sentence. At most
    // kRefusalsPerSecondMax a second; what was left out is counted in the next one. Codes:
    // "peer-unknown-key", "peer-handshake-failed", "peer-handshake-timeout", "peer-refused-us",
    // "peer-too-many-handshakes", "peer-cut", "peer-hello-malformed", "peer-wrong-version",
    // "peer-wrong-chain", "peer-wrong-key", "peer-frame-oversized",
    // "peer-frame-truncated", "peer-frame-unexpected", and those of crypto::peer_key.
    std::function<void(const Error&)> on_refusal;
  };

  // Listens and starts to dial. `io` outlives the mesh. Errors: "peer-port-taken" (kConflict),
  // "peer-listen-failed", "tls-setup-failed".
  [[nodiscard]] static Result<std::unique_ptr<PeerMesh>> start(IoThread& io,
                                                               const crypto::SecretKey& network_key,
                                                               PeerMeshOptions options,
                                                               Callbacks callbacks);
  ~PeerMesh();  // closes everything; no callback runs afterwards

  // Precondition (checked): the frame has 1 to kFrameBytesMax bytes. A frame to a replica that is
  // no peer is dropped: the caller's view of the membership may be newer than the mesh's.
  void send(ledger::ReplicaId to, OutboundFrame frame);
  void broadcast(OutboundFrame frame);
  // Where to dial this peer from now on, e.g. one whose port is known only after its start.
  void set_address(ledger::ReplicaId peer, Endpoint endpoint);
  // Instead of those before.
  void set_faults(MeshFaults faults);

  [[nodiscard]] std::vector<PeerState> peers() const;
  [[nodiscard]] Endpoint endpoint() const;  // with the port that was really bound

 private:
  struct Impl;
  explicit PeerMesh(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace quorate::node
