// The ledger as a sequence of events: what is one, from where it can be read, and that the state
// can be built from nothing else.

#include "node/feed.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <charconv>
#include <map>
#include <random>
#include <vector>

#include "crypto/bcs.h"
#include "node/json_members.h"
#include "tests/ledger/signed_ledger.h"

namespace quorate::node {
namespace {

using namespace ledger::test;  // NOLINT: the example network's people and what they make
using ledger::Height;
namespace json = boost::json;

constexpr FeedReader::Limits kAll{SIZE_MAX, UINT64_MAX};

// A consumer: knows the genesis document's accounts and what events say, nothing of our code.
class Rebuilt {
 public:
  struct Value {
    std::string value;
    std::optional<std::uint64_t> until_ms;
    bool operator==(const Value&) const = default;
  };
  std::map<std::string, Value> keys;
  std::map<std::string, std::uint64_t> balances;

  void take(const json::object& event) {
    if (event.at("outcome") != "applied") return;
    const std::string sender(event.at("sender").as_string());
    for (const json::value& each : event.at("operations").as_array()) {
      apply(sender, each.as_object(), event.at("agreed_time_ms").to_number<std::uint64_t>());
    }
  }
  void expire(std::uint64_t now_ms) {
    std::erase_if(keys, [&](const auto& each) {
      return each.second.until_ms && *each.second.until_ms <= now_ms;
    });
  }

 private:
  void apply(const std::string& sender, const json::object& op, std::uint64_t now_ms) {
    const std::string name(op.at("op").as_string());
    if (name == "transfer") {
      const std::uint64_t amount = op.at("amount").to_number<std::uint64_t>();
      balances[sender] -= amount;
      balances[std::string(op.at("to").as_string())] += amount;
      return;
    }
    expire(now_ms);
    const std::string key(op.at("key").as_string());
    if (name == "delete") {
      keys.erase(key);
    } else if (name == "add") {
      Value& value = keys[key];
      std::int64_t sum = value.value.empty() ? 0 : std::stoll(value.value);
      sum += op.at("delta").to_number<std::int64_t>();
      value.value = std::to_string(sum);
    } else {
      Value value{std::string(op.at("value").as_string()), {}};
      if (const json::value* until = op.if_contains("until_ms")) {
        value.until_ms = until->to_number<std::uint64_t>();
      }
      keys[key] = value;
    }
  }
};

class FeedTest : public SignedLedger {
 protected:
  [[nodiscard]] ledger::SignedTransaction of(std::string_view sender, std::uint64_t nonce,
                                             std::vector<ledger::Operation> operations) const {
    ledger::Transaction body = example_body(genesis_, nonce, std::move(operations));
    body.sender = public_key_of(sender);
    return sign(body, sender);
  }
  std::vector<FeedEvent> all(const FeedFilter& filter, FeedCursor from = {}) {
    FeedReader reader(*store_);
    auto part = reader.read(filter, from, kAll);
    EXPECT_TRUE(part) << part.error().to_string();
    EXPECT_TRUE(part->is_at_head);
    return std::move(part->events);
  }
  static std::string text(const FeedEvent& event) { return json::serialize(event.body); }
  static std::vector<std::string> texts(const std::vector<FeedEvent>& events) {
    std::vector<std::string> all;
    for (const FeedEvent& each : events) all.push_back(text(each));
    return all;
  }

