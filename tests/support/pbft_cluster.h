#pragma once

// A cluster of real replicas in virtual time, for tests of the core: one thread, one seed, one
// history.
//
// Real are the replicas, their keys, verifiers, message bytes and stored records; modelled is what
// their hosts do around them: a network that delays, reorders, loses and duplicates; a vote store
// that is durable a while after it was told, with sends held until then; a ledger that a power cut
// shortens to its last sync; execution that takes time. A crash drops what is not durable; a
// restart rebuilds voter and replica from stored bytes. The Witness watches after every step, and
// what it finds fails the test.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <variant>
#include <vector>

#include "pbft/replica.h"
#include "tests/support/pbft_witness.h"
#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {

struct ClusterOptions {
  std::size_t replicas = 4;
  std::uint64_t seed = 1;
  ledger::Parameters parameters;
  std::uint64_t delay_ms_max = 5;  // each packet takes 1 to this, so packets overtake each other
  std::uint32_t loss_percent = 0;
  std::uint32_t duplicate_percent = 0;
  std::uint64_t sync_ms_max = 3;       // a synced write takes 1 to this
  std::uint64_t execution_ms_max = 3;  // a batch takes 1 to this
  std::set<ReplicaId> learners;
  std::map<ReplicaId, Ceiling> recovering;  // their guard remembers more than their vote store
  std::set<ReplicaId> byzantine;       // have no replica: the test speaks for them
};

// What crosses the network, as bytes.
struct BodiesWanted {
  std::vector<TxId> ids;
};
struct BodiesGiven {
  std::vector<ledger::SignedTransaction> transactions;
};
struct BlocksWanted {
  Sequence first;
  std::uint32_t count = 0;
};
struct BlockGiven {
  Batch batch;
  CommitCertificate certificate;
  std::vector<ledger::SignedTransaction> transactions;
};
struct BlocksGiven {
  std::vector<BlockGiven> blocks;
};
using Packet = std::variant<Message, BodiesWanted, BodiesGiven, BlocksWanted, BlocksGiven>;

class Cluster {
 public:
  struct Node {
    ReplicaId id;
    bool up = false;
    std::uint64_t life = 0;  // events of earlier lives are void
    std::int64_t clock_offset_ms = 0;
    // What survives a crash.
    DurableMap votes;
    std::vector<CertifiedBatch> ledger;
    std::set<TxId> settled;  // by the ledger
    std::size_t ledger_synced = 0;
    Sequence stable;  // told by the core; votes up to it go once the ledger is synced there
    // What does not.
    std::map<TxId, TransactionPtr> pool;
    std::unique_ptr<Voter> voter;
    std::unique_ptr<Replica> replica;
    std::deque<Output> outputs;  // in order; the first waits for its sync
    bool syncing = false;
    std::deque<CertifiedBatch> to_execute;
    Sequence handed_out;
    std::optional<std::uint64_t> deadline_ms;
  };

  explicit Cluster(ClusterOptions options);
  ~Cluster();  // fails the test if the witness saw a violation

  // A new transaction becomes ready at these replicas (empty: at all).
  TransactionPtr submit(const std::set<ReplicaId>& at = {});
  void make_ready(const TransactionPtr& transaction, const std::set<ReplicaId>& at = {});

  void crash(ReplicaId id, bool power_cut = true);
  void restart(ReplicaId id);

  // Runs events until the condition holds; false if it does not within `limit_ms`.
  [[nodiscard]] bool run_until(const std::function<bool()>& condition, std::uint64_t limit_ms);
  void run_for(std::uint64_t ms);
  // Every correct replica that is up executed every transaction that was submitted.
  [[nodiscard]] bool all_executed() const;
  [[nodiscard]] bool run_until_all_executed(std::uint64_t limit_ms) {
    return run_until([this] { return all_executed(); }, limit_ms);
  }

  void send(ReplicaId from, ReplicaId to, const Packet& packet);  // also on behalf of liars
  void step(ReplicaId id, decltype(Input::event) event);
  void at(std::uint64_t time_ms, std::function<void()> action);

  // A connection came up: both ends are told.
  void connect(ReplicaId a, ReplicaId b);

  // Test's say on what the network does. `passes`: false drops a packet (counted from 0).
  std::function<bool(ReplicaId from, ReplicaId to, std::uint64_t number, const Packet&)> passes;
  std::function<void(ReplicaId to, ReplicaId from, const Packet&)> on_liar_receives;
  // Called before and after each sync and after each send of a replica; true crashes it there.
  std::function<bool(ReplicaId)> crashes_here;
  // Sees every input, before the replica does, and its output.
  std::function<void(ReplicaId, const Input&, const Output&)> on_step;

  [[nodiscard]] Node& node(ReplicaId id) { return nodes_[id.value]; }
  [[nodiscard]] std::uint64_t now_ms() const { return now_ms_; }
  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  [[nodiscard]] const Digest& transcript() const { return transcript_; }
  [[nodiscard]] bool is_correct(ReplicaId id) const { return !options_.byzantine.contains(id); }
  [[nodiscard]] ReplicaStart start_of(const Node& node) const;
  // Every correct replica that is up is in one view.
  [[nodiscard]] bool in_one_view() const;

  ClusterOptions options_;
  World world;
  Witness witness;

 private:
  std::uint64_t draw(std::uint64_t below) { return random_() % below; }
  void pump(Node& node);
  [[nodiscard]] bool effect(Node& node, Output& out);
  void execute_next(Node& node);
  void deliver(ReplicaId from, ReplicaId to, const Bytes& bytes);
  void receive(Node& node, ReplicaId from, Packet packet);
  void give_bodies(Node& node, ReplicaId to, const BodiesWanted& wanted);
  void give_blocks(Node& node, ReplicaId to, const BlocksWanted& wanted);
  void receive_blocks(Node& node, ReplicaId from, BlocksGiven given);
  void later(Node& node, std::uint64_t in_ms, std::function<void()> action);
  [[nodiscard]] bool crashed_here(Node& node);
  void truncate_votes(Node& node) const;
  [[nodiscard]] CheckpointExecuted checkpoint_of(const std::vector<CertifiedBatch>& ledger,
                                                 Sequence sequence) const;

  std::vector<Node> nodes_;
  std::mt19937_64 random_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::function<void()>> agenda_;
  std::uint64_t agenda_count_ = 0;
  std::uint64_t now_ms_ = 1000;
  std::uint64_t packets_ = 0;
  std::map<TxId, std::pair<TransactionPtr, std::set<ReplicaId>>> submitted_;
  Digest transcript_;
};

// All that an output says, as bytes: equal bytes, equal behaviour.
[[nodiscard]] Bytes bytes_of(const Output& out);

}  // namespace quorate::pbft::test
