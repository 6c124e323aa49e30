#include "testnet/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <utility>

#include "ledger/store.h"
#include "testnet/trace_text.h"

namespace quorate::testnet {

using ledger::ReplicaId;
using Kind = TraceEvent::Kind;

namespace {

constexpr std::size_t kKinds = 19;
// Places of which statements are remembered; those of the lowest sequences go first.
constexpr std::size_t kPlacesMax = 200'000;

// A JSON string that may stand inside an HTML script element.
std::string in_quotes(std::string_view text) {
  std::string result;
  for (const char c : boost::json::serialize(boost::json::string_view(text))) {
    if (c == '<') {
      result += "\\u003c";
    } else {
      result += c;
    }
  }
  return result;
}

// JSON values, with commas and line ends between them.
class List {
 public:
  void add(std::string_view value) {
    if (!text_.empty()) text_ += ",\n";
    text_ += value;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// -1: none.
std::string number_of(const std::optional<ReplicaId>& id) {
  return id ? fmt::format("{}", id->value) : "-1";
}

std::string numbers_of(const std::set<ReplicaId>& ids) {
  std::string text;
  for (const ReplicaId id : ids) text += fmt::format("{}{}", text.empty() ? "" : ",", id.value);
  return "[" + text + "]";
}

// What people compare; eight digits of it are shown.
std::string content_text(const ledger::Digest& digest) { return digest.hex().substr(0, 16); }

std::string text_of(const TraceEvent& event) {
  if (event.kind == Kind::kSubmit) {
    return "transaction " + to_hex(as_bytes(event.text).first(std::min<std::size_t>(
                                event.text.size(), 4)));
  }
  return std::string(event.detail.empty() ? event.text : event.detail);
}

void replace(std::string& page, std::string_view mark, std::string_view text) {
  const std::size_t at = page.find(mark);
  if (at != std::string::npos) page.replace(at, mark.size(), text);
}

}  // namespace

std::size_t Picture::intern(std::string text) {
  return texts_.emplace(std::move(text), texts_.size()).first->second;
}

void Picture::keep(const TraceEvent& event, std::string_view more) {
  rows_.push_back(fmt::format("[{},{},{},{},{}{}{}]", static_cast<unsigned>(event.kind),
                              event.time_us, number_of(event.replica), number_of(event.peer),
                              event.number, more.empty() ? "" : ",", more));
  if (rows_.size() > events_max_) rows_.pop_front();
  ++counts_.events;
}

void Picture::note(const TraceEvent& event) {
  if (event.kind == Kind::kSend) return note_send(event);
  note_incident(event);
  if (event.kind == Kind::kCommit) ++counts_.commits;
  if (event.kind == Kind::kCommit && event.batch) {
    const ledger::CommitCertificate& certificate = event.batch->certificate;
    std::set<ReplicaId> voters;
    for (const ledger::Endorsement& each : certificate.commits) voters.insert(each.replica);
    return keep(event, fmt::format("{},{},{},{}", certificate.view.value,
                                   intern(content_text(certificate.batch)), numbers_of(voters),
                                   event.batch->batch.ids.size()));
  }
  const std::string text = text_of(event);
  keep(event, text.empty() ? "" : fmt::format("{}", intern(text)));
}

void Picture::note_send(const TraceEvent& event) {
  ++counts_.messages;
  const ByteView bytes = event.bytes ? ByteView(*event.bytes) : ByteView();
  const PacketFacts facts = packet_facts(bytes);
  std::string more = fmt::format("{},{}", static_cast<unsigned>(facts.type),
                                 intern(packet_text(bytes)));
  if (const auto& said = facts.statement) {
    more += fmt::format(",{},{},{},{}", said->by.value, said->view, said->sequence,
                        intern(content_text(said->content)));
    if (said->by == event.replica) note_statement(event, facts.type, *said);
  }
  keep(event, more);
}

void Picture::note_statement(const TraceEvent& event, PacketType type, const Statement& said) {
  const bool is_of_view = type == PacketType::kViewChange || type == PacketType::kNewView;
  const Place place{is_of_view, is_of_view ? said.view : said.sequence, type, said.by,
                    is_of_view ? 0 : said.view};
  std::vector<Side>& sides = said_[place];
  auto side = std::ranges::find_if(sides, [&](const Side& each) {
    return each.content == said.content && each.basis == said.basis;
  });
  if (side == sides.end()) {
    side = sides.insert(sides.end(), {said.content, said.basis, {}, counts_.events});
    if (sides.size() == 2) ++counts_.equivocations;
  }
  if (event.peer) side->to.insert(*event.peer);
  if (sides.size() > 1 &&
      (contradictions_.size() < kFindingsMax || contradictions_.contains(place))) {
    contradictions_[place] = sides;
  }
  if (said_.size() > kPlacesMax) said_.erase(said_.begin());
}

void Picture::note_incident(const TraceEvent& event) {
  if (event.kind == Kind::kLeave) ++counts_.view_changes;
  if (event.kind == Kind::kCrash) ++counts_.crashes;
  if (event.kind == Kind::kEvidence) ++counts_.evidence;
  if (event.kind == Kind::kViolation) ++counts_.violations;
  switch (event.kind) {
    case Kind::kLeave:
    case Kind::kEnter:
    case Kind::kCrash:
    case Kind::kStop:
    case Kind::kEvidence:
    case Kind::kViolation:
    case Kind::kRecovered:
    case Kind::kEpoch: break;
    default: return;
  }
  if (incidents_.size() >= kFindingsMax && event.kind != Kind::kViolation) return;
  incidents_.push_back(fmt::format("{{\"kind\":{},\"event\":{},\"replica\":{},\"text\":{}}}",
                                   in_quotes(kind_text(event.kind)), counts_.events,
                                   number_of(event.replica), in_quotes(text_of(event))));
}

std::string Picture::contradictions() const {
  List list;
  for (const auto& [place, sides] : contradictions_) {
    List told;
    for (const Side& side : sides) {
      told.add(fmt::format("{{\"content\":{},\"to\":{},\"event\":{}}}",
                           in_quotes(content_text(side.content)), numbers_of(side.to), side.first));
    }
    list.add(fmt::format("{{\"type\":{},\"replica\":{},\"view\":{},\"sequence\":{},"
                         "\"sides\":[{}]}}",
                         static_cast<unsigned>(place.type), place.by.value,
                         place.is_of_view ? place.number : place.view,
                         place.is_of_view ? 0 : place.number, told.text()));
  }
  return list.text();
}

std::string Picture::data(const Heading& heading) const {
  List liars;
  for (const auto& [id, does] : heading.liars) {
    liars.add(fmt::format("\"{}\":{}", id.value, in_quotes(does)));
  }
  List kinds;
  for (std::size_t i = 0; i < kKinds; ++i) kinds.add(in_quotes(kind_text(static_cast<Kind>(i))));
  List types;
  for (std::size_t i = 0; i < kPacketTypes; ++i) {
    types.add(in_quotes(packet_type_text(static_cast<PacketType>(i))));
  }
  std::vector<std::string_view> by_index(texts_.size());
  for (const auto& [text, index] : texts_) by_index[index] = text;
  List texts;
  for (const std::string_view text : by_index) texts.add(in_quotes(text));
  List incidents;
  for (const std::string& incident : incidents_) incidents.add(incident);
  List events;
  for (const std::string& row : rows_) events.add(row);
  const std::string counts = fmt::format(
      "{{\"events\":{},\"messages\":{},\"equivocations\":{},\"view_changes\":{},\"crashes\":{},"
      "\"commits\":{},\"evidence\":{},\"violations\":{}}}",
      counts_.events, counts_.messages, counts_.equivocations, counts_.view_changes,
      counts_.crashes, counts_.commits, counts_.evidence, counts_.violations);
  return fmt::format(
      "{{\"format\":1,\n\"title\":{},\n\"verdict\":{},\n\"sound\":{},\n\"replay\":{},\n"
      "\"replicas\":{},\n\"liars\":{{{}}},\n\"counts\":{},\n\"kinds\":[{}],\n\"types\":[{}],\n"
      "\"texts\":[{}],\n\"contradictions\":[{}],\n\"incidents\":[{}],\n\"left_out\":{},\n"
      "\"events\":[{}]}}",
      in_quotes(heading.title), in_quotes(heading.verdict), heading.is_sound,
      in_quotes(heading.replay), heading.replicas, liars.text(), counts, kinds.text(),
      types.text(), texts.text(), contradictions(), incidents.text(),
      counts_.events - rows_.size(), events.text());
}

std::string Picture::page(const Heading& heading) const {
  const PageParts parts = picture_page();
  std::string page(parts.html);
  replace(page, "/* style */", parts.style);
  replace(page, "/* script */", parts.script);
  replace(page, "{\"run\": null}", data(heading));
  return page;
}

}  // namespace quorate::testnet
