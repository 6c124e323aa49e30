// Single bits that flip in the files of a ledger: each is named, or changes nothing that is read.
// (tests/e2e/ledger_flips_long.sh does the same to a ledger of twenty thousand transactions.)

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/ledger/audit_fixture.h"
#include "tests/ledger/store_fixture.h"
#include "tests/support/thinning.h"

namespace quorate::ledger::test {
namespace {

class AuditFlips : public AuditTest {
 protected:
  // All that can be read, or what was read before the first refusal.
  struct Read {
    std::vector<Bytes> blocks;
    bool is_whole = false;
  };
  Read read_all() {
    Read read;
    const auto opened = open_stopped_store("/ledger", std::nullopt, {&env_});
    if (!opened) return read;
    const Store& store = *opened->store;
    for (Height at{1}; at <= store.height(); at = next(at)) {
      const auto block = store.block(at);
      const auto writes = store.writes(at);
      if (!block || !writes) return read;
      read.blocks.push_back(crypto::encode(*block));
      for (const auto& [key, value] : *writes) {
        read.blocks.back().insert(read.blocks.back().end(), key.begin(), key.end());
        const Bytes after = value.value_or(Bytes{});
        read.blocks.back().insert(read.blocks.back().end(), after.begin(), after.end());
      }
    }
    read.is_whole = true;
    return read;
  }
  // Opened as a node does it, so that tables and a log are there.
  void rewrite_files() {
    for (int i = 0; i < 2; ++i) {
      close();
      store_ = Store::open("/ledger", chain_id_of(genesis_), {&env_}).value();
      append_empty(1);
    }
    close();
  }
};

TEST_F(AuditFlips, AreNamedOrChangeNothing) {
  fill(9, 6);
  close();
  rewrite_files();
  const Read truth = read_all();
  ASSERT_TRUE(truth.is_whole);
  ASSERT_EQ(place(audit_structure()), "none");
  Dice dice(11);
  std::uint32_t named = 0;
  std::uint32_t harmless = 0;
  for (const std::string& file : env_.files("/ledger")) {
    const std::string bytes = env_.read(file);
    if (bytes.empty()) continue;
    for (std::uint32_t i = 0; i < 60 / quorate::test::kStride; ++i) {
      std::string flipped = bytes;
      const std::size_t at = dice.below(bytes.size());
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << dice.below(8)));
      env_.write(file, flipped);
      const auto report = audit_structure();
      const Read read = read_all();
      const std::string where = file + " byte " + std::to_string(at);
      ASSERT_LE(read.blocks.size(), truth.blocks.size()) << where;
      EXPECT_TRUE(std::equal(read.blocks.begin(), read.blocks.end(), truth.blocks.begin()))
          << where;
      if (place(report) == "none") {
        EXPECT_EQ(read.blocks.size(), truth.blocks.size()) << where;
        ++harmless;
      } else {
        ++named;
      }
    }
    env_.write(file, bytes);
  }
  EXPECT_GT(named, 5 * harmless);
  EXPECT_EQ(place(audit()), "none");
}

}  // namespace
}  // namespace quorate::ledger::test
