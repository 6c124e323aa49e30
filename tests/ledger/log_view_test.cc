// The log as its readers get it: nodes, records, the two proofs, and tiles.

#include "ledger/log_view.h"

#include <gtest/gtest.h>

#include <random>

#include "ledger/log_nodes.h"
#include "ledger/log_tiles.h"
#include "tests/ledger/signed_ledger.h"

namespace quorate::ledger {
namespace {

using namespace test;
namespace merkle = crypto::merkle;

class LogViewTest : public SignedLedger {
 protected:
  void fill(int blocks) {
    append_empty(blocks);
    for (Height at{1}; at <= store_->height(); at = next(at)) {
      records_.push_back(crypto::encode(store_->record(at).value()));
      leaves_.push_back(merkle::leaf_hash(records_.back()));
    }
  }
  [[nodiscard]] Digest root(std::size_t size) const {
    return merkle::root(std::span(leaves_).first(size));
  }
  [[nodiscard]] Bytes tile(std::string_view path, std::uint64_t size) const {
    return read_tile(store_->log(), parse_tile_path(path).value(), size).value();
  }
  [[nodiscard]] std::string_view tile_refusal(std::string_view path, std::uint64_t size) const {
    return refusal(read_tile(store_->log(), parse_tile_path(path).value(), size));
  }

