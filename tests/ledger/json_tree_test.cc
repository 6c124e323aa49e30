#include "ledger/json_tree.h"

#include <gtest/gtest.h>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

constexpr std::size_t kBytesMax = 16 << 20;

Result<JsonNode> parse(std::string_view text) { return parse_json(text, kBytesMax, "test-code"); }

std::string message(std::string_view text) {
  const auto result = parse(text);
  return result ? "none" : result.error().message;
}

TEST(JsonTree, KeepsLinesNamesInOrderAndNumbersAsWritten) {
  const JsonNode root =
      parse("{\n \"b\": 18446744073709551616,\n \"a\": [\n 1.50,\n null]\n}").value();
  EXPECT_EQ(root.names, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(root.line, 1U);
  EXPECT_EQ(root.find("b")->kind, JsonKind::kNumber);
  EXPECT_EQ(root.find("b")->text, "18446744073709551616");
  EXPECT_EQ(root.find("b")->line, 2U);
  EXPECT_EQ(root.find("a")->line, 3U);
  EXPECT_EQ(root.find("a")->children[0].text, "1.50");
  EXPECT_EQ(root.find("a")->children[0].line, 4U);
  EXPECT_EQ(root.find("a")->children[1].line, 5U);
  EXPECT_EQ(root.find("c"), nullptr);
}

TEST(JsonTree, ReadsEveryKindOfValue) {
  const JsonNode root = parse(R"([true, false, null, -7, "a\u0041\n\"\\\u00e9", {}, []])").value();
  ASSERT_EQ(root.children.size(), 7U);
  EXPECT_EQ(root.children[0], JsonNode::boolean(true));
  EXPECT_EQ(root.children[1], JsonNode::boolean(false));
  EXPECT_EQ(root.children[2], JsonNode::null());
  EXPECT_EQ(root.children[3], JsonNode::signed_number(-7));
  EXPECT_EQ(root.children[4], JsonNode::string("aA\n\"\\\xc3\xa9"));
  EXPECT_EQ(root.children[5], JsonNode::object());
  EXPECT_EQ(root.children[6], JsonNode::array());
}

TEST(JsonTree, ReadsStringsThatSpanManyPieces) {
  const std::string text(300'000, 'x');
  EXPECT_EQ(parse("\"" + text + "\"").value().text, text);
  EXPECT_EQ(parse("{\"" + text + "\": 1}").value().names[0], text);
  EXPECT_EQ(parse("[" + std::string(300, '1') + "]").value().children[0].text.size(), 300U);
}

TEST(JsonTree, RefusesANameTwiceWithItsLine) {
  EXPECT_EQ(message("{\"a\": 1,\n\"b\": 2,\n\"a\": 1,\n\"c\": 3}"),
            "line 3: found the name \"a\" for the second time; a JSON document was expected");
  EXPECT_NE(message(R"({"a": 1, "\u0061": 2})"), "none");
  EXPECT_EQ(message(R"([{"a": 1}, {"a": 2}])"), "none");
}

TEST(JsonTree, RefusesWhatIsNoJsonWithItsLine) {
  for (const std::string_view text :
       {"",    " ",        "{",           "[1,]",  "{\"a\" 1}",      "nul",
        "01",  "+1",       "'a'",         "[1] x", "{} {}",          "// c\n1",
        "\"a", "\"\xff\"", "\"\\ud800\"", "[1 2]", "\xef\xbb\xbf{}", "NaN",
        "1e",  "-"}) {
    EXPECT_EQ(refusal(parse(text)), "test-code") << text;
  }
  EXPECT_TRUE(message("{\n\"a\": 1,\n\"b\" 2\n}\n").starts_with("line 3: ")) << message("{");
  EXPECT_TRUE(message("{\n\"a\": \"b\nc\"}").starts_with("line 2: "));
}

TEST(JsonTree, TakesWhiteSpaceAroundTheDocument) {
  EXPECT_EQ(parse("\n\n [1]\r\n\t ").value().children.size(), 1U);
  EXPECT_EQ(parse("7").value().text, "7");
  EXPECT_EQ(parse("7\n").value().text, "7");
}

TEST(JsonTree, BoundsDepthValuesAndBytes) {
  EXPECT_EQ(message(std::string(32, '[') + std::string(32, ']')), "none");
  EXPECT_NE(message(std::string(33, '[') + std::string(33, ']')), "none");
  EXPECT_NE(message(std::string(1'000'000, '[')), "none");
  std::string many = "[0";
  for (std::size_t i = 0; i + 1 < kJsonNodesMax; ++i) many += ",0";
  EXPECT_NE(message(many + "]").find("more than 1000000 values"), std::string::npos);
  EXPECT_EQ(refusal(parse_json("[1]", 2, "test-code")), "test-code");
  EXPECT_TRUE(parse_json("[1]", 3, "test-code"));
}

TEST(JsonTree, WritesWhatItReads) {
  JsonNode root = JsonNode::object();
  root.set("text", JsonNode::string("a\"\\\n\x01 \xc3\xa9"));
  root.set("numbers", JsonNode::array());
  JsonNode list = JsonNode::array();
  list.push(JsonNode::number(1));
  list.push(JsonNode::number(2));
  root.set("list", list);
  JsonNode mixed = JsonNode::array();
  mixed.push(JsonNode::null());
  mixed.push(JsonNode::boolean(true));
  mixed.push(JsonNode::object());
  root.set("mixed", mixed);
  const std::string text = to_json_text(root);
  EXPECT_EQ(parse(text).value(), root) << text;
  EXPECT_NE(text.find("\"list\": [1, 2]"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("}\n"));
}

TEST(JsonTree, QuotesNumbersThatJavaScriptWouldRound) {
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 53;
  EXPECT_EQ(JsonNode::number(kLimit - 1).kind, JsonKind::kNumber);
  EXPECT_EQ(JsonNode::number(kLimit).kind, JsonKind::kText);
  EXPECT_EQ(JsonNode::number(kLimit).text, "9007199254740992");
  const auto limit = static_cast<std::int64_t>(kLimit);
  EXPECT_EQ(JsonNode::signed_number(1 - limit).kind, JsonKind::kNumber);
  EXPECT_EQ(JsonNode::signed_number(-limit).kind, JsonKind::kText);
  EXPECT_EQ(JsonNode::signed_number(INT64_MIN).text, "-9223372036854775808");
}

TEST(JsonTree, DescribesShortly) {
  EXPECT_EQ(describe(JsonNode::string("a\x1b[2J")), "\"a\\u001b[2J\"");
  EXPECT_EQ(describe(JsonNode::object()), "an object");
  // Cut between characters, not inside one.
  std::string accents;
  for (int i = 0; i < 100; ++i) accents += "\xc3\xa9";
  EXPECT_TRUE(parse(describe(JsonNode::string("x" + accents))));
  EXPECT_LT(describe(JsonNode::string(accents)).size(), 100U);
}

}  // namespace
}  // namespace quorate::ledger