  // Blocks of random operations of two senders, on few keys, some of which are refused.
  void fill(unsigned seed, int blocks) {
    std::mt19937 random(seed);
    const auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
    const std::vector<std::string> names = {"a", "ab", "abc", "b", "count", "zoo"};
    std::map<std::string, std::uint64_t> nonces;
    for (int block = 0; block < blocks; ++block) {
      std::vector<ledger::SignedTransaction> transactions;
      for (unsigned i = pick(4); i > 0; --i) {
        const std::string sender = pick(2) == 0 ? "alice" : "bob";
        std::vector<ledger::Operation> operations;
        for (unsigned op = 1 + pick(3); op > 0; --op) {
          const std::string& key = names[pick(6)];
          const std::string value = std::to_string(pick(5));
          switch (pick(5)) {
            case 0: operations.emplace_back(put(key, value)); break;
            case 1: operations.emplace_back(put(
                key, value, ledger::TimeMs{store_->time().value + 1000 * (1 + pick(4))})); break;
            case 2: operations.emplace_back(del(key)); break;
            case 3: operations.emplace_back(add(key, 1 + pick(3))); break;
            default:
              operations.emplace_back(ledger::Transfer{
                  public_key_of(pick(2) == 0 ? "alice" : "carol"), pick(300)});
          }
        }
        if (pick(6) == 0) {
          operations.emplace_back(compare_and_set("a", std::to_string(pick(5)), "x"));
        }
        transactions.push_back(of(sender, ++nonces[sender], std::move(operations)));
      }
      append(transactions);
    }
  }
};

TEST_F(FeedTest, EachTransactionWithAResultIsOneEventInOrder) {
  append({transaction(1, {put("colour", "red")}), transaction(1, {put("colour", "blue")})});
  append({});
  append({transaction(2, {compare_and_set("colour", "green", "x")})});
  const auto events = all({});
  ASSERT_EQ(events.size(), 2U) << "the second one's nonce was used: it was skipped";
  EXPECT_EQ(events[0].body.at("type"), "transaction");
  EXPECT_EQ(events[0].body.at("outcome"), "applied");
  EXPECT_EQ(events[0].body.at("height"), 1U);
  EXPECT_EQ(events[0].body.at("index"), 0U);
  EXPECT_EQ(events[0].body.at("agreed_time_ms"), kGenesisTime.value + 1000);
  EXPECT_EQ(events[1].body.at("outcome"), "tx-compare-failed");
  EXPECT_EQ(events[1].body.at("height"), 3U);
  EXPECT_EQ(events[1].next, (FeedCursor{Height{3}, 1}));
}

TEST_F(FeedTest, TheStateBuiltFromTheEventsIsTheNodes) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    fill(seed, 30);
    append({});
  }
  Rebuilt rebuilt;
  for (const auto& account : genesis_.accounts) {
    rebuilt.balances[account.key.hex()] = account.balance;
  }
  std::size_t applied = 0;
  for (const FeedEvent& event : all({})) {
    rebuilt.take(event.body);
    applied += event.body.at("outcome") == "applied" ? 1 : 0;
  }
  ASSERT_GT(applied, 20U) << "the seeds make a history";
  rebuilt.expire(store_->time().value);
  std::map<std::string, Rebuilt::Value> kept;
  for (const std::string name : {"a", "ab", "abc", "b", "count", "zoo"}) {
    const auto entry = ledger::read_entry(*store_, to_bytes(name)).value();
    if (!entry) continue;
    Rebuilt::Value value{std::string(as_text(entry->value)), {}};
    if (entry->until) value.until_ms = entry->until->value;
    kept[name] = value;
  }
  EXPECT_EQ(rebuilt.keys, kept);
  EXPECT_FALSE(kept.empty());
  for (const std::string_view name : {"alice", "bob", "carol"}) {
    const auto key = public_key_of(name);
    EXPECT_EQ(rebuilt.balances[key.hex()], ledger::read_account(*store_, key).value().balance)
        << name;
  }
}

TEST_F(FeedTest, FromEachCursorComesExactlyTheRest) {
  fill(7, 20);
  for (const FeedKind kind : {FeedKind::kTransactions, FeedKind::kChanges, FeedKind::kBlocks}) {
    const FeedFilter filter{.kind = kind};
    const auto whole = all(filter);
    ASSERT_GT(whole.size(), 15U);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const std::vector<FeedEvent> rest(whole.begin() + i + 1, whole.end());
      EXPECT_EQ(texts(all(filter, whole[i].next)), texts(rest)) << feed_kind_text(kind) << " " << i;
    }
  }
}

TEST_F(FeedTest, PartsOfAnySizeAreTheWhole) {
  fill(11, 20);
  FeedReader reader(*store_);
  for (const FeedKind kind : {FeedKind::kTransactions, FeedKind::kChanges, FeedKind::kBlocks}) {
    const auto whole = texts(all({.kind = kind}));
    for (const std::size_t bytes : {1, 1000, 3000}) {
      std::vector<std::string> parts;
      FeedCursor next;
      for (bool is_at_head = false; !is_at_head;) {
        auto part = reader.read({.kind = kind}, next, {bytes, 3}).value();
        EXPECT_LE(part.events.size(), bytes / 700 + 1) << "of 700 bytes or more each";
        for (const FeedEvent& event : part.events) parts.push_back(text(event));
        next = part.next;
        is_at_head = part.is_at_head;
      }
      EXPECT_EQ(parts, whole);
      EXPECT_EQ(next, (FeedCursor{quorate::next(store_->height()), 0}));
    }
  }
}

