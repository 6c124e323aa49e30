#include "crypto/merkle.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <utility>

#include "crypto/bcs.h"
#include "tests/crypto/test_data.h"
#include "tests/support/thinning.h"

namespace quorate::crypto::merkle {
namespace {

// The eight entries of Certificate Transparency's reference tests.
const std::vector<std::string> kEntries = {"",
                                           "00",
                                           "10",
                                           "2021",
                                           "3031",
                                           "40414243",
                                           "5051525354555657",
                                           "606162636465666768696a6b6c6d6e6f"};

const std::vector<std::string> kRoots = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

constexpr const char* kLeaf1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
constexpr const char* kLeaf4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
constexpr const char* kPair23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
constexpr const char* kFour47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
constexpr const char* kPair67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
constexpr const char* kPair45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";

std::vector<Digest> reference_leaves() {
  std::vector<Digest> leaves;
  for (const std::string& hex : kEntries) leaves.push_back(leaf_hash(from_hex(hex).value()));
  return leaves;
}

std::vector<std::string> hex_of(const Path& path) {
  std::vector<std::string> out;
  for (const Digest& digest : path) out.push_back(digest.hex());
  return out;
}

// The RFC's recursive definitions, word for word. What a range of leaves hashes to is remembered:
// the trees of all sizes share nearly all of their ranges, and no proof is found otherwise.
class NaiveTree {
 public:
  explicit NaiveTree(std::span<const Digest> leaves) : leaves_(leaves) {}

  // Of leaves [begin, end).
  const Digest& mth(std::size_t begin, std::size_t end) {
    const auto found = known_.find({begin, end});
    if (found != known_.end()) return found->second;
    Digest digest;
    if (begin == end) {
      digest = empty_root();
    } else if (end - begin == 1) {
      digest = leaves_[begin];
    } else {
      const std::size_t middle = begin + split(end - begin);
      digest = node_hash(mth(begin, middle), mth(middle, end));
    }
    return known_.emplace(std::pair(begin, end), digest).first->second;
  }

  // PATH(m, D[begin:end]), m counted from begin.
  Path path(std::size_t m, std::size_t begin, std::size_t end) {
    if (end - begin == 1) return {};
    const std::size_t k = split(end - begin);
    const bool is_left = m < k;
    Path out = is_left ? path(m, begin, begin + k) : path(m - k, begin + k, end);
    out.push_back(is_left ? mth(begin + k, end) : mth(begin, begin + k));
    return out;
  }

  // SUBPROOF(m, D[begin:end], whole).
  Path subproof(std::size_t m, std::size_t begin, std::size_t end, bool whole) {
    if (m == end - begin) return whole ? Path{} : Path{mth(begin, end)};
    const std::size_t k = split(end - begin);
    const bool is_left = m <= k;
    Path out = is_left ? subproof(m, begin, begin + k, whole)
                       : subproof(m - k, begin + k, end, false);
    out.push_back(is_left ? mth(begin + k, end) : mth(begin, begin + k));
    return out;
  }

 private:
  static std::size_t split(std::size_t n) {
    std::size_t k = 1;
    while (k * 2 < n) k *= 2;
    return k;
  }

  std::span<const Digest> leaves_;
  std::map<std::pair<std::size_t, std::size_t>, Digest> known_;
};

// Sizes whose pairs a sanitized build walks as well: one in five, and those beside a power of two.
bool is_walked(std::size_t n) {
  return n % quorate::test::kStride == 0 || std::has_single_bit(n) || std::has_single_bit(n - 1) ||
         std::has_single_bit(n + 1);
}

std::vector<Digest> numbered_leaves(std::size_t count) {
  std::vector<Digest> leaves;
  for (std::uint64_t i = 0; i < count; ++i) leaves.push_back(leaf_hash(encode(i)));
  return leaves;
}

// What a log on disk would hold: every complete subtree, filled by appending.
struct StoredNodes {
  Frontier frontier;
  std::map<NodeId, Digest> nodes;
  mutable int reads = 0;

  void append(const Digest& leaf) {
    std::vector<Node> completed;
    frontier.append(leaf, &completed);
    for (const Node& node : completed) nodes.emplace(node.id, node.digest);
  }

