// `quorate ledger ...` on the folder of a stopped node.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <sstream>

#include "ledger/genesis.h"
#include "ledger/proved_state.h"
#include "ledger/receipt.h"
#include "node/commands/command_line.h"
#include "node/commands/registry.h"
#include "node/files.h"
#include "tests/ledger/signed_ledger.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

using namespace ledger::test;  // NOLINT: the example network's people and what they make
using ledger::SignedTransaction;
using testing::HasSubstr;
namespace json = boost::json;

class LedgerCommands : public testing::Test {
 protected:
  LedgerCommands() {
    genesis_.parameters.checkpoint_interval = 2;
    EXPECT_TRUE(create_file(genesis_file_, ledger::genesis_to_json(genesis_)));
    fill(home_, "blue");
  }

  // Three blocks; the second one's value may differ.
  void fill(const std::filesystem::path& home, std::string_view second) const {
    std::filesystem::create_directories(home);
    auto store = ledger::Store::create(home / "ledger", genesis_).value();
    append_block(*store, genesis_, {sign(body(1, {put("colour", "red"), add("visits", 1)}))});
    append_block(*store, genesis_, {sign(body(2, {put("colour", second)}))});
    const auto note = store->own_checkpoint(ledger::Height{2}).value().value();
    EXPECT_TRUE(store->put_stable(
        stabilise(note, store->time().value / 1000, {0, 1, 3})));
    append_block(*store, genesis_,
                 {sign(body(3, {del("colour")})),
                  sign(body(4, {compare_and_set("visits", "7", "8"), put("a", "x,\"y\"")}))});
  }
  ledger::Transaction body(std::uint64_t nonce, std::vector<ledger::Operation> operations) const {
    return example_body(genesis_, nonce, std::move(operations));
  }

  struct Ran {
    int code = 0;
    std::string out;
    std::string err;
  };
  static Ran run(std::vector<std::string> words) {
    CommandLine line("", "");
    add_ledger_commands(line);
    add_ledger_verify_command(line);
    add_ledger_show_commands(line);
    add_ledger_history_commands(line);
    add_ledger_export_command(line);
    add_ledger_follow_command(line);
    add_ledger_backup_commands(line);
    add_ledger_prove_command(line);
    add_ledger_checkpoint_command(line);
    add_proof_commands(line);
    const bool is_proof = words.front() == "proof";
    words.insert(words.begin(), "quorate");
    if (!is_proof) words.insert(words.begin() + 1, "ledger");
    std::ostringstream out;
    std::ostringstream err;
    const int code = line.run(words, out, err);
    return {code, out.str(), err.str()};
  }
  static json::value run_json(std::vector<std::string> words) {
    words.push_back("--json");
    const Ran ran = run(std::move(words));
    EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
    return json::parse(ran.out);
  }

  quorate::test::TemporaryFolder folder_;
  ledger::Genesis genesis_ = example_genesis();
  std::string genesis_file_ = (folder_.path() / "genesis.json").string();
  std::filesystem::path home_ = folder_.path() / "replica-0";
};

TEST_F(LedgerCommands, StatSaysWhatIsThereAndRefusesAnotherChain) {
  const auto stat = run_json({"stat", home_.string(), "--genesis", genesis_file_});
  EXPECT_EQ(stat.at("height").to_number<int>(), 3);
  EXPECT_EQ(stat.at("chain_id").as_string(), ledger::chain_id_of(genesis_).hex());
  ledger::Genesis other = genesis_;
  other.name = "another";
  const std::string file = (folder_.path() / "other.json").string();
  ASSERT_TRUE(create_file(file, ledger::genesis_to_json(other)));
  const Ran refused = run({"stat", home_.string(), "--genesis", file});
  EXPECT_EQ(refused.code, static_cast<int>(ExitCode::kConflict));
  EXPECT_THAT(refused.err, HasSubstr("ledger-other-chain"));
  EXPECT_EQ(run({"stat", folder_.path().string()}).code, static_cast<int>(ExitCode::kNotFound));
}

