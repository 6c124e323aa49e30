// Our Merkle trees and a node's proofs against the C++ verifier of Certificate Transparency, as
// Debian ships its source. Arguments: a file of proofs that tests/interop/tlog.go wrote.
//
// Every (index, size) and (size, size) up to 512 is proved by crypto/merkle.h and verified by them;
// what they verify is mutated, and must be refused.

#include <merkletree/merkle_tree.h>
#include <merkletree/merkle_verifier.h>
#include <merkletree/serial_hasher.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "crypto/merkle.h"

namespace {

namespace merkle = quorate::crypto::merkle;
using quorate::crypto::Digest;
using Path = std::vector<std::string>;

constexpr std::size_t kSizeMax = 512;

void demand(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "FAILED: %s\n", what.c_str());
  std::exit(1);
}

std::string text_of(const Digest& digest) { return {digest.bytes.begin(), digest.bytes.end()}; }

Path path_of(const std::vector<Digest>& digests) {
  Path path;
  for (const Digest& digest : digests) path.push_back(text_of(digest));
  return path;
}

std::string from_hex(const std::string& hex) {
  const auto bytes = quorate::from_hex(hex);
  demand(bytes.has_value(), hex + " is no hex");
  return {bytes->begin(), bytes->end()};
}

std::unique_ptr<SerialHasher> hasher() { return std::make_unique<Sha256Hasher>(); }

// Whether a path with one hash changed, one too few or one too many is refused.
template <class Accepts>
std::size_t refuse_mutations(const Path& path, const std::string& what, const Accepts& accepts) {
  std::vector<Path> bad;
  for (std::size_t i = 0; i < path.size(); ++i) {
    bad.push_back(path);
    bad.back()[i][i % 32] ^= 1;
  }
  if (!path.empty()) bad.emplace_back(path.begin(), path.end() - 1);
  bad.push_back(path);
  bad.back().emplace_back(32, '\0');
  for (const Path& each : bad) demand(!accepts(each), what + " is accepted though mutated");
  return bad.size();
}

// The mutations of one proof cost ten times the proof.
bool is_mutated(std::size_t size) { return size <= 64 || size % 7 == 0; }

struct Counts {
  std::size_t accepted = 0;
  std::size_t refused = 0;
};

// Their index counts from 1.
void check_inclusion(MerkleVerifier& verifier, std::size_t index, std::size_t size,
                     const std::string& root, const std::string& entry, const Path& path,
                     Counts& counts) {
  const std::string what = "leaf " + std::to_string(index) + " of " + std::to_string(size);
  const auto accepts = [&](const Path& each) {
    return verifier.VerifyPath(index + 1, size, each, root, entry);
  };
  demand(accepts(path), what + " is refused");
  ++counts.accepted;
  if (is_mutated(size)) counts.refused += refuse_mutations(path, what, accepts);
}

void check_consistency(MerkleVerifier& verifier, std::size_t first, std::size_t second,
                       const std::string& first_root, const std::string& second_root,
                       const Path& path, Counts& counts) {
  const std::string what = std::to_string(first) + " to " + std::to_string(second);
  const auto accepts = [&](const Path& each) {
    return verifier.VerifyConsistency(first, second, first_root, second_root, each);
  };
  demand(accepts(path), what + " is refused");
  ++counts.accepted;
  if (is_mutated(second)) counts.refused += refuse_mutations(path, what, accepts);
}

// Every complete subtree, as a log on a disk has them.
struct StoredTree {
  merkle::Frontier frontier;
  std::map<merkle::NodeId, Digest> nodes;

  void append(const Digest& leaf) {
    std::vector<merkle::Node> completed;
    frontier.append(leaf, &completed);
    for (const merkle::Node& node : completed) nodes.emplace(node.id, node.digest);
  }
  [[nodiscard]] merkle::NodeGetter getter() const {
    return [this](const merkle::NodeId& id) -> quorate::Result<Digest> { return nodes.at(id); };
  }
};

void check_all_pairs() {
  MerkleVerifier verifier(hasher());
  MerkleTree theirs(hasher());
  StoredTree ours;
  std::vector<std::string> entries;
  std::vector<std::string> roots = {text_of(merkle::empty_root())};
  Counts inclusion;
  Counts consistency;
  for (std::size_t n = 1; n <= kSizeMax; ++n) {
    entries.push_back("entry " + std::to_string(n));
    ours.append(merkle::leaf_hash(quorate::as_bytes(entries.back())));
    theirs.AddLeaf(entries.back());
    roots.push_back(text_of(ours.frontier.root()));
    demand(theirs.CurrentRoot() == roots[n], "the roots of " + std::to_string(n) + " differ");
    for (std::size_t i = 0; i < n; ++i) {
      const Path path = path_of(merkle::inclusion_path(i, n, ours.getter()).value());
      demand(path == theirs.PathToCurrentRoot(i + 1), "the paths differ");
      check_inclusion(verifier, i, n, roots[n], entries[i], path, inclusion);
    }
    for (std::size_t m = 1; m <= n; ++m) {
      const Path path = path_of(merkle::consistency_path(m, n, ours.getter()).value());
      demand(path == theirs.SnapshotConsistency(m, n), "the consistency proofs differ");
      check_consistency(verifier, m, n, roots[m], roots[n], path, consistency);
    }
  }
  std::printf("up to %zu: %zu inclusion proofs accepted, %zu mutated ones refused;\n"
              "  %zu consistency proofs accepted, %zu mutated ones refused\n",
              kSizeMax, inclusion.accepted, inclusion.refused, consistency.accepted,
              consistency.refused);
}

void check_file(const char* name) {
  std::ifstream file(name);
  MerkleVerifier verifier(hasher());
  Counts counts;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind;
    std::size_t first = 0;
    std::size_t second = 0;
    std::string one;
    std::string other;
    words >> kind >> first >> second >> one >> other;
    Path path;
    for (std::string hash; words >> hash;) path.push_back(from_hex(hash));
    if (kind == "i") {
      check_inclusion(verifier, first, second, from_hex(one), from_hex(other), path, counts);
    } else {
      check_consistency(verifier, first, second, from_hex(one), from_hex(other), path, counts);
    }
  }
  demand(counts.accepted > 0, std::string(name) + " holds no proofs");
  std::printf("of a node: %zu proofs accepted, %zu mutated ones refused\n", counts.accepted,
              counts.refused);
}

}  // namespace

int main(int argc, char** argv) {
  check_all_pairs();
  for (int i = 1; i < argc; ++i) check_file(argv[i]);
  return 0;
}
