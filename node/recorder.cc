#include "node/recorder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "crypto/bcs.h"

namespace quorate::node {

namespace {

// Room that is kept for the last record.
constexpr std::uint64_t kEndBytes = 64;

Error write_failed(const std::filesystem::path& file, int number) {
  return {ErrorKind::kEnvironment, "recording-write-failed",
          fmt::format("{} cannot be written: {}", file.string(),
                      std::generic_category().message(number)),
          "Look at the folder's permissions and its disk, or record elsewhere."};
}

}  // namespace

Recorder::Recorder(std::filesystem::path file, node::Descriptor descriptor, const Limits& limits,
                   OnEnd on_end)
    : file_(std::move(file)),
      descriptor_(std::move(descriptor)),
      limits_(limits),
      on_end_(std::move(on_end)) {}

Result<std::unique_ptr<Recorder>> Recorder::create(const std::filesystem::path& file,
                                                   const RecordingHead& head,
                                                   const Limits& limits, OnEnd on_end) {
  node::Descriptor descriptor(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!descriptor.is_open() && errno == EEXIST) {
    return fail(ErrorKind::kConflict, "recording-exists",
                fmt::format("{} is there already, and a recording is one life of a node",
                            file.string()),
                "Name another file, or move that one away.");
  }
  if (!descriptor.is_open()) return tl::unexpected(write_failed(file, errno));
  std::unique_ptr<Recorder> recorder(
      new Recorder(file, std::move(descriptor), limits, std::move(on_end)));
  const bool is_written = recorder->write(recorder->chain_.opening()) &&
                          recorder->write(recorder->chain_.frame(crypto::encode(Record(head))));
  if (!is_written) return tl::unexpected(write_failed(file, errno));
  recorder->thread_ = std::thread([r = recorder.get()] { r->run(); });
  return recorder;
}

Recorder::~Recorder() { stop(); }

void Recorder::note(const pbft::Input& input, const pbft::Output& output,
                    const std::vector<ledger::Signature>& signatures) {
  {
    const std::lock_guard lock(mutex_);
    if (has_ended_ || is_behind_ || stopping_) return;
  }
  Step step{begin_step(input, signatures), output_bytes(output)};
  {
    const std::lock_guard lock(mutex_);
    is_behind_ = waiting_bytes_ + step.bytes() > limits_.queue_bytes;
    if (!is_behind_) {
      waiting_bytes_ += step.bytes();
      waiting_.push_back(std::move(step));
    }
  }
  wake_.notify_one();
}

void Recorder::stop(RecordingEnded why) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) stopped_as_ = why;
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Recorder::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || is_behind_ || !waiting_.empty(); });
    std::deque<Step> steps = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
    const bool is_last = is_behind_;
    const bool is_stopping = stopping_ && steps.empty();
    lock.unlock();
    for (const Step& step : steps) {
      if (!write_step(step)) return;
    }
    if (is_last) return end(RecordingEnded::kBehind);
    if (is_stopping) return write_end(stopped_as_);
    lock.lock();
  }
}

bool Recorder::write_step(const Step& step) {
  Bytes payload = step.begin;
  crypto::encode_to(payload, output_digest(step.output));
  const std::uint64_t after = written_ + payload.size() + kRecordOverheadBytes + kEndBytes;
  if (payload.size() > kRecordBytesMax || after > limits_.file_bytes) {
    end(RecordingEnded::kFull);
    return false;
  }
  if (!write(chain_.frame(payload))) {
    const Error error = write_failed(file_, errno);
    forget_waiting();
    if (on_end_) on_end_(error);
    return false;
  }
  ++steps_;
  return true;
}

// Whoever is killed in the middle leaves a part of a record, and no other loses it.
bool Recorder::write(ByteView bytes) {
  written_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

void Recorder::write_end(RecordingEnded why) {
  // What cannot be written any more is missing, and whoever replays it says so.
  static_cast<void>(write(chain_.frame(
      crypto::encode(Record(RecordingEnd{static_cast<std::uint8_t>(why), steps_})))));
}

void Recorder::forget_waiting() {
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  waiting_.clear();
}

void Recorder::end(RecordingEnded why) {
  write_end(why);
  forget_waiting();
  if (!on_end_) return;
  if (why == RecordingEnded::kFull) {
    return on_end_({ErrorKind::kUnavailable, "recording-full",
                    fmt::format("{} has reached its limit of {} bytes after {} steps and ends "
                                "there; the node goes on",
                                file_.string(), limits_.file_bytes, steps_),
                    "To record more, start the node again with another file and a larger "
                    "--record-bytes-max."});
  }
  on_end_({ErrorKind::kUnavailable, "recording-behind",
           fmt::format("The disk did not take {} as fast as it came: more than {} bytes waited. "
                       "It ends after {} steps; the node goes on",
                       file_.string(), limits_.queue_bytes, steps_),
           "Record to a faster disk."});
}

}  // namespace quorate::node