TEST_F(LedgerCommands, ALedgerThatANodeHasOpenIsRefused) {
  for (const char* command : {"stat", "export", "blocks"}) {
    // Anew each time: who closes a file ends the locks that its own process has on it.
    const auto node =
        ledger::Store::open(home_ / "ledger", ledger::chain_id_of(genesis_)).value();
    const Ran refused = run({command, home_.string()});
    EXPECT_EQ(refused.code, static_cast<int>(ExitCode::kConflict)) << command;
    EXPECT_THAT(refused.err, HasSubstr("ledger-in-use"));
  }
}

TEST_F(LedgerCommands, VerifySaysThatItHoldsOrWhatIsDamaged) {
  const Ran good = run({"verify", home_.string(), "--genesis", genesis_file_, "--quiet"});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_THAT(good.out, HasSubstr("The ledger holds: 3 blocks with 4 transactions"));
  SignedTransaction forged = sign(body(5, {put("a", "b")}));
  forged.signature.bytes[3] ^= 1;
  {
    auto store = ledger::Store::open(home_ / "ledger", ledger::chain_id_of(genesis_)).value();
    append_block(*store, genesis_, {forged});
  }
  const std::vector<std::string> words = {"verify", home_.string(), "--genesis", genesis_file_};
  const Ran bad = run(words);
  EXPECT_EQ(bad.code, static_cast<int>(ExitCode::kCorrupt));
  EXPECT_THAT(bad.out, HasSubstr("DAMAGED at height 4, transaction 0, signature: expected a "
                                 "transaction that a node would admit"));
  auto with_json = words;
  with_json.push_back("--json");
  const auto report = json::parse(run(with_json).out);
  EXPECT_EQ(report.at("damage").at("height").to_number<int>(), 4);
  EXPECT_EQ(report.at("damage").at("field").as_string(), "signature");
  EXPECT_EQ(report.at("blocks").to_number<int>(), 3);
  auto structural = words;
  structural.push_back("--structural");
  EXPECT_EQ(run(structural).code, 0);
}

TEST_F(LedgerCommands, VerifyKeepsItsProgressWhereItIsTold) {
  const std::string kept = (folder_.path() / "audit").string();
  const std::vector<std::string> words = {"verify",      home_.string(), "--genesis",
                                          genesis_file_, "--resume",     kept};
  EXPECT_EQ(run(words).code, 0);
  const auto again = run_json(words);
  EXPECT_EQ(again.at("resumed_from").to_number<int>(), 2);
  EXPECT_EQ(again.at("verdict").as_string(), "holds");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(home_), {}), 1);
}

TEST_F(LedgerCommands, ShowBlocksAndTxSayWhatHappened) {
  const Ran shown = run({"show", home_.string(), "3"});
  EXPECT_THAT(shown.out, HasSubstr("delete \"colour\""));
  EXPECT_THAT(shown.out, HasSubstr("tx-compare-failed by operation 0"));
  const auto blocks = run_json({"blocks", home_.string(), "--from", "2", "--count", "5"});
  ASSERT_EQ(blocks.at("blocks").as_array().size(), 2U);
  EXPECT_EQ(blocks.at("blocks").at(0).at("height").to_number<int>(), 2);
  const std::string id = ledger::id_of(body(2, {put("colour", "blue")})).hex();
  const auto found = run_json({"tx", home_.string(), id});
  EXPECT_EQ(found.at("height").to_number<int>(), 2);
  EXPECT_EQ(found.at("operations").at(0).at("value").as_string(), "blue");
  EXPECT_EQ(run({"tx", home_.string(), std::string(64, '0')}).code,
            static_cast<int>(ExitCode::kNotFound));
  EXPECT_EQ(run({"show", home_.string(), "4"}).code, static_cast<int>(ExitCode::kNotFound));
}

