// What peers say to a node of a proof-of-work chain, and what it says to them.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"
#include "node/log.h"
#include "node/pow_host.h"
#include "node/wire.h"

namespace quorate::node {
namespace {

constexpr std::size_t kBodiesAtOnce = 16;        // asked of one peer in one message
constexpr std::uint64_t kBodyPatienceMs = 3'000;
constexpr std::uint64_t kHeadersPatienceMs = 2'000;
constexpr std::uint64_t kHeadersEveryMs = 15'000;  // without a cause: frames may get lost
constexpr std::size_t kWaitingToldMax = 1'000;     // as often
constexpr std::size_t kTransactionsBytesMax = 1 << 20;  // of one message

Error forged(std::string message) {
  return {ErrorKind::kRejected, "pow-peer-forgery", std::move(message),
          "The peer runs other software, or lies."};
}

}  // namespace

bool PowHost::is_refused(pow::PeerId peer) const {
  const auto found = peers_.find(peer);
  return found != peers_.end() && found->second.score.is_refused(doors_.monotonic_ms());
}

void PowHost::send(pow::PeerId to, const PowMessage& message) {
  if (!is_refused(to)) doors_.send(to, message);
}

void PowHost::punish(pow::PeerId peer, std::uint32_t points, const Error& error) {
  const std::uint64_t now_ms = doors_.monotonic_ms();
  if (!peers_[peer].score.add(points, fmt::format("{}: {}", error.code, error.message), now_ms)) {
    return;
  }
  log_event(Severity::kWarning, "peer-refused",
            {{"peer", std::to_string(peer.value)},
             {"code", std::string(error.code)},
             {"detail", error.message},
             {"for_ms", std::to_string(kRefusedMs)}});
  // What it was asked for comes from others.
  std::vector<ledger::Digest> open;
  for (const auto& [hash, asked] : asked_) {
    if (asked.peer == peer) open.push_back(hash);
  }
  for (const ledger::Digest& hash : open) asked_.erase(hash);
  ask_bodies(open, std::nullopt);
}

void PowHost::on_connected(pow::PeerId peer) {
  PowPeer& state = peers_[peer];
  state.is_connected = true;
  state.asked_headers_ms = 0;
  ask_headers(peer);
  send_transactions(chain_.memory().pool(), peer, std::nullopt);
}

void PowHost::on_disconnected(pow::PeerId peer) {
  peers_[peer].is_connected = false;
  peers_[peer].asked_headers_ms = 0;
}

void PowHost::on_frame(pow::PeerId from, ByteView frame, std::shared_ptr<void> credit) {
  if (fatal_ || is_refused(from)) return;
  auto message = crypto::decode<PowMessage>(frame);
  if (!message) {
    return punish(from, kForgery,
                  forged("a frame that does not parse: " + message.error().message));
  }
  credit_ = std::move(credit);
  std::visit([&](auto& each) { on(from, std::move(each)); }, *message);
  credit_ = nullptr;
}

// -- Headers -----------------------------------------------------------------------------------

void PowHost::ask_headers(pow::PeerId peer) {
  PowPeer& state = peers_[peer];
  const std::uint64_t now_ms = doors_.monotonic_ms();
  if (state.asked_headers_ms != 0 && now_ms < state.asked_headers_ms + kHeadersPatienceMs) {
    state.must_ask_again = true;
    return;
  }
  state.asked_headers_ms = now_ms;
  state.must_ask_again = false;
  send(peer, PowGetHeaders{chain_.memory().chain().locator()});
}

void PowHost::on(pow::PeerId from, const PowHeaders& message) {
  PowPeer& state = peers_[from];
  state.asked_headers_ms = 0;
  state.headers_received += message.headers.size();
  const bool must_ask = std::exchange(state.must_ask_again, false) ||
                        message.headers.size() == pow::kHeadersMax;
  if (!message.headers.empty()) {
    pow::HeadersArrived arrived{from, {}};
    arrived.headers.reserve(std::min(message.headers.size(), pow::kHeadersMax + 1));
    for (const WireHeader& header : message.headers) {
      arrived.headers.push_back(pow::decode_header(header.bytes));
    }
    if (!step(arrived, from)) return;
  }
  if (must_ask) ask_headers(from);
}

void PowHost::on(pow::PeerId from, const PowGetHeaders& message) {
  if (message.locator.size() > kPowLocatorMax) {
    return punish(from, kForgery,
                  forged(fmt::format("a locator of {} hashes, expected at most {}",
                                     message.locator.size(), kPowLocatorMax)));
  }
  PowHeaders answer;
  for (const pow::Header& header : chain_.chain().headers_after(message.locator)) {
    answer.headers.push_back({pow::encode_header(header)});
  }
  send(from, answer);
}

// The part of the active chain that is new, to those who did not bring it.
void PowHost::tell_tip(const pow::Happened& happened, std::optional<pow::PeerId> from) {
  const pow::Chain& chain = chain_.chain();
  const std::uint64_t tip = chain.tip().height.value;
  std::uint64_t lowest = tip;
  for (const pow::Step& step : happened.steps) {
    if (step.move.kind == pow::Move::Kind::kConnect) {
      lowest = std::min(lowest, step.move.height.value);
    }
  }
  if (tip - lowest >= pow::kHeadersMax) lowest = tip;
  PowHeaders headers;
  for (std::uint64_t height = lowest; height <= tip; ++height) {
    headers.headers.push_back({pow::encode_header(chain.at({height})->header)});
  }
  for (const auto& [peer, state] : peers_) {
    if (state.is_connected && peer != from) send(peer, headers);
  }
}

// -- Bodies ------------------------------------------------------------------------------------

std::optional<pow::PeerId> PowHost::another_peer(std::optional<pow::PeerId> after) const {
  std::optional<pow::PeerId> first;
  for (const auto& [peer, state] : peers_) {
    if (!state.is_connected || is_refused(peer)) continue;
    if (!first) first = peer;
    if (after && peer > *after) return peer;
  }
  return first;
}

void PowHost::ask_bodies(const std::vector<ledger::Digest>& hashes,
                         std::optional<pow::PeerId> first) {
  if (hashes.empty()) return;
  const bool can_ask = first && peers_[*first].is_connected && !is_refused(*first);
  std::optional<pow::PeerId> peer = can_ask ? first : another_peer(first);
  if (!peer) return;
  const std::uint64_t now_ms = doors_.monotonic_ms();
  for (std::size_t i = 0; i < hashes.size(); i += kBodiesAtOnce) {
    PowGetBlocks question;
    for (std::size_t k = i; k < std::min(i + kBodiesAtOnce, hashes.size()); ++k) {
      if (reading_.contains(hashes[k])) continue;
      question.hashes.push_back(hashes[k]);
      Asked& asked = asked_[hashes[k]];
      asked = {*peer, now_ms, asked.tries + 1};
    }
    if (!question.hashes.empty()) send(*peer, question);
    peer = another_peer(peer);
  }
}

void PowHost::on(pow::PeerId from, const PowGetBlocks& message) {
  if (message.hashes.size() > kPowBodiesMax) {
    return punish(from, kForgery,
                  forged(fmt::format("a question for {} bodies, expected at most {}",
                                     message.hashes.size(), kPowBodiesMax)));
  }
  PowBlocks answer;
  std::size_t bytes = 0;
  for (const ledger::Digest& hash : message.hashes) {
    const pow::BlockPtr body = chain_.memory().body(hash);
    if (body == nullptr) {
      answer.missing.push_back(hash);
      continue;
    }
    answer.blocks.push_back(pow::encode_block(*body));
    bytes += answer.blocks.back().size();
    if (bytes < kAnswerBytesMax) continue;
    send(from, std::exchange(answer, {}));
    bytes = 0;
  }
  if (!answer.blocks.empty() || !answer.missing.empty()) send(from, answer);
}

void PowHost::on(pow::PeerId from, PowBlocks message) {
  if (message.blocks.size() > kPowBodiesMax || message.missing.size() > kPowBodiesMax) {
    return punish(from, kForgery,
                  forged(fmt::format("{} bodies and {} missing ones, expected at most {} each",
                                     message.blocks.size(), message.missing.size(),
                                     kPowBodiesMax)));
  }
  for (Bytes& block : message.blocks) {
    take_block(from, std::move(block));
    if (is_refused(from)) return;
  }
  std::vector<ledger::Digest> elsewhere;
  for (const ledger::Digest& hash : message.missing) {
    const auto asked = asked_.find(hash);
    // Each peer is tried once; then `tick` begins anew.
    if (asked == asked_.end() || asked->second.peer != from ||
        asked->second.tries > peers_.size()) {
      continue;
    }
    elsewhere.push_back(hash);
  }
  ask_bodies(elsewhere, another_peer(from));
}

// The header is judged before a byte of the body is read.
void PowHost::take_block(pow::PeerId from, Bytes bytes) {
  if (bytes.size() < pow::kHeaderBytes) {
    return punish(from, kForgery,
                  forged(fmt::format("a block of {} bytes", bytes.size())));
  }
  const pow::Header header = pow::decode_header(ByteView(bytes).first<pow::kHeaderBytes>());
  const ledger::Digest hash = pow::hash_of(header);
  const pow::Chain& chain = chain_.chain();
  if (reading_.contains(hash)) return;
  if (chain.find(hash) == nullptr && !step(pow::HeadersArrived{from, {header}}, from)) return;
  const pow::TreeNode* node = chain.find(hash);
  if (node == nullptr || node->has_body || node->is_invalid) return;
  if (!node->is_asked && node->point.work <= chain.tip().work) return;
  ++peers_[from].blocks_received;
  reading_.insert(hash);
  struct Reading {
    Bytes bytes;
    std::optional<tl::expected<pow::BlockPtr, pow::BodyReject>> block;
  };
  const auto reading = std::make_shared<Reading>(Reading{std::move(bytes), {}});
  const auto judge = [reader = chain_.reader(), reading] {
    reading->block = reader.read(reading->bytes);
  };
  doors_.apart(judge, [this, from, header, hash, reading, credit = credit_] {
    reading_.erase(hash);
    PowEvent event;
    if (*reading->block) {
      event = pow::BlockArrived{from, **reading->block};
    } else {
      event = pow::BodyRefused{from, header, reading->block->error()};
      asked_.erase(hash);
    }
    static_cast<void>(step(event, from));
  });
}

// -- Transactions ------------------------------------------------------------------------------

void PowHost::send_transactions(const std::vector<ledger::TransactionPtr>& transactions,
                                std::optional<pow::PeerId> to, std::optional<pow::PeerId> but) {
  PowTransactions message;
  std::size_t bytes = 0;
  const auto flush = [&] {
    if (message.transactions.empty()) return;
    for (const auto& [peer, state] : peers_) {
      const bool is_meant = to ? peer == *to : state.is_connected && peer != but;
      if (is_meant) send(peer, message);
    }
    message.transactions.clear();
    bytes = 0;
  };
  for (const ledger::TransactionPtr& transaction : transactions) {
    message.transactions.push_back(*transaction->signed_transaction);
    bytes += transaction->encoded_bytes;
    if (bytes >= kTransactionsBytesMax || message.transactions.size() >= kPowTransactionsMax) {
      flush();
    }
  }
  flush();
}

void PowHost::on(pow::PeerId from, PowTransactions message) {
  if (chain_.anchors() != nullptr) {
    return punish(from, kForgery,
                  forged("transactions, where the blocks of the chain carry anchors"));
  }
  if (message.transactions.size() > kPowTransactionsMax) {
    return punish(from, kForgery,
                  forged(fmt::format("{} transactions, expected at most {}",
                                     message.transactions.size(), kPowTransactionsMax)));
  }
  struct Checking {
    PowTransactions message;
    std::vector<Result<ledger::TransactionPtr>> checked;
  };
  const auto checking = std::make_shared<Checking>(Checking{std::move(message), {}});
  doors_.apart(
      [&verifier = chain_.verifier(), checking] {
        for (ledger::SignedTransaction& each : checking->message.transactions) {
          checking->checked.push_back(verifier.check(std::move(each)));
          // One forgery is enough.
          if (!checking->checked.back()) return;
        }
      },
      [this, from, checking, credit = credit_] {
        take_transactions(from, std::move(checking->checked));
      });
}

void PowHost::take_transactions(pow::PeerId from,
                                std::vector<Result<ledger::TransactionPtr>> checked) {
  std::vector<ledger::TransactionPtr> fresh;
  for (const Result<ledger::TransactionPtr>& each : checked) {
    if (!each) {
      punish(from, kForgery, each.error());
      break;
    }
    // What the pool does not want its sender may rightly have: it stands elsewhere on the chain.
    if (chain_.memory().add_transaction(*each)) fresh.push_back(*each);
  }
  if (fresh.empty()) return;
  send_transactions(fresh, std::nullopt, from);
  note_change(false);
}

// The oldest of what waits here: a peer may have refused them while it stood elsewhere on the
// chain.
void PowHost::tell_waiting(pow::PeerId to) {
  auto oldest = chain_.memory().pool();
  if (oldest.size() > kWaitingToldMax) oldest.resize(kWaitingToldMax);
  send_transactions(oldest, to, std::nullopt);
}

// -- Time --------------------------------------------------------------------------------------

void PowHost::tick() {
  if (fatal_) return;
  const std::uint64_t now_ms = doors_.monotonic_ms();
  std::map<std::optional<pow::PeerId>, std::vector<ledger::Digest>> late;
  for (const ledger::Digest& hash : chain_.memory().chain().wanted()) {
    if (reading_.contains(hash)) continue;
    const auto asked = asked_.find(hash);
    if (asked == asked_.end()) {
      late[std::nullopt].push_back(hash);
    } else if (now_ms >= asked->second.since_ms + kBodyPatienceMs) {
      asked->second.tries = 0;
      late[asked->second.peer].push_back(hash);
    }
  }
  for (const auto& [peer, hashes] : late) ask_bodies(hashes, another_peer(peer));
  if (now_ms >= headers_asked_ms_ + kHeadersEveryMs) {
    headers_asked_ms_ = now_ms;
    headers_asked_of_ = another_peer(headers_asked_of_);
    if (headers_asked_of_) {
      ask_headers(*headers_asked_of_);
      tell_waiting(*headers_asked_of_);
    }
  }
  for (auto& [peer, state] : peers_) {
    if (state.must_ask_again && state.is_connected) ask_headers(peer);
  }
  feed_miner();
  run_watchers();
}

}  // namespace quorate::node
