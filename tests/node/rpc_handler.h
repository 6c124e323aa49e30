#pragma once

// A handler whose methods do what their names say, for tests of the server and of the client.

#include <boost/json/object.hpp>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "node/rpc_server.h"

namespace quorate::node {

// Methods: echo {...}; fail {number}; later {ms} from another thread; hold (until release());
// drop; twice; throw; big {bytes}. Pages: "/", and "/broken" which throws.
class RpcTestHandler final : public RpcHandler {
 public:
  RpcTestHandler() = default;
  RpcTestHandler(const RpcTestHandler&) = delete;
  RpcTestHandler& operator=(const RpcTestHandler&) = delete;
  ~RpcTestHandler() override;

  bool call(std::string_view method, const boost::json::object& params, bool from_get,
            RpcReply reply) override;
  std::optional<HttpPage> page(std::string_view path) override;

  // Answers everything that `hold` has taken, from the calling thread. Returns how many.
  std::size_t release();
  [[nodiscard]] std::size_t held() const;
  [[nodiscard]] std::size_t calls() const;

 private:
  mutable std::mutex mutex_;
  std::size_t calls_ = 0;
  std::vector<RpcReply> held_;
  std::vector<std::thread> threads_;
};

// True as soon as the condition holds; false when it does not within twenty seconds.
bool eventually(const std::function<bool()>& condition);

}  // namespace quorate::node
