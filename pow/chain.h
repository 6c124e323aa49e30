#pragma once

// Chain: the proof-of-work core, `Output step(const Input&)`.
//
// It knows headers and which bodies are here, chooses the chain with the most work, and tells its
// host block by block how to get there. Bodies and state are the host's. What the host owes it:
//
//   - a Block comes from a BlockReader, or is one that it mined itself;
//   - the moves of an Output are done, in order, before the next step; if the state refuses a
//     connect, ConnectFailed is the next input (checked);
//   - what Output says to store is stored before it is acted on;
//   - a wanted body that does not come is asked for elsewhere (`wanted`): the core has no timers.
//
// Headers come first: the most work among valid headers says which bodies are wanted, at most
// `bodies_ahead_max` beyond the first that is missing. A header whose parent is unknown is not
// kept; its sender is asked for what lies between. An invalid block is remembered with its reason,
// and so what follows it is refused.
//
// Memory is bounded by what was proved to be work: at most `side_headers_max` headers stand beside
// the active chain. When there are more, the branches with the least work go, as long as they have
// less than what would take their place; a header on the active tip finds room always.
//
// Not thread-safe. Every cost is bounded by the message and the length of the branches it touches.

#include "pow/block_tree.h"
#include "pow/step.h"

namespace quorate::pow {

// In one message, as Bitcoin's.
inline constexpr std::size_t kHeadersMax = 2000;

struct Limits {
  std::size_t side_headers_max = 1 << 15;   // 16 MB; at least kHeadersMax
  std::size_t bodies_ahead_max = 128;       // asked for at once
};

// As Bitcoin Core's getchaintips.
enum class TipStatus : std::uint8_t {
  kActive,
  kValidFork,     // was active once
  kValidHeaders,  // complete, never needed
  kHeadersOnly,   // bodies are missing
  kInvalid,
};
[[nodiscard]] std::string_view tip_status_text(TipStatus status);

struct TipView {
  Digest hash;
  Height height;
  std::uint64_t branch_length = 0;  // blocks since it left the active chain
  TipStatus status = TipStatus::kActive;
};

class Chain {
 public:
  // Block 0 is taken as given; a host holds it against what its people agreed on.
  Chain(const Params& params, const Header& genesis, Limits limits = {});

  [[nodiscard]] Output step(const Input& input);

  [[nodiscard]] const Params& params() const { return params_; }
  [[nodiscard]] const ChainPoint& tip() const { return tree_.tip().point; }
  // nullptr: unknown. Good until the next step.
  [[nodiscard]] const TreeNode* find(const Digest& hash) const { return tree_.find(hash); }
  // On the active chain; nullptr above the tip.
  [[nodiscard]] const TreeNode* at(Height height) const;
  // 1 for the tip; nullopt off the active chain.
  [[nodiscard]] std::optional<std::uint64_t> depth(const Digest& hash) const;
  [[nodiscard]] std::size_t side_headers() const { return tree_.side_headers(); }
  // The active one first, the others by falling work.
  [[nodiscard]] std::vector<TipView> tips() const;

  // Bodies that were asked for and did not come, the lowest first.
  [[nodiscard]] std::vector<Digest> wanted();
  // Hashes of the best headers for a peer to find where our chains part: the last ten, then at
  // doubling distances, and block 0.
  [[nodiscard]] std::vector<Digest> locator();
  // What a peer with this locator lacks of the active chain: at most kHeadersMax headers.
  [[nodiscard]] std::vector<Header> headers_after(std::span<const Digest> locator) const;

 private:
  void on(const HeadersArrived& event);
  void on(const BlockArrived& event);
  void on(const BodyRefused& event);
  void on(const ConnectFailed& event);
  void on(const Invalidate& event);
  void on(const Reconsider& event);
  void on(const Prefer& event);

  void on_headers(std::optional<PeerId> from, std::span<const Header> headers);
  void on_orphan(std::optional<PeerId> from, const Header& header, const Digest& hash);
  void add_headers(std::optional<PeerId> from, TreeNode& parent, std::span<const Header> headers,
                   std::span<const Digest> hashes);
  [[nodiscard]] bool make_room(std::size_t count, const U256& work, const TreeNode& parent);
  [[nodiscard]] bool is_of_use(const BlockArrived& event, const TreeNode& node) const;
  // The block of a person's wish; nullptr and a refusal where there is none.
  [[nodiscard]] TreeNode* named(const Digest& hash);
  void move_to(TreeNode& target);
  // Bodies that a better chain than ours lacks.
  [[nodiscard]] std::vector<TreeNode*> missing();
  // Goes to the best chain, and asks for the bodies of the best headers.
  void settle();
  void refuse(std::optional<PeerId> from, const Digest& hash, Reject why, Error error);
  void refuse_in_tree(std::optional<PeerId> from, const Digest& hash, Reject why,
                      std::string found);
  void refuse_invalid(std::optional<PeerId> from, const TreeNode& node);

  Params params_;
  Limits limits_;
  BlockTree tree_;
  std::uint64_t step_ = 0;
  std::uint64_t now_seconds_ = 0;
  Output out_;
};

// A refusal that no rule for headers gives, for people: `found` is a clause.
[[nodiscard]] Error describe_in_tree(Reject reject, const Digest& hash, std::string found);

}  // namespace quorate::pow
