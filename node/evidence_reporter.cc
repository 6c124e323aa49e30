#include "node/evidence_reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "crypto/bcs.h"
#include "node/files.h"
#include "node/log.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileBytesMax = 4096;  // two statements have a few hundred
constexpr std::uint64_t kValidForMs = 60'000;
constexpr std::uint64_t kTurnsMax = 8;
constexpr std::string_view kEnding = ".evidence";

}  // namespace

EvidenceReporter::EvidenceReporter(Parts parts) : parts_(std::move(parts)) { take_up(); }

void EvidenceReporter::take_up() {
  std::error_code trouble;
  std::vector<fs::path> files;
  for (fs::directory_iterator each(parts_.folder, trouble), end; !trouble && each != end;
       each.increment(trouble)) {
    if (each->path().extension() == kEnding) files.push_back(each->path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) take_up(file);
}

void EvidenceReporter::take_up(const fs::path& file) {
  const auto judge = [&]() -> Result<ledger::Evidence> {
    QUORATE_ASSIGN(const std::string text, read_file(file, kFileBytesMax));
    QUORATE_ASSIGN(auto found, crypto::decode<ledger::EvidenceFile>(as_bytes(text)));
    QUORATE_ASSIGN(const auto set, ledger::read_replicas(parts_.state, parts_.genesis,
                                                         ledger::epoch_of(found.evidence)));
    crypto::SignatureCache unused(1);
    QUORATE_TRY(ledger::EvidenceVerifier(parts_.chain_id, &unused)
                    .check(found, set.value_or(ledger::genesis_replicas(parts_.genesis))));
    return std::move(found.evidence);
  };
  auto evidence = judge();
  if (!evidence) {
    return log_event(Severity::kWarning, "evidence-file-refused",
                     {{"file", file.string()},
                      {"code", std::string(evidence.error().code)},
                      {"detail", evidence.error().message}});
  }
  const Place place = place_of(*evidence);
  if (!has_room(place)) return;
  Report report;
  report.evidence = std::move(*evidence);
  report.is_filed = file == file_of(place);
  reports_.emplace(place, std::move(report));
}

EvidenceReporter::Place EvidenceReporter::place_of(const ledger::Evidence& evidence) {
  return {ledger::epoch_of(evidence), ledger::accused(evidence), ledger::offence_of(evidence)};
}

bool EvidenceReporter::has_room(const Place& place) const {
  const auto of_this = std::count_if(reports_.begin(), reports_.end(), [&](const auto& each) {
    return each.first.epoch == place.epoch && each.first.replica == place.replica;
  });
  return reports_.size() < kWaitingMax &&
         static_cast<std::size_t>(of_this) < ledger::kOffencesMax;
}

fs::path EvidenceReporter::file_of(const Place& place) const {
  return parts_.folder /
         fmt::format("replica-{}-{}{}", place.replica.value, place.offence.short_hex(), kEnding);
}

// Each offence has another first reporter.
std::uint64_t EvidenceReporter::turn_of(const ledger::Digest& offence) const {
  const std::uint64_t replicas = parts_.genesis.replicas.size();
  const std::uint64_t first = offence.bytes[0] % replicas;
  return std::min((parts_.self.value + replicas - first) % replicas, kTurnsMax);
}

// Admission wants more than a slack and no more than the horizon, which is four slacks at least.
std::uint64_t EvidenceReporter::valid_for_ms() const {
  const ledger::Parameters& rules = parts_.genesis.parameters;
  return std::max(2 * rules.time_slack_ms,
                  std::min(kValidForMs, rules.valid_until_horizon_ms / 2));
}

void EvidenceReporter::found(const ledger::Evidence& evidence) {
  const std::lock_guard lock(mutex_);
  if (inbox_.size() < kWaitingMax) inbox_.push_back(evidence);
}

void EvidenceReporter::take_over(ledger::TimeMs now) {
  std::vector<ledger::Evidence> arrived;
  {
    const std::lock_guard lock(mutex_);
    arrived.swap(inbox_);
  }
  for (ledger::Evidence& evidence : arrived) {
    const Place place = place_of(evidence);
    if (!has_room(place)) continue;
    Report report;
    report.evidence = std::move(evidence);
    report.due = {now.value + kTurnMs * turn_of(place.offence)};
    reports_.emplace(place, std::move(report));
  }
}

void EvidenceReporter::file(const Place& place, Report& report) {
  std::error_code trouble;
  fs::create_directories(parts_.folder, trouble);
  const Bytes bytes = crypto::encode(
      ledger::EvidenceFile{ledger::kEvidenceFormat, parts_.chain_id, report.evidence});
  const Status written = replace_file(file_of(place), as_text(bytes));
  report.is_filed = written.has_value();
  if (written || std::exchange(disk_trouble_said_, true)) return;
  log_event(Severity::kWarning, "evidence-not-filed",
            {{"code", std::string(written.error().code)}, {"detail", written.error().message}});
}

bool EvidenceReporter::is_settled(const Place& place) const {
  const auto offences = ledger::read_offences(parts_.state, place.epoch, place.replica);
  if (!offences) return false;
  return offences->size() >= ledger::kOffencesMax ||
         std::find(offences->begin(), offences->end(), place.offence) != offences->end();
}

void EvidenceReporter::drop(const Place& place, std::string_view event) {
  const Report& report = reports_.at(place);
  log_event(Severity::kInfo, event,
            {{"replica", std::to_string(place.replica.value)},
             {"evidence", ledger::evidence_sentence(report.evidence)},
             {"attempts", std::to_string(report.attempts)}});
  if (report.is_filed) {
    std::error_code ignored;
    fs::remove(file_of(place), ignored);
  }
  reports_.erase(place);
}

void EvidenceReporter::send(const Place& place, Report& report, ledger::TimeMs now) {
  const auto nonces = ledger::read_nonces(parts_.state, parts_.key.public_key());
  if (!nonces) return;
  ledger::Transaction body;
  body.chain_id = parts_.chain_id;
  body.sender = parts_.key.public_key();
  body.nonce = parts_.next_nonce(nonces->highest);
  body.valid_until = {now.value + valid_for_ms()};
  body.operations = {ledger::RecordEvidence{report.evidence}};
  const crypto::Signature signature = parts_.key.sign(crypto::signing_bytes(
      crypto::Purpose::kTransaction, body.chain_id, crypto::encode(body)));
  const ledger::TimeMs valid_until = body.valid_until;
  const auto sent = parts_.submit(crypto::encode(ledger::SignedTransaction{body, signature}));
  if (!sent) {
    // Busy, no room, the disk: the next second may be better.
    return log_event(Severity::kDebug, "evidence-not-sent",
                     {{"replica", std::to_string(place.replica.value)},
                      {"code", std::string(sent.error().code)},
                      {"detail", sent.error().message}});
  }
  ++report.attempts;
  report.is_open = true;
  report.due = valid_until;
  log_event(Severity::kInfo, "evidence-sent",
            {{"replica", std::to_string(place.replica.value)},
             {"evidence", ledger::evidence_sentence(report.evidence)},
             {"transaction", sent->id.hex()}});
}

void EvidenceReporter::tend(ledger::TimeMs now) {
  take_over(now);
  std::size_t open = 0;
  for (auto each = reports_.begin(); each != reports_.end();) {
    const Place place = each->first;
    Report& report = each->second;
    ++each;
    if (is_settled(place)) {
      drop(place, "evidence-recorded");
      continue;
    }
    if (!report.is_filed) file(place, report);
    if (report.is_open && report.due > now) ++open;
  }
  for (auto each = reports_.begin(); each != reports_.end() && open < kOpenMax;) {
    const Place place = each->first;
    Report& report = each->second;
    ++each;
    if (report.due > now) continue;
    if (report.attempts >= kAttemptsMax) {
      drop(place, "evidence-given-up");
      continue;
    }
    send(place, report, now);
    if (report.is_open && report.due > now) ++open;
  }
}

}  // namespace quorate::node
