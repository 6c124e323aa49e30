// Joining by snapshot over real connections: three sources with one ledger, one of which may lie.

#include "node/join.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>

#include "crypto/bcs.h"
#include "ledger/snapshot_import.h"
#include "node/peers.h"
#include "node/snapshot_server.h"
#include "tests/ledger/signed_ledger.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

using ledger::ReplicaId;

constexpr ReplicaId kSelf{3};

crypto::SecretKey network_key(ReplicaId replica) {
  const std::string name = "network key of replica " + std::to_string(replica.value);
  return crypto::SecretKey::from_seed(crypto::sha256(as_bytes(name)).bytes);
}

// An address of 127/8 that no other process has, so that its port can be told before it is bound.
Endpoint own_endpoint() {
  const auto pid = static_cast<unsigned>(::getpid());
  return {"127." + std::to_string(1 + (pid >> 16) % 250) + "." + std::to_string(pid >> 8 & 255) +
              "." + std::to_string(pid & 255 ? pid & 255 : 1),
          26600};
}

// What the sources have to wait for before they answer about chunks.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    opened_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return is_open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_open_ = false;
};

// A replica as far as joiners see it.
class Source {
 public:
  // Given what it would send, and a way to send more; on a thread of its own.
  using Send = std::function<void(const PeerMessage&)>;
  using Behaviour = std::function<void(PeerMessage&, const Send&)>;

  Source(ReplicaId self, const ledger::Genesis& genesis, const ledger::Store& store,
         Behaviour behaviour)
      : behaviour_(std::move(behaviour)),
        server_(store, [this](ReplicaId, PeerMessage message) { answer(std::move(message)); }) {
    PeerMeshOptions options;
    options.self = self;
    options.chain_id = ledger::chain_id_of(genesis);
    options.listen = {"127.0.0.1", 0};
    options.peers = {{kSelf, "replica-3", network_key(kSelf).public_key(), own_endpoint()}};
    PeerMesh::Callbacks callbacks;
    callbacks.on_frame = [this](const InboundFrame& frame) { on_frame(frame); };
    callbacks.on_connected = [](ReplicaId) {};
    callbacks.on_disconnected = [](ReplicaId) {};
    callbacks.on_refusal = [](const Error&) {};
    mesh_ = PeerMesh::start(io_, network_key(self), std::move(options), std::move(callbacks))
                .value();
    view_ = mesh_.get();
  }
  ~Source() {
    server_.stop();
    mesh_.reset();
  }
  [[nodiscard]] Endpoint endpoint() const { return mesh_->endpoint(); }

 private:
  void on_frame(const InboundFrame& frame) {
    const auto message = crypto::decode<PeerMessage>(frame.bytes);
    if (!message) return;
    if (const auto* request = std::get_if<SnapshotRequest>(&*message)) {
      server_.post(frame.from, *request);
    }
    if (const auto* request = std::get_if<ChunkRequest>(&*message)) {
      server_.post(frame.from, *request);
    }
  }
  void answer(PeerMessage message) {
    const Send send = [this](const PeerMessage& each) {
      if (PeerMesh* mesh = view_) mesh->send(kSelf, std::make_shared<Bytes>(crypto::encode(each)));
    };
    behaviour_(message, send);
    send(message);
  }

  Behaviour behaviour_;
  std::atomic<PeerMesh*> view_ = nullptr;
  SnapshotServer server_;
  IoThread io_;
  std::unique_ptr<PeerMesh> mesh_;
};

void honest(PeerMessage&, const Source::Send&) {}

class JoinTest : public ledger::test::SignedLedger {
 protected:
  JoinTest() {
    config_.peer_listen = own_endpoint();
    config_.snapshot_blocks_min = 2;
    config_.disk_free_bytes_min = 0;
  }
  ~JoinTest() override { gate_.open(); }

