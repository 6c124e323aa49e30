// Records in a file: nothing can be changed, left out or added without being noticed.

#include "node/record_chain.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "crypto/bcs.h"
#include "node/recording.h"
#include "tests/support/readme.h"

namespace quorate::node {
namespace {

const std::vector<std::string> kPayloads = {"one", "the second", "3"};

std::string chain_of(const std::vector<std::string>& payloads) {
  RecordChainWriter writer;
  std::string file(as_text(writer.opening()));
  for (const std::string& payload : payloads) {
    file += as_text(writer.frame(as_bytes(payload)));
  }
  return file;
}

struct Outcome {
  std::vector<std::string> payloads;
  bool is_cut = false;
  std::string code;  // empty: none
};

Outcome read(const std::string& file) {
  std::istringstream in(file);
  RecordChainReader reader(in);
  Outcome outcome;
  if (const Status open = reader.open(); !open) {
    outcome.code = open.error().code;
    return outcome;
  }
  for (;;) {
    const auto next = reader.next();
    if (!next) outcome.code = next.error().code;
    if (!next || !*next) break;
    outcome.payloads.emplace_back(as_text(**next));
  }
  outcome.is_cut = reader.is_cut();
  return outcome;
}

TEST(RecordChain, GivesBackWhatWasWritten) {
  const Outcome outcome = read(chain_of(kPayloads));
  EXPECT_EQ(outcome.payloads, kPayloads);
  EXPECT_FALSE(outcome.is_cut);
  EXPECT_EQ(outcome.code, "");
}

TEST(RecordChain, EveryChangedByteIsNoticedAndNothingWrongIsGiven) {
  const std::string good = chain_of(kPayloads);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      const Outcome outcome = read(bad);
      const std::string expected = i < 8    ? "recording-malformed"
                                   : i < 12 ? "recording-other-version"
                                            : "recording-altered";
      EXPECT_EQ(outcome.code, expected) << "byte " << i;
      EXPECT_FALSE(outcome.is_cut) << "byte " << i;
      ASSERT_LT(outcome.payloads.size(), kPayloads.size()) << "byte " << i;
      for (std::size_t p = 0; p < outcome.payloads.size(); ++p) {
        EXPECT_EQ(outcome.payloads[p], kPayloads[p]);
      }
    }
  }
}

TEST(RecordChain, EveryMissingOrAddedByteIsNoticed) {
  const std::string good = chain_of(kPayloads);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string less = good;
    less.erase(i, 1);
    const Outcome outcome = read(less);
    EXPECT_TRUE(outcome.code != "" || outcome.is_cut) << "without byte " << i;
    std::string more = good;
    more.insert(i, 1, 'x');
    EXPECT_NE(read(more).code, "") << "with one more before byte " << i;
  }
}

TEST(RecordChain, CutTailIsToldFromAChangedOne) {
  const std::string good = chain_of(kPayloads);
  const std::size_t opening = RecordChainWriter().opening().size();
  std::size_t whole = 0;
  std::size_t end = opening;
  for (std::size_t size = opening; size < good.size(); ++size) {
    const std::size_t next = end + kPayloads[whole].size() + kRecordOverheadBytes;
    if (size == next) {
      ++whole;
      end = next;
    }
    const Outcome outcome = read(good.substr(0, size));
    EXPECT_EQ(outcome.code, "") << size;
    EXPECT_EQ(outcome.payloads.size(), whole) << size;
    EXPECT_EQ(outcome.is_cut, size != end) << size;
  }
}

TEST(RecordChain, RecordsOfAnotherPlaceDoNotFit) {
  const std::string file = chain_of({"same", "same", "same"});
  const std::size_t opening = RecordChainWriter().opening().size();
  const std::size_t record = 4 + kRecordOverheadBytes;
  std::string without = file;
  without.erase(opening, record);
  EXPECT_EQ(read(without).code, "recording-altered");
  std::string twice = file;
  twice.insert(opening, file.substr(opening, record));
  EXPECT_EQ(read(twice).code, "recording-altered");
}

TEST(RecordChain, ExampleOfTheReadmeIsARecordingOfThreeStepsThatEnded) {
  RecordChainWriter writer;
  std::string file(as_text(writer.opening()));
  file += as_text(writer.frame(crypto::encode(Record(RecordingEnd{0, 3}))));
  EXPECT_EQ(quorate::test::Readme("node").hex("recording"), to_hex(as_bytes(file)));
}

TEST(RecordChain, OtherFilesAndVersionsAreRefusedByName) {
  EXPECT_EQ(read("").code, "recording-malformed");
  EXPECT_EQ(read("{\"json\": 1}  ").code, "recording-malformed");
  std::string newer = chain_of(kPayloads);
  newer[8] = 4;
  EXPECT_EQ(read(newer).code, "recording-other-version");
}

}  // namespace
}  // namespace quorate::node
