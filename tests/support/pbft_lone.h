#pragma once

// One real replica; the test plays its host and all its peers. For the accept conditions: what does
// this input, in this state, make it do?

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "pbft/replica.h"
#include "tests/support/pbft_world.h"

namespace quorate::pbft::test {

class Lone {
 public:
  Lone(std::size_t replicas, ReplicaId self, const ledger::Parameters& parameters = {},
       ReplicaStart start = start_at_genesis(), bool learner = false, Epoch epoch = {},
       Sequence epoch_start = {})
      : world(replicas, parameters, epoch, epoch_start),
        voter(world.signer(r(self.value % world.size())), world.chain_id(), self, world.replicas(),
              learner ? Standing::kLearner : Standing::kVoter),
        replica(config(self), voter, std::move(start)) {
    (void)step(Tick{});
  }

  template <class Event>
  Output step(Event event) {
    Output out = replica.step({now, std::move(event)});
    deadline_ms = out.deadline_ms;
    return out;
  }
  // From the network: verified first, which must succeed.
  template <class T>
  Output receive(const T& message) {
    return step(world.verified(message));
  }
  // Both clocks.
  void pass(std::uint64_t ms) {
    now.monotonic_ms += ms;
    now.wall.value += ms;
  }
  Output tick_after(std::uint64_t ms) {
    pass(ms);
    return step(Tick{});
  }

  // Makes `count` transactions ready, and gives them back.
  std::vector<TransactionPtr> ready(std::size_t count = 1) {
    std::vector<TransactionPtr> result;
    for (std::size_t i = 0; i < count; ++i) {
      result.push_back(world.transaction());
      (void)step(TransactionReady{result.back()});
    }
    return result;
  }
  // A batch of one ready transaction, proposed and committed by everybody else; then executed.
  Output commit_and_execute(std::uint64_t sequence) {
    const PrePrepare proposal = world.pre_prepare(batch_of(sequence, ready()));
    (void)receive(proposal);
    for (std::size_t i = 0; i < world.size(); ++i) (void)receive(world.commit(proposal, r(i)));
    return step(executed_batch(sequence, proposal.batch.ids));
  }

  World world;
  Now now{1000, kStartTime};
  std::optional<std::uint64_t> deadline_ms;
  Voter voter;
  Replica replica;

 private:
  ReplicaConfig config(ReplicaId self) const {
    ReplicaConfig result;
    result.self = self;
    result.replicas = world.replicas();
    result.parameters = world.parameters();
    return result;
  }
};

// The messages of one kind that leave with this output.
template <class T>
std::vector<T> sent(const Output& out) {
  std::vector<T> result;
  for (const Send& send : out.send) {
    if (const T* message = std::get_if<T>(&send.message)) result.push_back(*message);
  }
  return result;
}

// The facts of one kind.
template <class T>
std::vector<T> events(const Output& out) {
  std::vector<T> result;
  for (const Event& event : out.events) {
    if (const T* fact = std::get_if<T>(&event)) result.push_back(*fact);
  }
  return result;
}

template <class T>
std::vector<T> records(const Output& out) {
  std::vector<T> result;
  for (const DurableRecord& record : out.persist) {
    if (const T* value = std::get_if<T>(&record)) result.push_back(*value);
  }
  return result;
}

inline bool ignored_because(const Output& out, MessageIgnored::Why why) {
  for (const MessageIgnored& fact : events<MessageIgnored>(out)) {
    if (fact.why == why) return true;
  }
  return false;
}

}  // namespace quorate::pbft::test
