#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "crypto/bcs.h"
#include "node/commands/command_line.h"
#include "node/commands/registry.h"
#include "node/commands/tx_file.h"
#include "node/commands/value_text.h"
#include "node/files.h"
#include "node/json_members.h"
#include "node/nearest.h"
#include "node/submission.h"
#include "node/time_text.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;
namespace json = boost::json;

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

Ran run_line(const CommandLine& line, std::vector<std::string> words) {
  words.insert(words.begin(), "quorate");
  std::ostringstream out;
  std::ostringstream err;
  const int code = line.run(words, out, err);
  return {code, out.str(), err.str()};
}

// -- The command line itself ---------------------------------------------------------------------

struct Sample {
  std::string key;
  std::int64_t number = 0;
  std::optional<std::string> file;
  std::vector<std::string> tags;
  bool loud = false;
};

CommandLine sample_line(Sample& sample, Result<ExitCode> outcome = ExitCode::kSuccess) {
  CommandLine line("A sample", "sample 1");
  line.add_group("tx", "Transactions");
  line.add({.path = "tx add",
            .sentence = "Add a number",
            .example = "  sample tx add k 1",
            .parameters = {{.name = "KEY", .help = "The key", .target = &sample.key},
                           {.name = "N", .help = "The number", .target = &sample.number},
                           {.name = "--file", .value = "FILE", .help = "", .target = &sample.file},
                           {.name = "--tag", .value = "TAG", .help = "", .target = &sample.tags},
                           {.name = "--loud", .help = "Loudly", .target = &sample.loud}},
            .run = [outcome](Console& console) {
              console.line("a line");
              console.json({{"a", "value"}});
              return outcome;
            }});
  line.add({.path = "secret",
            .sentence = "Hidden",
            .run = [](Console&) -> Result<ExitCode> { return ExitCode::kSuccess; },
            .is_hidden = true});
  return line;
}

