#include "node/bench/submitters.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <set>

#include "node/json_members.h"

namespace quorate::node {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr std::size_t kLinksPerNode = 4;
constexpr std::size_t kTransactionsPerRequest = 16;
// A request is sent before it exceeds this; a node reads at most 4 MiB.
constexpr std::size_t kRequestBytesMax = 1 << 20;
constexpr milliseconds kAnswerTimeout{2000};
constexpr std::uint64_t kRestUsMin = 5'000;
constexpr std::uint64_t kRestUsMax = 200'000;
constexpr std::uint64_t kRetryUsMin = 100'000;
constexpr std::uint64_t kRetryUsMax = 2'000'000;

// What an answer to one submission means.
struct Verdict {
  enum class Kind : std::uint8_t { kTaken, kBusy, kRefused };
  Kind kind = Kind::kTaken;
  std::string code;
};

Verdict judge(const json::value& answer) {
  const json::value* error = find_member(answer, "error.data");  // of JSON-RPC
  if (error == nullptr) {
    if (number_member(answer, "result.code") == std::uint64_t{0}) return {};
    error = find_member(answer, "result.error");  // of the submission
  }
  const std::string code = error == nullptr ? "" : text_member(*error, "code").value_or("");
  const std::string kind = error == nullptr ? "" : text_member(*error, "kind").value_or("");
  // The node is some blocks behind the others: its window of nonces will move on.
  const bool is_early = code == "tx-nonce-too-far";
  if (kind == "unavailable" || kind == "timeout" || is_early) return {Verdict::Kind::kBusy, code};
  return {Verdict::Kind::kRefused, code.empty() ? "node-error" : code};
}

void append_call(std::string& body, Flight::Tx tx, const BenchTransaction& transaction) {
  body += body.empty() ? '[' : ',';
  body += fmt::format(
      R"({{"jsonrpc":"2.0","id":{},"method":"broadcast_tx_sync","params":{{"tx":"{}"}}}})", tx,
      to_base64(transaction.encoded));
}

}  // namespace

struct Submitters::Node {
  explicit Node(std::size_t place) : number(place) {}

  std::size_t number;
  std::vector<std::unique_ptr<RpcLink>> links;
  bool is_down = false;
  bool is_probed = false;
  std::uint64_t pause_until_us = 0;  // rests until then, or is tried again then
  std::uint64_t pause_us = 0;        // the last pause; 0 after an answer without trouble

  [[nodiscard]] RpcLink* idle_link() const {
    const auto found =
        std::find_if(links.begin(), links.end(), [](const auto& link) { return link->is_idle(); });
    return found == links.end() ? nullptr : found->get();
  }
  void pause(std::uint64_t now_us, std::uint64_t pause_us_min, std::uint64_t pause_us_max) {
    pause_us = std::clamp(pause_us * 2, pause_us_min, pause_us_max);
    pause_until_us = now_us + pause_us;
  }
};

Submitters::Submitters(asio::io_context& io, const std::vector<Endpoint>& nodes,
                       const Workload& workload, Flight& flight, Callbacks callbacks)
    : workload_(workload), flight_(flight), callbacks_(std::move(callbacks)) {
  for (const Endpoint& endpoint : nodes) {
    auto node = std::make_unique<Node>(nodes_.size());
    for (std::size_t i = 0; i < kLinksPerNode; ++i) {
      node->links.push_back(std::make_unique<RpcLink>(io, endpoint));
    }
    nodes_.push_back(std::move(node));
  }
}

Submitters::~Submitters() = default;

std::size_t Submitters::nodes_down() const {
  return static_cast<std::size_t>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->is_down; }));
}

void Submitters::send() {
  // Ends when a whole turn found nothing to send or nobody free.
  for (std::size_t idle = 0; idle < nodes_.size();) {
    idle = send_to(turn_) ? 0 : idle + 1;
    turn_ = (turn_ + 1) % nodes_.size();
  }
}

bool Submitters::send_to(std::size_t number) {
  Node& node = *nodes_[number];
  const std::uint64_t now_us = callbacks_.now_us();
  if (node.is_down || now_us < node.pause_until_us) return false;
  RpcLink* link = node.idle_link();
  if (link == nullptr) return false;
  std::vector<Flight::Tx> sent;
  std::string body;
  while (sent.size() < kTransactionsPerRequest && body.size() < kRequestBytesMax) {
    const auto taken = flight_.take(number, 1, now_us);
    if (taken.empty()) break;
    sent.push_back(taken.front());
    append_call(body, taken.front(), workload_[taken.front()]);
  }
  if (sent.empty()) return false;
  body += ']';
  link->post(std::move(body), kAnswerTimeout, [this, number, sent](const auto& answer) {
    on_answer(number, sent, answer);
    callbacks_.on_answer();
  });
  return true;
}