  void fill() {
    std::vector<ledger::Operation> operations;
    for (int key = 0; key < 100; ++key) {
      operations.push_back(ledger::test::put("key " + std::to_string(key), std::string(3000, 'x')));
    }
    append({transaction(1, std::move(operations))});
    append({});
    stabilise_newest();
  }
  void add_source(ReplicaId id, Source::Behaviour behaviour) {
    auto& source = sources_.emplace_back(
        std::make_unique<Source>(id, genesis_, *store_, std::move(behaviour)));
    config_.peer_addresses["replica-" + std::to_string(id.value)] = source->endpoint();
  }
  // Answers about what is below the first chunk only when the gate is open.
  void add_honest_source(ReplicaId id) {
    add_source(id, [this](PeerMessage& message, const Source::Send&) {
      const auto* answer = std::get_if<ChunkAnswer>(&message);
      if (answer != nullptr && answer->path.front() > 0) gate_.wait();
    });
  }
  [[nodiscard]] Result<JoinOutcome> join(std::function<bool()> is_stopped = [] { return false; }) {
    const Identity identity{kSelf, nullptr, network_key(kSelf)};
    return join_by_snapshot(home_, config_, genesis_, identity, is_stopped);
  }
  void expect_joined() {
    const auto outcome = join();
    ASSERT_TRUE(outcome) << outcome.error().to_string();
    ASSERT_EQ(*outcome, JoinOutcome::kJoined);
  }
  // What the new ledger says of itself.
  ledger::SnapshotOrigin check_ledger() {
    auto joined = ledger::Store::open(home_.ledger(), ledger::chain_id_of(genesis_));
    if (!joined) {
      ADD_FAILURE() << joined.error().to_string();
      return {};
    }
    EXPECT_TRUE((*joined)->check_state());
    EXPECT_EQ((*joined)->tree_head(), store_->tree_head());
    EXPECT_FALSE(std::filesystem::exists(home_.staging()));
    EXPECT_FALSE(std::filesystem::exists(home_.root / "ledger.new"));
    return (*joined)->origin().value().value();
  }

  quorate::test::TemporaryFolder folder_;
  const Home home_{folder_.path()};
  Config config_;
  Gate gate_;
  std::vector<std::unique_ptr<Source>> sources_;
};

TEST_F(JoinTest, JoinsWhileOneSourceLiesAboutChunksAndNamesIt) {
  fill();
  add_honest_source({0});
  add_honest_source({2});
  add_source({1}, [this](PeerMessage& message, const Source::Send&) {
    auto* answer = std::get_if<ChunkAnswer>(&message);
    if (answer == nullptr) return;
    answer->chunk = std::vector<ledger::SnapshotEntry>{};
    gate_.open();
  });
  expect_joined();
  const ledger::SnapshotOrigin origin = check_ledger();
  ASSERT_EQ(origin.refused.size(), 1U);
  EXPECT_EQ(origin.refused[0].replica, ReplicaId{1});
  EXPECT_EQ(origin.refused[0].code, "chunk-other-digest");
  EXPECT_FALSE(origin.sources.empty());
  for (const ReplicaId source : origin.sources) EXPECT_NE(source, ReplicaId{1});
  EXPECT_EQ(origin.checkpoint.cosignatures.size(), 3U);
  EXPECT_EQ(origin.chunks, 17U);
  EXPECT_EQ(origin.found, 0U);
}

TEST_F(JoinTest, AnOfferThatIsNotCosignedEndsItsSource) {
  fill();
  for (const ReplicaId id : {ReplicaId{0}, ReplicaId{2}}) {
    add_source(id, [this](PeerMessage&, const Source::Send&) { gate_.wait(); });
  }
  add_source({1}, [this](PeerMessage& message, const Source::Send&) {
    auto* offer = std::get_if<SnapshotOffer>(&message);
    if (offer == nullptr) return;
    offer->head->checkpoint.note.state_root.bytes[0] ^= 1;
    gate_.open();
  });
  expect_joined();
  const ledger::SnapshotOrigin origin = check_ledger();
  ASSERT_EQ(origin.refused.size(), 1U);
  EXPECT_EQ(origin.refused[0].replica, ReplicaId{1});
  EXPECT_EQ(origin.refused[0].code, "checkpoint-bad-signature");
}

