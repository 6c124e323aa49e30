#include "node/bench/flight.h"

#include <algorithm>

namespace quorate::node {
namespace {

// Silence of a node that took a transaction; doubles each time it is sent again.
constexpr std::uint64_t kOverdueUs = 5'000'000;
constexpr std::uint8_t kPatienceMax = 4;

}  // namespace

Flight::Flight(std::size_t nodes, std::uint64_t span_max)
    : span_max_(span_max), is_down_(nodes), for_node_(nodes) {}

bool Flight::is_settled(Tx tx) const {
  const State state = records_[tx].state;
  return state == State::kAcknowledged || state == State::kRejected;
}

Flight::Tx Flight::arrive(std::uint64_t due_us) {
  const Tx tx = static_cast<Tx>(records_.size());
  records_.push_back({.due_us = due_us});
  waiting_.push_back(tx);
  ++counts_.arrived;
  return tx;
}

std::vector<Flight::Tx> Flight::take(std::size_t node, std::size_t count_max,
                                     std::uint64_t now_us) {
  while (first_open_ < records_.size() && is_settled(first_open_)) ++first_open_;
  std::vector<Tx> out;
  take_from(for_node_[node], node, count_max, now_us, out);
  take_from(waiting_, node, count_max, now_us, out);
  return out;
}

void Flight::take_from(std::deque<Tx>& queue, std::size_t node, std::size_t count_max,
                       std::uint64_t now_us, std::vector<Tx>& out) {
  while (!queue.empty() && out.size() < count_max) {
    const Tx tx = queue.front();
    Record& record = records_[tx];
    if (record.state != State::kWaiting) {  // settled meanwhile
      queue.pop_front();
      continue;
    }
    if (tx - first_open_ >= span_max_) return;
    queue.pop_front();
    if (!record.was_sent && now_us > record.due_us) {
      counts_.sent_late_max_us = std::max(counts_.sent_late_max_us, now_us - record.due_us);
    }
    record.state = State::kAsked;
    record.node = static_cast<std::uint16_t>(node);
    record.was_sent = true;
    out.push_back(tx);
  }
}

void Flight::wait_first(Tx tx) {
  records_[tx].state = State::kWaiting;
  waiting_.push_front(tx);
}

void Flight::on_taken(Tx tx, std::uint64_t now_us) {
  Record& record = records_[tx];
  record.may_be_somewhere = true;
  if (record.state != State::kAsked) return;
  expect_news(tx, now_us);
}

void Flight::expect_news(Tx tx, std::uint64_t now_us) {
  records_[tx].state = State::kTaken;
  overdue_.push({now_us + (kOverdueUs << records_[tx].patience), tx});
}

void Flight::on_busy(Tx tx) {
  ++counts_.busy_answers;
  if (records_[tx].state == State::kAsked) wait_first(tx);
}

void Flight::on_refused(Tx tx, std::string_view code, std::uint64_t now_us) {
  const Record& record = records_[tx];
  if (record.state != State::kAsked) return;
  if (record.may_be_somewhere) {
    expect_news(tx, now_us);
  } else {
    reject(tx, code);
  }
}

void Flight::on_no_answer(Tx tx, bool may_have_arrived) {
  Record& record = records_[tx];
  if (may_have_arrived) record.may_be_somewhere = true;
  if (record.state != State::kAsked) return;
  ++counts_.sent_again;
  wait_first(tx);
}

void Flight::on_node_down(std::size_t node) {
  is_down_[node] = true;
  while (!for_node_[node].empty()) {
    waiting_.push_front(for_node_[node].back());
    for_node_[node].pop_back();
  }
  for (Tx tx = static_cast<Tx>(records_.size()); tx > first_open_;) {
    --tx;
    if (records_[tx].state != State::kTaken || records_[tx].node != node) continue;
    ++counts_.sent_again;
    wait_first(tx);
  }
}

// Of the next node that is up, or of any if none is.
std::deque<Flight::Tx>& Flight::queue_after(std::size_t node) {
  for (std::size_t i = 1; i <= is_down_.size(); ++i) {
    const std::size_t next = (node + i) % is_down_.size();
    if (!is_down_[next]) return for_node_[next];
  }
  return waiting_;
}

void Flight::send_overdue_again(std::uint64_t now_us) {
  while (!overdue_.empty() && overdue_.top().at_us <= now_us) {
    const Tx tx = overdue_.top().tx;
    overdue_.pop();
    Record& record = records_[tx];
    if (record.state != State::kTaken) continue;
    record.patience = static_cast<std::uint8_t>(std::min<int>(record.patience + 1, kPatienceMax));
    record.state = State::kWaiting;
    queue_after(record.node).push_back(tx);
    ++counts_.sent_again;
  }
}

bool Flight::on_applied(Tx tx) {
  if (is_settled(tx)) return false;
  records_[tx].state = State::kAcknowledged;
  ++counts_.acknowledged;
  return true;
}

void Flight::on_rejected(Tx tx, std::string_view code) {
  if (!is_settled(tx)) reject(tx, code);
}

void Flight::reject(Tx tx, std::string_view code) {
  records_[tx].state = State::kRejected;
  ++counts_.rejected;
  const auto found = counts_.rejected_by_code.find(code);
  if (found != counts_.rejected_by_code.end()) {
    ++found->second;
  } else {
    counts_.rejected_by_code.emplace(code, 1);
  }
}

}  // namespace quorate::node
