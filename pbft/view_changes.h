#pragma once

// VIEW-CHANGEs and NEW-VIEWs, as far as this replica knows them.
//
// Of each replica the VIEW-CHANGE and the NEW-VIEW of the highest view are kept, whatever the view;
// a second one for the same view that differs is evidence. What else a NEW-VIEW names, or what
// stands behind a P entry, is asked for by digest and kept until its transcript is complete.
//
// Bounded: two messages a replica, what at most `replicas` NEW-VIEWs name, and what the caller
// wants. Not thread-safe.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "ledger/evidence.h"
#include "pbft/message.h"

namespace quorate::pbft {

class ViewChanges {
 public:
  ViewChanges(ReplicaId self, std::size_t replicas) : self_(self), replicas_(replicas) {}

  // Verified messages; own ones too.
  std::optional<ledger::ViewEvidence> add(const ViewChange& message);
  std::optional<ledger::ViewEvidence> add(const NewView& message);

  // One that this replica signed itself in a life whose votes are lost. It moves nobody and counts
  // nowhere; it is kept if a NEW-VIEW names it, or if it is wanted.
  void add_forgotten(const ViewChange& message);
  void add_forgotten(const NewView& message);

  // OSDI '99 §4.5.2: f + 1 replicas are in higher views than `view`: the smallest of those.
  [[nodiscard]] std::optional<View> view_to_join(View view) const;
  // VIEW-CHANGEs for exactly this view; for this one or a higher one.
  [[nodiscard]] std::size_t count(View view) const;
  [[nodiscard]] std::size_t count_from(View view) const;
  [[nodiscard]] bool has(View view, ReplicaId replica) const;
  // A quorum of them for this view, our own among them, in ascending order; empty if there is none.
  [[nodiscard]] std::vector<ViewChange> quorum_for(View view) const;
  // Our own of the highest view; nullptr: none.
  [[nodiscard]] const ViewChange* own() const;

  // The complete transcript of the highest NEW-VIEW for a view from `view` on; nullopt: none yet.
  [[nodiscard]] std::optional<Transcript> complete_from(View view) const;

  // A transcript that is wanted by digest: complete, or nullopt and it is asked for.
  void want(const Digest& new_view);
  [[nodiscard]] bool is_wanted(const Digest& new_view) const { return wanted_.contains(new_view); }
  [[nodiscard]] std::optional<Transcript> complete(const Digest& new_view) const;
  // It is stored; nothing of it is asked for any more.
  void unwant(const Digest& new_view) { wanted_.erase(new_view); }
  // The view was entered: NEW-VIEWs for this and lower views are not asked for any more.
  void entered(View view);

  // What is missing: VIEW-CHANGEs that NEW-VIEWs name, and wanted NEW-VIEWs.
  [[nodiscard]] Ask missing() const;

  // For those who ask. nullptr: not here.
  [[nodiscard]] const ViewChange* view_change(const Digest& content) const;
  [[nodiscard]] const NewView* new_view(const Digest& digest) const;

 private:
  struct Named {
    ViewChange message;
    Digest content;
  };

  [[nodiscard]] std::optional<Transcript> assemble(const NewView& message) const;
  [[nodiscard]] bool is_named(const Digest& content) const;
  void drop_unnamed();

  ReplicaId self_;
  std::size_t replicas_;
  View entered_;
  std::map<ReplicaId, Named> highest_;
  std::map<ReplicaId, NewView> new_views_;       // the highest of each primary
  std::map<Digest, std::optional<NewView>> wanted_;
  std::map<Digest, ViewChange> others_;          // named, and not the highest of its sender
};

}  // namespace quorate::pbft
