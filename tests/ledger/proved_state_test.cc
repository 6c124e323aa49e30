// Statements about the state: reads and the fates of transactions, verified with genesis alone.

#include "ledger/proved_state.h"

#include <gtest/gtest.h>

#include <cctype>

#include "tests/ledger/signed_ledger.h"

namespace quorate::ledger {
namespace {

using namespace test;

class ProvedStateTest : public SignedLedger {
 protected:
  [[nodiscard]] StateStatement read(std::string_view key) const {
    return prove_read(store_->stable_view().value(), as_bytes(key)).value();
  }
  [[nodiscard]] StatementVerdict verified(const StateStatement& statement) const {
    const auto verdict = verify_statement(statement, genesis_);
    EXPECT_TRUE(verdict) << verdict.error().to_string();
    return verdict.value_or(StatementVerdict{});
  }
  [[nodiscard]] Result<StateStatement> fate(const SignedTransaction& transaction) const {
    return prove_fate(store_->stable_view().value(), transaction);
  }
};

TEST_F(ProvedStateTest, AReadSaysWhatTheKeyHeldAndWhen) {
  append({transaction(1, {put("colour", "blue")})});
  append_empty(1);
  EXPECT_FALSE(store_->stable_view());
  stabilise_newest();
  append({transaction(2, {put("colour", "red"), put("shape", "round")})});

  const StatementVerdict colour = verified(read("colour"));
  EXPECT_EQ(as_text(colour.entry.value().value), "blue");  // as of the checkpoint
  EXPECT_EQ(colour.height, Height{2});
  EXPECT_EQ(colour.time.value, kGenesisTime.value + 2000);
  EXPECT_EQ(colour.signers, 3U);
  EXPECT_EQ(colour.replicas, 4U);
  const StatementVerdict shape = verified(read("shape"));
  EXPECT_FALSE(shape.entry);
  EXPECT_FALSE(shape.has_expired);

  append_empty(1);
  stabilise_newest();
  EXPECT_EQ(as_text(verified(read("colour")).entry.value().value), "red");
  EXPECT_EQ(as_text(verified(read("shape")).entry.value().value), "round");
}

TEST_F(ProvedStateTest, AnExpiredKeyIsAbsentAndTheProofSaysWhy) {
  append({transaction(1, {put("a", "1", TimeMs{kGenesisTime.value + 4000}),
                          put("b", "2", TimeMs{kGenesisTime.value + 4001})})});
  append_empty(3);
  stabilise_newest();  // agreed time: 4 s after genesis
  EXPECT_FALSE(verified(read("a")).entry);
  EXPECT_TRUE(verified(read("a")).has_expired);
  EXPECT_EQ(as_text(verified(read("b")).entry.value().value), "2");
  EXPECT_FALSE(verified(read("b")).has_expired);
}

TEST_F(ProvedStateTest, WhatWasNotOrderedInTimeNeverHappens) {
  const SignedTransaction used = transaction(5, {add("n", 1)});
  append({used});
  append_empty(1);
  stabilise_newest();
  const SignedTransaction late = transaction(4, {add("n", 1)}, 4);
  const SignedTransaction ahead = transaction(5000, {add("n", 1)}, 4);
  EXPECT_EQ(refusal(fate(late)), "fate-open");
  EXPECT_EQ(refusal(fate(ahead)), "fate-open");
  EXPECT_EQ(verified(fate(used).value()).fate, Fate::kNotFromNowOn);
  EXPECT_EQ(verified(fate(used).value()).nonce, NonceVerdict::kUsed);

  append_empty(2);
  stabilise_newest();  // agreed time: 4 s after genesis
  const StatementVerdict verdict = verified(fate(late).value());
  EXPECT_EQ(verdict.id, id_of(late.body));
  EXPECT_EQ(verdict.fate, Fate::kNever);
  EXPECT_EQ(verdict.height, Height{4});
  EXPECT_EQ(verified(fate(ahead).value()).fate, Fate::kNever);

  append({transaction(1029, {add("n", 1)}), transaction(7, {add("n", 1)})});
  append_empty(1);
  stabilise_newest();
  EXPECT_EQ(verified(fate(late).value()).fate, Fate::kNotFromNowOn);  // behind the window
  EXPECT_EQ(verified(fate(late).value()).nonce, NonceVerdict::kTooOld);
  EXPECT_EQ(verified(fate(transaction(8, {del("k")}, 4)).value()).fate, Fate::kNever);
  EXPECT_EQ(verified(fate(transaction(7, {del("k")}, 4)).value()).fate, Fate::kNotFromNowOn);
}

TEST_F(ProvedStateTest, ASenderWithoutALeafHasUsedNoNonce) {
  append_empty(4);
  stabilise_newest();
  Transaction body = example_body(genesis_, 1, {put("k", "v")});
  body.sender = public_key_of("carol");
  body.valid_until = {kGenesisTime.value + 3000};
  const StateStatement statement = fate(sign(body, "carol")).value();
  EXPECT_FALSE(statement.leaf.leaf);
  EXPECT_EQ(verified(statement).fate, Fate::kNever);
}

TEST_F(ProvedStateTest, AStatementThatItsLeavesDoNotMakeIsRefused) {
  append({transaction(1, {put("colour", "blue")})});
  append_empty(3);
  stabilise_newest();
  const auto refused = [&](StateStatement statement, const char* code, auto change) {
    change(statement);
    EXPECT_EQ(refusal(verify_statement(statement, genesis_)), code);
  };
  using S = StateStatement;
  const S good = read("colour");
  refused(good, "statement-newer-format", [](S& s) { s.format = 2; });
  refused(good, "state-proof-other-root", [](S& s) { (*s.leaf.leaf)[1] ^= 1; });
  refused(good, "state-proof-other-root", [](S& s) { s.leaf.leaf.reset(); });
  refused(good, "state-proof-other-root", [](S& s) { (*s.time.leaf)[0] ^= 1; });
  refused(good, "state-proof-other-root", [](S& s) { s.time.leaf.reset(); });
  refused(good, "state-proof-other-root",
          [](S& s) { s.checkpoint.note.state_root.bytes[0] ^= 1; });
  refused(good, "checkpoint-bad-signature", [](S& s) { s.checkpoint.time_seconds += 1; });
  refused(good, "checkpoint-bad-signature", [](S& s) { s.checkpoint.note.head.root = {}; });
  refused(good, "checkpoint-too-few-votes", [](S& s) { s.checkpoint.cosignatures.pop_back(); });
  refused(read("colour"), "state-proof-other-root",
          [](S& s) { std::get<ReadSubject>(s.subject).key = to_bytes("shape"); });
  // A reserved leaf is no user's key, though it is proved as well as any.
  refused(prove_read(store_->stable_view().value(), epoch_key()).value(), "statement-reserved-key",
          [](S&) {});
  const S late = fate(transaction(9, {add("n", 1)}, 2)).value();
  refused(late, "statement-bad-transaction-signature",
          [](S& s) { std::get<FateSubject>(s.subject).transaction.body.nonce = 8; });
  refused(late, "statement-fate-open", [&](S& s) {
    std::get<FateSubject>(s.subject).transaction = transaction(9, {add("n", 1)}, 60);
  });
  refused(late, "statement-wrong-chain",
          [](S& s) { std::get<FateSubject>(s.subject).transaction.body.chain_id = {}; });
  Genesis other = genesis_;
  other.name = "another";
  EXPECT_EQ(refusal(verify_statement(good, other)), "checkpoint-wrong-chain");
}

// A changed proof is refused, or it is one about another key and says what is true of that one.
TEST_F(ProvedStateTest, NoChangedByteMakesAFalseStatement) {
  append({transaction(1, {put("colour", "blue"), put("shape", "round")})});
  append_empty(3);
  stabilise_newest();
  const auto view = store_->stable_view().value();
  std::size_t others = 0;
  for (const StateStatement& good :
       {read("colour"), read("size"), fate(transaction(9, {add("n", 1)}, 2)).value()}) {
    const Bytes bytes = crypto::encode(good);
    const Bytes subject = crypto::encode(good.subject);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      Bytes changed = bytes;
      changed[i] ^= 0x01;
      const auto statement = decode_statement(changed);
      if (!statement) continue;
      const auto verdict = verify_statement(*statement, genesis_);
      if (!verdict) continue;
      ASSERT_NE(crypto::encode(statement->subject), subject) << "byte " << i;
      const auto* about = std::get_if<ReadSubject>(&statement->subject);
      ASSERT_TRUE(about != nullptr) << "byte " << i;
      ASSERT_EQ(view.get(about->key).value(), statement->leaf.leaf) << "byte " << i;
      ++others;
    }
  }
  EXPECT_LT(others, 8U);
}

TEST_F(ProvedStateTest, TheFileSaysWhatIsProvedAndNothingInItCanChangeAlone) {
  append({transaction(1, {put("colour", "blue")})});
  append_empty(3);
  stabilise_newest();
  for (const StateStatement& good :
       {read("colour"), read("size"), fate(transaction(9, {add("n", 1)}, 2)).value()}) {
    const std::string file = statement_to_json(good);
    EXPECT_EQ(crypto::encode(parse_statement(file).value()), crypto::encode(good));
    // Each bit has its turn. White space alone may become other white space.
    for (std::size_t i = 0; i < file.size(); i += 3) {
      std::string changed = file;
      changed[i] = static_cast<char>(changed[i] ^ (1 << (i / 3) % 8));
      const auto read_again = parse_statement(changed);
      if (!read_again) continue;
      ASSERT_EQ(crypto::encode(*read_again), crypto::encode(good)) << i << ": " << file[i];
      ASSERT_TRUE(std::isspace(static_cast<unsigned char>(file[i]))) << i;
    }
  }
  const std::string file = statement_to_json(read("colour"));
  EXPECT_NE(file.find("\"key\": \"colour\""), std::string::npos) << file;
  EXPECT_NE(file.find("\"value\": \"blue\""), std::string::npos) << file;
  EXPECT_NE(statement_to_json(read("size")).find("\"present\": false"), std::string::npos);
  EXPECT_EQ(refusal(parse_statement("{}")), "statement-malformed");
  EXPECT_EQ(refusal(parse_statement("{\"format\": 3}")), "statement-newer-format");
}

}  // namespace
}  // namespace quorate::ledger
