#pragma once

// BlockTree: the headers that are known, which of them are good, and which chain is the best.
//
// The *active* chain is the one that the host was told to stand on. It is the branch with the most
// work among those that are complete (every body is here, up from block 0) and not known to be
// invalid. Among equals the first seen wins: the one that was complete first, then the one whose
// header came first; `prefer` puts a block before its equals by hand. Source: Bitcoin Core,
// validation.cpp, CBlockIndexWorkComparator and FindMostWorkChain.
//
// A block is *at fault* if it broke a rule itself or was marked by hand, and *invalid* if it or one
// of its ancestors is at fault.
//
// A pure data structure: what is done with it and when is Chain's (pow/chain.h). Every operation
// costs the logarithm of what is here, but `mark`, `clear` and `activate`, which cost the blocks
// that they change. Not thread-safe. Memory: about 500 bytes a header. No errors: what it is asked
// was judged before.

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "pow/rules.h"

namespace quorate::pow {

struct TreeNode {
  Header header;
  ChainPoint point;
  TreeNode* parent = nullptr;  // null: block 0
  std::vector<TreeNode*> children;
  std::uint64_t arrival = 0;  // counts headers in the order in which they came
  std::optional<std::uint64_t> complete_since;  // step; nullopt: a body is missing here or below
  std::uint64_t preference = 0;                 // by hand; the highest goes first among equals
  bool has_body = false;
  bool is_asked = false;  // the body is wanted and was asked for
  bool was_active = false;
  std::optional<Reject> fault;
  bool is_invalid = false;

  [[nodiscard]] const Digest& hash() const { return point.hash; }
  [[nodiscard]] std::uint64_t height() const { return point.height.value; }
};

class BlockTree {
 public:
  // Block 0 is taken as given, complete and active.
  BlockTree(const Params& params, const Header& genesis);
  BlockTree(const BlockTree&) = delete;
  BlockTree& operator=(const BlockTree&) = delete;

  [[nodiscard]] const TreeNode* find(const Digest& hash) const;
  [[nodiscard]] TreeNode* find(const Digest& hash);

  // The active chain, block 0 first; never empty.
  [[nodiscard]] const std::vector<TreeNode*>& active() const { return active_; }
  [[nodiscard]] TreeNode& tip() const { return *active_.back(); }
  [[nodiscard]] bool is_active(const TreeNode& node) const;
  // Headers that are not on the active chain.
  [[nodiscard]] std::size_t side_headers() const { return nodes_.size() - active_.size(); }
  // Headers without a child, those with the least work first.
  [[nodiscard]] std::vector<const TreeNode*> leaves() const;

  // Adds a header that the rules accepted. Precondition: not here yet, and `parent` is valid
  // (checked); `point` is next_point.
  TreeNode& insert(TreeNode& parent, const Header& header, const ChainPoint& point);
  // Takes out the side header without children that has the least work (of several, the newest) if
  // that is less than `below`; never `keep`. Returns its hash, nullopt if there is none.
  std::optional<Digest> evict_least(const U256& below, const TreeNode& keep);

  // The body is here as of `step`. Precondition: it was not.
  void add_body(TreeNode& node, std::uint64_t step);
  // Precondition: not block 0.
  void mark(TreeNode& node, Reject fault);
  // Takes the faults off the block, its ancestors and its descendants.
  void clear(TreeNode& node);
  void prefer(TreeNode& node);

  // The best complete valid block, and the way from block 0 to the best valid header. Precondition
  // of these and of missing_bodies: the tip is valid.
  [[nodiscard]] TreeNode& best() const;
  [[nodiscard]] const std::vector<TreeNode*>& best_headers();
  // Headers on that way whose bodies are missing, and which lie less than `ahead_max` above the
  // first such one.
  [[nodiscard]] std::vector<TreeNode*> missing_bodies(std::size_t ahead_max);

  // Makes `target` the tip. Returns what leaves the active chain, from the old tip down, and then
  // what joins it, upwards. Precondition: complete.
  struct Path {
    std::vector<const TreeNode*> left;
    std::vector<const TreeNode*> joined;
  };
  Path activate(TreeNode& target);

 private:
  struct BestFirst {
    bool operator()(const TreeNode* a, const TreeNode* b) const;
  };
  struct HeaderFirst {
    bool operator()(const TreeNode* a, const TreeNode* b) const;
  };
  struct LeastFirst {
    bool operator()(const TreeNode* a, const TreeNode* b) const;
  };

  // A node stands in the sets below by its fields: out before they change, in again after.
  void file(TreeNode& node);
  void unfile(TreeNode& node);
  void set_invalid(TreeNode& top, bool also_clear_faults);

  Params params_;
  std::map<Digest, TreeNode> nodes_;
  std::vector<TreeNode*> active_;
  std::vector<TreeNode*> best_headers_;  // as of the last look
  // Both: valid nodes that are the tip or not active; of the first, the complete ones.
  std::set<TreeNode*, BestFirst> candidates_;
  std::set<TreeNode*, HeaderFirst> headers_;
  std::set<TreeNode*, LeastFirst> leaves_;
  std::uint64_t arrivals_ = 0;
  std::uint64_t preferences_ = 0;
};

}  // namespace quorate::pow
