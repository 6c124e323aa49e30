#pragma once

// Recorded lives as a trace, so that an incident can be drawn as a simulation is.
//
// A core knows what it was given and what it wants to be sent. Between two replicas that were both
// recorded, a message is sent when one wanted it to be and delivered when the other was given it;
// what one of them never was given is seen to be on its way. Of a replica that was not recorded
// nothing is known but its messages: they are drawn as if they took no time. Transactions and
// blocks, which hosts hand to each other, are drawn so too.
//
// Times are microseconds since the first step of all; not thread-safe.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "testnet/replay.h"
#include "testnet/trace.h"

namespace quorate::testnet {

class Film {
 public:
  // `lives` outlive this. Sees events as they happen; views in them end with the call.
  Film(const std::vector<std::unique_ptr<RecordedLife>>& lives,
       std::function<void(const TraceEvent&)> on_event);

  // As ReplayWatch. Whose recording was cut off, crashes after its last step.
  void note(std::size_t life, const node::RecordedStep& step, const pbft::Output& output);

 private:
  using Kind = TraceEvent::Kind;
  // From, to, and what: packets on their way between recorded replicas.
  using Way = std::tuple<ledger::ReplicaId, ledger::ReplicaId, crypto::Digest>;

  void note_input(ledger::ReplicaId self, const node::RecordedEvent& event);
  void note_output(ledger::ReplicaId self, const pbft::Output& output);
  void note_fact(ledger::ReplicaId self, const pbft::Event& event);
  void tell(Kind kind, ledger::ReplicaId self, std::uint64_t number, std::string_view text = {});
  void peer(Kind kind, ledger::ReplicaId self, ledger::ReplicaId other);
  void wants_sent(ledger::ReplicaId from, ledger::ReplicaId to, const node::PeerMessage& message);
  void was_given(ledger::ReplicaId from, ledger::ReplicaId to, const node::PeerMessage& message);
  void note_relayed(ledger::ReplicaId self, const node::PeerMessage& message);
  // Sent and delivered at once.
  void passes(ledger::ReplicaId from, ledger::ReplicaId to, const node::PeerMessage& message);
  [[nodiscard]] std::uint64_t send(ledger::ReplicaId from, ledger::ReplicaId to, SharedBytes bytes);
  void deliver(ledger::ReplicaId from, ledger::ReplicaId to, std::uint64_t number);

  const std::vector<std::unique_ptr<RecordedLife>>& lives_;
  std::function<void(const TraceEvent&)> on_event_;
  bool is_monotonic_;
  std::size_t size_;
  std::set<ledger::ReplicaId> recorded_;
  std::set<std::size_t> begun_;  // lives
  std::optional<std::uint64_t> begin_ms_;
  std::uint64_t now_us_ = 0;
  std::uint64_t packets_ = 0;
  std::map<Way, std::deque<std::uint64_t>> on_their_way_;
  std::map<ledger::ReplicaId, node::Blocks> blocks_;  // since the last end of an answer, by self
};

}  // namespace quorate::testnet
