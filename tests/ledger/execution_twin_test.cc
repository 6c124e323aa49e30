// The state machine beside a dumb twin: the same rules written again over plain maps that are
// copied whole before each transaction, driven by random batches.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

__extension__ typedef __int128 Wide;

struct TwinEntry {
  std::string value;
  std::optional<std::uint64_t> until;
  friend bool operator==(const TwinEntry&, const TwinEntry&) = default;
};

struct TwinState {
  std::uint64_t time = 0;
  std::map<std::string, TwinEntry> entries;
  std::map<PublicKey, Wide> balances;
  std::map<PublicKey, std::set<std::uint64_t>> nonces;
};

bool is_integer(const std::string& text) {
  const bool negative = text.starts_with('-');
  const std::string digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 19) return false;
  if (digits.find_first_not_of("0123456789") != std::string::npos) return false;
  if (digits.front() == '0') return digits.size() == 1 && !negative;
  const Wide most = (Wide{1} << 63) - (negative ? 0 : 1);
  Wide number = 0;
  for (const char c : digits) number = number * 10 + (c - '0');
  return number <= most;
}

class Twin {
 public:
  explicit Twin(std::uint64_t horizon) : horizon_(horizon) {}

  TwinState state;

  void begin_batch(std::uint64_t proposed) { state.time = std::max(state.time, proposed); }

  TxResult run(const TxId& id, const Transaction& body) {
    auto& used = state.nonces[body.sender];
    const Wide highest = used.empty() ? 0 : *used.rbegin();
    if (body.nonce <= highest - 1024) return {id, Outcome::kSkippedNonceTooOld, {}};
    if (body.nonce > highest + 1024) return {id, Outcome::kSkippedNonceTooFar, {}};
    if (used.contains(body.nonce)) return {id, Outcome::kSkippedNonceUsed, {}};
    if (state.time >= body.valid_until.value) return {id, Outcome::kRejectedExpired, {}};
    used.insert(body.nonce);
    if (Wide{body.valid_until.value} > Wide{state.time} + horizon_) {
      return {id, Outcome::kRejectedValidUntilTooFar, {}};
    }
    const TwinState before = state;
    for (std::uint32_t i = 0; i < body.operations.size(); ++i) {
      const Outcome outcome = apply(body.sender, body.operations[i]);
      if (outcome == Outcome::kApplied) continue;
      state = before;
      return {id, outcome, i};
    }
    return {id, Outcome::kApplied, {}};
  }

 private:
  static std::string text(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

  const TwinEntry* live(const std::string& key) {
    const auto it = state.entries.find(key);
    if (it == state.entries.end()) return nullptr;
    if (it->second.until && state.time >= *it->second.until) return nullptr;
    return &it->second;
  }

  Outcome apply(const PublicKey& sender, const Operation& operation) {
    if (const auto* op = std::get_if<Put>(&operation)) {
      if (op->until && op->until->value <= state.time) return Outcome::kRejectedUntilInThePast;
      TwinEntry& entry = state.entries[text(op->key)];
      entry.value = text(op->value);
      entry.until.reset();
      if (op->until) entry.until = op->until->value;
    } else if (const auto* op2 = std::get_if<Delete>(&operation)) {
      state.entries.erase(text(op2->key));
    } else if (const auto* op3 = std::get_if<CompareAndSet>(&operation)) {
      const TwinEntry* entry = live(text(op3->key));
      if ((entry != nullptr) != op3->expected.has_value()) return Outcome::kRejectedCompareFailed;
      if (entry && entry->value != text(*op3->expected)) return Outcome::kRejectedCompareFailed;
      state.entries[text(op3->key)] = {text(op3->value), {}};
    } else if (const auto* op4 = std::get_if<Add>(&operation)) {
      const TwinEntry* entry = live(text(op4->key));
      const TwinEntry old = entry ? *entry : TwinEntry{"0", {}};
      if (!is_integer(old.value)) return Outcome::kRejectedNotANumber;
      const Wide sum = Wide{std::stoll(old.value)} + op4->delta;
      if (sum > INT64_MAX || sum < INT64_MIN) return Outcome::kRejectedNumberOverflow;
      state.entries[text(op4->key)] = {std::to_string(static_cast<std::int64_t>(sum)), old.until};
    } else {
      const auto& transfer = std::get<Transfer>(operation);
      if (state.balances[sender] < transfer.amount) return Outcome::kRejectedInsufficientFunds;
      state.balances[sender] -= transfer.amount;
      state.balances[transfer.to] += transfer.amount;
      if (state.balances[transfer.to] > UINT64_MAX) return Outcome::kRejectedBalanceOverflow;
    }
    return Outcome::kApplied;
  }

  std::uint64_t horizon_;
};

// Random transactions over few names, so that they meet.
class Generator {
 public:
  Generator(std::uint64_t seed, const Genesis& genesis)
      : random_(seed), chain_id_(chain_id_of(genesis)) {
    for (const auto* name : {"alice", "bob", "carol"}) people_.push_back(public_key_of(name));
  }

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[below(values.size())];
  }