  NodeGetter getter() const {
    return [this](const NodeId& id) -> Result<Digest> {
      ++reads;
      const auto found = nodes.find(id);
      if (found == nodes.end()) return fail(ErrorKind::kCorrupt, "test-no-node", "not stored");
      return found->second;
    };
  }
};

TEST(Merkle, MatchesReferenceRoots) {
  const auto leaves = reference_leaves();
  for (std::size_t n = 0; n < kRoots.size(); ++n) {
    EXPECT_EQ(root(std::span(leaves).first(n)).hex(), kRoots[n]) << n;
  }
  EXPECT_EQ(leaves[1].hex(), kLeaf1);
  EXPECT_EQ(leaves[4].hex(), kLeaf4);
}

TEST(Merkle, MatchesReferencePaths) {
  const auto leaves = reference_leaves();
  using Hexes = std::vector<std::string>;
  EXPECT_EQ(hex_of(inclusion_path(0, leaves).value()), (Hexes{kLeaf1, kPair23, kFour47}));
  EXPECT_EQ(hex_of(inclusion_path(5, leaves).value()), (Hexes{kLeaf4, kPair67, kRoots[4]}));
  EXPECT_EQ(hex_of(consistency_path(1, leaves).value()), (Hexes{kLeaf1, kPair23, kFour47}));
  EXPECT_EQ(hex_of(consistency_path(6, leaves).value()), (Hexes{kPair45, kPair67, kRoots[4]}));
  EXPECT_EQ(hex_of(consistency_path(2, std::span(leaves).first(5)).value()),
            (Hexes{kPair23, kLeaf4}));
}

TEST(Merkle, AgreesWithTheNaiveTreeOnEveryIndexAndSizeTo512) {
  const auto leaves = numbered_leaves(512);
  NaiveTree naive(leaves);
  StoredNodes stored;
  for (std::size_t n = 1; n <= leaves.size(); ++n) {
    stored.append(leaves[n - 1]);
    const Digest& tree_root = naive.mth(0, n);
    ASSERT_EQ(stored.frontier.root(), tree_root) << n;
    if (!is_walked(n)) continue;
    for (std::size_t i = 0; i < n; ++i) {
      const auto path = inclusion_path(i, n, stored.getter());
      ASSERT_TRUE(path) << i << " of " << n << ": " << path.error().to_string();
      ASSERT_EQ(*path, naive.path(i, 0, n)) << i << " of " << n;
      ASSERT_TRUE(verify_inclusion(leaves[i], i, n, *path, tree_root)) << i << " of " << n;
    }
  }
}

TEST(Merkle, AgreesWithTheNaiveTreeOnEveryTwoSizesTo512) {
  const auto leaves = numbered_leaves(512);
  NaiveTree naive(leaves);
  StoredNodes stored;
  for (std::size_t n = 1; n <= leaves.size(); ++n) {
    stored.append(leaves[n - 1]);
    if (!is_walked(n)) continue;
    for (std::size_t m = 1; m <= n; ++m) {
      const auto path = consistency_path(m, n, stored.getter());
      ASSERT_TRUE(path) << m << " to " << n << ": " << path.error().to_string();
      ASSERT_EQ(*path, naive.subproof(m, 0, n, true)) << m << " to " << n;
      ASSERT_TRUE(verify_consistency(m, n, naive.mth(0, m), naive.mth(0, n), *path))
          << m << " to " << n;
    }
  }
}

TEST(Merkle, RefusesEveryProofForAnotherPlaceOrSize) {
  const auto leaves = numbered_leaves(33);
  for (std::size_t n = 1; n <= leaves.size(); ++n) {
    const auto tree = std::span(leaves).first(n);
    const Digest tree_root = root(tree);
    for (std::size_t i = 0; i < n; ++i) {
      const Path path = inclusion_path(i, tree).value();
      for (std::size_t other = 0; other <= n; ++other) {
        if (other == i) continue;
        EXPECT_FALSE(verify_inclusion(leaves[i], other, n, path, tree_root));
      }
    }
  }
}

TEST(Merkle, RefusesMutatedPaths) {
  const auto leaves = numbered_leaves(21);
  const Digest new_root = root(leaves);
  const Digest old_root = root(std::span(leaves).first(13));
  const Path inclusion = inclusion_path(11, leaves).value();
  const Path consistency = consistency_path(13, leaves).value();
  for (std::size_t k = 0; k < inclusion.size(); ++k) {
    Path bad = inclusion;
    bad[k].bytes[31] ^= 1;
    EXPECT_FALSE(verify_inclusion(leaves[11], 11, 21, bad, new_root));
  }
  for (std::size_t k = 0; k < consistency.size(); ++k) {
    Path bad = consistency;
    bad[k].bytes[0] ^= 0x80;
    EXPECT_FALSE(verify_consistency(13, 21, old_root, new_root, bad));
  }
  Path longer = inclusion;
  longer.push_back(Digest{});
  EXPECT_FALSE(verify_inclusion(leaves[11], 11, 21, longer, new_root));
  longer = consistency;
  longer.push_back(Digest{});
  EXPECT_FALSE(verify_consistency(13, 21, old_root, new_root, longer));
  EXPECT_FALSE(verify_consistency(13, 21, old_root, new_root, {}));
  EXPECT_FALSE(verify_consistency(21, 13, new_root, old_root, consistency));
}

TEST(Merkle, RefusesPathsLongerThanTheTreeEvenWhereTheyHashRight) {
  const auto leaves = numbered_leaves(21);
  const Digest extra = leaf_hash(as_bytes("extra"));
  Path inclusion = inclusion_path(11, leaves).value();
  inclusion.push_back(extra);
  EXPECT_FALSE(verify_inclusion(leaves[11], 11, 21, inclusion, node_hash(extra, root(leaves))));
  Path consistency = consistency_path(13, leaves).value();
  consistency.push_back(extra);
  const Digest old_root = root(std::span(leaves).first(13));
  EXPECT_FALSE(verify_consistency(13, 21, node_hash(extra, old_root),
                                  node_hash(extra, root(leaves)), consistency));
}

TEST(Merkle, NothingIsProvedAboutTheEmptyTree) {
  const auto leaves = numbered_leaves(3);
  EXPECT_TRUE(consistency_path(0, leaves).value().empty());
  EXPECT_FALSE(verify_consistency(0, 3, empty_root(), root(leaves), {}));
  EXPECT_FALSE(verify_consistency(0, 0, empty_root(), empty_root(), {}));
  EXPECT_FALSE(verify_inclusion(leaves[0], 0, 0, {}, empty_root()));
}

TEST(Merkle, HostileSizesAndLongPathsAreJudgedQuickly) {
  const Path path(100'000);
  const Digest zero;
  EXPECT_FALSE(verify_inclusion(zero, UINT64_MAX - 1, UINT64_MAX, path, zero));
  EXPECT_FALSE(verify_inclusion(zero, 0, UINT64_MAX, path, zero));
  EXPECT_FALSE(verify_consistency(UINT64_MAX - 1, UINT64_MAX, zero, zero, path));
  EXPECT_FALSE(verify_consistency(std::uint64_t{1} << 63, UINT64_MAX, zero, zero, path));
  EXPECT_FALSE(verify_consistency(1, UINT64_MAX, zero, zero, path));
}

TEST(Merkle, ProofsAskedOutOfRangeAreErrors) {
  const auto leaves = numbered_leaves(4);
  EXPECT_EQ(inclusion_path(4, leaves).error().code, "merkle-out-of-range");
  EXPECT_EQ(consistency_path(5, leaves).error().code, "merkle-out-of-range");
  EXPECT_EQ(inclusion_path(0, std::span<const Digest>{}).error().code, "merkle-out-of-range");
}

TEST(Merkle, ProofsPassOnTheErrorOfTheStore) {
  const StoredNodes nothing;
  EXPECT_EQ(inclusion_path(2, 9, nothing.getter()).error().code, "test-no-node");
  EXPECT_EQ(consistency_path(2, 9, nothing.getter()).error().code, "test-no-node");
}

TEST(Merkle, ProofsReadLogarithmicallyManyNodes) {
  StoredNodes stored;
  const auto leaves = numbered_leaves(65'535);  // the worst size: sixteen subtrees
  for (const Digest& leaf : leaves) stored.append(leaf);
  for (const std::uint64_t i : {0, 1, 32'767, 32'768, 65'534}) {
    stored.reads = 0;
    const auto path = inclusion_path(i, leaves.size(), stored.getter());
    ASSERT_TRUE(path);
    EXPECT_TRUE(verify_inclusion(leaves[i], i, leaves.size(), *path, stored.frontier.root()));
    EXPECT_LE(stored.reads, 32) << i;
    stored.reads = 0;
    ASSERT_TRUE(consistency_path(i, leaves.size(), stored.getter()));
    EXPECT_LE(stored.reads, 32) << i;
  }
}

TEST(Merkle, FrontierSurvivesTheCodecAndKnowsWhenItIsDamaged) {
  const auto leaves = numbered_leaves(13);
  Frontier frontier;
  for (const Digest& leaf : leaves) frontier.append(leaf);
  auto back = decode<Frontier>(encode(frontier));
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->is_well_formed());
  EXPECT_EQ(back->root(), root(leaves));
  back->nodes.pop_back();
  EXPECT_FALSE(back->is_well_formed());
}

TEST(Merkle, LeavesAndNodesAreHashedApart) {
  const Digest a = leaf_hash(as_bytes("a"));
  const Digest b = leaf_hash(as_bytes("b"));
  Bytes joined(a.bytes.begin(), a.bytes.end());
  joined.insert(joined.end(), b.bytes.begin(), b.bytes.end());
  EXPECT_NE(leaf_hash(joined), node_hash(a, b));
}

// --- vectors of the transparency-dev project -------------------------------------------------

// Some cases use shorter texts as roots; zeros are appended, which keeps equal and unequal apart.
Digest digest_field(const boost::json::value& value) {
  const Bytes bytes = from_base64(value.as_string()).value();
  Digest digest;
  std::copy_n(bytes.begin(), std::min<std::size_t>(bytes.size(), 32), digest.bytes.begin());
  return digest;
}

Path path_field(const boost::json::value& value) {
  Path path;
  if (!value.is_array()) return path;
  for (const auto& digest : value.as_array()) path.push_back(digest_field(digest));
  return path;
}

TEST(MerkleVectors, EveryInclusionCaseHasTheExpectedVerdict) {
  const auto cases = test::read_json("rfc6962_inclusion.json");
  if (cases.is_null()) GTEST_SKIP() << test::kNoData << "rfc6962_inclusion.json";
  for (const auto& c : cases.as_array()) {
    // A missing hash cannot even be expressed as a Digest here.
    const bool complete =
        !c.at("leafHash").as_string().empty() && !c.at("root").as_string().empty();
    const bool valid =
        complete &&
        verify_inclusion(digest_field(c.at("leafHash")), c.at("leafIdx").to_number<std::uint64_t>(),
                         c.at("treeSize").to_number<std::uint64_t>(), path_field(c.at("proof")),
                         digest_field(c.at("root")));
    EXPECT_EQ(valid, !c.at("wantErr").as_bool()) << c.at("name");
  }
  EXPECT_EQ(cases.as_array().size(), 98U);
}

TEST(MerkleVectors, EveryConsistencyCaseHasTheExpectedVerdict) {
  const auto cases = test::read_json("rfc6962_consistency.json");
  if (cases.is_null()) GTEST_SKIP() << test::kNoData << "rfc6962_consistency.json";
  for (const auto& c : cases.as_array()) {
    const bool valid = verify_consistency(
        c.at("size1").to_number<std::uint64_t>(), c.at("size2").to_number<std::uint64_t>(),
        digest_field(c.at("root1")), digest_field(c.at("root2")), path_field(c.at("proof")));
    EXPECT_EQ(valid, !c.at("wantErr").as_bool()) << c.at("name");
  }
  EXPECT_EQ(cases.as_array().size(), 98U);
}

}  // namespace
}  // namespace quorate::crypto::merkle
