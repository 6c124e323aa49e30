#pragma once

// PowHost: what a node of a proof-of-work chain does with what its peers, its clients and its miner
// say.
//
// It steps the chain (node/pow_chain.h), in which everything is stored before anything is said, and
// keeps in step with others: headers first, then the bodies of the branch with the most work, asked
// of several peers and of another one where they do not come; new tips, transactions and what a
// reorganisation displaced are passed on. What a peer sends is judged, a peer that forges or floods
// is refused (node/pow_scores.h).
//
// It has no thread, socket or clock; those are behind `Doors`, so a test joins several in memory.
// One thread at a time: the loop's (node/pow_loop.h).

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "node/pow_chain.h"
#include "node/pow_scores.h"
#include "node/pow_wire.h"

namespace quorate::node {

struct PowPeer {
  bool is_connected = false;
  PeerScore score;
  std::uint64_t asked_headers_ms = 0;  // 0: no question is open
  bool must_ask_again = false;
  std::uint64_t headers_received = 0;
  std::uint64_t blocks_received = 0;
};

class PowHost {
 public:
  struct Doors {
    std::function<void(pow::PeerId to, const PowMessage& message)> send;
    // Runs `work` where it delays nobody, then `then` on the host's thread. Either may be dropped
    // when the node stops.
    std::function<void(std::function<void()> work, std::function<void()> then)> apart;
    // Runs it on the host's thread after what waits there.
    std::function<void(std::function<void()>)> post;
    std::function<std::uint64_t()> monotonic_ms;
    std::function<ledger::TimeMs()> wall_time;
    // What the built-in miner shall work on; null: nothing. May be empty: there is no miner.
    std::function<void(std::optional<pow::Block> draft)> mine;
    // The store failed: nothing goes on.
    std::function<void(const Error&)> on_fatal;
    // The active chain is another one. May be empty.
    std::function<void(const pow::Happened&)> on_moved{};
  };
  // `chain` outlives this.
  PowHost(PowChain& chain, const ledger::PublicKey& miner, Doors doors);

  // -- Peers.
  void on_connected(pow::PeerId peer);
  void on_disconnected(pow::PeerId peer);
  // `frame` is BCS of a PowMessage; what is not is a forgery. `credit` is held until nothing of the
  // frame is left here.
  void on_frame(pow::PeerId from, ByteView frame, std::shared_ptr<void> credit = nullptr);
  // A few times a second: asks again for what does not come, ends waits.
  void tick();

  // -- Clients. Errors: "pow-host-stopped" (kEnvironment) after a failure of the store, else as
  // named.
  // Errors of MemoryChain::add_transaction. The same one again is no error; `is_new` tells.
  [[nodiscard]] Result<bool> submit(const ledger::TransactionPtr& transaction);
  // Of a block that somebody here mined, or a wish of a person; what happened is in the answer.
  [[nodiscard]] Result<pow::Happened> act(const PowEvent& event);
  // An anchor for the next block, where blocks carry anchors. That it is here already is no error.
  void offer(const pow::AnchorPtr& anchor);
  // A block on the tip with an extranonce that no other draft of this process has.
  [[nodiscard]] Result<pow::Block> draft(const ledger::PublicKey& miner);
  // Mines `count` blocks here, without hurry for others, and says their hashes; `tries_max` bounds
  // the hashes of all. Extranonces count from 0, so a chain made at a fixed clock is the same each
  // time; a block that is here already is not found again.
  using Generated = std::function<void(Result<std::vector<ledger::Digest>>)>;
  void generate(std::uint64_t count, const ledger::PublicKey& miner, std::uint64_t tries_max,
                Generated then);
  // One block with these transactions and no others, in this order; none and no anchors where
  // blocks carry anchors. Errors: "pow-refused-by-state" (kRejected) if they cannot stand there;
  // those of generate.
  void generate_block(std::vector<ledger::TransactionPtr> transactions,
                      const ledger::PublicKey& miner, Generated then);
  // The miner found a block, or used its nonces up.
  void on_mined(const pow::BlockPtr& block);
  void on_exhausted();
  // The clock of headers and templates; nullopt: the real one.
  void set_mock_time(std::optional<std::uint64_t> seconds);
  [[nodiscard]] ledger::TimeMs now() const;
  // `done` is called after each change and each tick until it is true, at the latest after
  // `timeout_ms`, with whether that is over; false if too many wait already.
  bool watch(std::uint64_t timeout_ms, std::function<bool(bool is_late)> done);

