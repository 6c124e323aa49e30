#pragma once

// Writes a recording (node/recording.h) while the core runs.
//
// `note` is called by the core's thread after each step. It encodes what it was given and hands it
// to a thread of the recorder's own, which digests and writes; so the core waits for no disk. What
// waits to be written is bounded, and so is the file: at either bound, or when a write fails, the
// recording ends, with a last record that says why where that can still be written. The node goes
// on: a recording is for whoever looks into an incident, and nobody depends on it.
//
// Nothing is synced. What was written survives kill -9; the file may then end inside of a record.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "node/descriptor.h"
#include "node/record_chain.h"
#include "node/recording.h"

namespace quorate::node {

inline constexpr std::uint64_t kRecordingBytesMax = 1 << 30;
inline constexpr std::size_t kRecorderQueueBytesMax = 64 << 20;

class Recorder {
 public:
  struct Limits {
    std::uint64_t file_bytes = kRecordingBytesMax;
    std::size_t queue_bytes = kRecorderQueueBytesMax;
  };
  // Told once, from the recorder's thread, if the recording ends before `stop`. Error:
  // "recording-full", "recording-behind" (kUnavailable), "recording-write-failed" (kEnvironment).
  using OnEnd = std::function<void(const Error&)>;

  // Makes the file and starts the thread. Errors: "recording-exists" (kConflict: no recording is
  // ever written over), "recording-write-failed" (kEnvironment).
  [[nodiscard]] static Result<std::unique_ptr<Recorder>> create(const std::filesystem::path& file,
                                                                const RecordingHead& head,
                                                                const Limits& limits,
                                                                OnEnd on_end);
  ~Recorder();

  // After a step, with what was signed in it. One thread.
  void note(const pbft::Input& input, const pbft::Output& output,
            const std::vector<ledger::Signature>& signatures);
  // Writes what waits and the end, then joins. Idempotent.
  void stop(RecordingEnded why = RecordingEnded::kStopped);

 private:
  struct Step {
    Bytes begin;
    OutputBytes output;
    [[nodiscard]] std::size_t bytes() const { return begin.size() + output.bytes.size(); }
  };

  Recorder(std::filesystem::path file, node::Descriptor descriptor, const Limits& limits,
           OnEnd on_end);
  void run();
  // False: the recording has ended.
  [[nodiscard]] bool write_step(const Step& step);
  [[nodiscard]] bool write(ByteView bytes);
  void write_end(RecordingEnded why);
  void end(RecordingEnded why);
  void forget_waiting();

  const std::filesystem::path file_;
  const node::Descriptor descriptor_;
  const Limits limits_;
  const OnEnd on_end_;
  RecordChainWriter chain_;     // the rest is the recorder's thread's
  std::uint64_t written_ = 0;
  std::uint64_t steps_ = 0;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Step> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool is_behind_ = false;  // nothing is taken any more
  bool has_ended_ = false;
  bool stopping_ = false;
  RecordingEnded stopped_as_ = RecordingEnded::kStopped;
  std::thread thread_;
};

}  // namespace quorate::node
