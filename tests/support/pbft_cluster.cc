#include "tests/support/pbft_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "crypto/bcs.h"

namespace quorate::pbft::test {

namespace {

BlockGiven to_wire(const CertifiedBatch& block) {
  BlockGiven wire{block.batch, block.certificate, {}};
  for (const TransactionPtr& body : block.transactions) {
    wire.transactions.push_back(*body->signed_transaction);
  }
  return wire;
}

// What executing a ledger yields, as far as the core is told.
struct Executed {
  TimeMs time = kStartTime;
  Sequence checkpoint;  // the last
  TimeMs checkpoint_time = kStartTime;
  ledger::TreeHead head;  // of a hash chain, which is as good as a tree here
};

Executed executed(const std::vector<CertifiedBatch>& ledger, const ledger::Parameters& rules) {
  Executed result;
  for (const CertifiedBatch& block : ledger) {
    const ledger::BatchHeader& header = block.batch.header;
    result.time = std::max(result.time, header.time);
    result.head.size = header.sequence.value;
    result.head.root = crypto::Sha256()
                           .update(result.head.root.bytes)
                           .update(block.certificate.batch.bytes)
                           .finish();
    const bool is_asked = (header.flags & ledger::kFlagCheckpoint) != 0 &&
                          result.time.value - result.checkpoint_time.value >=
                              rules.checkpoint_quiet_ms;
    if (!is_asked && header.sequence.value % rules.checkpoint_interval != 0) continue;
    result.checkpoint = header.sequence;
    result.checkpoint_time = result.time;
  }
  return result;
}

}  // namespace

Bytes bytes_of(const Output& out) {
  Bytes bytes;
  for (const DurableRecord& record : out.persist) {
    const ledger::VoteRecord stored = to_vote_record(record);
    crypto::encode_to(bytes, stored.key);
    crypto::encode_to(bytes, stored.value);
  }
  for (const Send& send : out.send) {
    crypto::encode_to(bytes, send.to);
    crypto::encode_to(bytes, send.message);
  }
  for (const CertifiedBatch& batch : out.commit) crypto::encode_to(bytes, to_wire(batch));
  for (const BodyFetch& fetch : out.fetch_bodies) crypto::encode_to(bytes, fetch);
  for (const BlockFetch& fetch : out.fetch_blocks) crypto::encode_to(bytes, fetch);
  crypto::encode_to(bytes, out.deadline_ms);
  for (const ledger::Evidence& found : out.evidence) crypto::encode_to(bytes, found);
  for (const Event& event : out.events) bytes.push_back(static_cast<std::uint8_t>(event.index()));
  return bytes;
}

Cluster::Cluster(ClusterOptions options)
    : options_(std::move(options)),
      world(options_.replicas, options_.parameters),
      witness(world, options_.byzantine),
      nodes_(options_.replicas),
      random_(options_.seed) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_[i].id = r(i);
  for (Node& node : nodes_) {
    if (is_correct(node.id)) restart(node.id);
  }
}

Cluster::~Cluster() {
  for (const std::string& violation : witness.violations()) {
    ADD_FAILURE() << violation << " (seed " << options_.seed << ")";
  }
}

TransactionPtr Cluster::submit(const std::set<ReplicaId>& at) {
  TransactionPtr transaction = world.transaction();
  make_ready(transaction, at);
  return transaction;
}

void Cluster::make_ready(const TransactionPtr& transaction, const std::set<ReplicaId>& at) {
  submitted_[transaction->id] = {transaction, at};
  for (Node& node : nodes_) {
    if (!node.up || (!at.empty() && !at.contains(node.id))) continue;
    node.pool.emplace(transaction->id, transaction);
    step(node.id, TransactionReady{transaction});
  }
}

void Cluster::crash(ReplicaId id, bool power_cut) {
  Node& node = nodes_[id.value];
  ++node.life;
  node.up = false;
  node.replica.reset();
  node.voter.reset();
  node.pool.clear();
  node.outputs.clear();
  node.to_execute.clear();
  node.syncing = false;
  node.deadline_ms.reset();
  if (!power_cut) return;
  node.ledger.resize(node.ledger_synced);
  node.settled.clear();
  for (const CertifiedBatch& block : node.ledger) {
    node.settled.insert(block.batch.ids.begin(), block.batch.ids.end());
  }
}

CheckpointExecuted Cluster::checkpoint_of(const std::vector<CertifiedBatch>& ledger,
                                          Sequence sequence) const {
  const std::vector<CertifiedBatch> part(
      ledger.begin(), ledger.begin() + static_cast<std::ptrdiff_t>(sequence.value));
  const Executed done = executed(part, options_.parameters);
  return {{world.chain_id(), done.head, sequence, {}, {}, done.head.root}, done.time.value / 1000};
}

