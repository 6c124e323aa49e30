#pragma once

// What the writer of a vote store must know of the records that pass through it: how high they
// vote, which the guard reserves before they leave (ledger/guard.h), and which bodies no vote names
// any more once the votes below a stable checkpoint are dropped (DESIGN §4, Two stores).
//
// The node's writer and the simulator's do this with the same code. Pure; not thread-safe.

#include <map>
#include <optional>
#include <vector>

#include "pbft/durable.h"

namespace quorate::pbft {

struct VotedPlace {
  View view;
  Sequence sequence;
};

// Raises both, each for itself, to what the record votes for. One that is no vote leaves it alone.
void raise(std::optional<VotedPlace>& highest, const DurableRecord& record);

// The bodies that proposals in the store name. Bounded by the watermarks, as the proposals are.
class NamedBodies {
 public:
  void add(const ProposalRecord& proposal);
  // A record that is a proposal; others name no bodies.
  void add(const DurableRecord& record);

  // Forgets the proposals up to `low`. Returns the keys of the bodies that only they named.
  [[nodiscard]] std::vector<Bytes> drop_up_to(Sequence low);
  void clear() { ids_.clear(); }

 private:
  std::map<Sequence, std::vector<TxId>> ids_;
};

}  // namespace quorate::pbft
