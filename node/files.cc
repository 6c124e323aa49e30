#include "node/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "node/descriptor.h"

namespace quorate::node {
namespace {

std::string reason(int number) { return std::generic_category().message(number); }

tl::unexpected<Error> write_failed(const std::filesystem::path& file, int number) {
  return fail(ErrorKind::kEnvironment, "file-write-failed",
              fmt::format("Cannot write {}: {}", file.string(), reason(number)),
              "Make room, or choose a folder that this user may write.");
}

// Writes all of it and syncs; on failure the file goes.
Status fill(const std::filesystem::path& file, int fd, std::string_view text) {
  int trouble = 0;
  while (!text.empty() && trouble == 0) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      trouble = errno;
    }
  }
  if (trouble == 0 && ::fsync(fd) != 0) trouble = errno;
  if (trouble == 0) return {};
  ::unlink(file.c_str());
  return write_failed(file, trouble);
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& file, std::size_t bytes_max) {
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (in.get() < 0) {
    const int trouble = errno;
    if (trouble == ENOENT || trouble == ENOTDIR) {
      return fail(ErrorKind::kNotFound, "file-not-found",
                  fmt::format("There is no file {}", file.string()));
    }
    return fail(ErrorKind::kEnvironment, "file-unreadable",
                fmt::format("Cannot read {}: {}", file.string(), reason(trouble)));
  }
  std::string text;
  char chunk[16384];
  while (true) {
    const ssize_t got = ::read(in.get(), chunk, sizeof chunk);
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(ErrorKind::kEnvironment, "file-unreadable",
                  fmt::format("Cannot read {}: {}", file.string(), reason(errno)));
    }
    text.append(chunk, static_cast<std::size_t>(got));
    if (text.size() > bytes_max) {
      return fail(ErrorKind::kInvalid, "file-too-large",
                  fmt::format("{} has more than the {} bytes that such a file may have",
                              file.string(), bytes_max));
    }
  }
}

Status replace_file(const std::filesystem::path& file, std::string_view text) {
  std::filesystem::path beside = file;
  beside += fmt::format(".{}.new", ::getpid());
  const Descriptor out(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (out.get() < 0) return write_failed(beside, errno);
  QUORATE_TRY(fill(beside, out.get(), text));
  if (::rename(beside.c_str(), file.c_str()) != 0) {
    const int trouble = errno;
    ::unlink(beside.c_str());
    return write_failed(file, trouble);
  }
  return {};
}

Status create_file(const std::filesystem::path& file, std::string_view text) {
  const Descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (out.get() < 0 && errno == EEXIST) {
    return fail(ErrorKind::kConflict, "file-exists",
                fmt::format("{} exists already and is not overwritten", file.string()),
                "Give another name, or move that file away.");
  }
  if (out.get() < 0) return write_failed(file, errno);
  return fill(file, out.get(), text);
}

}  // namespace quorate::node