ReplicaStart Cluster::start_of(const Node& node) const {
  const Executed done = executed(node.ledger, options_.parameters);
  ReplicaStart start{
      {node.ledger.size()}, done.time, {}, {}, done.checkpoint, done.checkpoint_time};
  if (done.checkpoint.value > 0) {
    start.last_checkpoint = checkpoint_of(node.ledger, done.checkpoint);
  }
  const auto restore = [&](const Bytes& key, const Bytes& value) {
    auto restored = restore_vote(key, value, start.votes);
    if (!restored) ADD_FAILURE() << restored.error().to_string();
  };
  if (const auto stable = node.votes.find(stable_key()); stable != node.votes.end()) {
    restore(stable->first, stable->second);
  }
  const Sequence low = start.votes.stable ? start.votes.stable->note.sequence : Sequence{};
  for (const Bytes& first : first_keys(low)) {
    for (auto it = node.votes.lower_bound(first); it != node.votes.end(); ++it) {
      if (it->first[0] != first[0]) break;
      restore(it->first, it->second);
    }
  }
  for (const ProposalRecord& proposal : start.votes.proposals) {
    for (const TxId& id : proposal.pre_prepare.batch.ids) {
      const auto body = node.votes.find(body_key(id));
      if (body != node.votes.end()) {
        start.bodies[id] = world.transactions().check(body->second).value();
      }
    }
  }
  return start;
}

void Cluster::restart(ReplicaId id) {
  Node& node = nodes_[id.value];
  ++node.life;
  node.up = true;
  node.handed_out = {node.ledger.size()};
  ReplicaStart start = start_of(node);
  for (const auto& [tx, body] : start.bodies) node.pool.emplace(tx, body);
  ReplicaConfig config;
  config.self = id;
  config.replicas = world.replicas();
  config.parameters = options_.parameters;
  const auto recovering = options_.recovering.find(id);
  const bool recovers = recovering != options_.recovering.end();
  node.voter = std::make_unique<Voter>(
      world.signer(id), world.chain_id(), id, world.replicas(),
      options_.learners.contains(id) ? Standing::kLearner
                                     : (recovers ? Standing::kRecovering : Standing::kVoter),
      recovers ? recovering->second : Ceiling{});
  node.replica = std::make_unique<Replica>(config, *node.voter, std::move(start));
  step(id, Tick{});
  for (Node& peer : nodes_) {
    if (peer.id != id && peer.up) connect(id, peer.id);
  }
  for (const auto& [tx, entry] : submitted_) {
    const auto& [transaction, at] = entry;
    if (node.settled.contains(tx) || (!at.empty() && !at.contains(id))) continue;
    node.pool.emplace(tx, transaction);
    step(id, TransactionReady{transaction});
  }
}

void Cluster::connect(ReplicaId a, ReplicaId b) {
  if (node(a).up) step(a, PeerConnected{b});
  if (node(b).up) step(b, PeerConnected{a});
}

void Cluster::at(std::uint64_t time_ms, std::function<void()> action) {
  agenda_.emplace(std::pair{std::max(time_ms, now_ms_), agenda_count_++}, std::move(action));
}

void Cluster::later(Node& node, std::uint64_t in_ms, std::function<void()> action) {
  at(now_ms_ + in_ms, [&node, life = node.life, action = std::move(action)] {
    if (node.up && node.life == life) action();
  });
}

bool Cluster::run_until(const std::function<bool()>& condition, std::uint64_t limit_ms) {
  const std::uint64_t end = now_ms_ + limit_ms;
  while (!condition()) {
    if (agenda_.empty() || agenda_.begin()->first.first > end) {
      now_ms_ = end;
      return false;
    }
    auto first = agenda_.extract(agenda_.begin());
    now_ms_ = first.key().first;
    first.mapped()();
  }
  return true;
}

void Cluster::run_for(std::uint64_t ms) {
  (void)run_until([] { return false; }, ms);
}

bool Cluster::all_executed() const {
  return std::ranges::all_of(nodes_, [&](const Node& node) {
    if (!node.up) return true;
    return node.settled.size() >= submitted_.size() &&
           std::ranges::all_of(submitted_,
                               [&](const auto& s) { return node.settled.contains(s.first); });
  });
}

bool Cluster::crashed_here(Node& node) {
  if (!crashes_here || !crashes_here(node.id)) return false;
  crash(node.id);
  return true;
}

