#include "ledger/transaction.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

// A point of the curve outside the prime-order subgroup (case 3 of "Taming the many EdDSAs").
constexpr std::string_view kMixedOrderKey =
    "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d";

Bytes key_of_length(std::size_t length) { return Bytes(length, 'k'); }

class TransactionTest : public testing::Test {
 protected:
  [[nodiscard]] Transaction good() const {
    return example_body(genesis_, 1, {put("colour", "blue")});
  }
  [[nodiscard]] std::string_view form_of(const Transaction& body) const {
    const SignedTransaction transaction{body, {}};
    return refusal(check_form(transaction, crypto::encode(transaction).size(), genesis_));
  }

  Genesis genesis_ = example_genesis();
};

struct FormCase {
  const char* name;
  std::string_view code;
  std::function<void(Transaction&)> apply;
};

TEST_F(TransactionTest, EveryFaultOfFormIsRefusedByItsName) {
  const auto one = [](Operation operation) {
    return [operation](Transaction& t) { t.operations = {operation}; };
  };
  const std::vector<FormCase> cases = {
      {"another chain", "tx-wrong-chain", [](auto& t) { t.chain_id.bytes[5] ^= 1; }},
      {"a value too large", "tx-too-large",
       one(Put{to_bytes("k"), Bytes(128 << 10), std::nullopt})},
      {"no operations", "tx-no-operations", [](auto& t) { t.operations.clear(); }},
      {"257 operations", "tx-too-many-operations",
       [](auto& t) { t.operations.assign(257, del("k")); }},
      {"nonce 0", "tx-nonce-zero", [](auto& t) { t.nonce = 0; }},
      {"valid-until 0", "tx-valid-until-zero", [](auto& t) { t.valid_until = {0}; }},
      {"transfer of nothing", "tx-transfer-zero", one(Transfer{public_key_of("bob"), 0})},
      {"sender outside the subgroup", "tx-sender-invalid-key",
       [](auto& t) { t.sender = crypto::parse_public_key(kMixedOrderKey).value(); }},
      {"sender of zeros", "tx-sender-invalid-key", [](auto& t) { t.sender = {}; }},
  };
  ASSERT_EQ(form_of(good()), "none");
  for (const FormCase& each : cases) {
    Transaction body = good();
    each.apply(body);
    EXPECT_EQ(form_of(body), each.code) << each.name;
  }
}

TEST_F(TransactionTest, EveryOperationWithAKeyIsHeldToTheKeyRules) {
  const std::vector<std::function<Operation(Bytes)>> makers = {
      [](Bytes key) {
        return Put{std::move(key), {}, std::nullopt};
      },
      [](Bytes key) { return Delete{std::move(key)}; },
      [](Bytes key) {
        return CompareAndSet{std::move(key), std::nullopt, {}};
      },
      [](Bytes key) {
        return Add{std::move(key), 1};
      },
  };
  for (const auto& make : makers) {
    const auto with_key = [&](Bytes key) {
      Transaction body = good();
      body.operations.push_back(make(std::move(key)));  // behind a good one
      return form_of(body);
    };
    EXPECT_EQ(with_key({}), "tx-key-empty");
    EXPECT_EQ(with_key({0}), "tx-key-reserved");
    EXPECT_EQ(with_key(time_key()), "tx-key-reserved");
    EXPECT_EQ(with_key({1}), "none");
    EXPECT_EQ(with_key(key_of_length(256)), "none");
    EXPECT_EQ(with_key(key_of_length(257)), "tx-key-too-long");
  }
}

TEST_F(TransactionTest, LimitsAreInclusive) {
  Transaction body = good();
  body.operations.assign(256, del("k"));
  EXPECT_EQ(form_of(body), "none");
  body = good();
  body.nonce = UINT64_MAX;
  body.valid_until = {UINT64_MAX};
  EXPECT_EQ(form_of(body), "none");
  const SignedTransaction transaction{good(), {}};
  const std::size_t most = genesis_.parameters.transaction_bytes_max;
  EXPECT_EQ(refusal(check_form(transaction, most, genesis_)), "none");
  EXPECT_EQ(refusal(check_form(transaction, most + 1, genesis_)), "tx-too-large");
}

TEST_F(TransactionTest, AListAdmitsItsSendersOnly) {
  genesis_.senders = {{public_key_of("carol"), public_key_of("alice")}};
  EXPECT_EQ(form_of(good()), "none");
  genesis_.senders = {{public_key_of("carol"), public_key_of("bob")}};
  EXPECT_EQ(form_of(good()), "tx-sender-not-allowed");
}

TEST_F(TransactionTest, IdIsThatOfTheBodyAlone) {
  const SignedTransaction by_alice = sign(good());
  const SignedTransaction by_bob = sign(good(), "bob");
  EXPECT_NE(by_alice.signature, by_bob.signature);
  EXPECT_EQ(id_of(by_alice.body), id_of(by_bob.body));
  std::vector<Transaction> others(5, good());
  others[0].chain_id.bytes[0] ^= 1;
  others[1].sender = public_key_of("bob");
  others[2].nonce = 2;
  others[3].valid_until.value += 1;
  others[4].operations = {put("colour", "green")};
  for (const Transaction& other : others) EXPECT_NE(id_of(other), id_of(good()));
}

