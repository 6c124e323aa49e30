#include "ledger/transaction_json.h"

#include <gtest/gtest.h>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

std::string shown(const Operation& operation) {
  std::string text;
  const JsonNode node = to_json(operation);
  for (std::size_t i = 0; i < node.names.size(); ++i) {
    text += (i == 0 ? "" : " ") + node.names[i] + "=" + describe(node.children[i]);
  }
  return text;
}

TEST(TransactionJson, ShowsEveryOperation) {
  const std::string bob = public_key_of("bob").hex();
  EXPECT_EQ(shown(put("colour", "blue")), R"(op="put" key="colour" value="blue")");
  EXPECT_EQ(shown(put("k", "", TimeMs{5})), R"(op="put" key="k" value="" until_ms=5)");
  EXPECT_EQ(shown(del("k")), R"(op="delete" key="k")");
  EXPECT_EQ(shown(compare_and_set("k", std::nullopt, "v")),
            R"(op="compare-and-set" key="k" expected=null value="v")");
  EXPECT_EQ(shown(compare_and_set("k", "", "v")),
            R"(op="compare-and-set" key="k" expected="" value="v")");
  EXPECT_EQ(shown(add("k", -5)), R"(op="add" key="k" delta=-5)");
  EXPECT_EQ(shown(add("k", INT64_MIN)), R"(op="add" key="k" delta="-9223372036854775808")");
  EXPECT_EQ(shown(Transfer{public_key_of("bob"), 7}),
            R"(op="transfer" to=")" + bob + R"(" amount=7)");
  const RecordEvidence record{example_evidence(example_genesis(), 3)};
  const std::string sentence =
      "replica 3 signed two different batches for view 0, sequence 20 (prepare)";
  const JsonNode accusation = to_json(Operation(record));
  EXPECT_EQ(accusation.find("op")->text, "record-evidence");
  EXPECT_EQ(accusation.find("replica")->text, "3");
  EXPECT_EQ(accusation.find("sentence")->text, sentence);
  EXPECT_EQ(accusation.find("evidence_hex")->text, to_hex(crypto::encode(record.evidence)));
}

TEST(TransactionJson, ShowsAsTextOnlyWhatReadsAsWritten) {
  const auto is_text = [](std::string_view value) {
    return to_json(put("k", value)).find("value") != nullptr;
  };
  for (const std::string_view text :
       {"", "blue", "caf\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac", "\xf0\x9f\x99\x82", "\xc2\xa0",
        "\xe2\x80\x90", "\xe2\x80\xa6", "\xe2\x80\xb0", "\xef\xbc\xa1"}) {
    EXPECT_TRUE(is_text(text)) << text;
  }
  for (const std::string_view text :
       {"\n", "a\x1b[31m", "\x7f", "\xc2\x85", "\xc2\x9f", "\xff", "\xc3", "\xc0\x80",
        "\xed\xa0\x80", "\xe2\x80\x8b", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xae",
        "\xe2\x81\xa0", "\xe2\x81\xa9", "\xef\xbb\xbf"}) {
    EXPECT_FALSE(is_text(text)) << to_hex(as_bytes(text));
    EXPECT_EQ(to_json(put("k", text)).find("value_hex")->text, to_hex(as_bytes(text)));
  }
  EXPECT_FALSE(is_text(std::string_view("\0", 1)));
}

TEST(TransactionJson, ShowsTheTransaction) {
  const Genesis genesis = example_genesis();
  const JsonNode node = to_json(example_body(genesis, 7, {put("k", "v"), del("k")}));
  EXPECT_EQ(node.names, (std::vector<std::string>{"sender", "nonce", "valid_until_ms",
                                                  "valid_until", "operations"}));
  EXPECT_EQ(node.find("sender")->text, public_key_of("alice").hex());
  EXPECT_EQ(node.find("nonce")->text, "7");
  EXPECT_EQ(node.find("valid_until")->text, "2023-11-14T23:13:20.000Z");
  EXPECT_EQ(node.find("operations")->children.size(), 2U);
}

TEST(TransactionJson, TellsTimesUpToTheYear9999) {
  EXPECT_EQ(utc_text({0}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_text({951'782'400'123}), "2000-02-29T00:00:00.123Z");
  EXPECT_EQ(utc_text({253'402'300'799'999}), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(utc_text({253'402'300'800'000}), std::nullopt);
  EXPECT_EQ(utc_text({UINT64_MAX}), std::nullopt);
}

}  // namespace
}  // namespace quorate::ledger