void Cluster::step(ReplicaId id, decltype(Input::event) event) {
  Node& node = nodes_[id.value];
  if (!node.up) return;
  const Input input{{now_ms_, {kStartTime.value + now_ms_ + node.clock_offset_ms}},
                    std::move(event)};
  Output out = node.replica->step(input);
  witness.on_step(id, *node.replica, out, now_ms_);
  for (const ledger::Evidence& found : out.evidence) witness.on_evidence(id, found);
  if (on_step) on_step(id, input, out);
  transcript_ = crypto::Sha256().update(transcript_.bytes).update(bytes_of(out)).finish();
  if (out.deadline_ms && out.deadline_ms != node.deadline_ms) {
    later(node, *out.deadline_ms - now_ms_, [this, &node, deadline = *out.deadline_ms] {
      if (node.deadline_ms == deadline) {
        node.deadline_ms.reset();
        step(node.id, Tick{});
      }
    });
  }
  node.deadline_ms = out.deadline_ms;
  node.outputs.push_back(std::move(out));
  pump(node);
}

// Outputs take effect in order, each after its own records and those of all before it are durable.
void Cluster::pump(Node& node) {
  while (!node.syncing && node.up && !node.outputs.empty()) {
    if (node.outputs.front().persist.empty()) {
      Output out = std::move(node.outputs.front());
      node.outputs.pop_front();
      if (!effect(node, out)) return;
      continue;
    }
    if (crashed_here(node)) return;
    node.syncing = true;
    later(node, 1 + draw(options_.sync_ms_max), [this, &node] {
      node.syncing = false;
      Output out = std::move(node.outputs.front());
      node.outputs.pop_front();
      if (out.recovered) options_.recovering.erase(node.id);  // the guard adopts the store
      for (const DurableRecord& record : out.persist) {
        ledger::VoteRecord stored = to_vote_record(record);
        node.votes[std::move(stored.key)] = std::move(stored.value);
      }
      if (!crashed_here(node) && effect(node, out)) pump(node);
    });
  }
}

// False if the replica crashed on the way.
bool Cluster::effect(Node& node, Output& out) {
  for (const Send& message : out.send) {
    witness.on_send(node.id, message.message, node.votes);
    for (const Node& peer : nodes_) {
      if (peer.id == node.id || (message.to && *message.to != peer.id)) continue;
      send(node.id, peer.id, message.message);
      const bool is_vote = !std::holds_alternative<StatusReport>(message.message) &&
                           !std::holds_alternative<Ask>(message.message);
      if (is_vote && crashed_here(node)) return false;
    }
  }
  for (CertifiedBatch& batch : out.commit) {
    witness.on_commit(node.id, batch, node.handed_out);
    node.handed_out = batch.certificate.sequence;
    node.to_execute.push_back(std::move(batch));
    if (node.to_execute.size() == 1) execute_next(node);
  }
  if (out.stable) {
    node.stable = out.stable->note.sequence;
    truncate_votes(node);
  }
  for (const BodySend& bodies : out.send_bodies) {
    BodiesGiven given;
    for (const TransactionPtr& body : bodies.transactions) {
      given.transactions.push_back(*body->signed_transaction);
    }
    send(node.id, bodies.to, given);
  }
  for (const BodyFetch& fetch : out.fetch_bodies) {
    send(node.id, fetch.from, BodiesWanted{fetch.ids});
  }
  for (const BlockFetch& fetch : out.fetch_blocks) {
    send(node.id, fetch.from, BlocksWanted{fetch.first, fetch.count});
  }
  return true;
}

void Cluster::execute_next(Node& node) {
  later(node, 1 + draw(options_.execution_ms_max), [this, &node] {
    node.ledger.push_back(std::move(node.to_execute.front()));
    node.to_execute.pop_front();
    const CertifiedBatch& block = node.ledger.back();
    node.settled.insert(block.batch.ids.begin(), block.batch.ids.end());
    const Executed done = executed(node.ledger, options_.parameters);
    BatchExecuted report{block.certificate.sequence, block.certificate.batch, done.time,
                         block.batch.ids, {}};
    if (done.checkpoint == block.certificate.sequence) {
      node.ledger_synced = node.ledger.size();
      truncate_votes(node);
      report.checkpoint = checkpoint_of(node.ledger, done.checkpoint);
    }
    if (!node.to_execute.empty()) execute_next(node);
    step(node.id, report);
  });
}

void Cluster::truncate_votes(Node& node) const {
  if (node.stable.value > node.ledger_synced) return;
  for (const auto& [first, last] : keys_between({}, node.stable)) {
    node.votes.erase(node.votes.lower_bound(first), node.votes.lower_bound(last));
  }
}

