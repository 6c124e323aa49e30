#include "pow/block_tree.h"

#include <algorithm>

#include "crypto/check.h"

namespace quorate::pow {

bool BlockTree::BestFirst::operator()(const TreeNode* a, const TreeNode* b) const {
  if (a->point.work != b->point.work) return a->point.work > b->point.work;
  if (a->preference != b->preference) return a->preference > b->preference;
  if (a->complete_since != b->complete_since) return a->complete_since < b->complete_since;
  return a->arrival < b->arrival;
}

bool BlockTree::HeaderFirst::operator()(const TreeNode* a, const TreeNode* b) const {
  if (a->point.work != b->point.work) return a->point.work > b->point.work;
  return a->arrival < b->arrival;
}

bool BlockTree::LeastFirst::operator()(const TreeNode* a, const TreeNode* b) const {
  if (a->point.work != b->point.work) return a->point.work < b->point.work;
  return a->arrival > b->arrival;
}

BlockTree::BlockTree(const Params& params, const Header& genesis) : params_(params) {
  const ChainPoint point = first_point(genesis, Height{0}, std::nullopt, params);
  TreeNode& node = nodes_[point.hash];
  node.header = genesis;
  node.point = point;
  node.has_body = true;
  node.complete_since = 0;
  node.was_active = true;
  active_.push_back(&node);
  best_headers_.push_back(&node);
  leaves_.insert(&node);
  file(node);
}

const TreeNode* BlockTree::find(const Digest& hash) const {
  const auto it = nodes_.find(hash);
  return it == nodes_.end() ? nullptr : &it->second;
}

TreeNode* BlockTree::find(const Digest& hash) {
  const auto it = nodes_.find(hash);
  return it == nodes_.end() ? nullptr : &it->second;
}

bool BlockTree::is_active(const TreeNode& node) const {
  return node.height() < active_.size() && active_[node.height()] == &node;
}

std::vector<const TreeNode*> BlockTree::leaves() const {
  return {leaves_.begin(), leaves_.end()};
}

void BlockTree::file(TreeNode& node) {
  if (node.is_invalid || (is_active(node) && &node != &tip())) return;
  headers_.insert(&node);
  if (node.complete_since) candidates_.insert(&node);
}

void BlockTree::unfile(TreeNode& node) {
  headers_.erase(&node);
  candidates_.erase(&node);
}

TreeNode& BlockTree::insert(TreeNode& parent, const Header& header, const ChainPoint& point) {
  const auto [it, is_new] = nodes_.try_emplace(point.hash);
  QUORATE_CHECK(is_new && header.previous == parent.hash() && !parent.is_invalid,
                "a new header on its valid parent");
  TreeNode& node = it->second;
  node.header = header;
  node.point = point;
  node.parent = &parent;
  node.arrival = ++arrivals_;
  leaves_.erase(&parent);
  parent.children.push_back(&node);
  leaves_.insert(&node);
  file(node);
  return node;
}

std::optional<Digest> BlockTree::evict_least(const U256& below, const TreeNode& keep) {
  for (TreeNode* node : leaves_) {
    if (node->point.work >= below) return std::nullopt;
    if (node == &keep || is_active(*node)) continue;
    const Digest hash = node->hash();
    TreeNode& parent = *node->parent;
    unfile(*node);
    leaves_.erase(node);
    // A leaf can only be the last of them.
    if (best_headers_.back() == node) best_headers_.pop_back();
    std::erase(parent.children, node);
    if (parent.children.empty()) leaves_.insert(&parent);
    nodes_.erase(hash);
    return hash;
  }
  return std::nullopt;
}

void BlockTree::add_body(TreeNode& node, std::uint64_t step) {
  QUORATE_CHECK(!node.has_body, "a body comes once");
  node.has_body = true;
  node.is_asked = false;
  if (!node.parent->complete_since) return;
  std::vector<TreeNode*> open{&node};
  while (!open.empty()) {
    TreeNode& next = *open.back();
    open.pop_back();
    unfile(next);
    next.complete_since = step;
    file(next);
    for (TreeNode* child : next.children) {
      if (child->has_body) open.push_back(child);
    }
  }
}

// Makes `is_invalid` of a whole branch follow from its faults.
void BlockTree::set_invalid(TreeNode& top, bool also_clear_faults) {
  std::vector<TreeNode*> open{&top};
  while (!open.empty()) {
    TreeNode& node = *open.back();
    open.pop_back();
    unfile(node);
    if (also_clear_faults) node.fault.reset();
    node.is_invalid =
        node.fault.has_value() || (node.parent != nullptr && node.parent->is_invalid);
    file(node);
    open.insert(open.end(), node.children.begin(), node.children.end());
  }
}

void BlockTree::mark(TreeNode& node, Reject fault) {
  QUORATE_CHECK(node.parent != nullptr, "block 0 stands");
  if (!node.fault) node.fault = fault;
  set_invalid(node, false);
}

void BlockTree::clear(TreeNode& node) {
  set_invalid(node, true);
  TreeNode* highest_cleared = nullptr;
  for (TreeNode* at = node.parent; at != nullptr; at = at->parent) {
    if (!at->fault) continue;
    at->fault.reset();
    highest_cleared = at;
  }
  if (highest_cleared != nullptr) set_invalid(*highest_cleared, false);
}

void BlockTree::prefer(TreeNode& node) {
  unfile(node);
  node.preference = ++preferences_;
  file(node);
}

TreeNode& BlockTree::best() const {
  QUORATE_CHECK(!tip().is_invalid && !candidates_.empty(), "a valid tip is its own candidate");
  return **candidates_.begin();
}

const std::vector<TreeNode*>& BlockTree::best_headers() {
  QUORATE_CHECK(!tip().is_invalid && !headers_.empty(), "a valid tip is a header itself");
  TreeNode* at = *headers_.begin();
  best_headers_.resize(at->height() + 1);
  for (; at != nullptr && best_headers_[at->height()] != at; at = at->parent) {
    best_headers_[at->height()] = at;
  }
  return best_headers_;
}

std::vector<TreeNode*> BlockTree::missing_bodies(std::size_t ahead_max) {
  const std::vector<TreeNode*>& way = best_headers();
  // A complete header has complete ancestors only.
  const auto first = std::partition_point(way.begin(), way.end(), [](const TreeNode* node) {
    return node->complete_since.has_value();
  });
  const auto left = static_cast<std::size_t>(way.end() - first);
  std::vector<TreeNode*> missing;
  std::copy_if(first, first + static_cast<std::ptrdiff_t>(std::min(left, ahead_max)),
               std::back_inserter(missing), [](const TreeNode* node) { return !node->has_body; });
  return missing;
}

BlockTree::Path BlockTree::activate(TreeNode& target) {
  QUORATE_CHECK(target.complete_since.has_value(), "every body on the way is here");
  Path path;
  std::vector<TreeNode*> joining;
  TreeNode* fork = &target;
  for (; !is_active(*fork); fork = fork->parent) joining.push_back(fork);
  const std::vector<TreeNode*> leaving(active_.begin() +
                                           static_cast<std::ptrdiff_t>(fork->height() + 1),
                                       active_.end());
  for (TreeNode* node : leaving) unfile(*node);
  for (TreeNode* node : joining) unfile(*node);
  unfile(*fork);
  active_.resize(fork->height() + 1);
  active_.insert(active_.end(), joining.rbegin(), joining.rend());
  for (TreeNode* node : leaving) file(*node);
  file(*fork);
  file(target);
  for (TreeNode* node : joining) node->was_active = true;
  path.left.assign(leaving.rbegin(), leaving.rend());
  path.joined.assign(joining.rbegin(), joining.rend());
  return path;
}

}  // namespace quorate::pow
