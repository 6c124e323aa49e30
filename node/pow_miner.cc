#include "node/pow_miner.h"

#include <utility>

#include "pow/miner.h"

namespace quorate::node {

PowMiner::PowMiner(unsigned threads, std::function<void(pow::BlockPtr)> found,
                   std::function<void()> exhausted)
    : threads_(threads),
      found_(std::move(found)),
      exhausted_(std::move(exhausted)),
      thread_([this] { run(); }) {}

void PowMiner::work_on(std::optional<pow::Block> draft) {
  {
    const std::lock_guard lock(mutex_);
    work_ = std::move(draft);
    leave_ = true;
  }
  wake_.notify_one();
}

void PowMiner::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    leave_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void PowMiner::run() {
  while (true) {
    std::optional<pow::Block> work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || work_.has_value(); });
      if (stopping_) return;
      work = std::exchange(work_, std::nullopt);
      leave_ = false;
    }
    const pow::Search search = pow::search_nonce(work->header, threads_, leave_);
    hashes_ += search.hashes;
    if (search.found) {
      found_(pow::finish_block(std::move(*work), *search.found));
    } else if (!leave_) {
      exhausted_();
    }
  }
}

}  // namespace quorate::node
