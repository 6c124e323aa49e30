#pragma once

// Liars in real processes: the simulator's behaviours (behaviours.h) between a node and its peers.
//
// `quorate testnet up --byzantine 3=equivocate@20..40` has the supervisor start `quorate testnet
// liar` in the place of `quorate node`. That is the same node with a mouth (node/node.h) that
// changes what it says; it signs with a key of its own, read from the home, and the node's voter
// never hears of it. It lies only where the genesis document says that the network is a testnet.
//
// A process knows nothing of other liars, and nothing of what its node hears. So what takes a
// second core (twin, fork), the mempool (censor) is for the simulator; `flood` repeats, and sends
// no blocks that nobody asked for.

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "crypto/result.h"
#include "ledger/genesis.h"
#include "node/node.h"
#include "testnet/behaviours.h"

namespace quorate::testnet {

// One behaviour, and at which sequence numbers it acts. What has no sequence number of its own is
// judged by the last one that the replica spoke of.
struct LiveBehaviour {
  Behaviour behaviour = Behaviour::kSilent;
  ledger::Sequence first;
  ledger::Sequence last{UINT64_MAX};

  [[nodiscard]] bool acts_at(ledger::Sequence sequence) const {
    return first <= sequence && sequence <= last;
  }
};
using LiveLiars = std::map<ledger::ReplicaId, std::vector<LiveBehaviour>>;

[[nodiscard]] bool is_live(Behaviour behaviour);
// "silent, slow, ..."
[[nodiscard]] std::string live_behaviour_names();

// "equivocate@20..40,double-vote": NAME, NAME@SEQUENCE, NAME@FIRST..LAST or NAME@FIRST.., with
// commas between.
// Errors (kUsage): "behaviour-malformed", "behaviour-unknown", "behaviour-not-live".
[[nodiscard]] Result<std::vector<LiveBehaviour>> parse_live_behaviours(std::string_view text);
[[nodiscard]] std::string live_behaviours_text(const std::vector<LiveBehaviour>& behaviours);

// "3=equivocate@20..40", each replica once. Errors: those above, "liar-malformed", "liar-unknown"
// (no such replica), "liar-twice" (all kUsage).
[[nodiscard]] Result<LiveLiars> parse_live_liars(const std::vector<std::string>& texts,
                                                 std::size_t replicas);

// Error: "byzantine-not-a-testnet" (kRejected).
[[nodiscard]] Status check_may_lie(const ledger::Genesis& genesis);

// Between a node and its peers. Thread-safe.
class LiveLiar final : private Stage {
 public:
  // Frames that wait because of `slow`, at most; beyond them what is said leaves at once.
  static constexpr std::size_t kDelayedMax = 100'000;

  LiveLiar(const ledger::Genesis& genesis, ledger::ReplicaId self,
           std::unique_ptr<crypto::KeySigner> key, std::vector<LiveBehaviour> behaviours,
           node::Speak say, std::uint64_t seed);
  ~LiveLiar() override;

  void speak(ledger::ReplicaId to, const SharedBytes& frame);

 private:
  [[nodiscard]] std::size_t size() const override { return replicas_; }
  [[nodiscard]] const ledger::Digest& chain_id() const override { return chain_id_; }
  [[nodiscard]] const crypto::Signer& signer(ledger::ReplicaId) const override { return *key_; }
  void put(ledger::ReplicaId from, ledger::ReplicaId to, const SharedBytes& frame,
           std::uint64_t delay_us) override;
  [[nodiscard]] ledger::Height height(ledger::ReplicaId) const override { return {}; }
  [[nodiscard]] std::optional<node::WireBlock> block(ledger::ReplicaId,
                                                     ledger::Height) const override {
    return std::nullopt;
  }
  void choose_behaviours(const node::PeerMessage& message);
  void run_delays();

  struct Delayed {
    std::uint64_t due_ms = 0;
    ledger::ReplicaId to;
    SharedBytes frame;
  };

  std::size_t replicas_;
  ledger::Digest chain_id_;
  std::unique_ptr<crypto::KeySigner> key_;
  std::vector<LiveBehaviour> behaviours_;
  node::Speak say_;
  std::mutex mutex_;  // of plot, tongue and what chooses its behaviours
  ledger::Sequence spoken_of_;
  Plot plot_;
  std::unique_ptr<Tongue> tongue_;
  std::mutex delays_mutex_;
  std::condition_variable wake_;
  std::deque<Delayed> delayed_;  // by delays_mutex_; each as late as the next, so in order
  bool stopping_ = false;
  std::thread delays_;  // last: it uses the above
};

}  // namespace quorate::testnet
