#include "node/event_streams.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "crypto/bcs.h"
#include "node/comet_json.h"
#include "node/comet_rpc.h"

namespace quorate::node {
namespace {

namespace json = boost::json;

// Linux: of the calling thread alone. Without it votes wait a little longer, no more.
constexpr int kNiceness = 10;

std::uint64_t behind(const FeedCursor& next, ledger::Height head) {
  return next.height > head ? 0 : head.value - next.height.value + 1;
}

json::object data_json(std::string_view type, json::object value) {
  return {{"type", type}, {"value", std::move(value)}};
}

json::array texts(std::initializer_list<std::string> all) {
  json::array array;
  for (const std::string& each : all) array.push_back(json::string(each));
  return array;
}

// CometBFT's event of a transaction, and the attributes by which its queries find it.
void set_comet_tx(json::object& result, const FeedEvent& event) {
  const ledger::StoredBlock& block = *event.block;
  const ledger::TxResult& outcome = block.results[event.index];
  const std::string height = decimal(block.record.batch.sequence.value);
  result["data"] = data_json(
      "tendermint/event/Tx",
      {{"TxResult",
        json::object{{"height", height},
                     {"index", event.index},
                     {"tx", to_base64(crypto::encode(block.transactions[event.index]))},
                     {"result", tx_result_json(outcome.outcome, outcome.failed_operation)}}}});
  result["events"] = json::object{{"tm.event", texts({"Tx"})},
                                  {"tx.hash", texts({upper_hex(outcome.id.digest.bytes)})},
                                  {"tx.height", texts({height})}};
}

}  // namespace

// On the server's thread, but for what Shared's mutex guards.
struct EventStreams::Stream {
  Subscribing asked;
  RpcStreamSink sink;
  std::optional<FeedCursor> next;  // nullopt: the start is still to be found
  ledger::Height told;             // up to where its consumer knows that nothing is missing
  bool is_told_behind = false;
  bool is_told_caught_up = false;
  // Guarded by Shared::mutex.
  enum class State : std::uint8_t { kTaken, kReady, kAtHead } state = State::kTaken;
};

struct EventStreams::Shared {
  std::mutex mutex;
  std::condition_variable wake;
  bool is_stopping = false;
  ledger::Height head;
  std::uint64_t last_number = 0;
  std::map<std::uint64_t, StreamPtr> streams;
  std::deque<std::uint64_t> ready;

  void make_ready(std::uint64_t number, Stream& stream) {
    if (stream.state == Stream::State::kReady) return;
    stream.state = Stream::State::kReady;
    ready.push_back(number);
    wake.notify_one();
  }

