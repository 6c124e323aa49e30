#include "pow/chain.h"

#include <algorithm>

#include "crypto/check.h"

namespace quorate::pow {

Chain::Chain(const Params& params, const Header& genesis, Limits limits)
    : params_(params), limits_(limits), tree_(params, genesis) {
  QUORATE_CHECK(limits.side_headers_max >= kHeadersMax, "room for one message");
}

Output Chain::step(const Input& input) {
  ++step_;
  now_seconds_ = input.now_seconds;
  std::visit([this](const auto& event) { on(event); }, input.event);
  settle();
  return std::exchange(out_, {});
}

// -- Headers -----------------------------------------------------------------------------------

void Chain::on(const HeadersArrived& event) { on_headers(event.from, event.headers); }

void Chain::on_headers(std::optional<PeerId> from, std::span<const Header> headers) {
  if (headers.empty()) return;
  if (headers.size() > kHeadersMax) {
    return refuse_in_tree(from, hash_of(headers.front()), Reject::kTooManyHeaders,
                          "the message has " + std::to_string(headers.size()) +
                              " headers, expected at most " + std::to_string(kHeadersMax));
  }
  std::vector<Digest> hashes;
  hashes.reserve(headers.size());
  for (const Header& header : headers) {
    hashes.push_back(hash_of(header));
    if (hashes.size() == 1 || header.previous == hashes[hashes.size() - 2]) continue;
    return refuse_in_tree(from, hashes.back(), Reject::kNotConsecutive,
                          "its parent is " + display_hex(header.previous) +
                              ", expected the header before it in the message, " +
                              display_hex(hashes[hashes.size() - 2]));
  }
  std::size_t known = 0;
  TreeNode* parent = nullptr;
  for (; known < headers.size(); ++known) {
    TreeNode* node = tree_.find(hashes[known]);
    if (node == nullptr) break;
    parent = node;
  }
  if (known == headers.size()) {
    if (parent->is_invalid) refuse_invalid(from, *parent);
    return;
  }
  if (parent == nullptr) parent = tree_.find(headers.front().previous);
  if (parent == nullptr) return on_orphan(from, headers.front(), hashes.front());
  if (parent->is_invalid) {
    return refuse_in_tree(from, hashes[known], Reject::kParentInvalid,
                          "its parent " + display_hex(parent->hash()) +
                              " is invalid or follows an invalid block");
  }
  add_headers(from, *parent, headers.subspan(known), std::span(hashes).subspan(known));
}

// Only who did the work of a header makes us ask.
void Chain::on_orphan(std::optional<PeerId> from, const Header& header, const Digest& hash) {
  if (const auto bad = check_alone(header, hash, params_)) {
    return refuse(from, hash, *bad,
                  describe(*bad, header, Height{0}, nullptr, params_, now_seconds_));
  }
  out_.ask_headers_of = from;
  refuse_in_tree(from, hash, Reject::kParentUnknown,
                 "its parent " + display_hex(header.previous) + " is not known here");
}

void Chain::add_headers(std::optional<PeerId> from, TreeNode& parent,
                        std::span<const Header> headers, std::span<const Digest> hashes) {
  std::vector<ChainPoint> points{parent.point};
  points.reserve(headers.size() + 1);
  std::optional<Reject> bad;
  std::size_t good = 0;
  for (; good < headers.size(); ++good) {
    bad = check_header(headers[good], hashes[good], points.back(), params_, now_seconds_);
    if (bad) break;
    points.push_back(next_point(points.back(), headers[good], hashes[good], params_));
  }
  if (good > 0 && !make_room(good, points.back().work, parent)) {
    return refuse_in_tree(from, hashes[good - 1], Reject::kTooLittleWork,
                          "its branch has the work " + decimal_of(points.back().work) +
                              ", less than each of the " +
                              std::to_string(limits_.side_headers_max) +
                              " headers that are kept beside the active chain");
  }
  TreeNode* at = &parent;
  for (std::size_t i = 0; i < good; ++i) {
    at = &tree_.insert(*at, headers[i], points[i + 1]);
    out_.headers.push_back(headers[i]);
  }
  if (!bad) return;
  refuse(from, hashes[good], *bad,
         describe(*bad, headers[good], Height{points.back().height.value + 1}, &points.back(),
                  params_, now_seconds_));
}

// For `count` headers on `parent`, the last of which has `work`.
bool Chain::make_room(std::size_t count, const U256& work, const TreeNode& parent) {
  // The next block of the chain that we stand on must find room even where branches with more work
  // have filled the tree and keep their bodies back.
  const bool is_next_block = count == 1 && &parent == &tree_.tip();
  const U256 below = is_next_block ? u256_max() : work;
  while (tree_.side_headers() + count > limits_.side_headers_max) {
    const auto gone = tree_.evict_least(below, parent);
    if (!gone) return false;
    out_.forgotten.push_back(*gone);
  }
  return true;
}

// -- Bodies ------------------------------------------------------------------------------------

bool Chain::is_of_use(const BlockArrived& event, const TreeNode& node) const {
  if (node.is_asked || !event.from) return true;
  const ChainPoint& tip = tree_.tip().point;
  return node.point.work >= tip.work &&
         node.height() <= tip.height.value + limits_.bodies_ahead_max;
}

void Chain::on(const BlockArrived& event) {
  const Block& block = *event.block;
  if (tree_.find(block.hash) == nullptr) on_headers(event.from, {&block.header, 1});
  TreeNode* node = tree_.find(block.hash);
  if (node == nullptr) return;
  if (node->is_invalid) return refuse_invalid(event.from, *node);
  if (node->has_body || !is_of_use(event, *node)) return out_.ignored.push_back(block.hash);
  if (block.coinbase.height != node->point.height) {
    tree_.mark(*node, Reject::kCoinbaseOfAnotherHeight);
    return refuse_in_tree(event.from, block.hash, Reject::kCoinbaseOfAnotherHeight,
                          "its coinbase names height " +
                              std::to_string(block.coinbase.height.value) + ", expected " +
                              std::to_string(node->height()));
  }
  tree_.add_body(*node, step_);
  out_.bodies.push_back(event.block);
}

void Chain::on(const BodyRefused& event) {
  const Digest hash = hash_of(event.header);
  refuse_in_tree(event.from, hash, event.reject.why, event.reject.found);
  TreeNode* node = tree_.find(hash);
  if (node == nullptr || node->has_body || node->parent == nullptr) return;
  node->is_asked = false;  // another may have a better one
  if (event.reject.condemns) tree_.mark(*node, event.reject.why);
}

void Chain::on(const ConnectFailed& event) {
  TreeNode* node = tree_.find(event.hash);
  QUORATE_CHECK(node != nullptr && node->parent != nullptr && tree_.is_active(*node),
                "only a block of the last moves can fail to connect");
  refuse_in_tree(std::nullopt, event.hash, Reject::kRefusedByState, event.found);
  // Where the host stands.
  tree_.activate(*node->parent);
  tree_.mark(*node, Reject::kRefusedByState);
}

// -- By hand -----------------------------------------------------------------------------------

TreeNode* Chain::named(const Digest& hash) {
  TreeNode* node = tree_.find(hash);
  if (node == nullptr) {
    refuse_in_tree(std::nullopt, hash, Reject::kBlockUnknown, "no such block is known here");
  }
  return node;
}

void Chain::on(const Invalidate& event) {
  TreeNode* node = named(event.hash);
  if (node == nullptr) return;
  if (node->parent == nullptr) {
    return refuse_in_tree(std::nullopt, event.hash, Reject::kGenesisStands,
                          "it is block 0, on which everything else stands");
  }
  tree_.mark(*node, Reject::kMarkedByHand);
}

void Chain::on(const Reconsider& event) {
  if (TreeNode* node = named(event.hash)) tree_.clear(*node);
}

void Chain::on(const Prefer& event) {
  if (TreeNode* node = named(event.hash)) tree_.prefer(*node);
}

// -- The choice --------------------------------------------------------------------------------

void Chain::move_to(TreeNode& target) {
  const BlockTree::Path path = tree_.activate(target);
  for (const TreeNode* node : path.left) {
    out_.moves.push_back({Move::Kind::kDisconnect, node->hash(), node->point.height});
  }
  for (const TreeNode* node : path.joined) {
    out_.moves.push_back({Move::Kind::kConnect, node->hash(), node->point.height});
  }
}

void Chain::settle() {
  TreeNode* stand = &tree_.tip();
  while (stand->is_invalid) stand = stand->parent;
  if (stand != &tree_.tip()) move_to(*stand);
  TreeNode& best = tree_.best();
  if (&best != &tree_.tip()) move_to(best);

  for (TreeNode* node : missing()) {
    if (node->is_asked) continue;
    node->is_asked = true;
    out_.wanted.push_back(node->hash());
  }
}

std::vector<TreeNode*> Chain::missing() {
  if (tree_.best_headers().back()->point.work <= tree_.tip().point.work) return {};
  return tree_.missing_bodies(limits_.bodies_ahead_max);
}

// -- Questions ---------------------------------------------------------------------------------

const TreeNode* Chain::at(Height height) const {
  return height.value < tree_.active().size() ? tree_.active()[height.value] : nullptr;
}

std::optional<std::uint64_t> Chain::depth(const Digest& hash) const {
  const TreeNode* node = tree_.find(hash);
  if (node == nullptr || !tree_.is_active(*node)) return std::nullopt;
  return tree_.tip().height() - node->height() + 1;
}

std::vector<TipView> Chain::tips() const {
  std::vector<TipView> out{{tip().hash, tip().height, 0, TipStatus::kActive}};
  const std::vector<const TreeNode*> leaves = tree_.leaves();
  for (auto it = leaves.rbegin(); it != leaves.rend(); ++it) {
    const TreeNode& leaf = **it;
    if (&leaf == &tree_.tip()) continue;
    const TreeNode* fork = &leaf;
    while (!tree_.is_active(*fork)) fork = fork->parent;
    const TipStatus status = leaf.is_invalid       ? TipStatus::kInvalid
                             : !leaf.complete_since ? TipStatus::kHeadersOnly
                             : leaf.was_active      ? TipStatus::kValidFork
                                                    : TipStatus::kValidHeaders;
    out.push_back({leaf.hash(), leaf.point.height, leaf.height() - fork->height(), status});
  }
  return out;
}

std::vector<Digest> Chain::wanted() {
  std::vector<Digest> out;
  for (const TreeNode* node : missing()) out.push_back(node->hash());
  return out;
}

std::vector<Digest> Chain::locator() {
  constexpr std::size_t kNearby = 10;
  const std::vector<TreeNode*>& way = tree_.best_headers();
  std::vector<Digest> out;
  std::size_t distance = 1;
  for (std::size_t height = way.size() - 1; height > 0;
       height -= std::min(height, distance)) {
    out.push_back(way[height]->hash());
    if (out.size() >= kNearby) distance *= 2;
  }
  out.push_back(way.front()->hash());
  return out;
}

std::vector<Header> Chain::headers_after(std::span<const Digest> locator) const {
  std::size_t height = 0;
  for (const Digest& hash : locator) {
    const TreeNode* node = tree_.find(hash);
    if (node == nullptr || !tree_.is_active(*node)) continue;
    height = node->height();
    break;
  }
  std::vector<Header> out;
  while (++height < tree_.active().size() && out.size() < kHeadersMax) {
    out.push_back(tree_.active()[height]->header);
  }
  return out;
}

// -- Refusals ----------------------------------------------------------------------------------

void Chain::refuse(std::optional<PeerId> from, const Digest& hash, Reject why, Error error) {
  out_.refused.push_back({from, hash, why, std::move(error)});
}

void Chain::refuse_in_tree(std::optional<PeerId> from, const Digest& hash, Reject why,
                           std::string found) {
  refuse(from, hash, why, describe_in_tree(why, hash, std::move(found)));
}

void Chain::refuse_invalid(std::optional<PeerId> from, const TreeNode& node) {
  const Reject why = node.fault.value_or(Reject::kParentInvalid);
  refuse_in_tree(from, node.hash(), why,
                 node.fault ? "it was refused before, and for this" :
                              "it follows an invalid block");
}

}  // namespace quorate::pow
