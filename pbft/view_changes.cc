#include "pbft/view_changes.h"

#include <algorithm>
#include <utility>

#include "ledger/quorum.h"

namespace quorate::pbft {

using ledger::ViewEvidence;
using ledger::ViewPhase;

std::optional<ViewEvidence> ViewChanges::add(const ViewChange& message) {
  const ViewVote vote = view_vote(message.body);
  std::optional<ViewEvidence> found;
  const auto known = highest_.find(vote.replica);
  if (known == highest_.end() || known->second.message.body.view < vote.view) {
    // The one before may still be named by a NEW-VIEW.
    if (known != highest_.end() && is_named(known->second.content)) {
      others_.emplace(known->second.content, known->second.message);
    }
    highest_.insert_or_assign(vote.replica, Named{message, vote.content});
    return std::nullopt;
  }
  if (known->second.message.body.view == vote.view && known->second.content != vote.content) {
    found = ViewEvidence{ViewPhase::kViewChange, view_vote(known->second.message.body),
                         known->second.message.signature, vote, message.signature};
  }
  if (known->second.content != vote.content && is_named(vote.content)) {
    others_.emplace(vote.content, message);
  }
  return found;
}

std::optional<ViewEvidence> ViewChanges::add(const NewView& message) {
  const ViewVote vote = view_vote(message.body);
  if (const auto wanted = wanted_.find(vote.content); wanted != wanted_.end()) {
    wanted->second = message;
  }
  const auto known = new_views_.find(vote.replica);
  if (known == new_views_.end() || known->second.body.view < vote.view) {
    new_views_.insert_or_assign(vote.replica, message);
    drop_unnamed();
    return std::nullopt;
  }
  const ViewVote before = view_vote(known->second.body);
  if (before.view != vote.view || before.content == vote.content) return std::nullopt;
  return ViewEvidence{ViewPhase::kNewView, before, known->second.signature, vote,
                      message.signature};
}

void ViewChanges::add_forgotten(const ViewChange& message) {
  const Digest content = view_vote(message.body).content;
  if (is_named(content) && !view_change(content)) others_.emplace(content, message);
}

void ViewChanges::add_forgotten(const NewView& message) {
  const auto wanted = wanted_.find(view_vote(message.body).content);
  if (wanted != wanted_.end()) wanted->second = message;
}

std::optional<View> ViewChanges::view_to_join(View view) const {
  std::optional<View> smallest;
  std::size_t higher = 0;
  for (const auto& [replica, named] : highest_) {
    const View theirs = named.message.body.view;
    if (replica == self_ || theirs <= view) continue;
    ++higher;
    smallest = std::min(smallest.value_or(theirs), theirs);
  }
  return higher >= ledger::weak_quorum(replicas_) ? smallest : std::nullopt;
}

std::size_t ViewChanges::count(View view) const {
  return static_cast<std::size_t>(std::ranges::count_if(highest_, [&](const auto& entry) {
    return entry.second.message.body.view == view;
  }));
}

std::size_t ViewChanges::count_from(View view) const {
  return static_cast<std::size_t>(std::ranges::count_if(highest_, [&](const auto& entry) {
    return entry.second.message.body.view >= view;
  }));
}

bool ViewChanges::has(View view, ReplicaId replica) const {
  const auto named = highest_.find(replica);
  return named != highest_.end() && named->second.message.body.view == view;
}

std::vector<ViewChange> ViewChanges::quorum_for(View view) const {
  const std::size_t needed = ledger::quorum(replicas_);
  if (!has(view, self_) || count(view) < needed) return {};
  std::vector<ViewChange> result;
  std::size_t others = needed - 1;
  for (const auto& [replica, named] : highest_) {
    if (named.message.body.view != view) continue;
    if (replica != self_ && others == 0) continue;
    if (replica != self_) --others;
    result.push_back(named.message);
  }
  return result;
}

const ViewChange* ViewChanges::own() const {
  const auto named = highest_.find(self_);
  return named == highest_.end() ? nullptr : &named->second.message;
}

std::optional<Transcript> ViewChanges::assemble(const NewView& message) const {
  Transcript result{message, {}};
  for (const ViewChangeName& name : message.body.view_changes) {
    const ViewChange* found = view_change(name.content);
    // A name that points at somebody else's, or at another view's, is never complete.
    if (!found || found->body.replica != name.replica || found->body.view != message.body.view) {
      return std::nullopt;
    }
    result.view_changes.push_back(*found);
  }
  return result;
}

std::optional<Transcript> ViewChanges::complete_from(View view) const {
  std::optional<Transcript> best;
  for (const auto& [replica, message] : new_views_) {
    if (message.body.view < view || message.body.view <= entered_) continue;
    if (best && best->new_view.body.view > message.body.view) continue;
    if (auto complete = assemble(message)) best = std::move(complete);
  }
  return best;
}

void ViewChanges::want(const Digest& new_view) {
  const auto [it, is_new] = wanted_.try_emplace(new_view);
  if (!is_new) return;
  for (const auto& [replica, message] : new_views_) {
    if (view_vote(message.body).content == new_view) it->second = message;
  }
}

std::optional<Transcript> ViewChanges::complete(const Digest& new_view) const {
  const NewView* message = this->new_view(new_view);
  return message ? assemble(*message) : std::nullopt;
}

void ViewChanges::entered(View view) {
  entered_ = view;
  drop_unnamed();
}

bool ViewChanges::is_named(const Digest& content) const {
  const auto names = [&](const NewView& message) {
    return std::ranges::find(message.body.view_changes, content, &ViewChangeName::content) !=
           message.body.view_changes.end();
  };
  return std::ranges::any_of(new_views_, [&](const auto& entry) { return names(entry.second); }) ||
         std::ranges::any_of(wanted_, [&](const auto& entry) {
           return entry.second && names(*entry.second);
         });
}

void ViewChanges::drop_unnamed() {
  std::erase_if(others_, [&](const auto& entry) { return !is_named(entry.first); });
}

Ask ViewChanges::missing() const {
  Ask ask;
  const auto add_names = [&](const NewView& message) {
    for (const ViewChangeName& name : message.body.view_changes) {
      if (!view_change(name.content)) ask.view_changes.push_back(name.content);
    }
  };
  for (const auto& [replica, message] : new_views_) {
    if (message.body.view > entered_) add_names(message);
  }
  for (const auto& [digest, message] : wanted_) {
    if (message) {
      add_names(*message);
    } else {
      ask.new_views.push_back(digest);
    }
  }
  return ask;
}

const ViewChange* ViewChanges::view_change(const Digest& content) const {
  for (const auto& [replica, named] : highest_) {
    if (named.content == content) return &named.message;
  }
  const auto other = others_.find(content);
  return other == others_.end() ? nullptr : &other->second;
}

const NewView* ViewChanges::new_view(const Digest& digest) const {
  for (const auto& [replica, message] : new_views_) {
    if (view_vote(message.body).content == digest) return &message;
  }
  const auto wanted = wanted_.find(digest);
  return wanted == wanted_.end() || !wanted->second ? nullptr : &*wanted->second;
}

}  // namespace quorate::pbft
