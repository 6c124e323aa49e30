// The file form of a receipt: nothing in it can change alone.

#include <gtest/gtest.h>

#include "ledger/json_tree.h"
#include "ledger/receipt.h"
#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

class ReceiptFileTest : public testing::Test {
 protected:
  [[nodiscard]] Receipt receipt() const {
    const StoredBlock block = example_block(
        genesis_, {kGenesisTime.value + 1000},
        {example_body(genesis_, 1, {put("colour", "blue"), Transfer{public_key_of("bob"), 7}}),
         example_body(genesis_, 2, {put("shape", "round")})});
    return make_receipt(block, 0).value();
  }

  const Genesis genesis_ = example_genesis();
  const std::string file_ = receipt_to_json(receipt());
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST_F(ReceiptFileTest, WhatIsWrittenIsReadAndVerifies) {
  const Receipt read = parse_receipt(file_).value();
  EXPECT_EQ(crypto::encode(read), crypto::encode(receipt()));
  EXPECT_TRUE(verify_receipt(read, genesis_));
}

TEST_F(ReceiptFileTest, StatesTheFactsForPeople) {
  const JsonNode facts = parse_json(file_, 1 << 20, "test-code").value();
  EXPECT_EQ(facts.find("id")->text, id_of(receipt().transaction.body).hex());
  EXPECT_EQ(facts.find("chain_id")->text, chain_id_of(genesis_).hex());
  EXPECT_EQ(facts.find("height")->text, "1");
  EXPECT_EQ(facts.find("index")->text, "0");
  EXPECT_EQ(facts.find("outcome")->text, "applied");
  EXPECT_EQ(facts.find("agreed_time_ms")->text, "1700000001000");
  EXPECT_EQ(facts.find("agreed_time")->text, "2023-11-14T22:13:21.000Z");
  EXPECT_NE(file_.find("\"signers\": [0, 1, 3]"), std::string::npos);
  EXPECT_NE(file_.find("\"key\": \"colour\""), std::string::npos);
}

TEST_F(ReceiptFileTest, WhiteSpaceIsTheOnlyFreedom) {
  const Bytes proof = crypto::encode(receipt());
  std::string spaced;
  for (const char c : file_) spaced += c == '\n' ? "\r\n \t" : std::string(1, c);
  EXPECT_EQ(crypto::encode(parse_receipt(spaced).value()), proof);
  std::string dense;
  bool in_string = false;
  for (const char c : file_) {
    in_string ^= c == '"';
    if (in_string || (c != '\n' && c != ' ')) dense += c;
  }
  EXPECT_EQ(crypto::encode(parse_receipt(dense).value()), proof);
}

TEST_F(ReceiptFileTest, FactsThatDifferFromTheProofAreRefused) {
  const std::vector<std::pair<std::string_view, std::string_view>> changes = {
      {"\"height\": 1", "\"height\": 2"},
      {"\"height\": 1", "\"height\": \"1\""},
      {"\"height\": 1", "\"height\": 1.0"},
      {"\"index\": 0", "\"index\": 1"},
      {"\"outcome\": \"applied\"", "\"outcome\": \"tx-expired\""},
      {"\"failed_operation\": null", "\"failed_operation\": 0"},
      {"\"blue\"", "\"red\""},
      {"\"amount\": 7", "\"amount\": 8"},
      {"[0, 1, 3]", "[0, 1, 2, 3]"},
      {"2023-11-14", "2023-11-15"},
      {"\"height\": 1,", ""},
      {"\"height\": 1,", "\"height\": 1, \"more\": 1,"},
      {"\"height\": 1,\n  \"index\": 0,", "\"index\": 0, \"height\": 1,"},
      {"\"op\": \"put\"", "\"op\": \"add\""},
  };
  for (const auto& [from, to] : changes) {
    EXPECT_EQ(refusal(parse_receipt(replaced(file_, from, to))), "receipt-facts-differ") << to;
  }
  EXPECT_EQ(parse_receipt(replaced(file_, "\"height\": 1", "\"height\": 2")).error().message,
            "the receipt does not say what its proof proves: the fact \"height\" is 2; its proof "
            "says 1");
}

TEST_F(ReceiptFileTest, WhatIsNoReceiptIsMalformed) {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string("{\"format\": 1}"),
        std::string("{\"format\": 1, \"proof\": 5}"),
        std::string("{\"format\": 1, \"proof\": \"\"}"),
        std::string("{\"format\": 1, \"proof\": \"AQ\"}"), std::string("{\"format\": \"1\"}"),
        file_ + "x", replaced(file_, "\"height\": 1", "\"height\": 1, \"height\": 1")}) {
    EXPECT_EQ(refusal(parse_receipt(text)), "receipt-malformed") << text.substr(0, 60);
  }
  EXPECT_EQ(refusal(parse_receipt(replaced(file_, "\"format\": 1", "\"format\": 4"))),
            "receipt-newer-format");
  EXPECT_EQ(refusal(parse_receipt(replaced(file_, "\"format\": 1", "\"format\": 2"))),
            "receipt-facts-differ");
}

TEST_F(ReceiptFileTest, AProofOfManyOperationsIsNotRendered) {
  Receipt crowded = receipt();
  crowded.transaction.body.operations.assign(kOperationsMax + 1, del("k"));
  EXPECT_EQ(refusal(parse_receipt(receipt_to_json(crowded))), "receipt-malformed");
}

TEST_F(ReceiptFileTest, TheLargestReceiptCanBeReadAgain) {
  Receipt large = receipt();
  Put& put = std::get<Put>(large.transaction.body.operations[0]);
  put.value.assign((1 << 20) - 500, 0xff);  // shown as hex
  EXPECT_TRUE(parse_receipt(receipt_to_json(large)));
  put.value.assign((1 << 20) - 500, '"');  // shown as text that is all escapes
  EXPECT_TRUE(parse_receipt(receipt_to_json(large)));
}

TEST_F(ReceiptFileTest, EveryChangedByteIsRefusedOrProvesTheSame) {
  const Bytes proof = crypto::encode(receipt());
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < file_.size(); ++i) {
    for (const int change : {0x01, 0x04, 0x20, 0x80}) {
      std::string changed = file_;
      changed[i] = static_cast<char>(changed[i] ^ change);
      const auto receipt = parse_receipt(changed);
      if (!receipt) continue;
      ++accepted;
      ASSERT_EQ(crypto::encode(*receipt), proof) << "byte " << i << ": " << file_[i];
    }
  }
  // Case of white space (a blank and a newline differ in more than a bit): nothing at all.
  EXPECT_EQ(accepted, 0U);
}

TEST_F(ReceiptFileTest, EveryReplacedByteIsRefusedOrProvesTheSame) {
  const Bytes proof = crypto::encode(receipt());
  for (std::size_t i = 0; i < file_.size(); ++i) {
    for (const char other : {' ', '\n', '0', 'A', '"', '}'}) {
      std::string changed = file_;
      changed[i] = other;
      const auto receipt = parse_receipt(changed);
      ASSERT_TRUE(!receipt || crypto::encode(*receipt) == proof) << "byte " << i;
    }
  }
}

}  // namespace
}  // namespace quorate::ledger