TEST_F(LedgerCommands, HistoryTellsTheLifeOfAKey) {
  const auto life = run_json({"history", home_.string(), "colour"});
  const auto& changes = life.at("changes").as_array();
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[1].at("value").as_string(), "blue");
  EXPECT_EQ(changes[1].at("transactions").at(0).at("nonce").to_number<int>(), 2);
  EXPECT_FALSE(changes[2].at("present").as_bool());
  EXPECT_THAT(run({"history", home_.string(), "size"}).out, HasSubstr("never changed"));
}

TEST_F(LedgerCommands, DiffNamesTheFirstBlockAndTheKeys) {
  const auto other = folder_.path() / "replica-1";
  fill(other, "green");
  const Ran differ = run({"diff", home_.string(), other.string()});
  EXPECT_EQ(differ.code, static_cast<int>(ExitCode::kCorrupt));
  EXPECT_THAT(differ.out, HasSubstr("diverge at height 2"));
  EXPECT_THAT(differ.out, HasSubstr("key colour\n    A blue\n    B green"));
  EXPECT_EQ(run({"diff", home_.string(), home_.string()}).code, 0);
}

TEST_F(LedgerCommands, ExportWritesALineForEachTransactionOrOperation) {
  std::istringstream lines(run({"export", home_.string()}).out);
  std::vector<json::value> values;
  for (std::string line; std::getline(lines, line);) values.push_back(json::parse(line));
  ASSERT_EQ(values.size(), 3U + 4U);
  EXPECT_EQ(values[0].at("type").as_string(), "block");
  EXPECT_EQ(values[1].at("type").as_string(), "transaction");
  EXPECT_EQ(values[6].at("outcome").as_string(), "tx-compare-failed");
  const std::string csv = run({"export", home_.string(), "--csv", "--from", "3"}).out;
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 1 + 3);
  EXPECT_THAT(csv, HasSubstr(",put,a,\"x,\"\"y\"\"\","));
}

TEST_F(LedgerCommands, FollowGoesOnFromItsPlace) {
  const auto count = [](const std::string& out) {
    return std::count(out.begin(), out.end(), '\n');
  };
  const std::string home = home_.string();
  const std::string place = (folder_.path() / "place").string();
  const std::string kept = (folder_.path() / "kept").string();
  EXPECT_EQ(count(run({"follow", home, "--json"}).out), 4);
  EXPECT_EQ(count(run({"follow", home, "--json", "--blocks"}).out), 3);
  EXPECT_EQ(count(run({"follow", home, "--json", "--changes", "--key", "colour"}).out), 3);
  EXPECT_EQ(count(run({"follow", home, "--json", "--from", "3", "--prefix", "c"}).out), 1);
  EXPECT_THAT(run({"follow", home, "--changes", "--key", "colour"}).out,
              HasSubstr("colour = blue\n3  "));
  EXPECT_EQ(count(run({"follow", home, "--json", "--cursor", place}).out), 4);
  EXPECT_EQ(run({"follow", home, "--json", "--cursor", place}).out, "");
  EXPECT_EQ(run({"follow", home, "--output", kept}).out, "");
  EXPECT_EQ(count(read_file(kept, 1 << 20).value()), 4);
  EXPECT_EQ(run({"follow", home, "--output", kept}).code, 0);
  EXPECT_EQ(count(read_file(kept, 1 << 20).value()), 4) << "nothing twice";
  EXPECT_EQ(run({"follow", home, "--changes", "--cursor", place}).code, 9) << "another kind's";
  for (const std::vector<std::string>& twice :
       {std::vector<std::string>{"--changes", "--blocks"}, {"--key", "a", "--prefix", "a"},
        {"--from", "1", "--since", "1h"}, {"--cursor", place, "--output", kept}, {"--from", "0"},
        {"--node", "http://127.0.0.1:1"}}) {
    std::vector<std::string> words = {"follow", home};
    words.insert(words.end(), twice.begin(), twice.end());
    EXPECT_EQ(run(words).code, 2) << twice.front();
  }
}