// The first round ends without a source; in the second one the liar's offer is none.
TEST_F(JoinTest, ALiarIsRememberedBeyondARound) {
  fill();
  add_source({0}, [answers = 0](PeerMessage& message, const Source::Send&) mutable {
    auto* answer = std::get_if<ChunkAnswer>(&message);
    if (answer != nullptr && ++answers == 1) answer->chunk.reset();
  });
  add_source({1}, [](PeerMessage& message, const Source::Send&) {
    auto* answer = std::get_if<ChunkAnswer>(&message);
    if (answer != nullptr) answer->chunk = std::vector<ledger::SnapshotEntry>{};
  });
  add_source({2}, [](PeerMessage& message, const Source::Send&) { message = SnapshotOffer{}; });
  expect_joined();
  const ledger::SnapshotOrigin origin = check_ledger();
  EXPECT_EQ(origin.sources, std::vector<ReplicaId>{ReplicaId{0}});
  EXPECT_EQ(origin.refused.size(), 1U);
}

// Without the bound it would join from this one.
TEST_F(JoinTest, WhoSendsMuchThatNobodyAskedForIsNotListenedTo) {
  fill();
  for (const ReplicaId id : {ReplicaId{0}, ReplicaId{2}}) {
    add_source(id, [](PeerMessage& message, const Source::Send&) { message = SnapshotOffer{}; });
  }
  ChunkAnswer unasked{{7}, {0}, std::vector<ledger::SnapshotEntry>(1)};
  std::get<0>(*unasked.chunk)[0].value.resize(kUnaskedBytesMax / 2);
  // A source answers on a thread of its own, also after the join.
  add_source({1}, [unasked](PeerMessage& message, const Source::Send& send) {
    if (!std::holds_alternative<SnapshotOffer>(message)) return;
    for (int i = 0; i < 2; ++i) send(unasked);
  });
  EXPECT_EQ(join().value(), JoinOutcome::kNoOffer);
}

TEST_F(JoinTest, WithoutOffersThereIsNothingToWaitFor) {
  for (const ReplicaId id : {ReplicaId{0}, ReplicaId{1}, ReplicaId{2}}) add_source(id, honest);
  EXPECT_EQ(join().value(), JoinOutcome::kNoOffer);
  config_.snapshot_blocks_min = 3;
  fill();
  EXPECT_EQ(join().value(), JoinOutcome::kNoOffer) << "two blocks are replayed";
  EXPECT_FALSE(std::filesystem::exists(home_.ledger()));
}

TEST_F(JoinTest, WhatWasBrokenOffGoesOn) {
  fill();
  const auto answers = std::make_shared<std::atomic<int>>(0);
  add_source({0}, [answers](PeerMessage& message, const Source::Send&) {
    if (std::holds_alternative<ChunkAnswer>(message)) ++*answers;
  });
  // Three are open at once, so that two have come when the fifth is answered.
  for (const ReplicaId id : {ReplicaId{1}, ReplicaId{2}}) {
    add_source(id, [](PeerMessage& message, const Source::Send&) { message = SnapshotOffer{}; });
  }
  EXPECT_EQ(join([&answers] { return *answers >= 5; }).value(), JoinOutcome::kStopped);
  EXPECT_FALSE(std::filesystem::exists(home_.ledger()));
  expect_joined();
  const ledger::SnapshotOrigin origin = check_ledger();
  EXPECT_GE(origin.found, 2U);
  EXPECT_EQ(origin.chunks, 17U);
}

TEST_F(JoinTest, ADamagedStagingIsBegunAnewAndOneInUseIsLeftAlone) {
  fill();
  for (const ReplicaId id : {ReplicaId{0}, ReplicaId{1}, ReplicaId{2}}) add_source(id, honest);
  const ledger::Digest chain_id = ledger::chain_id_of(genesis_);
  {
    const auto held = ledger::SnapshotStaging::open(home_.staging(), chain_id).value();
    EXPECT_EQ(ledger::test::refusal(join()), "snapshot-in-use");
  }
  EXPECT_TRUE(std::filesystem::exists(home_.staging() / "CURRENT"));
  std::ofstream(home_.staging() / "CURRENT") << "nothing of LevelDB's";
  expect_joined();
  check_ledger();
}

}  // namespace
}  // namespace quorate::node
