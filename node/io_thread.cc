#include "node/io_thread.h"

#include "node/asio.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "crypto/check.h"

namespace quorate::node {

struct IoThread::Impl {
  std::mutex mutex;  // guards `stopping` and posting, so that nothing is posted to a dying loop
  bool stopping = false;
  // One thread runs the loop, any may post to it.
  std::optional<asio::io_context> context{std::in_place, 1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work{
      context->get_executor()};
  std::once_flag joined;
  std::thread thread;
  std::thread::id thread_id;  // stays readable while the thread is being joined

  bool post(std::function<void()> function) {
    const std::lock_guard lock(mutex);
    if (stopping) return false;
    asio::post(*context, std::move(function));
    return true;
  }
};

bool IoThread::Poster::post(std::function<void()> function) const {
  return impl_->post(std::move(function));
}

IoThread::IoThread() : impl_(std::make_shared<Impl>()) {
  impl_->thread = std::thread([context = &*impl_->context] { context->run(); });
  impl_->thread_id = impl_->thread.get_id();
}

IoThread::~IoThread() {
  stop();
  impl_->work.reset();
  // Posters may keep the Impl; what the loop still holds goes here and now.
  impl_->context.reset();
}

void IoThread::post(std::function<void()> function) { impl_->post(std::move(function)); }

void IoThread::run(const std::function<void()>& function) {
  if (std::this_thread::get_id() == impl_->thread_id) return function();
  std::promise<void> done;
  const bool posted = impl_->post([&] {
    function();
    done.set_value();
  });
  if (posted) return done.get_future().get();
  stop();  // another thread may be in the middle of it
  function();
}

void IoThread::stop() {
  QUORATE_CHECK(std::this_thread::get_id() != impl_->thread_id,
                "the I/O thread cannot wait for itself");
  {
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->stopping) {
      // Queued behind everything that was posted before.
      asio::post(*impl_->context, [context = &*impl_->context] { context->stop(); });
      impl_->stopping = true;
    }
  }
  std::call_once(impl_->joined, [this] { impl_->thread.join(); });
}

asio::io_context& IoThread::context() { return *impl_->context; }

}  // namespace quorate::node
