#include "ledger/guard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <tuple>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "ledger/durable_file.h"

namespace quorate::ledger {
namespace {

constexpr std::uint32_t kGuardFormat = 1;
constexpr std::size_t kSlotBytes = 512;
constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kCoveredBytes = kSlotBytes - kDigestBytes;
constexpr std::array<std::uint64_t, 2> kSlotOffsets = {0, 4096};

using SlotBytes = std::array<std::uint8_t, kSlotBytes>;

struct Slot {
  GuardState state;
  std::uint64_t counter = 0;
};

SlotBytes encode_slot(const Slot& slot) {
  const Bytes body = crypto::encode(slot);
  QUORATE_CHECK(body.size() <= kCoveredBytes, "a slot is larger than a guard's state");
  SlotBytes bytes{};
  std::copy(body.begin(), body.end(), bytes.begin());
  const Digest digest = crypto::sha256(ByteView(bytes).first(kCoveredBytes));
  std::copy(digest.bytes.begin(), digest.bytes.end(), bytes.begin() + kCoveredBytes);
  return bytes;
}

// What a slot says about itself. A slot whose checksum is wrong says nothing.
struct SlotReading {
  std::optional<Slot> slot;
  std::optional<std::uint32_t> newer_format;
};

SlotReading decode_slot(const SlotBytes& bytes) {
  const ByteView covered = ByteView(bytes).first(kCoveredBytes);
  const Digest digest = crypto::sha256(covered);
  if (!std::equal(digest.bytes.begin(), digest.bytes.end(), bytes.begin() + kCoveredBytes)) {
    return {};
  }
  // The format comes first in every version.
  const auto format = crypto::decode<std::uint32_t>(covered.first(sizeof(GuardState::format)));
  if (format && *format > kGuardFormat) return {std::nullopt, *format};
  static const std::size_t kBodyBytes = crypto::encode(Slot{}).size();  // all fields fixed in width
  auto slot = crypto::decode<Slot>(covered.first(kBodyBytes));
  const bool zeros = std::all_of(covered.begin() + kBodyBytes, covered.end(),
                                 [](std::uint8_t byte) { return byte == 0; });
  if (!slot || slot->state.format != kGuardFormat || !zeros) return {};
  return {std::move(*slot), std::nullopt};
}

tl::unexpected<Error> write_failed(const std::filesystem::path& file, int error) {
  return fail(ErrorKind::kEnvironment, "guard-write-failed",
              fmt::format("the guard {} cannot be written: {}", file.string(), errno_text(error)),
              "Free space on the disk or replace it, then start the node again.");
}

constexpr std::string_view kLostGuard =
    "Without its guard a replica does not know what it signed. Give it a new vote key with "
    "`quorate validator rekey`; until then it follows without voting.";

Result<std::array<SlotReading, 2>> read_slots(const std::filesystem::path& file, int fd) {
  std::array<SlotReading, 2> readings;
  for (std::size_t i = 0; i < 2; ++i) {
    SlotBytes bytes{};
    std::size_t count = 0;
    const int error = read_all_at(fd, bytes, kSlotOffsets[i], count);
    if (error != 0) {
      return fail(ErrorKind::kEnvironment, "guard-unreadable",
                  fmt::format("the guard {} cannot be read: {}", file.string(), errno_text(error)),
                  "Check permissions and the disk. Do not put an old copy in its place.");
    }
    if (count == kSlotBytes) readings[i] = decode_slot(bytes);
  }
  return readings;
}

}  // namespace

Guard::Guard(std::filesystem::path file, int fd, const GuardState& state)
    : file_(std::move(file)), fd_(fd), state_(state) {}

Guard::~Guard() { ::close(fd_); }

Result<std::unique_ptr<Guard>> Guard::create(const std::filesystem::path& file,
                                             const Digest& chain_id, const Digest& store_id) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0 && errno == EEXIST) {
    return fail(ErrorKind::kConflict, "guard-exists",
                fmt::format("a guard stands in {} already", file.string()),
                "A guard belongs to one vote key for its whole life; choose another folder.");
  }
  if (fd < 0) return write_failed(file, errno);
  GuardState state;
  state.chain_id = chain_id;
  state.store_id = store_id;
  std::unique_ptr<Guard> guard(new Guard(file, fd, state));
  // Both slots, so that the first torn write does not meet an empty one.
  QUORATE_TRY(guard->write(state, true));
  QUORATE_TRY(guard->write(state, true));
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  if (const int error = sync_directory(folder); error != 0) return write_failed(folder, error);
  return guard;
}