  // What was stored unsynced is durable afterwards.
  void sync();

  // -- To look at.
  [[nodiscard]] PowChain& chain() { return chain_; }
  [[nodiscard]] const std::map<pow::PeerId, PowPeer>& peers() const { return peers_; }
  [[nodiscard]] bool is_refused(pow::PeerId peer) const;
  [[nodiscard]] const ledger::PublicKey& miner() const { return miner_; }
  // Grows when the tip or the waiting transactions change: what a template was made of.
  [[nodiscard]] std::uint64_t tip_number() const { return tip_number_; }
  [[nodiscard]] std::uint64_t pool_number() const { return pool_number_; }
  [[nodiscard]] std::size_t bodies_asked() const { return asked_.size(); }

 private:
  struct Asked {
    pow::PeerId peer;
    std::uint64_t since_ms = 0;
    std::uint32_t tries = 0;
  };
  struct Watcher {
    std::uint64_t deadline_ms = 0;
    std::function<bool(bool)> done;
  };
  struct Generating;

  void on(pow::PeerId from, const PowHeaders& message);
  void on(pow::PeerId from, const PowGetHeaders& message);
  void on(pow::PeerId from, const PowGetBlocks& message);
  void on(pow::PeerId from, PowBlocks message);
  void on(pow::PeerId from, PowTransactions message);

  [[nodiscard]] Result<pow::Happened> step(const PowEvent& event,
                                           std::optional<pow::PeerId> from);
  void after(const pow::Happened& happened, std::optional<pow::PeerId> from);
  void tell_tip(const pow::Happened& happened, std::optional<pow::PeerId> from);
  void log_steps(const pow::Happened& happened) const;
  void punish(pow::PeerId peer, std::uint32_t points, const Error& error);
  void send(pow::PeerId to, const PowMessage& message);
  void send_transactions(const std::vector<ledger::TransactionPtr>& transactions,
                         std::optional<pow::PeerId> to, std::optional<pow::PeerId> but);
  void tell_waiting(pow::PeerId to);
  void ask_headers(pow::PeerId peer);
  void ask_bodies(const std::vector<ledger::Digest>& hashes, std::optional<pow::PeerId> first);
  [[nodiscard]] std::optional<pow::PeerId> another_peer(std::optional<pow::PeerId> after) const;
  void take_block(pow::PeerId from, Bytes bytes);
  void take_transactions(pow::PeerId from, std::vector<Result<ledger::TransactionPtr>> checked);
  void note_change(bool tip_moved);
  void run_watchers();
  void feed_miner();
  [[nodiscard]] Result<pow::Block> draft_for(const Generating& work);
  void go_on_generating(const std::shared_ptr<Generating>& work);

  PowChain& chain_;
  ledger::PublicKey miner_;
  Doors doors_;
  std::map<pow::PeerId, PowPeer> peers_;
  std::map<ledger::Digest, Asked> asked_;    // bodies
  std::set<ledger::Digest> reading_;         // bodies that `apart` judges
  std::vector<Watcher> watchers_;
  std::optional<std::uint64_t> mock_seconds_;
  std::uint64_t extranonce_ = 0;
  std::uint64_t tip_number_ = 1;
  std::uint64_t pool_number_ = 1;
  std::uint64_t mined_on_ms_ = 0;  // when the miner got its work
  bool miner_work_is_old_ = true;
  std::uint64_t headers_asked_ms_ = 0;
  std::optional<pow::PeerId> headers_asked_of_;
  std::shared_ptr<void> credit_;  // of the frame being handled
  bool is_unsynced_ = false;
  std::optional<Error> fatal_;
};

}  // namespace quorate::node