void Submitters::on_answer(std::size_t number, const std::vector<Flight::Tx>& sent,
                           const Result<std::string>& answer) {
  if (answer) return read_answer(number, sent, *answer);
  if (answer.error().code == "node-busy") {
    for (auto tx = sent.rbegin(); tx != sent.rend(); ++tx) flight_.on_busy(*tx);
    return rest(*nodes_[number]);
  }
  on_failure(number, sent, answer.error());
}

void Submitters::on_failure(std::size_t number, const std::vector<Flight::Tx>& sent,
                            const Error& error) {
  ++failed_requests_;
  const bool may_have_arrived = error.kind != ErrorKind::kUnavailable;
  for (auto tx = sent.rbegin(); tx != sent.rend(); ++tx) {
    flight_.on_no_answer(*tx, may_have_arrived);
  }
  Node& node = *nodes_[number];
  if (node.is_down) return;
  node.is_down = true;
  node.pause_us = 0;
  node.pause(callbacks_.now_us(), kRetryUsMin, kRetryUsMax);
  flight_.on_node_down(number);
  for (const auto& link : node.links) link->close();
}

void Submitters::read_answer(std::size_t number, const std::vector<Flight::Tx>& sent,
                             const std::string& body) {
  json::error_code trouble;
  const json::value answers = json::parse(body, trouble);
  if (trouble || !answers.is_array()) {
    return on_failure(number, sent, {ErrorKind::kCorrupt, "node-answer-malformed", "", ""});
  }
  std::set<Flight::Tx> unanswered(sent.begin(), sent.end());
  std::vector<Flight::Tx> busy;
  const std::uint64_t now_us = callbacks_.now_us();
  for (const json::value& answer : answers.get_array()) {
    const auto id = number_member(answer, "id");
    if (!id || unanswered.erase(static_cast<Flight::Tx>(*id)) == 0) continue;
    const Flight::Tx tx = static_cast<Flight::Tx>(*id);
    const Verdict verdict = judge(answer);
    if (verdict.kind == Verdict::Kind::kTaken) flight_.on_taken(tx, now_us);
    if (verdict.kind == Verdict::Kind::kBusy) busy.push_back(tx);
    if (verdict.kind == Verdict::Kind::kRefused) flight_.on_refused(tx, verdict.code, now_us);
  }
  // The oldest is put first last, so it goes first.
  for (auto tx = unanswered.rbegin(); tx != unanswered.rend(); ++tx) {
    flight_.on_no_answer(*tx, true);
  }
  for (auto tx = busy.rbegin(); tx != busy.rend(); ++tx) flight_.on_busy(*tx);
  Node& node = *nodes_[number];
  if (!busy.empty()) {
    rest(node);
  } else if (!node.is_down) {
    node.pause_us = 0;
  }
}

void Submitters::rest(Node& node) {
  // Several requests that were under way together are one sign of trouble.
  const std::uint64_t now_us = callbacks_.now_us();
  if (now_us >= node.pause_until_us) node.pause(now_us, kRestUsMin, kRestUsMax);
}

void Submitters::look_after() {
  const std::uint64_t now_us = callbacks_.now_us();
  for (const auto& node : nodes_) {
    if (node->is_down && !node->is_probed && now_us >= node->pause_until_us) probe(node->number);
  }
}

void Submitters::probe(std::size_t number) {
  Node& node = *nodes_[number];
  RpcLink* link = node.idle_link();
  if (link == nullptr) return;
  node.is_probed = true;
  link->post(R"({"jsonrpc":"2.0","id":1,"method":"health","params":{}})", kAnswerTimeout,
             [this, number](const auto& answer) {
               Node& probed = *nodes_[number];
               probed.is_probed = false;
               if (!answer) {
                 probed.pause(callbacks_.now_us(), kRetryUsMin, kRetryUsMax);
                 return;
               }
               probed.is_down = false;
               probed.pause_us = 0;
               probed.pause_until_us = 0;
               flight_.on_node_up(number);
               callbacks_.on_answer();
             });
}

}  // namespace quorate::node
