#pragma once

// A run as one page: who said what to whom, drawn in a browser, without a network.
//
// `note` sees every event; `page` puts what was seen, as JSON, into the page of testnet/page/. What
// a person looks for first is found here and not in the browser: statements of one replica that
// contradict each other, changes of view, crashes, evidence, broken invariants. Only what a replica
// says itself, in its own name, counts as its contradiction; what others say in its name does not.
//
// Memory: of events the last kPictureEventsMax are kept, of findings the first kFindingsMax.

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "testnet/packet_facts.h"
#include "testnet/trace.h"

namespace quorate::testnet {

inline constexpr std::size_t kPictureEventsMax = 100'000;
inline constexpr std::size_t kFindingsMax = 1'000;

class Picture {
 public:
  // What stands above it.
  struct Heading {
    std::string title;    // "equivocating-primary, seed 7"
    std::string verdict;  // "sound", or what broke
    bool is_sound = true;
    std::string replay;  // the command that makes the run again
    std::size_t replicas = 0;
    std::map<ledger::ReplicaId, std::string> liars;  // what each does
  };

  // How many, in the whole run.
  struct Counts {
    std::uint64_t events = 0;
    std::uint64_t messages = 0;
    std::uint64_t equivocations = 0;
    std::uint64_t view_changes = 0;  // a replica leaves for another view
    std::uint64_t crashes = 0;
    std::uint64_t commits = 0;
    std::uint64_t evidence = 0;
    std::uint64_t violations = 0;
  };

  explicit Picture(std::size_t events_max = kPictureEventsMax) : events_max_(events_max) {}

  void note(const TraceEvent& event);

  [[nodiscard]] const Counts& counts() const { return counts_; }
  // HTML, complete in itself.
  [[nodiscard]] std::string page(const Heading& heading) const;
  // What the page draws: the JSON in it.
  [[nodiscard]] std::string data(const Heading& heading) const;

 private:
  // What a replica said at one place, and to whom.
  struct Side {
    ledger::Digest content;
    ledger::Digest basis;
    std::set<ledger::ReplicaId> to;
    std::uint64_t first = 0;  // the event in which it was said first
  };
  // Sequence, or view where there is none; then who, and the view.
  struct Place {
    bool is_of_view = false;
    std::uint64_t number = 0;
    PacketType type = PacketType::kGarbled;
    ledger::ReplicaId by;
    std::uint64_t view = 0;

    friend auto operator<=>(const Place&, const Place&) = default;
  };

  void note_send(const TraceEvent& event);
  void note_statement(const TraceEvent& event, PacketType type, const Statement& statement);
  void note_incident(const TraceEvent& event);
  void keep(const TraceEvent& event, std::string_view more);
  [[nodiscard]] std::size_t intern(std::string text);
  [[nodiscard]] std::string contradictions() const;  // as JSON values

  std::size_t events_max_;
  Counts counts_;
  std::deque<std::string> rows_;  // the last events, as JSON
  std::map<std::string, std::size_t> texts_;
  std::map<Place, std::vector<Side>> said_;
  std::map<Place, std::vector<Side>> contradictions_;
  std::vector<std::string> incidents_;  // as JSON
};

// Built into the program from testnet/page/.
struct PageParts {
  std::string_view html;
  std::string_view style;
  std::string_view script;
};
[[nodiscard]] PageParts picture_page();

}  // namespace quorate::testnet
