#pragma once

// The network I/O thread: one event loop that the peer mesh and the RPC server share.

#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace quorate::node {

class IoThread {
  struct Impl;

 public:
  // Posts to the thread from code that may outlive it, such as a reply that another thread gives
  // late. Copyable, thread-safe.
  class Poster {
   public:
    // False, and the function is dropped, when the thread has been stopped.
    bool post(std::function<void()> function) const;

   private:
    friend class IoThread;
    explicit Poster(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
    std::shared_ptr<Impl> impl_;
  };

  IoThread();   // starts the thread
  ~IoThread();  // stops it

  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  // Runs the function on the thread, or drops it after stop(). Thread-safe.
  void post(std::function<void()> function);
  // Runs the function on the thread and returns when it has run; inline when called on the thread
  // itself or after stop(), when nothing can run beside it. Thread-safe.
  void run(const std::function<void()>& function);
  // Ends the loop after what is queued and joins. Idempotent; not to be called on the thread.
  void stop();

  [[nodiscard]] Poster poster() const { return Poster(impl_); }
  [[nodiscard]] boost::asio::io_context& context();

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace quorate::node