  std::vector<Bytes> records_;
  std::vector<Digest> leaves_;
};

Bytes joined(std::span<const Digest> hashes) {
  Bytes bytes;
  for (const Digest& hash : hashes) {
    bytes.insert(bytes.end(), hash.bytes.begin(), hash.bytes.end());
  }
  return bytes;
}

TEST_F(LogViewTest, ProvesEveryIndexAndEveryTwoSizes) {
  fill(21);
  const LogView log = store_->log();
  EXPECT_EQ(log.size(), 21U);
  for (std::size_t n = 0; n <= 21; ++n) {
    EXPECT_EQ(log.root(n).value(), root(n));
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_EQ(log.inclusion_path(i, n).value(),
                merkle::inclusion_path(i, std::span(leaves_).first(n)).value());
    }
    for (std::size_t m = 0; m <= n; ++m) {
      EXPECT_EQ(log.consistency_path(m, n).value(),
                merkle::consistency_path(m, std::span(leaves_).first(n)).value());
    }
  }
  EXPECT_EQ(log.records(3, 4).value(),
            std::vector<Bytes>(records_.begin() + 3, records_.begin() + 7));
}

// While the table of upper nodes fills, and also as of a block that is no longer the head.
TEST_F(LogViewTest, ProvesTheSameWhateverIsInMemory) {
  fill(700);
  std::vector<std::pair<std::size_t, std::size_t>> asked;
  std::mt19937_64 dice{7};
  for (int i = 0; i < 1500; ++i) {
    const std::size_t n = 1 + dice() % 700;
    asked.emplace_back(dice() % n, n);
  }
  const LogView earlier = store_->log();
  append_empty(40);
  for (const auto& [index, n] : asked) {
    const auto leaves = std::span(leaves_).first(n);
    const auto plain = merkle::inclusion_path(index, leaves).value();
    ASSERT_EQ(store_->log().inclusion_path(index, n).value(), plain) << index << " of " << n;
    ASSERT_EQ(earlier.inclusion_path(index, n).value(), plain) << index << " of " << n;
    ASSERT_EQ(store_->log().consistency_path(index, n).value(),
              merkle::consistency_path(index, leaves).value())
        << index << " of " << n;
  }
}

TEST(LogNodes, KeepsOneNodeForEachPlace) {
  LogNodes nodes;
  const auto digest = [](std::uint64_t number) {
    return crypto::sha256(as_bytes(std::to_string(number)));
  };
  EXPECT_EQ(nodes.find({6, 0}), std::nullopt);
  nodes.keep({6, 0}, digest(0));
  nodes.keep({7, 0}, digest(1));
  nodes.keep({63, 0}, digest(2));
  EXPECT_EQ(nodes.find({6, 0}), digest(0));
  EXPECT_EQ(nodes.find({7, 0}), digest(1));
  EXPECT_EQ(nodes.find({63, 0}), digest(2));
  nodes.keep({6, LogNodes::kNodesALevel}, digest(3));
  EXPECT_EQ(nodes.find({6, LogNodes::kNodesALevel}), digest(3));
  EXPECT_EQ(nodes.find({6, 0}), std::nullopt);
  EXPECT_EQ(nodes.find({6, 1}), std::nullopt);
}

TEST_F(LogViewTest, IsOfOneBlockWhileTheLedgerGoesOn) {
  fill(5);
  const LogView log = store_->log();
  append_empty(3);
  EXPECT_EQ(log.size(), 5U);
  EXPECT_EQ(refusal(log.root(6)), "block-not-found");
  EXPECT_EQ(refusal(log.records(5, 1)), "block-not-found");
  EXPECT_EQ(store_->log().size(), 8U);
}

TEST_F(LogViewTest, RefusesWhatIsNotThereYet) {
  fill(5);
  const LogView log = store_->log();
  EXPECT_EQ(refusal(log.inclusion_path(5, 5)), "block-not-found");
  EXPECT_EQ(refusal(log.inclusion_path(2, 6)), "block-not-found");
  EXPECT_EQ(refusal(log.inclusion_path(4, 3)), "merkle-out-of-range");
  EXPECT_EQ(refusal(log.consistency_path(4, 3)), "merkle-out-of-range");
  EXPECT_EQ(refusal(log.consistency_path(2, 6)), "block-not-found");
  EXPECT_EQ(refusal(log.nodes(0, 3, 3)), "block-not-found");
  EXPECT_EQ(refusal(log.nodes(1, 2, 1)), "block-not-found");
  EXPECT_EQ(refusal(log.nodes(0, UINT64_MAX, 2)), "block-not-found");
  EXPECT_EQ(refusal(log.nodes(64, 0, 1)), "block-not-found");
  EXPECT_EQ(refusal(log.inclusion_path(UINT64_MAX, 5)), "block-not-found");
}

// One full tile, one that begins, and the level above.
TEST_F(LogViewTest, TilesAreTheHashesAndEntriesOfTheLog) {
  fill(300);
  const std::span<const Digest> leaves(leaves_);
  EXPECT_EQ(tile("tile/0/000", 300), joined(leaves.first(256)));
  EXPECT_EQ(tile("tile/0/001.p/44", 300), joined(leaves.subspan(256, 44)));
  EXPECT_EQ(tile("tile/0/001.p/7", 300), joined(leaves.subspan(256, 7)));
  EXPECT_EQ(tile("tile/0/000.p/255", 300), joined(leaves.first(255)));
  EXPECT_EQ(tile("tile/1/000.p/1", 300), joined(std::array{root(256)}));
  Bytes entries;
  for (std::size_t i = 256; i < 300; ++i) {
    entries.push_back(0);
    entries.push_back(static_cast<std::uint8_t>(records_[i].size()));
    entries.insert(entries.end(), records_[i].begin(), records_[i].end());
  }
  EXPECT_EQ(tile("tile/entries/001.p/44", 300), entries);
  EXPECT_EQ(tile("tile/entries/000", 300).size(), 256 * (2 + records_[0].size()));
}

TEST_F(LogViewTest, TilesEndWhereTheCheckpointEnds) {
  fill(260);
  EXPECT_EQ(tile_refusal("tile/0/000", 255), "tile-not-found");
  EXPECT_EQ(tile_refusal("tile/0/000", 256), "none");
  EXPECT_EQ(tile_refusal("tile/0/001.p/1", 256), "tile-not-found");
  EXPECT_EQ(tile_refusal("tile/0/001", 260), "tile-not-found");
  EXPECT_EQ(tile_refusal("tile/1/000.p/2", 260), "tile-not-found");
  EXPECT_EQ(tile_refusal("tile/1/000.p/1", 255), "tile-not-found");
  EXPECT_EQ(tile_refusal("tile/2/000.p/1", 260), "tile-not-found");
  EXPECT_EQ(tile_refusal("tile/63/000.p/1", 260), "tile-not-found");
  EXPECT_EQ(tile_refusal("tile/entries/x999/999", 260), "tile-not-found");
}

TEST(TilePath, IsReadAsItIsWritten) {
  const std::vector<std::pair<std::string, TileName>> paths = {
      {"tile/0/000", {false, 0, 0, 256}},
      {"tile/0/999.p/1", {false, 0, 999, 1}},
      {"tile/5/x001/x234/067", {false, 5, 1234067, 256}},
      {"tile/63/x001/000.p/255", {false, 63, 1000, 255}},
      {"tile/entries/x001/234.p/12", {true, 0, 1234, 12}},
      {"tile/entries/x018/x446/x744/x073/x709/x551/615", {true, 0, UINT64_MAX, 256}}};
  for (const auto& [path, name] : paths) {
    EXPECT_EQ(tile_path(name), path);
    EXPECT_EQ(parse_tile_path(path), name) << path;
  }
}

TEST(TilePath, OneTileHasOnePath) {
  for (const char* path :
       {"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000",
        "tile/0/x000/000", "tile/0/001/000", "tile/0/x001", "tile/00/000", "tile/01/000",
        "tile/64/000", "tile/-1/000", "tile/a/000", "tile/0/00a", "tile/0/+01", "tile/0/000.p/0",
        "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p", "tile/0/000.p/1/",
        "tile/0/000/", "tile/entries/", "tile/entries", "tile/8/0/000", "tile/0/-01",
        "tile/0/x018/x446/x744/x073/x709/x551/616", "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x001/x000/x000/x000/x000/x000/x000/000", "/tile/0/000", "tile/0/000 "}) {
    EXPECT_FALSE(parse_tile_path(path)) << path;
  }
}

}  // namespace
}  // namespace quorate::ledger
