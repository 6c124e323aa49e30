// Every kind of proof, byte by byte: a changed one is refused, or says exactly what it said before.
// A read may come to be about another key; then it says what is true of that one.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "ledger/proved_state.h"
#include "ledger/published_checkpoint.h"
#include "ledger/receipt.h"
#include "ledger/tlog_proof.h"
#include "tests/ledger/epoch_ledger.h"
#include "tests/support/thinning.h"

namespace quorate::ledger {
namespace {

using namespace test;

// What a proof says, all of it; nullopt: it is refused, or true of something else.
using Says = std::function<std::optional<std::string>(ByteView)>;

struct Kind {
  std::string name;
  Bytes proof;
  Says says;
};

class ChangedBytesTest : public EpochLedger {
 protected:
  // Epoch 0, or 1 if a replica was added before. Ends with a stable checkpoint at the head.
  void fill(bool in_later_epoch) {
    add();
    if (in_later_epoch) change(AddReplica{example_replica(4)});
    const TimeMs until{kGenesisTime.value + 1000 * (store_->height().value + 2)};
    happened_ = transaction(++nonce_, {put("colour", "blue"), put("old", "x", until)});
    add({happened_});
    add();
    add();
    if (store_->height().value % 2 != 0) add();
  }
  [[nodiscard]] SignedTransaction late(std::uint64_t nonce) const {
    return transaction(nonce, {del("colour")}, 2);
  }

  [[nodiscard]] std::optional<std::string> says_statement(const StateStatement& about,
                                                          ByteView bytes) const {
    const auto read = decode_statement(bytes);
    if (!read) return std::nullopt;
    const auto verdict = verify_statement(*read, genesis_);
    if (!verdict) return std::nullopt;
    if (crypto::encode(read->subject) != crypto::encode(about.subject)) {
      const auto* key = std::get_if<ReadSubject>(&read->subject);
      const bool is_true =
          key != nullptr && store_->stable_view()->get(key->key).value() == read->leaf.leaf;
      return is_true ? std::nullopt : std::optional<std::string>("false of something else");
    }
    return fmt::format("{} {} {} {} {} {} {} {} {}", verdict->height.value, verdict->time.value,
                       verdict->signers, verdict->replicas,
                       verdict->entry ? to_hex(crypto::encode(*verdict->entry)) : "absent",
                       verdict->has_expired, verdict->id ? verdict->id->hex() : "-",
                       fate_text(verdict->fate), static_cast<int>(verdict->nonce));
  }
  [[nodiscard]] std::optional<std::string> says_receipt(ByteView bytes) const {
    const auto read = decode_receipt(bytes);
    if (!read) return std::nullopt;
    const auto verdict = verify_receipt(*read, genesis_);
    if (!verdict) return std::nullopt;
    return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}", verdict->id.hex(),
                       verdict->height.value, verdict->index, verdict->agreed_time.value,
                       verdict->signers, verdict->replicas, verdict->order_proved,
                       verdict->result_proved, to_hex(crypto::encode(verdict->result)),
                       verdict->checkpoint.value, verdict->cosigners, verdict->epoch.value);
  }
  static std::string text_of(const Record& record, const StableCheckpoint& checkpoint) {
    return to_hex(crypto::encode(record)) + to_hex(crypto::encode(checkpoint));
  }

  [[nodiscard]] Kind statement(std::string name, StateStatement good) const {
    Bytes proof = encode_statement(good);
    return {std::move(name), std::move(proof),
            [this, good = std::move(good)](ByteView bytes) { return says_statement(good, bytes); }};
  }
  [[nodiscard]] Kind receipt(std::string name, const Receipt& good) const {
    return {std::move(name), encode_receipt(good),
            [this](ByteView bytes) { return says_receipt(bytes); }};
  }

