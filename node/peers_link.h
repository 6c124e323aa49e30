#pragma once

// One TLS connection of the mesh, dialled or accepted. Includes Asio: for .cc files only.
//
//   connecting -> TLS handshake -> hellos cross -> up -> closed
//
// Everything before "up" has one deadline. A dialled link sends the frames of its owner and expects
// nothing but heartbeats back; an accepted one hands frames to its owner and sends nothing but
// heartbeats. Each side sends a heartbeat when it has sent nothing for a while, and ends a link on
// which nothing at all has come for several such whiles: a peer whose machine is gone is noticed in
// seconds, and one that is merely slow to read is not mistaken for dead.
//
// Everything here runs on the I/O thread.

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "node/asio.h"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include "crypto/ed25519.h"
#include "node/config.h"
#include "node/peers_frames.h"
#include "node/peers_queue.h"

namespace quorate::node {

class PeerLink;

// Who has links and knows the peers. A link calls back as long as it has not been closed.
class PeerLinkOwner {
 public:
  virtual ~PeerLinkOwner() = default;
  // Both sides have proved their keys: the replica that this key belongs to, or why it is refused.
  virtual Result<ledger::ReplicaId> admit(PeerLink& link, const crypto::PublicKey& key) = 0;
  virtual void on_up(PeerLink& link) = 0;
  // A frame of an accepted link.
  virtual void on_frame(PeerLink& link, Bytes frame) = 0;
  // True: the link reads nothing until resume().
  virtual bool must_pause(PeerLink& link) = 0;
  // What a dialled link is to write next; empty: nothing, until pump().
  virtual void next_batch(PeerLink& link, FrameBatch& batch) = 0;
  // The last call. The error says why; is_refusal, whether the other side did something wrong.
  virtual void on_closed(PeerLink& link, const Error& error, bool is_refusal) = 0;
};

struct PeerLinkOptions {
  std::chrono::milliseconds up_within;
  std::chrono::milliseconds heartbeat;
  std::uint32_t silent_heartbeats_max = 5;
  Hello hello;  // what this side says
};

class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  // Both outlive the link's last step.
  PeerLink(asio::io_context& context, asio::ssl::context& tls, PeerLinkOwner& owner,
           const PeerLinkOptions& options);

  void dial(const Endpoint& endpoint);
  // For the acceptor to accept into.
  [[nodiscard]] tcp::socket& socket() { return stream_.next_layer(); }
  void serve();

  // There may be something to write.
  void pump();
  void resume();
  // Ends the link without telling the owner. Idempotent.
  void abandon();
  void close(const Error& error, bool is_refusal);

  [[nodiscard]] bool is_up() const { return state_ == State::kUp; }
  [[nodiscard]] bool is_dialled() const { return is_dialled_; }
  // Whose key it is; meaningful from on_up() on.
  [[nodiscard]] ledger::ReplicaId replica() const { return replica_; }
  // host:port of the other side, for people.
  [[nodiscard]] const std::string& place() const { return place_; }
  [[nodiscard]] std::uint64_t bytes_sent() const { return bytes_sent_; }
  [[nodiscard]] std::uint64_t bytes_received() const { return bytes_received_; }

 private:
  enum class State : std::uint8_t { kConnecting, kHandshake, kHello, kUp, kClosed };

  void start_deadline();
  void connect(const tcp::resolver::results_type& found);
  void handshake();
  void on_handshake(const AsioError& trouble);
  void handshake_failed(const AsioError& trouble);
  void read();
  void on_read(const AsioError& trouble, std::size_t count);
  bool take_frames(ByteView bytes);  // false if that closed the link
  bool take_hello(ByteView hello);
  bool take_frame(Bytes frame);
  void write();
  void beat();
  void on_beat();
  void ended(const AsioError& trouble);

  PeerLinkOwner* owner_;  // null once closed
  const PeerLinkOptions& options_;
  asio::ssl::stream<tcp::socket> stream_;
  tcp::resolver resolver_;
  asio::steady_timer timer_;
  State state_ = State::kConnecting;
  bool is_dialled_ = false;
  std::string place_;
  ledger::ReplicaId replica_;

  FrameSplitter splitter_{kHelloBytesMax};
  std::array<std::uint8_t, 16 << 10> chunk_{};  // a TLS record's worth
  bool is_paused_ = false;
  bool heard_ = false;  // since the last beat
  std::uint32_t silent_beats_ = 0;

  FrameBatch batch_;  // being written
  bool is_writing_ = false;
  bool owes_hello_ = false;
  bool owes_heartbeat_ = false;
  bool spoke_ = false;  // since the last beat
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
};

}  // namespace quorate::node