  void on_block(ledger::Height height) {
    const std::lock_guard lock(mutex);
    head = std::max(head, height);
    for (auto& [number, stream] : streams) {
      if (stream->state == Stream::State::kAtHead) make_ready(number, *stream);
    }
  }
};

class EventStreams::Handle final : public RpcStream {
 public:
  Handle(std::shared_ptr<Shared> shared, std::uint64_t number)
      : shared_(std::move(shared)), number_(number) {}
  ~Handle() override {
    const std::lock_guard lock(shared_->mutex);
    shared_->streams.erase(number_);
  }
  void more() override {
    const std::lock_guard lock(shared_->mutex);
    const auto found = shared_->streams.find(number_);
    if (found != shared_->streams.end()) shared_->make_ready(number_, *found->second);
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::uint64_t number_;
};

EventStreams::EventStreams(const NodeView& view)
    : view_(view), reader_(view.store), shared_(std::make_shared<Shared>()) {
  shared_->head = view.store.height();
  // Whoever executes may be in the middle of a call while this goes.
  view_.tracker.set_block_listener(
      [shared = shared_](ledger::Height height) { shared->on_block(height); });
  thread_ = std::thread([this] { run(); });
}

EventStreams::~EventStreams() {
  view_.tracker.set_block_listener({});
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->is_stopping = true;
  }
  shared_->wake.notify_all();
  thread_.join();
}

RpcExpected<std::unique_ptr<RpcStream>> EventStreams::open(Subscribing asked, RpcStreamSink sink) {
  const ledger::Height base = view_.store.base();
  if (asked.from && asked.from->height <= base) {
    return tl::unexpected(rpc_error_of(block_not_kept(asked.from->height, base)));
  }
  auto stream = std::make_shared<Stream>();
  stream->next = asked.from;
  if (!asked.from && asked.filter.since.value == 0) {
    stream->next = FeedCursor{quorate::next(view_.store.height()), 0};
  }
  stream->asked = std::move(asked);
  stream->sink = std::move(sink);
  const std::lock_guard lock(shared_->mutex);
  if (shared_->streams.size() >= kSubscriptionsMax) {
    return tl::unexpected(rpc_error_of(
        {ErrorKind::kUnavailable, "subscriptions-full",
         fmt::format("this node has {} subscriptions, which is the most", kSubscriptionsMax),
         "Ask another node; a cursor is good at each of them."}));
  }
  const std::uint64_t number = ++shared_->last_number;
  shared_->streams.emplace(number, std::move(stream));
  return std::make_unique<Handle>(shared_, number);
}

void EventStreams::run() {
  static_cast<void>(setpriority(PRIO_PROCESS, 0, kNiceness));
  std::unique_lock lock(shared_->mutex);
  for (;;) {
    shared_->wake.wait(lock, [this] { return shared_->is_stopping || !shared_->ready.empty(); });
    if (shared_->is_stopping) return;
    const std::uint64_t number = shared_->ready.front();
    shared_->ready.pop_front();
    const auto found = shared_->streams.find(number);
    if (found == shared_->streams.end()) continue;
    const StreamPtr stream = found->second;
    // What it is sent may be taken, and more be asked for, before `serve` returns.
    stream->state = Stream::State::kTaken;
    lock.unlock();
    ledger::Height head;
    const bool is_sent = serve(*stream, head);
    lock.lock();
    if (is_sent || stream->state != Stream::State::kTaken) continue;
    if (stream->next->height <= shared_->head) {
      shared_->make_ready(number, *stream);
    } else {
      stream->state = Stream::State::kAtHead;
    }
  }
}

bool EventStreams::serve(Stream& stream, ledger::Height& head) {
  auto part = next_part(stream, head);
  if (!part) {
    stream.sink({{}, part.error()});
    return true;
  }
  if (part->results.empty()) return false;
  stream.sink(std::move(*part));
  return true;
}

RpcExpected<RpcStreamPart> EventStreams::next_part(Stream& stream, ledger::Height& head) {
  if (!stream.next) {
    QUORATE_ASSIGN(stream.next, answered(reader_.first_since(stream.asked.filter.since)));
  }
  if (stream.told.value == 0) stream.told = {stream.next->height.value - 1};
  QUORATE_ASSIGN(FeedPart read, answered(reader_.read(stream.asked.filter, *stream.next,
                                                      {.bytes_max = kPartBytes})));
  head = read.head;
  RpcStreamPart part;
  const bool wants_positions = stream.asked.wants_positions;
  if (wants_positions && !stream.is_told_behind && behind(*stream.next, head) > kBehindBlocks) {
    part.results.push_back(position_text(stream, "behind", head));
    stream.is_told_behind = true;
  }
  for (FeedEvent& event : read.events) {
    stream.next = event.next;
    stream.told = event.next.height;
    QUORATE_ASSIGN(std::string text, event_text(stream, std::move(event), head));
    part.results.push_back(std::move(text));
  }
  stream.next = read.next;
  if (!wants_positions) return part;
  const bool is_news = read.is_at_head && (stream.is_told_behind || !stream.is_told_caught_up);
  if (is_news || stream.next->height.value > stream.told.value + kPositionBlocks) {
    part.results.push_back(
        position_text(stream, read.is_at_head ? "caught-up" : "on-the-way", head));
    stream.told = stream.next->height;
    if (read.is_at_head) {
      stream.is_told_behind = false;
      stream.is_told_caught_up = true;
    }
  }
  return part;
}

RpcExpected<std::string> EventStreams::event_text(const Stream& stream, FeedEvent event,
                                                  ledger::Height head) const {
  const FeedKind kind = stream.asked.filter.kind;
  json::object result{{"query", stream.asked.query}};
  if (kind == FeedKind::kTransactions) {
    set_comet_tx(result, event);
  } else if (kind == FeedKind::kChanges) {
    result["data"] = data_json("quorate:event/Change", {});
    result["events"] = json::object{{"tm.event", texts({"Change"})}};
  } else {
    const json::object of{{"height", event.next.height.value}};
    constexpr std::string_view kHeight = "height";
    QUORATE_ASSIGN(const RpcParams params, RpcParams::read(of, false, std::span(&kHeight, 1)));
    const bool header_only = stream.asked.is_header_only;
    QUORATE_ASSIGN(json::value block, header_only ? comet_header(view_, params)
                                                  : comet_block(view_, params));
    const std::string_view member = header_only ? "header" : "block";
    result["data"] = data_json(
        header_only ? "tendermint/event/NewBlockHeader" : "tendermint/event/NewBlock",
        {{member, std::move(block.as_object().at(member))}});
    result["events"] =
        json::object{{"tm.event", texts({header_only ? "NewBlockHeader" : "NewBlock"})}};
  }
  event.body["cursor"] = cursor_text(kind, view_.chain_id, event.next);
  event.body["behind"] = behind({quorate::next(event.next.height), 0}, head);
  result["quorate"] = std::move(event.body);
  return json::serialize(result);
}

std::string EventStreams::position_text(const Stream& stream, std::string_view state,
                                        ledger::Height head) const {
  const json::object result{
      {"query", stream.asked.query},
      {"data", data_json("quorate:event/Position", {})},
      {"events", json::object{}},
      {"quorate",
       json::object{{"type", "position"},
                    {"cursor", cursor_text(stream.asked.filter.kind, view_.chain_id, *stream.next)},
                    {"head", head.value},
                    {"behind", behind(*stream.next, head)},
                    {"state", state}}}};
  return json::serialize(result);
}

}  // namespace quorate::node