class TransactionVerifierTest : public TransactionTest {
 protected:
  [[nodiscard]] std::string_view verdict(const SignedTransaction& transaction) const {
    const auto as_struct = refusal(verifier_.check(transaction));
    const auto as_bytes = refusal(verifier_.check(crypto::encode(transaction)));
    EXPECT_EQ(as_struct, as_bytes);
    return as_struct;
  }

  crypto::SignatureCache cache_{64};
  TransactionVerifier verifier_{genesis_, chain_id_of(genesis_), &cache_};
};

TEST_F(TransactionVerifierTest, HandsOutWhatWasCheckedWithIdAndSize) {
  const SignedTransaction transaction = sign(good());
  const Bytes encoded = crypto::encode(transaction);
  const TransactionPtr checked = verifier_.check(encoded).value();
  EXPECT_EQ(checked->id, id_of(good()));
  EXPECT_EQ(checked->encoded_bytes, encoded.size());
  EXPECT_EQ(crypto::encode(*checked->signed_transaction), encoded);
}

TEST_F(TransactionVerifierTest, RefusesSignaturesThatAreNotTheSendersOverTheBody) {
  EXPECT_EQ(verdict(sign(good())), "none");
  EXPECT_EQ(verdict(sign(good(), "bob")), "tx-bad-signature");
  EXPECT_EQ(verdict({good(), {}}), "tx-bad-signature");
  SignedTransaction changed = sign(good());
  changed.body.nonce = 2;
  EXPECT_EQ(verdict(changed), "tx-bad-signature");
  changed = sign(good());
  changed.signature.bytes[63] ^= 0x20;
  EXPECT_EQ(verdict(changed), "tx-bad-signature");
  // Signed as a vote, not as a transaction.
  const auto as_commit =
      crypto::sign_body(key_of("alice"), crypto::Purpose::kCommit, chain_id_of(genesis_), good());
  EXPECT_EQ(verdict({good(), as_commit}), "tx-bad-signature");
}

TEST_F(TransactionVerifierTest, RefusesWhatTheFormRefuses) {
  Transaction body = good();
  body.nonce = 0;
  EXPECT_EQ(verdict(sign(body)), "tx-nonce-zero");
  Genesis other = genesis_;
  other.name = "other";
  EXPECT_EQ(verdict(sign(example_body(other, 1, {del("k")}))), "tx-wrong-chain");
}

TEST_F(TransactionVerifierTest, JudgesASenderTheSameTheSecondTime) {
  Transaction body = good();
  for (int i = 0; i < 2; ++i) {
    body.sender = crypto::parse_public_key(kMixedOrderKey).value();
    EXPECT_EQ(verdict({body, {}}), "tx-sender-invalid-key");
    body.sender = {};
    EXPECT_EQ(verdict({body, {}}), "tx-sender-invalid-key");
    EXPECT_EQ(verdict(sign(good())), "none");
  }
}

TEST_F(TransactionVerifierTest, KnowsTheSendersList) {
  genesis_.senders = {{public_key_of("carol"), public_key_of("alice"), public_key_of("dave")}};
  const Digest chain_id = chain_id_of(genesis_);
  const TransactionVerifier verifier(genesis_, chain_id, &cache_);
  for (const auto& [name, code] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"alice", "none"},
           {"carol", "none"},
           {"dave", "none"},
           {"bob", "tx-sender-not-allowed"}}) {
    Transaction body = good();
    body.sender = public_key_of(name);
    EXPECT_EQ(refusal(verifier.check(sign(body, name))), code) << name;
  }
}

TEST_F(TransactionVerifierTest, RefusesBytesThatAreNoTransaction) {
  const Bytes good_bytes = crypto::encode(sign(good()));
  Bytes longer = good_bytes;
  longer.push_back(0);
  const Bytes shorter(good_bytes.begin(), good_bytes.end() - 1);
  for (const Bytes& bytes : {Bytes{}, longer, shorter, Bytes(1000, 0xff)}) {
    const auto result = verifier_.check(bytes);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, "tx-malformed");
    EXPECT_NE(result.error().message.find("bcs-"), std::string::npos) << result.error().message;
  }
  const Bytes huge(genesis_.parameters.transaction_bytes_max + 1);
  EXPECT_EQ(refusal(verifier_.check(huge)), "tx-too-large");
}

TEST_F(TransactionVerifierTest, EveryFlippedBitIsRefused) {
  const Bytes good_bytes = crypto::encode(sign(good()));
  for (std::size_t i = 0; i < good_bytes.size(); ++i) {
    Bytes changed = good_bytes;
    changed[i] ^= static_cast<std::uint8_t>(1U << (i % 8));
    EXPECT_FALSE(verifier_.check(changed)) << "byte " << i;
  }
}

TEST_F(TransactionVerifierTest, ServesManyThreadsAtOnce) {
  std::vector<SignedTransaction> transactions;
  for (std::uint64_t nonce = 1; nonce <= 20; ++nonce) {
    transactions.push_back(sign(example_body(genesis_, nonce, {add("n", 1)})));
  }
  std::vector<std::thread> threads;
  std::array<int, 4> good_ones{};
  for (int& count : good_ones) {
    threads.emplace_back([&] {
      for (const auto& transaction : transactions) {
        count += verifier_.check(transaction).has_value() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : good_ones) EXPECT_EQ(count, 20);
}

}  // namespace
}  // namespace quorate::ledger
