#pragma once

// A ledger with everything in it that an audit judges, and ways to forge each part of it with good
// checksums, as somebody with a hand in the files would.

#include <leveldb/write_batch.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ledger/auditor.h"
#include "ledger/stopped_ledger.h"
#include "ledger/store_impl.h"
#include "tests/ledger/signed_ledger.h"

namespace quorate::ledger::test {

class AuditTest : public SignedLedger {
 protected:
  AuditTest() = default;
  using SignedLedger::SignedLedger;

  // Transactions that apply, are rejected, skipped, and expire twice; a checkpoint every second
  // block, those up to `stable` cosigned.
  void fill(int blocks, int stable) {
    for (int i = 1; i <= blocks; ++i) {
      const auto number = static_cast<std::uint64_t>(i);
      std::vector<SignedTransaction> transactions = {
          transaction(2 * number, {put("key " + std::to_string(i % 5), std::to_string(i))}),
          transaction(2 * number + 1, {add("counter", i), put("value", std::string(40, 'x'))})};
      if (i % 3 == 0) transactions.push_back(transaction(2 * number, {del("value")}));
      if (i == 4 || i == 6) transactions.push_back(transaction(900, {put("late", "1")}, 2));
      if (i == 5) transactions.push_back(transaction(901, {compare_and_set("counter", "no", "1")}));
      if (i % 4 == 3) transactions.push_back(transaction(100 + number, {del("key 1")}));
      append(transactions);
      if (i <= stable && i % 2 == 0) stabilise_newest();
    }
  }
  void close() { store_.reset(); }

  std::map<Bytes, Bytes> content() {
    std::map<Bytes, Bytes> all;
    const auto database = LevelDb::open("/ledger", kLedgerWords, {&env_}).value();
    EXPECT_TRUE(database->for_each_from({}, 0, [&](ByteView key, ByteView value) -> Status {
      all[Bytes(key.begin(), key.end())] = Bytes(value.begin(), value.end());
      return {};
    }));
    return all;
  }
  // nullopt: removed.
  void forge(const Bytes& key, const std::optional<Bytes>& value) {
    const auto database = LevelDb::open("/ledger", kLedgerWords, {&env_}).value();
    leveldb::WriteBatch batch;
    if (value) {
      batch.Put(as_slice(key), as_slice(*value));
    } else {
      batch.Delete(as_slice(key));
    }
    ASSERT_TRUE(database->write(batch, true));
  }
  template <class T>
  void change(const Bytes& key, const std::function<void(T&)>& how) {
    auto value = crypto::decode<T>(content().at(key)).value();
    how(value);
    forge(key, crypto::encode(value));
  }

  Result<AuditReport> audit(AuditOptions options = {}) {
    const auto opened = open_stopped_database("/ledger", std::nullopt, {&env_});
    if (!opened) return tl::unexpected(opened.error());
    if (options.work_folder.empty()) {
      env_.remove_folder("/work");
      options.work_folder = "/work";
    }
    options.work_options = {&env_};
    options.threads = 1;
    return audit_ledger(*opened->database, genesis_, options);
  }
  Result<AuditReport> audit_structure() {
    AuditOptions options;
    options.is_structural = true;
    return audit(options);
  }
  // "height 7, transaction 3, signature"; "none", or the code of a refusal.
  static std::string place(const Result<AuditReport>& report) {
    if (!report) return std::string(report.error().code);
    if (!report->finding) return "none";
    AuditFinding finding = *report->finding;
    EXPECT_NE(finding.expected, finding.found);
    const std::string sentence = finding_sentence(finding);
    return sentence.substr(0, sentence.find(": expected "));
  }
};

}  // namespace quorate::ledger::test
