#include "node/rpc_dispatch.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "node/rpc_error.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

// Takes the first result that is given, and makes one when it goes away without any.
class OnceReply {
 public:
  using Done = std::function<void(RpcResult)>;

  explicit OnceReply(Done done) : done_(std::move(done)) {}
  OnceReply(const OnceReply&) = delete;
  OnceReply& operator=(const OnceReply&) = delete;
  ~OnceReply() {
    give(tl::unexpected(RpcError{
        kRpcInternalError,
        {},
        {ErrorKind::kUnavailable, "rpc-no-answer", "The node dropped this call without an answer",
         "It may be stopping; ask again in a moment."}}));
  }

  void give(RpcResult result) {
    if (!given_.exchange(true)) done_(std::move(result));
  }
  // From here on nothing is told. False if something was already.
  [[nodiscard]] bool forget() { return !given_.exchange(true); }

 private:
  std::atomic<bool> given_ = false;
  Done done_;
};

RpcError no_such_method(std::string_view method) {
  return {kRpcMethodNotFound,
          {},
          {ErrorKind::kNotFound, "rpc-method-unknown", fmt::format("No method \"{}\"", method),
           "GET / shows what this node answers."}};
}

RpcError failed_call(std::string_view what) {
  return {kRpcInternalError,
          {},
          {ErrorKind::kEnvironment, "rpc-internal-error",
           fmt::format("The call failed inside the node: {}", what),
           "Look into the node's log, and report it."}};
}

// A handler's own fault must not take the node down. False if there is no such method.
bool ask(RpcHandler& handler, const RpcCall& call, bool from_get, OnceReply::Done done) {
  const auto once = std::make_shared<OnceReply>(std::move(done));
  try {
    const bool known = handler.call(call.method, call.params, from_get,
                                    [once](RpcResult result) { once->give(std::move(result)); });
    return known || !once->forget();
  } catch (const std::exception& fault) {
    once->give(tl::unexpected(failed_call(fault.what())));
    return true;
  }
}

// The answers of one body, in the order of its calls.
class Gathering {
 public:
  Gathering(std::size_t calls, bool is_batch, std::size_t batch_bytes_max, RpcAnswered done)
      : is_batch_(is_batch),
        batch_bytes_max_(batch_bytes_max),
        waiting_(calls),
        answers_(calls),
        done_(std::move(done)) {}

  void answer(std::size_t index, const json::value& id, const json::value& answer) {
    take(index, id, json::serialize(answer));
  }
  void answer_nothing(std::size_t index) { take(index, nullptr, {}); }

 private:
  void take(std::size_t index, const json::value& id, std::string text) {
    {
      const std::lock_guard lock(mutex_);
      if (is_batch_ && bytes_ + text.size() > batch_bytes_max_) text = too_large(id);
      bytes_ += text.size();
      answers_[index] = std::move(text);
      if (--waiting_ > 0) return;
    }
    done_(joined());
  }

  [[nodiscard]] std::string too_large(const json::value& id) const {
    return json::serialize(rpc_error_answer(
        id, {kRpcServerError,
             {},
             {ErrorKind::kRejected, "rpc-answer-too-large",
              fmt::format("The results of this batch exceed {} bytes", batch_bytes_max_),
              "Split the batch."}}));
  }

  // After the last answer: nobody else looks at the members any more.
  RpcAnswer joined() {
    std::string body;
    for (std::string& text : answers_) {
      if (text.empty()) continue;
      if (!is_batch_) return {200, std::move(text)};
      body += body.empty() ? '[' : ',';
      body += text;
      text = {};
    }
    if (body.empty()) return {204, {}};
    body += ']';
    return {200, std::move(body)};
  }

  const bool is_batch_;
  const std::size_t batch_bytes_max_;
  std::mutex mutex_;
  std::size_t waiting_;
  std::size_t bytes_ = 0;
  std::vector<std::string> answers_;  // empty: a notification
  RpcAnswered done_;
};

}  // namespace

void dispatch_rpc(ParsedRpc parsed, RpcHandler& handler, RpcAnswered done,
                  std::size_t batch_bytes_max) {
  const auto gathering = std::make_shared<Gathering>(parsed.calls.size(), parsed.is_batch,
                                                     batch_bytes_max, std::move(done));
  for (std::size_t i = 0; i < parsed.calls.size(); ++i) {
    if (!parsed.calls[i]) {
      gathering->answer(i, nullptr, parsed.calls[i].error());
      continue;
    }
    // The parameters go as soon as the handler has seen them, also when the reply takes minutes.
    const RpcCall call = std::move(*parsed.calls[i]);
    const auto answered = [gathering, i, id = call.id, is_version_1 = call.is_version_1,
                           is_notification = call.is_notification](RpcResult result) {
      if (is_notification) return gathering->answer_nothing(i);
      json::value answer = result ? rpc_result_answer(id, std::move(*result))
                                  : rpc_error_answer(id, result.error());
      // What the other one of the two is, insert leaves alone.
      if (is_version_1) {
        answer.get_object().insert({{"result", nullptr}, {"error", nullptr}});
      }
      gathering->answer(i, id, answer);
    };
    if (!ask(handler, call, false, answered)) {
      answered(tl::unexpected(no_such_method(call.method)));
    }
  }
}

bool dispatch_rpc_get(const RpcCall& call, RpcHandler& handler, RpcAnswered done) {
  return ask(handler, call, true, [id = call.id, done = std::move(done)](RpcResult result) {
    if (result) return done({200, json::serialize(rpc_result_answer(id, std::move(*result)))});
    done({http_status_of(result.error()), json::serialize(rpc_error_answer(id, result.error()))});
  });
}

}  // namespace quorate::node
