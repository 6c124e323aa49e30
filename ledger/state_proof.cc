#include "ledger/state_proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "ledger/state_tree.h"

namespace quorate::ledger {
namespace {

using Kind = PageNode::Kind;

[[nodiscard]] std::size_t bit(ByteView bytes, std::size_t at) {
  return bytes[at / 8] >> (7 - at % 8) & 1;
}

[[nodiscard]] std::size_t bytes_for(std::size_t bits) { return (bits + 7) / 8; }

class Prover {
 public:
  explicit Prover(const Digest& key_hash) : key_hash_(key_hash) {}

  // Down through one page, to a slot (true) or to what ends the way above it.
  [[nodiscard]] bool pass(const StatePage& page, StateSlot& place) {
    const PageNodes nodes = nodes_of(page);
    std::size_t at = 1;
    while (at < kPageSlots && nodes[at].kind == Kind::kInner) {
      at = 2 * at + bit(key_hash_.bytes, proof_.depth);
      add(nodes[at ^ 1].digest);
    }
    place = StateHole{};
    if (nodes[at].kind != Kind::kNone) place = page.slots[nodes[at].slot];
    return std::holds_alternative<StateSubtree>(place);
  }

  [[nodiscard]] StateProof finish(std::optional<StateLeaf> other) {
    proof_.other = other;
    return std::move(proof_);
  }

 private:
  void add(const Digest& sibling) {
    if (proof_.depth % 8 == 0) proof_.filled.push_back(0);
    if (!sibling.is_zero()) {
      proof_.filled.back() |= static_cast<std::uint8_t>(0x80 >> proof_.depth % 8);
      proof_.siblings.push_back(sibling);
    }
    ++proof_.depth;
  }

  const Digest& key_hash_;
  StateProof proof_;
};

[[nodiscard]] tl::unexpected<Error> malformed(std::string message) {
  return fail(ErrorKind::kInvalid, "state-proof-malformed", std::move(message),
              "Do not rely on this proof; fetch it again, best from another node.");
}

[[nodiscard]] Status check_form(const StateProof& proof, const Digest& key_hash, bool is_present) {
  if (proof.depth > kProofDepthMax || proof.filled.size() != bytes_for(proof.depth)) {
    return malformed(fmt::format(
        "the proof has depth {} and a map of {} bytes; at most {} and a bit each were expected",
        proof.depth, proof.filled.size(), kProofDepthMax));
  }
  std::size_t filled = 0;
  for (const std::uint8_t byte : proof.filled) {
    filled += static_cast<std::size_t>(std::popcount(byte));
  }
  const bool spills = proof.depth % 8 != 0 &&
                      static_cast<std::uint8_t>(proof.filled.back() << proof.depth % 8) != 0;
  const bool has_zero = std::any_of(proof.siblings.begin(), proof.siblings.end(),
                                    [](const Digest& sibling) { return sibling.is_zero(); });
  if (spills || filled != proof.siblings.size() || has_zero) {
    return malformed(fmt::format("the proof has {} siblings, and its map of {} levels names {}",
                                 proof.siblings.size(), proof.depth, filled));
  }
  if (!proof.other) return {};
  if (is_present) return malformed("the proof of a value names another key in its place");
  const ByteView other = proof.other->key_hash.bytes;
  std::size_t shared = 0;
  while (shared < kProofDepthMax && bit(other, shared) == bit(key_hash.bytes, shared)) ++shared;
  if (shared == kProofDepthMax || shared < proof.depth) {
    return malformed(fmt::format(
        "the proof of absence names a key that shares {} bits of its hash; at least {} and not "
        "all were expected",
        shared, proof.depth));
  }
  return {};
}

}  // namespace

Result<StateProof> prove_key(
    const StateSlot& root, ByteView key, const PageReader& read,
    const std::function<Result<std::optional<Bytes>>(ByteView key)>& value_of) {
  const Digest key_hash = crypto::sha256(key);
  Prover prover(key_hash);
  StateSlot place = root;
  for (std::size_t depth = 0; std::holds_alternative<StateSubtree>(place); ++depth) {
    QUORATE_ASSIGN(const StatePage page, read_page(read, path_of(key_hash, depth),
                                                   std::get<StateSubtree>(place)));
    if (!prover.pass(page, place)) break;
  }
  const auto* found = std::get_if<StateKey>(&place);
  if (found == nullptr || std::equal(key.begin(), key.end(), found->key.begin(), found->key.end()))
    return prover.finish(std::nullopt);
  const Digest other_hash = crypto::sha256(found->key);
  QUORATE_ASSIGN(const std::optional<Bytes> value, value_of(found->key));
  const Digest value_hash = value ? crypto::sha256(*value) : Digest{};
  if (!value || state_leaf(other_hash, value_hash) != found->leaf) {
    return fail(ErrorKind::kCorrupt, "state-page-other",
                fmt::format("the value of the state under {} is not that of its leaf",
                            to_hex(found->key)),
                "Set this store aside and rebuild it from the other replicas.");
  }
  return prover.finish(StateLeaf{other_hash, value_hash});
}

Status verify_key(const StateProof& proof, ByteView key, const std::optional<Bytes>& value,
                  const Digest& root) {
  const Digest key_hash = crypto::sha256(key);
  QUORATE_TRY(check_form(proof, key_hash, value.has_value()));
  Digest digest;
  if (value) digest = state_leaf(key_hash, crypto::sha256(*value));
  if (proof.other) digest = state_leaf(proof.other->key_hash, proof.other->value_hash);
  std::size_t next = proof.siblings.size();
  for (std::size_t depth = proof.depth; depth > 0; --depth) {
    const bool is_filled = bit(proof.filled, depth - 1) == 1;
    const Digest sibling = is_filled ? proof.siblings[--next] : Digest{};
    const bool is_right = bit(key_hash.bytes, depth - 1) == 1;
    digest = is_right ? crypto::merkle::node_hash(sibling, digest)
                      : crypto::merkle::node_hash(digest, sibling);
  }
  if (digest == root) return {};
  return fail(ErrorKind::kCorrupt, "state-proof-other-root",
              fmt::format("the proof that key {} {} leads to state root {}; {} was expected",
                          to_hex(key), value ? "holds this value" : "is absent", digest.hex(),
                          root.hex()),
              "Do not rely on this proof; fetch it again, best from another node.");
}

}  // namespace quorate::ledger
