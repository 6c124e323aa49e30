#include "tests/node/rpc_handler.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

namespace quorate::node {
namespace {

namespace json = boost::json;

std::int64_t number_in(const json::object& params, std::string_view name) {
  const json::value* value = params.if_contains(name);
  if (value == nullptr) return 0;
  return value->is_string() ? std::stoll(std::string(value->get_string())) : value->as_int64();
}

}  // namespace

RpcTestHandler::~RpcTestHandler() {
  for (std::thread& thread : threads_) thread.join();
}

bool RpcTestHandler::call(std::string_view method, const json::object& params, bool from_get,
                          RpcReply reply) {
  const std::lock_guard lock(mutex_);
  ++calls_;
  if (method == "echo") {
    reply(json::object{{"params", params}, {"from_get", from_get}});
  } else if (method == "fail") {
    reply(tl::unexpected(RpcError{static_cast<int>(number_in(params, "number")),
                                  {},
                                  {ErrorKind::kUnavailable, "test-failed", "It fails", "Wait."}}));
  } else if (method == "later") {
    const std::chrono::milliseconds pause(number_in(params, "ms"));
    threads_.emplace_back([pause, reply = std::move(reply)] {
      std::this_thread::sleep_for(pause);
      reply("late");
    });
  } else if (method == "hold") {
    held_.push_back(std::move(reply));
  } else if (method == "twice") {
    reply(1);
    reply(2);
  } else if (method == "throw") {
    throw std::runtime_error("thrown in a test");
  } else if (method == "big") {
    reply(json::value(std::string(static_cast<std::size_t>(number_in(params, "bytes")), 'b')));
  } else {
    return method == "drop";
  }
  return true;
}

std::optional<HttpPage> RpcTestHandler::page(std::string_view path) {
  if (path == "/") return HttpPage{200, "text/html", "<p>front</p>"};
  if (path == "/broken") throw std::runtime_error("thrown in a test");
  return std::nullopt;
}

std::size_t RpcTestHandler::release() {
  std::vector<RpcReply> replies;
  {
    const std::lock_guard lock(mutex_);
    replies.swap(held_);
  }
  for (const RpcReply& reply : replies) reply("released");
  return replies.size();
}

std::size_t RpcTestHandler::held() const {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

std::size_t RpcTestHandler::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace quorate::node
