#include "node/peers_link.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "crypto/tls.h"

namespace quorate::node {
namespace {

std::string place_of(const tcp::socket& socket) {
  AsioError trouble;
  const tcp::endpoint remote = socket.remote_endpoint(trouble);
  if (trouble) return "a connection that has ended";
  return Endpoint{remote.address().to_string(), remote.port()}.to_string();
}

Error unreachable(std::string_view place, std::string_view why) {
  return {ErrorKind::kUnavailable, "peer-unreachable",
          fmt::format("Cannot connect to {}: {}", place, why),
          "Check that the peer is running and that its address is right."};
}

}  // namespace

PeerLink::PeerLink(asio::io_context& context, asio::ssl::context& tls, PeerLinkOwner& owner,
                   const PeerLinkOptions& options)
    : owner_(&owner),
      options_(options),
      stream_(context, tls),
      resolver_(context),
      timer_(context) {}

void PeerLink::dial(const Endpoint& endpoint) {
  is_dialled_ = true;
  place_ = endpoint.to_string();
  start_deadline();
  resolver_.async_resolve(endpoint.host, std::to_string(endpoint.port),
                          [self = shared_from_this()](const AsioError& trouble,
                                                      const tcp::resolver::results_type& found) {
                            if (self->state_ == State::kClosed) return;
                            if (trouble)
                              return self->close(unreachable(self->place_, trouble.message()),
                                                 false);
                            self->connect(found);
                          });
}

void PeerLink::connect(const tcp::resolver::results_type& found) {
  asio::async_connect(socket(), found,
                      [self = shared_from_this()](const AsioError& trouble, const tcp::endpoint&) {
                        if (self->state_ == State::kClosed) return;
                        if (trouble) {
                          return self->close(unreachable(self->place_, trouble.message()), false);
                        }
                        self->handshake();
                      });
}

void PeerLink::serve() {
  place_ = place_of(socket());
  start_deadline();
  handshake();
}

void PeerLink::start_deadline() {
  timer_.expires_after(options_.up_within);
  timer_.async_wait([self = shared_from_this()](const AsioError& trouble) {
    if (trouble || self->state_ == State::kClosed || self->state_ == State::kUp) return;
    if (self->state_ == State::kConnecting) {
      return self->close(unreachable(self->place_, "no answer in time"), false);
    }
    self->close({ErrorKind::kTimeout, "peer-handshake-timeout",
                 fmt::format("{} did not finish its handshake within {} ms", self->place_,
                             self->options_.up_within.count()),
                 "Check that the address belongs to a node's peer port."},
                true);
  });
}

void PeerLink::handshake() {
  state_ = State::kHandshake;
  AsioError ignored;
  socket().set_option(tcp::no_delay(true), ignored);
  socket().set_option(asio::socket_base::keep_alive(true), ignored);
  const auto role = is_dialled_ ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
  stream_.async_handshake(role, [self = shared_from_this()](const AsioError& trouble) {
    if (self->state_ != State::kClosed) self->on_handshake(trouble);
  });
}

void PeerLink::on_handshake(const AsioError& trouble) {
  if (trouble) return handshake_failed(trouble);
  const auto key = crypto::peer_key(stream_.native_handle());
  if (!key) return close(key.error(), true);
  const auto replica = owner_->admit(*this, *key);
  if (!replica) return close(replica.error(), true);
  replica_ = *replica;
  state_ = State::kHello;
  owes_hello_ = true;
  pump();
  if (state_ != State::kClosed) read();
}

void PeerLink::handshake_failed(const AsioError& trouble) {
  const bool is_key = trouble.category() == asio::error::get_ssl_category() &&
                      ERR_GET_REASON(static_cast<unsigned long>(trouble.value())) ==
                          SSL_R_CERTIFICATE_VERIFY_FAILED;
  if (is_key) {
    return close({ErrorKind::kDenied, "peer-unknown-key",
                  fmt::format("{} has a network key that genesis does not list", place_),
                  "Give that node the network key that genesis.json lists for it."},
                 true);
  }
  close({ErrorKind::kDenied, "peer-handshake-failed",
         fmt::format("The TLS handshake with {} failed: {}", place_, trouble.message()),
         "Check that the address belongs to a node's peer port."},
        true);
}

void PeerLink::read() {
  stream_.async_read_some(asio::buffer(chunk_),
                          [self = shared_from_this()](const AsioError& trouble, std::size_t count) {
                            if (self->state_ != State::kClosed) self->on_read(trouble, count);
                          });
}

void PeerLink::on_read(const AsioError& trouble, std::size_t count) {
  heard_ = true;
  bytes_received_ += count;
  if (!take_frames({chunk_.data(), count})) return;
  if (trouble) return ended(trouble);
  is_paused_ = state_ == State::kUp && owner_->must_pause(*this);
  if (!is_paused_) read();
}

bool PeerLink::take_frames(ByteView bytes) {
  while (true) {
    auto frame = splitter_.next(bytes);
    if (!frame) {
      close(frame.error(), true);
      return false;
    }
    if (!*frame) return true;
    const bool good =
        state_ == State::kHello ? take_hello(**frame) : take_frame(std::move(**frame));
    if (!good) return false;
  }
}

bool PeerLink::take_hello(ByteView hello) {
  Hello expected = options_.hello;
  expected.replica = replica_;
  if (auto good = check_hello(hello, expected); !good) {
    good.error().message += fmt::format(" ({})", place_);
    close(good.error(), true);
    return false;
  }
  state_ = State::kUp;
  splitter_.set_limit(kFrameBytesMax);
  beat();
  owner_->on_up(*this);
  if (state_ == State::kUp) pump();
  return state_ == State::kUp;
}

bool PeerLink::take_frame(Bytes frame) {
  if (frame.empty()) return true;
  if (is_dialled_) {
    close({ErrorKind::kInvalid, "peer-frame-unexpected",
           fmt::format("{} sent a frame on a connection that is for ours", place_),
           "Run the same release on all nodes."},
          true);
    return false;
  }
  owner_->on_frame(*this, std::move(frame));
  return state_ == State::kUp;
}

void PeerLink::resume() {
  if (!is_paused_ || state_ != State::kUp) return;
  is_paused_ = false;
  silent_beats_ = 0;
  read();
}

void PeerLink::pump() {
  if (state_ == State::kClosed || is_writing_) return;
  batch_.small.clear();
  batch_.large = nullptr;
  if (owes_hello_) {
    const Bytes hello = crypto::encode(options_.hello);
    append_frame_length(batch_.small, hello.size());
    batch_.small.insert(batch_.small.end(), hello.begin(), hello.end());
    owes_hello_ = false;
  } else if (state_ == State::kUp) {
    if (is_dialled_) owner_->next_batch(*this, batch_);
    if (batch_.empty() && owes_heartbeat_) append_frame_length(batch_.small, 0);
    owes_heartbeat_ = false;
  }
  if (!batch_.empty()) write();
}

void PeerLink::write() {
  is_writing_ = true;
  const asio::const_buffer large =
      batch_.large ? asio::buffer(*batch_.large) : asio::const_buffer();
  const std::array<asio::const_buffer, 2> parts = {asio::buffer(batch_.small), large};
  asio::async_write(stream_, parts,
                    [self = shared_from_this()](const AsioError& trouble, std::size_t count) {
                      if (self->state_ == State::kClosed) return;
                      self->is_writing_ = false;
                      self->spoke_ = true;
                      self->bytes_sent_ += count;
                      if (trouble) return self->ended(trouble);
                      self->pump();
                    });
}

void PeerLink::beat() {
  timer_.expires_after(options_.heartbeat);
  timer_.async_wait([self = shared_from_this()](const AsioError& trouble) {
    if (!trouble && self->state_ == State::kUp) self->on_beat();
  });
}

// Silence is counted in beats and not in time, so that a process which was itself stopped for a
// while reads what waits for it before it judges.
void PeerLink::on_beat() {
  silent_beats_ = heard_ || is_paused_ ? 0 : silent_beats_ + 1;
  heard_ = false;
  if (silent_beats_ > options_.silent_heartbeats_max) {
    return close({ErrorKind::kUnavailable, "peer-silent",
                  fmt::format("Nothing came from {} for {} ms", place_,
                              options_.heartbeat.count() * silent_beats_),
                  "Check the peer's machine and the network between."},
                 false);
  }
  owes_heartbeat_ = !spoke_;
  spoke_ = false;
  if (owes_heartbeat_) pump();
  beat();
}

void PeerLink::ended(const AsioError& trouble) {
  if (state_ == State::kHello) {
    const bool refused = is_dialled_;
    return close(
        {ErrorKind::kDenied, refused ? "peer-refused-us" : "peer-handshake-failed",
         fmt::format("{} ended the connection before its hello: {}", place_, trouble.message()),
         "Check that both nodes have the same genesis.json and their own network keys."},
        true);
  }
  if (!splitter_.at_boundary()) {
    return close({ErrorKind::kInvalid, "peer-frame-truncated",
                  fmt::format("The connection from {} ended inside of a frame", place_),
                  "If the peer was not stopped just then, look into its log."},
                 true);
  }
  close({ErrorKind::kUnavailable, "peer-closed",
         fmt::format("{} ended the connection: {}", place_, trouble.message()),
         "It is dialled again; check that the peer is running."},
        false);
}

void PeerLink::close(const Error& error, bool is_refusal) {
  if (state_ == State::kClosed) return;
  PeerLinkOwner* owner = owner_;
  const auto self = shared_from_this();  // the owner may drop its last reference
  abandon();
  owner->on_closed(*this, error, is_refusal);
}

void PeerLink::abandon() {
  state_ = State::kClosed;
  owner_ = nullptr;
  timer_.cancel();
  resolver_.cancel();
  AsioError ignored;
  socket().close(ignored);
}

}  // namespace quorate::node
