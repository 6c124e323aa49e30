#pragma once

// What is known of each transaction of a load, and which ones go to which node next. Pure: it is
// told what happened and when.
//
// A transaction ends as acknowledged or rejected, or stays open. Until it ends it is sent again,
// always the same bytes and so the same transaction: at once when the node that had it died or gave
// no answer, later when a node that took it says nothing for long. Once a copy may be somewhere, a
// refusal by another node ends nothing, since that copy may still happen.
//
// Times are microseconds since the start. Not thread-safe.

#include <cstdint>
#include <deque>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

namespace quorate::node {

struct FlightCounts {
  std::uint64_t arrived = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t rejected = 0;
  std::uint64_t busy_answers = 0;
  std::uint64_t sent_again = 0;  // copies beyond the first, busy ones apart
  std::map<std::string, std::uint64_t, std::less<>> rejected_by_code;
  std::uint64_t sent_late_max_us = 0;  // from when it was due until it was first sent

  [[nodiscard]] std::uint64_t in_flight() const { return arrived - acknowledged - rejected; }
};

class Flight {
 public:
  using Tx = std::uint32_t;  // its number in the run, from 0

  // A transaction waits while it lies `span_max` or more beyond the oldest open one: a sender's
  // nonces must fit into the window that the ledger has for them.
  Flight(std::size_t nodes, std::uint64_t span_max);

  // The next transaction is due and waits to be sent.
  Tx arrive(std::uint64_t due_us);
  // What goes to this node now, at most so many. Each must be answered by one of the four below.
  [[nodiscard]] std::vector<Tx> take(std::size_t node, std::size_t count_max, std::uint64_t now_us);

  // The node has it.
  void on_taken(Tx tx, std::uint64_t now_us);
  // The node did not take it; it goes first when something can be sent again.
  void on_busy(Tx tx);
  // The node refuses it for good.
  void on_refused(Tx tx, std::string_view code, std::uint64_t now_us);
  // No answer: it may have arrived or not (`may_have_arrived`).
  void on_no_answer(Tx tx, bool may_have_arrived);

  // A node is down: what it had goes to others. All are up in the beginning.
  void on_node_down(std::size_t node);
  void on_node_up(std::size_t node) { is_down_[node] = false; }
  // Sends again what a node took too long ago, to the next one that is up.
  void send_overdue_again(std::uint64_t now_us);

  // A block applied it. True the first time: this is the acknowledgement.
  [[nodiscard]] bool on_applied(Tx tx);
  // A block holds it without effect; of an acknowledged one that is a skipped copy.
  void on_rejected(Tx tx, std::string_view code);

  [[nodiscard]] const FlightCounts& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t due_us(Tx tx) const { return records_[tx].due_us; }
  [[nodiscard]] bool is_acknowledged(Tx tx) const {
    return records_[tx].state == State::kAcknowledged;
  }
  [[nodiscard]] std::size_t size() const { return records_.size(); }

 private:
  enum class State : std::uint8_t { kWaiting, kAsked, kTaken, kAcknowledged, kRejected };
  struct Record {
    std::uint64_t due_us = 0;
    State state = State::kWaiting;
    std::uint8_t patience = 0;  // how often it was sent again for want of news
    std::uint16_t node = 0;     // where it was sent last
    bool was_sent = false;
    bool may_be_somewhere = false;
  };
  struct Overdue {
    std::uint64_t at_us = 0;
    Tx tx = 0;
    bool operator>(const Overdue& other) const { return at_us > other.at_us; }
  };

  [[nodiscard]] bool is_settled(Tx tx) const;
  [[nodiscard]] std::deque<Tx>& queue_after(std::size_t node);
  void expect_news(Tx tx, std::uint64_t now_us);
  void wait_first(Tx tx);
  void reject(Tx tx, std::string_view code);
  void take_from(std::deque<Tx>& queue, std::size_t node, std::size_t count_max,
                 std::uint64_t now_us, std::vector<Tx>& out);

  std::uint64_t span_max_;
  std::vector<Record> records_;
  std::deque<Tx> waiting_;  // for any node
  std::vector<bool> is_down_;
  std::vector<std::deque<Tx>> for_node_;  // sent again, to a node that did not have it
  std::priority_queue<Overdue, std::vector<Overdue>, std::greater<>> overdue_;
  Tx first_open_ = 0;  // all before it are settled
  FlightCounts counts_;
};

}  // namespace quorate::node