  Transaction transaction(const TwinState& state) {
    Transaction body;
    body.chain_id = chain_id_;
    body.sender = one_of(people_);
    const auto it = state.nonces.find(body.sender);
    const std::uint64_t highest =
        it == state.nonces.end() || it->second.empty() ? 0 : *it->second.rbegin();
    const std::uint64_t reach = below(20) == 0 ? 1100 : 5;
    body.nonce = highest + below(2 * reach);
    body.nonce = body.nonce > reach ? body.nonce - reach + 1 : 1;
    body.valid_until = {state.time + below(40) * below(200)};
    if (below(10) == 0) body.valid_until.value += 5000;
    for (std::uint64_t i = below(4) + 1; i > 0; --i) body.operations.push_back(operation(state));
    return body;
  }

 private:
  Bytes key() { return to_bytes(one_of(std::vector<std::string>{"a", "b", "c", "d", "e"})); }
  Bytes value() {
    return to_bytes(one_of(std::vector<std::string>{
        "0", "5", "-3", "x", "", "007", "-0", "9223372036854775807", "-9223372036854775808"}));
  }

  Operation operation(const TwinState& state) {
    switch (below(6)) {
      case 0:
        return Put{key(), value(), std::nullopt};
      case 1:
        return Put{key(), value(), TimeMs{state.time + below(300)}};
      case 2:
        return Delete{key()};
      case 3: {
        const Bytes at = key();
        std::optional<Bytes> expected;
        const auto held = state.entries.find(std::string(at.begin(), at.end()));
        if (held != state.entries.end() && below(4) != 0) expected = to_bytes(held->second.value);
        return CompareAndSet{at, expected, value()};
      }
      case 4:
        return Add{key(), one_of(std::vector<std::int64_t>{1, -1, 1000, INT64_MAX, INT64_MIN})};
      default: {
        const std::uint64_t amount =
            one_of(std::vector<std::uint64_t>{1, 10, 400, 5000, UINT64_MAX - 2000, UINT64_MAX});
        return Transfer{one_of(people_), amount};
      }
    }
  }

  std::mt19937_64 random_;
  Digest chain_id_;
  std::vector<PublicKey> people_;
};

// Every leaf of the real state, read back into the twin's form.
TwinState decoded(const MapState& state) {
  TwinState out;
  for (const auto& [key, leaf] : state.leaves) {
    if (key.front() != kReservedPrefix) {
      const Entry entry = crypto::decode<Entry>(leaf).value();
      TwinEntry& twin = out.entries[{key.begin(), key.end()}];
      twin.value = {entry.value.begin(), entry.value.end()};
      if (entry.until) twin.until = entry.until->value;
    } else if (key == time_key()) {
      out.time = crypto::decode<TimeMs>(leaf).value().value;
    } else if (key.at(1) == 'a') {
      PublicKey owner;
      std::copy(key.begin() + 2, key.end(), owner.bytes.begin());
      out.balances[owner] = crypto::decode<Account>(leaf).value().balance;
    }
  }
  return out;
}

Wide total(const TwinState& state) {
  Wide sum = 0;
  for (const auto& [key, balance] : state.balances) sum += balance;
  return sum;
}

class ExecutionTwinTest : public testing::Test {
 protected:
  // The sum of both is past 64 bits, which no genesis allows: so that an account can overflow.
  void give_balances(std::uint64_t alice, std::uint64_t bob) {
    for (const auto& [name, units] : {std::pair{"alice", alice}, std::pair{"bob", bob}}) {
      twin_.state.balances[public_key_of(name)] = units;
      state_.leaves[account_key(public_key_of(name))] = crypto::encode(Account{units});
    }
  }