  [[nodiscard]] std::vector<Kind> kinds() const {
    const StableView view = store_->stable_view().value();
    const Epoch epoch = membership().current().epoch;
    const ReplicaSet genesis = genesis_replicas(genesis_);
    const TxId id = id_of(happened_.body);
    const auto read = [&](std::string_view key) { return prove_read(view, as_bytes(key)).value(); };
    Receipt order = make_receipt(*store_, id).value();
    Receipt stable = order;
    order.checkpoint.reset();
    order.format = format_of(order);
    Transaction unknown = late(1).body;
    unknown.sender = public_key_of("carol");
    return {
        statement("a key that is there", read("colour")),
        statement("a key that is absent", read("no such key")),
        statement("a key that has expired", read("old")),
        statement("a transaction that never can be", prove_fate(view, late(900)).value()),
        statement("one that cannot be from now on", prove_fate(view, happened_).value()),
        statement("one of a sender without a leaf",
                  prove_fate(view, sign(unknown, "carol")).value()),
        receipt("a receipt of the order", order),
        receipt("a receipt of the result", stable),
        {"how epochs began", crypto::encode(proofs(epoch.value)),
         [this, epoch](ByteView bytes) -> std::optional<std::string> {
           const auto read_back = crypto::decode<std::vector<EpochProof>>(bytes);
           crypto::SignatureCache cache;
           if (!read_back || !verify_epochs(*read_back, epoch, genesis_, cache)) {
             return std::nullopt;
           }
           return to_hex(bytes);
         }},
        {"a record in the log",
         to_bytes(tlog_proof_text(prove_record(*store_, store_->height(), genesis).value())),
         [this](ByteView bytes) -> std::optional<std::string> {
           const auto verdict = verify_tlog_proof(as_text(bytes), genesis_);
           if (!verdict) return std::nullopt;
           return text_of(verdict->record, verdict->checkpoint);
         }},
        {"the growth of the log", to_bytes(growth()),
         [this](ByteView bytes) -> std::optional<std::string> {
           const auto verdict = verify_growth(as_text(bytes), first_note(), genesis_);
           if (!verdict) return std::nullopt;
           return to_hex(crypto::encode(verdict->before)) + to_hex(crypto::encode(verdict->after));
         }},
        {"where growth begins", to_bytes(first_note()),
         [this](ByteView bytes) -> std::optional<std::string> {
           const auto verdict = verify_growth(growth(), as_text(bytes), genesis_);
           if (!verdict) return std::nullopt;
           return to_hex(crypto::encode(verdict->before)) + to_hex(crypto::encode(verdict->after));
         }},
    };
  }

  void change_each_byte(const Kind& kind, std::initializer_list<int> masks) const {
    SCOPED_TRACE(kind.name);
    const auto expected = kind.says(kind.proof);
    ASSERT_TRUE(expected);
    for (std::size_t i = 0; i < kind.proof.size(); i += quorate::test::kStride) {
      for (const int mask : masks) {
        Bytes changed = kind.proof;
        changed[i] = static_cast<std::uint8_t>(changed[i] ^ mask);
        const auto said = kind.says(changed);
        if (said) {
          ASSERT_EQ(*said, *expected) << "byte " << i << " ^ " << mask;
        }
      }
    }
  }

  SignedTransaction happened_;

 private:
  [[nodiscard]] std::string first_note() const {
    const auto first = store_->stable_at_or_above(Height{1}).value().value();
    return publish(first, genesis_replicas(genesis_)).to_text();
  }
  [[nodiscard]] std::string growth() const {
    const std::uint64_t from = store_->stable_at_or_above(Height{1}).value()->note.head.size;
    const ReplicaSet genesis = genesis_replicas(genesis_);
    return consistency_proof_text(prove_growth(*store_, from, std::nullopt, genesis).value());
  }
};

TEST_F(ChangedBytesTest, NoneIsAnotherStatementInTheFirstEpoch) {
  fill(false);
  for (const Kind& kind : kinds()) change_each_byte(kind, {0x01, 0x20, 0xff});
}

TEST_F(ChangedBytesTest, NoneIsAnotherStatementInALaterEpoch) {
  fill(true);
  for (const Kind& kind : kinds()) change_each_byte(kind, {0x01, 0xff});
}

}  // namespace
}  // namespace quorate::ledger
