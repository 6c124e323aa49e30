#include "node/bench/follower.h"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
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
  Clock::time_point last_news = Clock::now();
  OnBlock on_block;

  void ask() {
    links[current]->post(
        fmt::format(R"({{"jsonrpc":"2.0","id":1,"method":"block","params":{{"height":"{}"}}}})",
                    next_height),
        kAnswerTimeout, [this](const Result<std::string>& answer) { take(answer); });
  }

  void take(const Result<std::string>& answer) {
    const Clock::time_point received = Clock::now();
    if (!answer) {
      move_on(received);
    } else {
      json::error_code trouble;
      const json::value value = json::parse(*answer, trouble);
      const json::value* result = trouble ? nullptr : find_member(value, "result");
      if (result != nullptr) {
        if (const auto block = parse_seen_block(*result); block && block->height == next_height) {
          ++next_height;
          last_news = received;
          on_block(*block, received);
          return ask();
        }
      }
    }
    if (received - last_news > kStill) move_on(received);
    pause.expires_after(kPollPause);
    pause.async_wait([this](const AsioError& ended) {
      if (!ended) ask();
    });
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