  void run_batches(int batches, Generator& generator) {
    const Wide money = total(twin_.state);
    for (int i = 0; i < batches; ++i) {
      const std::uint64_t time = twin_.state.time + generator.below(60) - 10;
      std::vector<Transaction> bodies;
      for (std::uint64_t n = generator.below(8); n > 0; --n) {
        bodies.push_back(generator.transaction(twin_.state));
      }
      ASSERT_NO_FATAL_FAILURE(run_batch_on_both(time, bodies));
      ASSERT_TRUE(total(decoded(state_)) == money) << "money was made or lost";
    }
  }

  void run_batch_on_both(std::uint64_t time, const std::vector<Transaction>& bodies) {
    std::vector<TransactionPtr> transactions;
    for (const Transaction& body : bodies) transactions.push_back(Trusting::trust(body));
    const MapState before = state_;
    const Execution execution = run_batch(state_, genesis_, {time}, transactions);
    twin_.begin_batch(time);
    std::vector<TxResult> expected;
    for (const TransactionPtr& transaction : transactions) {
      expected.push_back(twin_.run(transaction->id, transaction->signed_transaction->body));
      outcomes_.insert(expected.back().outcome);
    }
    ASSERT_EQ(execution.results, expected);
    ASSERT_EQ(execution.effective_time.value, twin_.state.time);
    expect_equal_states();
    for (const auto& [key, value] : execution.writes) {
      ASSERT_NE(before.get(key).value(), value) << "a write that changes nothing: " << to_hex(key);
    }
  }

  void expect_equal_states() {
    const TwinState real = decoded(state_);
    ASSERT_EQ(real.time, twin_.state.time);
    ASSERT_EQ(real.entries, twin_.state.entries);
    for (const auto& [key, balance] : twin_.state.balances) {
      const auto it = real.balances.find(key);
      ASSERT_TRUE((it == real.balances.end() ? Wide{0} : it->second) == balance);
      ASSERT_EQ(it == real.balances.end(), balance == 0) << "an account without units has no leaf";
    }
    for (const auto& [key, used] : twin_.state.nonces) {
      const NonceWindow window = read_nonces(state_, key).value();
      ASSERT_EQ(window.highest, used.empty() ? 0 : *used.rbegin());
    }
  }

  Genesis genesis_ = [] {
    Genesis genesis = example_genesis();
    genesis.parameters.valid_until_horizon_ms = 4000;
    genesis.accounts.clear();
    return genesis;
  }();
  MapState state_{genesis_state(genesis_)};
  Twin twin_{genesis_.parameters.valid_until_horizon_ms};
  std::set<Outcome> outcomes_;
};

TEST_F(ExecutionTwinTest, AgreesWithItsTwinOnRandomBatches) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    state_ = MapState(genesis_state(genesis_));
    twin_.state = {};
    twin_.state.time = kGenesisTime.value;
    give_balances(UINT64_MAX - 1500, 4000);
    Generator generator(seed, genesis_);
    ASSERT_NO_FATAL_FAILURE(run_batches(150, generator));
  }
  // A generator that never reaches an outcome tests nothing about it.
  EXPECT_EQ(outcomes_.size(), 12U);
}

TEST_F(ExecutionTwinTest, SameStateAndBatchGiveTheSameBytes) {
  Generator generator(7, genesis_);
  give_balances(1000, 1000);
  twin_.state.time = kGenesisTime.value;
  for (int i = 0; i < 50; ++i) {
    std::vector<TransactionPtr> transactions;
    for (int n = 0; n < 5; ++n) {
      transactions.push_back(Trusting::trust(generator.transaction(twin_.state)));
    }
    const BatchHeader header = make_batch({1}, kGenesisTime, 0, ids_of(transactions)).header;
    const Execution a = execute(header, transactions, genesis_, state_).value();
    const MapState copy = state_;
    const Execution b = execute(header, transactions, genesis_, copy).value();
    ASSERT_EQ(a.results_root, b.results_root);
    ASSERT_EQ(a.writes, b.writes);
    state_.apply(a.writes);
  }
}

}  // namespace
}  // namespace quorate::ledger
