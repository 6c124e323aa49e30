#include "node/pow_engine.h"

#include <utility>

#include "node/clock.h"

namespace quorate::node {
namespace {

constexpr std::uint32_t kTickMs = 100;

}  // namespace

PowEngine::PowEngine(std::unique_ptr<PowChain> chain, const ledger::PublicKey& miner,
                     std::uint32_t miner_threads, WorkPool& pool, Ways ways)
    : chain_(std::move(chain)),
      miner_threads_(miner_threads),
      pool_(pool),
      ways_(std::move(ways)),
      host_(*chain_, miner, doors()) {}

PowHost::Doors PowEngine::doors() {
  PowHost::Doors doors;
  doors.send = ways_.send;
  doors.apart = [this](std::function<void()> work, std::function<void()> then) {
    pool_.post([this, work = std::move(work), then = std::move(then)]() mutable {
      work();
      loop_.post(std::move(then));
    });
  };
  doors.post = [this](std::function<void()> task) { loop_.post(std::move(task)); };
  doors.monotonic_ms = [] { return monotonic_ms(); };
  doors.wall_time = [] { return node::wall_time(); };
  doors.on_fatal = ways_.on_fatal;
  doors.on_moved = ways_.on_moved;
  if (miner_threads_ > 0) {
    doors.mine = [this](std::optional<pow::Block> draft) {
      if (miner_) miner_->work_on(std::move(draft));
    };
  }
  return doors;
}

void PowEngine::start() {
  if (miner_threads_ > 0) {
    miner_ = std::make_unique<PowMiner>(
        miner_threads_,
        [this](pow::BlockPtr block) {
          loop_.post([this, block = std::move(block)] { host_.on_mined(block); });
        },
        [this] { loop_.post([this] { host_.on_exhausted(); }); });
  }
  loop_.start(kTickMs, [this] {
    if (ways_.on_tick) ways_.on_tick();
    host_.tick();
  });
}

void PowEngine::stop() {
  if (std::exchange(is_stopped_, true)) return;
  if (miner_) miner_->stop();
  loop_.stop();
  // Nobody else looks at the host any more.
  host_.sync();
}

void PowEngine::on_connected(ledger::ReplicaId peer) {
  loop_.post([this, peer] { host_.on_connected(pow::PeerId{peer.value}); });
}

void PowEngine::on_disconnected(ledger::ReplicaId peer) {
  loop_.post([this, peer] { host_.on_disconnected(pow::PeerId{peer.value}); });
}

void PowEngine::on_frame(ledger::ReplicaId from, std::shared_ptr<const Bytes> bytes,
                         std::shared_ptr<void> credit) {
  loop_.post([this, from, bytes = std::move(bytes), credit = std::move(credit)]() mutable {
    host_.on_frame(pow::PeerId{from.value}, *bytes, std::move(credit));
  });
}

void PowEngine::sync() {
  loop_.post([this] { host_.sync(); });
}

}  // namespace quorate::node
