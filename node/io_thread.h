#pragma once

// The network I/O thread: one event loop that the peer mesh and the RPC server share.

#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace quorate::node {

class IoThread {
 public:
  IoThread();   // starts the thread
  ~IoThread();  // stops it

  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  // Runs the function on the thread. Thread-safe.
  void post(std::function<void()> function);
  // Ends the loop after what is queued and joins. Idempotent.
  void stop();

  [[nodiscard]] boost::asio::io_context& context();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quorate::node
