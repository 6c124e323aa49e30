#include "node/bench/follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "node/bench/rpc_link.h"
#include "node/json_members.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Between two questions for a block that is not there yet: what an acknowledgement may come late.
constexpr milliseconds kPollPause{2};
constexpr milliseconds kAnswerTimeout{1000};
constexpr std::size_t kHeightsMin = 2;
constexpr std::size_t kHeightsMax = 32;
// Without a new block for so long, the next node is asked.
constexpr milliseconds kStill{250};

}  // namespace

struct Follower::Impl {
  Impl(asio::io_context& io, std::uint64_t first_height, OnBlock call)
      : pause(io), next_height(first_height), on_block(std::move(call)) {}

  asio::steady_timer pause;
  std::vector<std::unique_ptr<RpcLink>> links;
  std::size_t current = 0;
  std::uint64_t next_height;
  std::size_t heights_per_request = kHeightsMin;
  Clock::time_point last_news = Clock::now();
  OnBlock on_block;

  void ask() {
    std::string body;
    for (std::size_t i = 0; i < heights_per_request; ++i) {
      body +=
          fmt::format(R"({}{{"jsonrpc":"2.0","id":1,"method":"block","params":{{"height":"{}"}}}})",
                      i == 0 ? '[' : ',', next_height + i);
    }
    body += ']';
    links[current]->post(std::move(body), kAnswerTimeout,
                         [this](const Result<std::string>& answer) { take(answer); });
  }

  void take(const Result<std::string>& answer) {
    const Clock::time_point received = Clock::now();
    const std::size_t found = answer ? take_blocks(*answer, received) : 0;
    // One who lags behind asks for more at once, since each question costs a turn of the node.
    heights_per_request = std::clamp(found * 2, kHeightsMin, kHeightsMax);
    if (found > 0) {
      last_news = received;
      return ask();
    }
    if (!answer || received - last_news > kStill) move_on(received);
    pause.expires_after(kPollPause);
    pause.async_wait([this](const AsioError& ended) {
      if (!ended) ask();
    });
  }

  // How many of the heights that were asked for the node has.
  std::size_t take_blocks(const std::string& answer, Clock::time_point received) {
    json::error_code trouble;
    const json::value answers = json::parse(answer, trouble);
    if (trouble || !answers.is_array()) return 0;
    std::size_t found = 0;
    for (const json::value& each : answers.get_array()) {
      const json::value* result = find_member(each, "result");
      const auto block = result == nullptr ? tl::unexpected(Error{}) : parse_seen_block(*result);
      if (!block || block->height != next_height) break;
      ++next_height;
      ++found;
      on_block(*block, received);
    }
    return found;
  }

  void move_on(Clock::time_point now) {
    current = (current + 1) % links.size();
    last_news = now;
  }
};

Follower::Follower(asio::io_context& io, const std::vector<Endpoint>& nodes,
                   std::uint64_t first_height, OnBlock on_block)
    : impl_(std::make_unique<Impl>(io, first_height, std::move(on_block))) {
  for (const Endpoint& node : nodes) impl_->links.push_back(std::make_unique<RpcLink>(io, node));
}

Follower::~Follower() = default;

void Follower::start() { impl_->ask(); }

std::uint64_t Follower::next_height() const { return impl_->next_height; }

}  // namespace quorate::node