bool Cluster::in_one_view() const {
  std::set<View> views;
  for (const Node& node : nodes_) {
    if (!node.up) continue;
    if (!node.replica->in_view()) return false;
    views.insert(node.replica->view());
  }
  return views.size() == 1;
}

void Cluster::send(ReplicaId from, ReplicaId to, const Packet& packet) {
  const std::uint64_t number = packets_++;
  if (passes && !passes(from, to, number, packet)) return;
  if (draw(100) < options_.loss_percent) return;
  const int copies = draw(100) < options_.duplicate_percent ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    at(now_ms_ + 1 + draw(options_.delay_ms_max),
       [this, from, to, bytes = crypto::encode(packet)] { deliver(from, to, bytes); });
  }
}

void Cluster::deliver(ReplicaId from, ReplicaId to, const Bytes& bytes) {
  auto packet = crypto::decode<Packet>(bytes);
  if (!packet) {
    ADD_FAILURE() << packet.error().to_string();
  } else if (!is_correct(to)) {
    if (on_liar_receives) on_liar_receives(to, from, *packet);
  } else if (nodes_[to.value].up) {
    receive(nodes_[to.value], from, std::move(*packet));
  }
}

void Cluster::receive(Node& node, ReplicaId from, Packet packet) {
  if (auto* wanted = std::get_if<BodiesWanted>(&packet)) return give_bodies(node, from, *wanted);
  if (auto* wanted = std::get_if<BlocksWanted>(&packet)) return give_blocks(node, from, *wanted);
  if (auto* given = std::get_if<BlocksGiven>(&packet)) {
    return receive_blocks(node, from, std::move(*given));
  }
  if (auto* given = std::get_if<BodiesGiven>(&packet)) {
    for (ledger::SignedTransaction& transaction : given->transactions) {
      auto good = world.transactions().check(std::move(transaction));
      if (!good || !node.up) continue;
      // What is relayed to a primary becomes ready there, if its fate is still open.
      const bool is_new = node.pool.emplace((*good)->id, *good).second;
      step(node.id, BodyArrived{*good});
      if (is_new && !node.settled.contains((*good)->id)) step(node.id, TransactionReady{*good});
    }
    return;
  }
  std::visit(
      [&](auto& message) {
        using T = std::decay_t<decltype(message)>;
        if constexpr (std::is_same_v<T, StatusReport>) {
          step(node.id, StatusArrived{from, std::move(message)});
        } else if constexpr (std::is_same_v<T, Ask>) {
          step(node.id, AskArrived{from, std::move(message)});
        } else if constexpr (std::is_same_v<T, BatchAnswer>) {
          step(node.id, BatchArrived{from, std::move(message.batch)});
        } else if (auto good = world.verifier().check(std::move(message))) {
          step(node.id, std::move(*good));
        } else if (is_correct(from)) {
          ADD_FAILURE() << "a correct replica's message is " << reject_code(good.error());
        }
      },
      std::get<Message>(packet));
}

void Cluster::give_bodies(Node& node, ReplicaId to, const BodiesWanted& wanted) {
  BodiesGiven given;
  std::vector<TxId> absent;
  for (const TxId& id : wanted.ids) {
    const auto body = node.pool.find(id);
    if (body == node.pool.end()) {
      absent.push_back(id);
    } else {
      given.transactions.push_back(*body->second->signed_transaction);
    }
  }
  if (!given.transactions.empty()) send(node.id, to, given);
  if (!absent.empty()) step(node.id, pbft::BodiesWanted{to, std::move(absent)});
}

void Cluster::give_blocks(Node& node, ReplicaId to, const BlocksWanted& wanted) {
  BlocksGiven given;
  for (std::uint64_t i = 0; i < wanted.count && wanted.first.value + i <= node.ledger.size(); ++i) {
    given.blocks.push_back(to_wire(node.ledger[wanted.first.value + i - 1]));
  }
  send(node.id, to, given);
}

void Cluster::receive_blocks(Node& node, ReplicaId from, BlocksGiven given) {
  std::uint32_t good = 0;
  for (BlockGiven& block : given.blocks) {
    CertifiedBatch batch{std::move(block.batch), std::move(block.certificate), {}};
    for (ledger::SignedTransaction& transaction : block.transactions) {
      auto checked = world.transactions().check(std::move(transaction));
      if (checked) batch.transactions.push_back(*checked);
    }
    auto verified = world.verifier().check(std::move(batch));
    if (!verified) break;
    ++good;
    step(node.id, std::move(*verified));
    if (!node.up) return;
  }
  step(node.id, BlocksEnded{from, good});
}

}  // namespace quorate::pbft::test