TEST_F(LedgerCommands, BackupAndRestoreSayWhatTheyDid) {
  const std::string backup = (folder_.path() / "backup").string();
  const Ran made = run({"backup", home_.string(), backup, "--genesis", genesis_file_});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("height 3"));
  EXPECT_THAT(made.out, HasSubstr("cosigned it up to height 2"));
  EXPECT_EQ(run({"backup", home_.string(), backup, "--genesis", genesis_file_}).code, 9);
  EXPECT_EQ(run({"verify", backup, "--genesis", backup + "/genesis.json"}).code, 0);
  const std::string home = (folder_.path() / "restored").string();
  std::filesystem::create_directories(home);
  const json::value restored = run_json(
      {"restore", backup, home, "--genesis", genesis_file_});
  EXPECT_EQ(restored.at("height"), 3);
  EXPECT_EQ(run({"diff", home_.string(), home}).code, 0);
}

TEST_F(LedgerCommands, ProveMakesWhatVerifiesWithoutANode) {
  const std::string id = ledger::id_of(body(2, {put("colour", "blue")})).hex();
  const Ran receipt = run({"prove", home_.string(), "--tx", id});
  ASSERT_EQ(receipt.code, 0) << receipt.err;
  const auto proved = ledger::verify_receipt(ledger::parse_receipt(receipt.out).value(), genesis_);
  ASSERT_TRUE(proved) << proved.error().to_string();
  EXPECT_TRUE(proved->result_proved);
  const Ran statement = run({"prove", home_.string(), "--key", "colour"});
  ASSERT_EQ(statement.code, 0) << statement.err;
  const auto read =
      ledger::verify_statement(ledger::parse_statement(statement.out).value(), genesis_);
  ASSERT_TRUE(read && read->entry);
  EXPECT_EQ(read->entry->value, to_bytes("blue"));
  EXPECT_EQ(run({"prove", home_.string()}).code, static_cast<int>(ExitCode::kUsage));
}

TEST_F(LedgerCommands, ProveMakesTlogProofsThatProofVerifyTakes) {
  const std::string id = ledger::id_of(body(2, {put("colour", "blue")})).hex();
  const auto file = [&](const char* name) { return (folder_.path() / name).string(); };
  const auto prove = [&](const char* name, std::vector<std::string> about) {
    about.insert(about.begin(), {"prove", home_.string(), "--genesis", genesis_file_, "--out",
                                 file(name)});
    const Ran ran = run(about);
    EXPECT_EQ(ran.code, 0) << ran.err;
  };
  prove("tx", {"--tx", id, "--tlog"});
  prove("block", {"--height", "1"});
  prove("growth", {"--from", "2", "--to", "2"});
  const Ran noted = run({"checkpoint", home_.string(), "--genesis", genesis_file_, "--out",
                         file("note")});
  EXPECT_EQ(noted.code, 0) << noted.err;

  const std::vector<std::string> genesis = {"--genesis", genesis_file_};
  const auto verify = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"proof", "verify"});
    words.insert(words.end(), genesis.begin(), genesis.end());
    return words;
  };
  EXPECT_EQ(run_json(verify({file("tx")})).at("id").as_string(), id);
  EXPECT_EQ(run_json(verify({file("block")})).at("height").to_number<int>(), 1);
  EXPECT_EQ(run_json(verify({file("growth"), "--after", file("note")})).at("second")
                .to_number<int>(), 2);
  EXPECT_THAT(run(verify({file("growth")})).err, HasSubstr("proof-after-what"));
  EXPECT_THAT(run(verify({file("growth"), "--after", file("block")})).err,
              HasSubstr("checkpoint-malformed"));
  EXPECT_EQ(run({"prove", home_.string(), "--height", "1", "--tx", id}).code,
            static_cast<int>(ExitCode::kUsage));
  EXPECT_THAT(run({"checkpoint", home_.string(), "--genesis", genesis_file_, "--keys"}).out,
              HasSubstr("/replica-3+"));
}

}  // namespace
}  // namespace quorate::node
