#pragma once

// A recorded life (node/recording.h), lived again.
//
// The real core, the real voter and the real verifiers are given what the recording holds. Messages
// and transactions are judged anew; the voter's key stays where it is, so signatures come from the
// recording, each of which must be a good one of what the core asks to sign. After each step the
// digest of the output is compared with the recorded one. Not thread-safe.

#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/record_chain.h"
#include "node/recording.h"

namespace quorate::testnet {

// The first step that came out otherwise than recorded.
struct Difference {
  std::uint64_t step = 0;  // from 1
  std::string input;       // what was given
  std::vector<std::string> fields;  // of Output; "signatures"
  std::string found;       // what came out now
};

enum class LifeEnd : std::uint8_t {
  kStopped,    // the node stopped in peace
  kFull,       // the recording reached its limit
  kBehind,     // the disk was too slow
  kEpoch,      // the epoch ended
  kCut,        // inside of a record: the process was killed
  kOpen,       // without its last record: the process was killed, or still runs
  kDifferent,  // the replay ended at a difference
  kDamaged,    // the replay ended at bytes that are not those that were written
};
[[nodiscard]] std::string_view life_end_text(LifeEnd end);

struct LifeReport {
  std::string file;
  std::string program;
  ledger::ReplicaId self;
  std::size_t replicas = 0;
  std::uint64_t steps = 0;     // that came out as recorded
  std::uint64_t messages = 0;  // of these, signed messages of others
  std::uint64_t votes = 0;     // signed
  std::uint64_t batches = 0;   // executed
  std::uint64_t view_changes = 0;
  ledger::View first_view;
  ledger::View last_view;
  ledger::Sequence executed;   // up to
  std::uint64_t covered_ms = 0;
  ledger::TimeMs begin;        // wall time of the first step
  crypto::Digest outputs;      // of all outputs, in order
  LifeEnd end = LifeEnd::kOpen;
  std::optional<Difference> difference;
  std::optional<Error> damage;

  [[nodiscard]] bool is_good() const { return !difference && !damage; }
};

class RecordedLife {
 public:
  // Errors: "recording-not-found" (kNotFound), those of RecordChainReader::open,
  // "recording-truncated" (kCorrupt: not even its head is there), "recording-altered", and
  // "recording-malformed" (kInvalid: a head that no node writes).
  [[nodiscard]] static Result<std::unique_ptr<RecordedLife>> open(const std::string& file);
  ~RecordedLife();

  [[nodiscard]] const node::RecordingHead& head() const { return head_; }
  [[nodiscard]] std::size_t size() const { return head_.replicas.size(); }
  [[nodiscard]] const pbft::Replica& replica() const;
  // What is given next; nullopt: the life is over.
  [[nodiscard]] const std::optional<node::RecordedStep>& next() const { return next_; }
  // Gives it, and reads the one after it. nullopt: it came out otherwise or cannot be given, which
  // the report says, and the life is over. Precondition (checked): next().
  [[nodiscard]] std::optional<pbft::Output> step();
  [[nodiscard]] const LifeReport& report() const { return report_; }

 private:
  struct Core;
  explicit RecordedLife(const std::string& file);
  [[nodiscard]] Status read_head();
  void read_next();
  void end_with(LifeEnd end, std::optional<Error> damage = std::nullopt);
  void count(const node::RecordedStep& step, const pbft::Output& output);

  std::ifstream in_;
  node::RecordChainReader reader_;
  node::RecordingHead head_;
  std::unique_ptr<Core> core_;
  std::optional<node::RecordedStep> next_;
  std::uint64_t begin_ms_ = 0;
  LifeReport report_;
};

// Sees each step with what came out of it, before the next one is done.
using ReplayWatch = std::function<void(std::size_t life, const node::RecordedStep& step,
                                       const pbft::Output& output)>;
// All of them, in the order of time: of the monotonic clock if all were recorded in one boot of one
// machine, else of wall clocks.
void replay(const std::vector<std::unique_ptr<RecordedLife>>& lives, const ReplayWatch& watch);
// In which this step is ordered among those of other lives.
[[nodiscard]] bool is_one_clock(const std::vector<std::unique_ptr<RecordedLife>>& lives);

}  // namespace quorate::testnet