TEST_F(FeedTest, EachChangeOfAKeyIsOneEvent) {
  fill(13, 25);
  std::vector<std::string> expected;
  for (Height at{1}; at <= store_->height(); at = quorate::next(at)) {
    const ledger::WriteSet writes = store_->writes(at).value();
    for (const auto& [key, leaf] : writes) {
      if (key.front() != 0) expected.push_back(std::to_string(at.value) + to_hex(key));
    }
  }
  std::vector<std::string> found;
  for (const FeedEvent& event : all({.kind = FeedKind::kChanges})) {
    found.push_back(std::to_string(event.body.at("height").to_number<std::uint64_t>()) +
                    to_hex(to_bytes(std::string(event.body.at("key").as_string()))));
    const bool present = event.body.at("present").as_bool();
    EXPECT_EQ(present, event.body.contains("value"));
    EXPECT_FALSE(event.body.at("transactions").as_array().empty()) << "somebody changed it";
  }
  EXPECT_EQ(found, expected);
}

TEST_F(FeedTest, FiltersByKeyPrefixAndSender) {
  append({of("alice", 1, {put("orders/1", "x")}), of("bob", 1, {put("orders", "y")}),
          of("bob", 2, {add("orders/2", 1), put("z", "z")})});
  append({of("alice", 2, {ledger::Transfer{public_key_of("bob"), 1}})});
  const Bytes orders = to_bytes("orders");
  EXPECT_EQ(all({.key = orders}).size(), 1U);
  EXPECT_EQ(all({.key = orders, .is_prefix = true}).size(), 3U);
  EXPECT_EQ(all({.key = to_bytes("orders/"), .is_prefix = true}).size(), 2U);
  EXPECT_EQ(all({.sender = public_key_of("bob")}).size(), 2U);
  EXPECT_EQ(all({.sender = public_key_of("alice")}).size(), 2U);
  EXPECT_EQ(all({.sender = public_key_of("bob"), .key = orders}).size(), 1U);
  EXPECT_EQ(all({.kind = FeedKind::kChanges, .key = orders, .is_prefix = true}).size(), 3U);
  EXPECT_EQ(all({.kind = FeedKind::kChanges, .key = to_bytes("z")}).size(), 1U);
  EXPECT_EQ(check_filter({.kind = FeedKind::kChanges, .sender = public_key_of("bob")}).error().code,
            "filter-not-of-kind");
  EXPECT_EQ(check_filter({.kind = FeedKind::kBlocks, .key = orders}).error().code,
            "filter-not-of-kind");
}

TEST_F(FeedTest, BeginsAtATime) {
  append_empty(9);
  const FeedReader reader(*store_);
  const std::uint64_t genesis_ms = kGenesisTime.value;
  EXPECT_EQ(reader.first_since({1}).value().height, Height{1});
  EXPECT_EQ(reader.first_since({genesis_ms + 4000}).value().height, Height{4});
  EXPECT_EQ(reader.first_since({genesis_ms + 4001}).value().height, Height{5});
  EXPECT_EQ(reader.first_since({genesis_ms + 9000}).value().height, Height{9});
  EXPECT_EQ(reader.first_since({genesis_ms + 9001}).value().height, Height{10}) << "the next one";
  const FeedFilter later{.kind = FeedKind::kBlocks, .since = {genesis_ms + 8000}};
  EXPECT_EQ(all(later).size(), 2U) << "whatever is read, nothing earlier comes";
}

TEST_F(FeedTest, ACursorIsOfOneChainAndOneKind) {
  const ledger::Digest chain = ledger::chain_id_of(genesis_);
  const FeedCursor cursor{Height{15}, 4};
  const std::string text = cursor_text(FeedKind::kTransactions, chain, cursor);
  EXPECT_EQ(text, "tx:" + chain.hex().substr(0, 16) + ":15:4");
  EXPECT_EQ(parse_cursor(text, FeedKind::kTransactions, chain).value(), cursor);
  EXPECT_EQ(parse_cursor(text, FeedKind::kChanges, chain).error().code, "cursor-other-kind");
  EXPECT_EQ(parse_cursor(text, FeedKind::kTransactions, {}).error().code, "cursor-other-chain");
  const std::string half = chain.hex().substr(0, 16);
  for (const std::string& each :
       {std::string(), std::string("tx"), "tx:" + half, "tx:" + half + ":1", "tx:" + half + ":0:1",
        "tx:" + half + ":1:", "tx:" + half + ":01:1", "tx:" + half + ":1:1:1",
        "tx:" + half + ":1:4294967296", text + " ", "tx:" + half + ":-1:0"}) {
    EXPECT_EQ(parse_cursor(each, FeedKind::kTransactions, chain).error().code, "cursor-malformed")
        << each;
  }
}

}  // namespace
}  // namespace quorate::node
