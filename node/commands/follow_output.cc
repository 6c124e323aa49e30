#include "node/commands/follow_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <utility>

#include "ledger/durable_file.h"
#include "node/json_members.h"

namespace quorate::node {
namespace {

constexpr std::size_t kBackBytes = 64 << 10;
constexpr std::size_t kCursorFileBytes = 96;  // the longest cursor, and a line's end

tl::unexpected<Error> write_failed(const std::filesystem::path& file, int error) {
  return fail(ErrorKind::kEnvironment, "file-write-failed",
              fmt::format("{} cannot be written: {}", file.string(), ledger::errno_text(error)),
              "Make room, or choose another place; then follow on with the same command.");
}

// Open for reading and writing, by nobody else of us.
Result<int> open_locked(const std::filesystem::path& file, std::string_view in_use) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return write_failed(file, errno);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
  ::close(descriptor);
  return fail(ErrorKind::kConflict, in_use,
              fmt::format("{} is in use by another follower", file.string()),
              "End that one, or give this one a file of its own.");
}

Result<std::string> read_range(const std::filesystem::path& file, int descriptor,
                               std::uint64_t offset, std::uint64_t bytes) {
  std::string text(bytes, '\0');
  std::size_t count = 0;
  const std::span out(reinterpret_cast<std::uint8_t*>(text.data()), text.size());
  if (const int error = ledger::read_all_at(descriptor, out, offset, count); error != 0) {
    return write_failed(file, error);
  }
  text.resize(count);
  return text;
}

Result<std::uint64_t> size_of(const std::filesystem::path& file, int descriptor) {
  struct stat facts {};
  if (::fstat(descriptor, &facts) != 0) return write_failed(file, errno);
  return static_cast<std::uint64_t>(facts.st_size);
}

// The last newline before `end`, as an offset behind it; 0: there is none.
Result<std::uint64_t> line_begin(const std::filesystem::path& file, int descriptor,
                                 std::uint64_t end) {
  while (end > 0) {
    const std::uint64_t begin = end > kBackBytes ? end - kBackBytes : 0;
    QUORATE_ASSIGN(const std::string text, read_range(file, descriptor, begin, end - begin));
    const std::size_t newline = text.rfind('\n');
    if (newline != std::string::npos) return begin + newline + 1;
    end = begin;
  }
  return 0;
}

std::optional<std::string> cursor_in(std::string_view line) {
  boost::json::error_code trouble;
  const auto value = boost::json::parse(line, trouble);
  return trouble ? std::nullopt : text_member(value, "cursor");
}

}  // namespace

Result<AppendedFile> AppendedFile::open(const std::filesystem::path& file) {
  QUORATE_ASSIGN(const int descriptor, open_locked(file, "output-in-use"));
  AppendedFile opened(file, descriptor);
  QUORATE_TRY(opened.cut_to_last_line());
  return opened;
}

Status AppendedFile::cut_to_last_line() {
  QUORATE_ASSIGN(const std::uint64_t size, size_of(file_, descriptor_));
  QUORATE_ASSIGN(const std::uint64_t end, line_begin(file_, descriptor_, size));
  if (end > 0) {
    QUORATE_ASSIGN(const std::uint64_t begin, line_begin(file_, descriptor_, end - 1));
    QUORATE_ASSIGN(const std::string line, read_range(file_, descriptor_, begin, end - 1 - begin));
    cursor_ = cursor_in(line);
  }
  QUORATE_ASSIGN(const std::string rest, read_range(file_, descriptor_, end,
                                                    std::min<std::uint64_t>(size - end, 1)));
  if ((end > 0 && !cursor_) || (!rest.empty() && rest.front() != '{')) {
    return fail(ErrorKind::kConflict, "output-not-ours",
                fmt::format("the last line of {} is no event with a cursor", file_.string()),
                "Give a new file, or one that `quorate ledger follow --output` has written.");
  }
  if (size > end && ::ftruncate(descriptor_, static_cast<off_t>(end)) != 0) {
    return write_failed(file_, errno);
  }
  if (::lseek(descriptor_, static_cast<off_t>(end), SEEK_SET) < 0) {
    return write_failed(file_, errno);
  }
  return {};
}

AppendedFile::AppendedFile(AppendedFile&& other) noexcept
    : file_(std::move(other.file_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      cursor_(std::move(other.cursor_)) {}

AppendedFile::~AppendedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status AppendedFile::append(std::string_view line) {
  while (!line.empty()) {
    const ssize_t count = ::write(descriptor_, line.data(), line.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return write_failed(file_, errno);
    line.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<CursorFile> CursorFile::open(const std::filesystem::path& file) {
  QUORATE_ASSIGN(const int descriptor, open_locked(file, "cursor-in-use"));
  CursorFile opened(file, descriptor);
  QUORATE_ASSIGN(const std::uint64_t size, size_of(file, descriptor));
  if (size == 0) return opened;
  QUORATE_ASSIGN(const std::string text, read_range(file, descriptor, 0,
                                                    std::min<std::uint64_t>(size, 1024)));
  const std::size_t end = text.find_first_of(" \n");
  if (size > kCursorFileBytes || end == std::string::npos || end == 0 ||
      std::count(text.begin(), text.end(), ':') != 3) {
    return fail(ErrorKind::kInvalid, "cursor-file-malformed",
                fmt::format("{} holds {} bytes that are no cursor", file.string(), size),
                "Give the file that an earlier run was given, or a new one.");
  }
  opened.cursor_ = text.substr(0, end);
  return opened;
}

CursorFile::CursorFile(CursorFile&& other) noexcept
    : file_(std::move(other.file_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      cursor_(std::move(other.cursor_)) {}

CursorFile::~CursorFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status CursorFile::store(std::string_view cursor) {
  // Of one length always, so that no write leaves the end of a longer one behind.
  const std::string text = fmt::format("{:<{}}\n", cursor, kCursorFileBytes - 1);
  if (const int error = ledger::write_all_at(descriptor_, as_bytes(text), 0); error != 0) {
    return write_failed(file_, error);
  }
  return {};
}

}  // namespace quorate::node