Result<std::unique_ptr<Guard>> Guard::open(const std::filesystem::path& file,
                                           const Digest& chain_id) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    return fail(ErrorKind::kNotFound, "guard-missing",
                fmt::format("no guard was found in {}", file.string()), std::string(kLostGuard));
  }
  if (fd < 0) {
    return fail(ErrorKind::kEnvironment, "guard-unreadable",
                fmt::format("the guard {} cannot be opened: {}", file.string(), errno_text(errno)),
                "Check permissions and the disk. Do not put an old copy in its place.");
  }
  std::unique_ptr<Guard> guard(new Guard(file, fd, GuardState{}));
  QUORATE_ASSIGN(const auto readings, read_slots(file, fd));

  const Slot* newest = nullptr;
  for (unsigned i = 0; i < 2; ++i) {
    if (readings[i].newer_format) {
      return fail(ErrorKind::kUnsupported, "guard-newer-format",
                  fmt::format("the guard {} has format {}; this version reads up to {}",
                              file.string(), *readings[i].newer_format, kGuardFormat),
                  "Use the version of quorate that wrote it, or a newer one.");
    }
    const auto& slot = readings[i].slot;
    if (!slot || (newest != nullptr && newest->counter >= slot->counter)) continue;
    newest = &*slot;
    guard->synced_slot_ = i;
  }
  if (newest == nullptr) {
    return fail(ErrorKind::kCorrupt, "guard-corrupt",
                fmt::format("neither slot of the guard {} has its checksum", file.string()),
                std::string(kLostGuard));
  }
  if (newest->state.chain_id != chain_id) {
    return fail(ErrorKind::kConflict, "guard-other-chain",
                fmt::format("the guard {} belongs to chain {}, and chain {} was expected",
                            file.string(), newest->state.chain_id.hex(), chain_id.hex()),
                "Use the genesis document that it was made with, or another folder.");
  }
  // The newest slot may be a `note_write` that is still in memory only; the other one is spared
  // until it is not.
  if (::fdatasync(fd) != 0) return write_failed(file, errno);
  guard->counter_ = newest->counter;
  GuardState state = newest->state;
  ++state.incarnation;
  QUORATE_TRY(guard->write(state, true));
  return guard;
}

Status Guard::raise(Epoch epoch, View view, Sequence sequence) {
  GuardState raised = state_;
  if (std::tie(epoch, view) > std::tie(raised.epoch_ceiling, raised.view_ceiling)) {
    raised.epoch_ceiling = epoch;
    raised.view_ceiling = view;
  }
  raised.sequence_ceiling = std::max(raised.sequence_ceiling, sequence);
  const bool is_new =
      std::tie(raised.epoch_ceiling, raised.view_ceiling, raised.sequence_ceiling) !=
      std::tie(state_.epoch_ceiling, state_.view_ceiling, state_.sequence_ceiling);
  return is_new || stopped_ ? write(raised, true) : Status();
}

Status Guard::note_write(std::uint64_t number) {
  GuardState noted = state_;
  noted.last_write = std::max(noted.last_write, number);
  return write(noted, false);
}

Status Guard::adopt(const Digest& store_id, std::uint64_t last_write) {
  GuardState adopted = state_;
  adopted.store_id = store_id;
  adopted.last_write = last_write;
  return write(adopted, true);
}

Status Guard::write(const GuardState& state, bool synced) {
  if (stopped_) {
    return fail(ErrorKind::kEnvironment, "guard-stopped",
                fmt::format("the guard {} takes no more writes since one failed", file_.string()),
                "Stop the node, look at the first error, and start it again.");
  }
  const unsigned slot = 1 - synced_slot_;
  int error = write_all_at(fd_, encode_slot({state, counter_ + 1}), kSlotOffsets[slot]);
  if (error == 0 && synced && ::fdatasync(fd_) != 0) error = errno;
  if (error != 0) {
    stopped_ = true;
    return write_failed(file_, error);
  }
  ++counter_;
  state_ = state;
  if (synced) synced_slot_ = slot;
  return {};
}

StoreAge judge_store_age(const GuardState& guard, const Digest& store_id,
                         std::uint64_t last_write) {
  const bool is_current = store_id == guard.store_id && last_write >= guard.last_write;
  return is_current ? StoreAge::kCurrent : StoreAge::kOlder;
}

}  // namespace quorate::ledger