TEST(CommandLine, FillsArgumentsOptionsAndSwitches) {
  Sample sample;
  const Ran run =
      run_line(sample_line(sample), {"tx", "add", "k", "7", "--file", "f", "--loud"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(sample.key, "k");
  EXPECT_EQ(sample.number, 7);
  EXPECT_EQ(sample.file, "f");
  EXPECT_TRUE(sample.loud);
  EXPECT_EQ(run.out, "a line\n");
}

TEST(CommandLine, ACommandMayHaveCommandsOfItsOwn) {
  std::string ran;
  std::string key;
  CommandLine line("A sample", "sample 1");
  for (const std::string path : {"tx", "tx add"}) {
    line.add({.path = path,
              .sentence = "It",
              .parameters = {{.name = "KEY", .help = "", .target = &key, .required = false}},
              .run = [&ran, path](Console&) -> Result<ExitCode> {
                ran = path;
                return ExitCode::kSuccess;
              }});
  }
  EXPECT_EQ(run_line(line, {"tx", "add", "k"}).code, 0);
  EXPECT_EQ(ran, "tx add");
  EXPECT_EQ(run_line(line, {"tx", "k"}).code, 0);
  EXPECT_EQ(ran, "tx");
  EXPECT_EQ(key, "k");
  EXPECT_THAT(run_line(line, {"tx", "--keyy"}).err, HasSubstr("`quorate tx` does not take"));
  // What the parent was told would go unheard.
  ran.clear();
  const Ran misplaced = run_line(line, {"tx", "k", "add"});
  EXPECT_EQ(misplaced.code, static_cast<int>(ExitCode::kUsage));
  EXPECT_THAT(misplaced.err, HasSubstr("`KEY` stands before `add`, which does not see it"));
  EXPECT_EQ(ran, "");
  EXPECT_EQ(run_line(line, {"tx", "--json", "add", "k"}).code, 0);
}

TEST(CommandLine, TakesEveryOneOfAnOptionThatMayBeRepeated) {
  Sample sample;
  const CommandLine line = sample_line(sample);
  EXPECT_EQ(run_line(line, {"tx", "add", "--tag", "a", "k", "--tag", "b", "7"}).code, 0);
  EXPECT_THAT(sample.tags, testing::ElementsAre("a", "b"));
  EXPECT_EQ(run_line(line, {"tx", "add", "k", "7", "--file", "f", "--file", "g"}).code,
            static_cast<int>(ExitCode::kUsage));
}

TEST(Console, SaysProgressOnStandardErrorInEitherMode) {
  for (const bool is_json : {false, true}) {
    std::ostringstream out;
    std::ostringstream err;
    Console console(out, err, is_json);
    console.progress("half");
    console.progress("all");
    EXPECT_EQ(out.str(), "");
    EXPECT_EQ(err.str(), "half\nall\n") << "a line each where nobody sees a line replaced";
  }
}

TEST(CommandLine, TakesNegativeNumbersAsValues) {
  Sample sample;
  EXPECT_EQ(run_line(sample_line(sample), {"tx", "add", "k", "-7"}).code, 0);
  EXPECT_EQ(sample.number, -7);
  EXPECT_EQ(run_line(sample_line(sample), {"tx", "add", "-1", "1"}).code, 0);
  EXPECT_EQ(sample.key, "-1");
}

TEST(CommandLine, RefusesAnIntegerThatDoesNotFitInsteadOfBendingIt) {
  for (const std::string text : {"9223372036854775808", "-9223372036854775809",
                                 "99999999999999999999", "7x", "0x7", "1.5", ""}) {
    Sample sample;
    const Ran run = run_line(sample_line(sample), {"tx", "add", "k", text});
    EXPECT_EQ(run.code, static_cast<int>(ExitCode::kUsage)) << text;
    EXPECT_EQ(sample.number, 0) << text;
  }
  Sample sample;
  EXPECT_EQ(run_line(sample_line(sample), {"tx", "add", "k", "9223372036854775807"}).code, 0);
  EXPECT_EQ(sample.number, INT64_MAX);
}

TEST(CommandLine, PrintsExactlyOneJsonValueWhenAsked) {
  Sample sample;
  const Ran run = run_line(sample_line(sample), {"tx", "add", "k", "7", "--json"});
  EXPECT_EQ(run.out, "{\"a\":\"value\"}\n");
  EXPECT_EQ(run.err, "");
}

TEST(CommandLine, PrintsAnErrorWithCodeAndWayForwardAndExitsByItsKind) {
  Sample sample;
  const auto line =
      sample_line(sample, fail(ErrorKind::kTimeout, "a-code", "It was late", "Get up."));
  const Ran run = run_line(line, {"tx", "add", "k", "7"});
  EXPECT_EQ(run.code, static_cast<int>(ExitCode::kTimeout));
  EXPECT_EQ(run.err, "error: It was late (a-code).\nnext:  Get up.\n");
}

TEST(CommandLine, PrintsAnErrorAsJsonOnStandardOutput) {
  CommandLine failing("A sample", "1");
  failing.add({.path = "fail", .sentence = "", .run = [](Console&) -> Result<ExitCode> {
                 return fail(ErrorKind::kNotFound, "a-code", "Gone", "Look.");
               }});
  const Ran run = run_line(failing, {"fail", "--json"});
  EXPECT_EQ(run.code, static_cast<int>(ExitCode::kNotFound));
  const json::value value = json::parse(run.out);
  EXPECT_EQ(text_member(value, "error.code"), "a-code");
  EXPECT_EQ(text_member(value, "error.message"), "Gone");
  EXPECT_EQ(text_member(value, "error.next"), "Look.");
  EXPECT_EQ(run.err, "");
}

TEST(CommandLine, RefusesWrongUsageWithTheNearestWord) {
  Sample sample;
  const CommandLine line = sample_line(sample);
  const int usage = static_cast<int>(ExitCode::kUsage);
  const Ran unknown = run_line(line, {"tx", "ad", "k", "7"});
  EXPECT_EQ(unknown.code, usage);
  EXPECT_THAT(unknown.err, HasSubstr("Did you mean `quorate tx add`?"));
  EXPECT_THAT(run_line(line, {"tx", "add", "k", "7", "--fiel", "x"}).err,
              HasSubstr("Did you mean --file?"));
  EXPECT_EQ(run_line(line, {"tx", "add", "k"}).code, usage);
  EXPECT_EQ(run_line(line, {"tx", "add", "k", "7", "8"}).code, usage);
  EXPECT_EQ(run_line(line, {"tx", "add", "k", "seven"}).code, usage);
  EXPECT_EQ(run_line(line, {"tx", "add", "k", "7x"}).code, usage);
  EXPECT_EQ(run_line(line, {"tx", "add", "k", "99999999999999999999"}).code, usage);
  EXPECT_EQ(run_line(line, {"tx", "add", "k", "7", "--file"}).code, usage);
  EXPECT_EQ(run_line(line, {"tx"}).code, usage);
  EXPECT_EQ(run_line(line, {}).code, usage);
  EXPECT_THAT(run_line(line, {"tx", "ad", "--json"}).out, HasSubstr("\"code\":\"usage\""));
}

TEST(CommandLine, ShowsHelpWithExampleAndHidesWhatIsHidden) {
  Sample sample;
  const CommandLine line = sample_line(sample);
  const Ran help = run_line(line, {"tx", "add", "--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("sample tx add k 1"));
  EXPECT_THAT(help.out, HasSubstr("--json"));
  EXPECT_THAT(run_line(line, {"--help"}).out, Not(HasSubstr("secret")));
  EXPECT_EQ(run_line(line, {"--version"}).out, "sample 1\n");
}

TEST(CommandLine, AnswersAThrowingCommandWithAnError) {
  CommandLine line("A sample", "1");
  line.add({.path = "boom", .sentence = "", .run = [](Console&) -> Result<ExitCode> {
              throw std::bad_alloc();
            }});
  const Ran run = run_line(line, {"boom"});
  EXPECT_EQ(run.code, static_cast<int>(ExitCode::kEnvironment));
  EXPECT_THAT(run.err, HasSubstr("out-of-resources"));
}

TEST(Nearest, FindsTypingSlipsAndNothingFurther) {
  const std::vector<std::string> words = {"status", "start", "stop"};
  EXPECT_EQ(nearest_word("statsu", words), "status");
  EXPECT_EQ(nearest_word("stat", words), "start");
  EXPECT_EQ(nearest_word("xyzzy", words), std::nullopt);
  EXPECT_EQ(nearest_word(std::string(1'000'000, 'a'), words), std::nullopt);
}

// -- Texts ---------------------------------------------------------------------------------------

TEST(TimeText, ReadsDurationsWithTheirUnits) {
  EXPECT_EQ(parse_duration_ms("500ms").value(), 500u);
  EXPECT_EQ(parse_duration_ms("30s").value(), 30'000u);
  EXPECT_EQ(parse_duration_ms("5m").value(), 300'000u);
  EXPECT_EQ(parse_duration_ms("2h").value(), 7'200'000u);
  EXPECT_EQ(parse_duration_ms("1d").value(), 86'400'000u);
  for (const char* text : {"", "5", "s", "-5s", "5 s", "5x", "5ss", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_duration_ms(text).has_value()) << text;
  }
}

TEST(TimeText, ReadsMomentsInThreeForms) {
  const ledger::TimeMs now{1'000'000};
  EXPECT_EQ(parse_time("10s", now)->value, 1'010'000u);
  EXPECT_EQ(parse_time("1234567890123", now)->value, 1'234'567'890'123u);
  EXPECT_EQ(parse_time("2026-01-31T12:00:00Z", now)->value, 1'769'860'800'000u);
  EXPECT_EQ(parse_time("2026-01-31T12:00:00.007Z", now)->value, 1'769'860'800'007u);
  EXPECT_EQ(parse_time(time_to_text({1'769'860'800'123}), now)->value, 1'769'860'800'123u);
  EXPECT_FALSE(parse_time("2026-01-31T12:00:00.7Z", now));
  EXPECT_FALSE(parse_time("2026-01-31T12:00:00.-07Z", now));
  for (const char* text : {"", "2026-02-30T12:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31",
                           "1969-12-31T23:59:59Z", "soon"}) {
    EXPECT_FALSE(parse_time(text, now).has_value()) << text;
  }
}

TEST(TimeText, WritesWhatItReads) {
  EXPECT_EQ(time_to_text({1'769'860'800'007}), "2026-01-31T12:00:00.007Z");
}

TEST(ValueText, ReadsTextHexAndBase64) {
  EXPECT_EQ(parse_value("hi", {}).value(), to_bytes("hi"));
  EXPECT_EQ(parse_value("6869", {.is_hex = true}).value(), to_bytes("hi"));
  EXPECT_EQ(parse_value("aGk=", {.is_base64 = true}).value(), to_bytes("hi"));
  EXPECT_FALSE(parse_value("686", {.is_hex = true}).has_value());
  EXPECT_FALSE(parse_value("aGk", {.is_base64 = true}).has_value());
  EXPECT_EQ(parse_value("", {.is_hex = true, .is_base64 = true}).error().code,
            "value-format-twice");
}

TEST(ValueText, ShowsNothingThatDrivesATerminal) {
  EXPECT_EQ(show_value(to_bytes("blau für")), "blau für");
  EXPECT_EQ(show_value(to_bytes("\x1b[2J")), "0x1b5b324a");
  EXPECT_EQ(show_value(to_bytes("a\nb")), "0x610a62");
  EXPECT_EQ(show_value(to_bytes("\x7f")), "0x7f");
  EXPECT_EQ(show_value(to_bytes("\xc2\x9b")), "0xc29b");
  EXPECT_EQ(show_value(to_bytes("\xff")), "0xff");
}

TEST(ValueText, DescribesEachOperation) {
  const ledger::PublicKey to{};
  EXPECT_EQ(describe_operation(ledger::Put{to_bytes("k"), to_bytes("v"), ledger::TimeMs{0}}),
            "put \"k\" = \"v\" until 1970-01-01T00:00:00.000Z");
  EXPECT_EQ(describe_operation(ledger::Delete{to_bytes("k")}), "delete \"k\"");
  EXPECT_EQ(describe_operation(ledger::CompareAndSet{to_bytes("k"), {}, to_bytes("v")}),
            "set \"k\" = \"v\" if it is absent");
  EXPECT_EQ(describe_operation(ledger::Add{to_bytes("k"), -5}), "add -5 to \"k\"");
  EXPECT_EQ(describe_operation(ledger::Transfer{to, 7}),
            "transfer 7 to " + std::string(64, '0'));
  ledger::VoteEvidence evidence;
  evidence.second.batch.bytes[0] = 1;
  EXPECT_EQ(describe_operation(ledger::RecordEvidence{evidence}),
            "record evidence: replica 0 signed two different batches for view 0, sequence 0 "
            "(pre-prepare)");
}

// -- Commands that need no node ------------------------------------------------------------------

class Commands : public testing::Test {
 protected:
  Commands() { fs::current_path(folder_.path()); }
  ~Commands() override { fs::current_path(before_); }
  // As a process of its own would: what was typed before is forgotten.
  static Ran run(std::vector<std::string> words) {
    CommandLine line("A test", "1");
    add_keys_commands(line);
    add_tx_commands(line);
    add_tx_query_commands(line);
    add_get_command(line);
    add_receipt_commands(line);
    add_init_command(line);
    return run_line(line, std::move(words));
  }

  quorate::test::TemporaryFolder folder_;
  fs::path before_ = fs::current_path();
};

TEST_F(Commands, ANewKeyIsWrittenOnceAndCanBeLookedAt) {
  const Ran made = run({"keys", "new", "--out", "a.key", "--insecure-no-passphrase", "--json"});
  ASSERT_EQ(made.code, 0) << made.out << made.err;
  const std::string address = text_member(json::parse(made.out), "address").value();
  EXPECT_EQ(address.size(), 64u);
  EXPECT_EQ(run({"keys", "address", "a.key"}).out, address + "\n");
  EXPECT_THAT(run({"keys", "show", "a.key"}).out, HasSubstr("who reads this file has the key"));
  const Ran again = run({"keys", "new", "--out", "a.key", "--insecure-no-passphrase"});
  EXPECT_EQ(again.code, static_cast<int>(ExitCode::kConflict));
  EXPECT_EQ(run({"keys", "address", "a.key"}).out, address + "\n");
}

TEST_F(Commands, AKeyIsEncryptedUnderThePassphraseOfAFile) {
  std::ofstream("pass") << "correct horse\nsecond line";
  const Ran made = run({"keys", "new", "--out", "a.key", "--passphrase-file", "pass", "--json"});
  ASSERT_EQ(made.code, 0) << made.out << made.err;
  EXPECT_THAT(made.out, HasSubstr("\"encrypted\":true"));
  std::ofstream("empty") << "\n";
  EXPECT_THAT(run({"keys", "new", "--out", "b.key", "--passphrase-file", "empty"}).err,
              HasSubstr("passphrase-empty"));
  EXPECT_THAT(run({"keys", "new", "--out", "b.key", "--passphrase-file", "absent"}).err,
              HasSubstr("file-not-found"));
  EXPECT_FALSE(fs::exists("b.key"));
}

TEST_F(Commands, RefusesAnUnknownKeyPurpose) {
  EXPECT_THAT(run({"keys", "new", "--purpose", "vtoe", "--insecure-no-passphrase"}).err,
              HasSubstr("sender, vote, network"));
}

TEST_F(Commands, SaysWhatToDoWhereThereIsNoNetwork) {
  const Ran get = run({"get", "colour"});
  EXPECT_EQ(get.code, static_cast<int>(ExitCode::kNotFound));
  EXPECT_THAT(get.err, HasSubstr("quorate testnet up"));
  const Ran put = run({"tx", "put", "colour", "blue"});
  EXPECT_EQ(put.code, static_cast<int>(ExitCode::kUsage));
  EXPECT_THAT(put.err, HasSubstr("quorate keys new"));
  EXPECT_THAT(run({"receipt", "verify", "r.json"}).err, HasSubstr("file-not-found"));
}

TEST_F(Commands, SaysThatANodeIsDown) {
  const Ran get = run({"get", "colour", "--node", "http://127.0.0.1:1"});
  EXPECT_EQ(get.code, static_cast<int>(ExitCode::kUnavailable));
  EXPECT_THAT(get.err, HasSubstr("node-unreachable"));
  EXPECT_EQ(run({"get", "colour", "--node", "127.0.0.1"}).code,
            static_cast<int>(ExitCode::kInvalid));
}

TEST_F(Commands, RefusesArgumentsThatCannotBe) {
  run({"keys", "new", "--out", "a.key", "--insecure-no-passphrase"});
  const auto refused = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--key", "a.key", "--node", "http://127.0.0.1:1"});
    return run(std::move(words)).err;
  };
  EXPECT_THAT(refused({"tx", "put", "k", "v", "--wait", "sure"}), HasSubstr("level-unknown"));
  EXPECT_THAT(refused({"tx", "put", "k", "v", "--wait", "rejected"}), HasSubstr("level-unknown"));
  EXPECT_THAT(refused({"tx", "put", "k", "v", "--timeout", "5"}), HasSubstr("duration-malformed"));
  EXPECT_THAT(refused({"tx", "put", "k", "v", "--until", "soon"}), HasSubstr("time-malformed"));
  EXPECT_THAT(refused({"tx", "put", "k", "v", "--no-submit"}), HasSubstr("--save"));
  EXPECT_THAT(refused({"tx", "put", "k", "vv", "--hex"}), HasSubstr("hex-malformed"));
  EXPECT_THAT(refused({"tx", "transfer", "bob", "5"}), HasSubstr("key-malformed"));
  EXPECT_THAT(refused({"tx", "transfer", std::string(64, '0'), "5"}),
              HasSubstr("key-invalid-point"));
  EXPECT_THAT(refused({"tx", "cas", "k", "old"}), HasSubstr("KEY OLD NEW"));
  EXPECT_THAT(refused({"tx", "cas", "k", "old", "new", "--absent"}), HasSubstr("KEY OLD NEW"));
  EXPECT_THAT(run({"tx", "status", "abc", "--node", "http://127.0.0.1:1"}).err,
              HasSubstr("tx-id-malformed"));
}

TEST_F(Commands, RefusesAKeyFileOfAnotherPurpose) {
  run({"keys", "new", "--out", "v.key", "--purpose", "vote", "--insecure-no-passphrase"});
  EXPECT_THAT(run({"tx", "put", "k", "v", "--key", "v.key", "--node", "http://127.0.0.1:1"}).err,
              HasSubstr("key-file-wrong-purpose"));
}

TEST_F(Commands, RefusesAKeyFileThatOthersMayRead) {
  run({"keys", "new", "--out", "a.key", "--insecure-no-passphrase"});
  fs::permissions("a.key", fs::perms::others_read, fs::perm_options::add);
  const Ran put = run({"tx", "put", "k", "v", "--key", "a.key", "--node", "http://127.0.0.1:1"});
  EXPECT_EQ(put.code, static_cast<int>(ExitCode::kDenied));
  EXPECT_THAT(put.err, HasSubstr("key-file-permissions"));
}

// -- Signed transactions in files ----------------------------------------------------------------

SignedDraft sample_draft() {
  const auto key = crypto::SecretKey::generate();
  Draft draft;
  draft.operations = {ledger::Put{to_bytes("k"), to_bytes("v"), {}}};
  return sign_draft(draft, key, 7, {1'000});
}

TEST(SignedDraft, IsSignedUnderItsChainAndPurpose) {
  const SignedDraft draft = sample_draft();
  const ledger::Transaction& body = draft.transaction.body;
  EXPECT_EQ(body.valid_until.value, 61'000u);
  EXPECT_TRUE(crypto::verify_body(body.sender, crypto::Purpose::kTransaction, body.chain_id, body,
                                  draft.transaction.signature));
  EXPECT_EQ(draft.id, ledger::id_of(body));
}

TEST_F(Commands, ASavedTransactionIsReadBack) {
  const SignedDraft draft = sample_draft();
  ASSERT_TRUE(create_file("t.json", signed_draft_to_json(draft)).has_value());
  const auto read = read_signed_draft("t.json");
  ASSERT_TRUE(read.has_value()) << read.error().to_string();
  EXPECT_EQ(read->id, draft.id);
  EXPECT_EQ(read->encoded, draft.encoded);
}

TEST_F(Commands, RefusesASavedTransactionThatWasTamperedWith) {
  const SignedDraft draft = sample_draft();
  const SignedDraft other = sample_draft();
  std::string text = signed_draft_to_json(draft);
  text.replace(text.find(draft.id.hex()), 64, other.id.hex());
  std::ofstream("t.json") << text;
  EXPECT_EQ(read_signed_draft("t.json").error().code, "tx-file-facts-differ");
  for (const char* broken :
       {"", "{}", "[]", "{\"format\": 1, \"id\": \"\", \"transaction\": \"!\"}",
        "{\"format\": 1, \"id\": \"\", \"transaction\": \"AAAA\"}"}) {
    std::ofstream("t.json", std::ios::trunc) << broken;
    EXPECT_EQ(read_signed_draft("t.json").error().code, "tx-file-malformed") << broken;
  }
  std::ofstream("t.json", std::ios::trunc) << "{\"format\":2,\"id\":\"\",\"transaction\":\"\"}";
  EXPECT_EQ(read_signed_draft("t.json").error().code, "tx-file-newer");
}

}  // namespace
}  // namespace quorate::node
