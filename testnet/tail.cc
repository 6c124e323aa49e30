#include "testnet/tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "node/descriptor.h"

namespace quorate::testnet {
namespace {

constexpr std::uint64_t kTailBytesMax = 256 << 10;
constexpr std::uint64_t kStepBytesMax = 1 << 20;

struct Opened {
  node::Descriptor descriptor;
  ino_t inode = 0;
  std::uint64_t size = 0;
};

std::optional<Opened> open_file(const std::filesystem::path& file) {
  node::Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts{};
  if (!descriptor.is_open() || ::fstat(descriptor.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return std::nullopt;
  }
  return Opened{std::move(descriptor), facts.st_ino, static_cast<std::uint64_t>(facts.st_size)};
}

std::string read_range(int fd, std::uint64_t begin, std::uint64_t bytes) {
  std::string text(bytes, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::pread(fd, text.data() + have, text.size() - have,
                                static_cast<off_t>(begin + have));
    if (got <= 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

// Takes the whole lines from the front of `text`.
std::vector<std::string> take_lines(std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  text.erase(0, begin);
  return lines;
}

}  // namespace

std::vector<std::string> last_lines(const std::filesystem::path& file, std::size_t lines_max) {
  const auto opened = open_file(file);
  if (!opened) return {};
  const std::uint64_t bytes = std::min(opened->size, kTailBytesMax);
  std::string text = read_range(opened->descriptor.get(), opened->size - bytes, bytes);
  std::vector<std::string> lines = take_lines(text);
  if (!text.empty()) lines.push_back(std::move(text));
  // The first line of a cut text is the end of one.
  if (bytes < opened->size && !lines.empty()) lines.erase(lines.begin());
  if (lines.size() > lines_max) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(lines_max));
  }
  return lines;
}

Follower::Follower(std::filesystem::path file) : file_(std::move(file)) {
  if (const auto opened = open_file(file_)) {
    inode_ = opened->inode;
    offset_ = opened->size;
  }
}

std::vector<std::string> Follower::next() {
  const auto opened = open_file(file_);
  if (!opened) return {};
  if (opened->inode != inode_ || opened->size < offset_) {
    inode_ = opened->inode;
    offset_ = 0;
    unfinished_.clear();
  }
  const std::string text = read_range(opened->descriptor.get(), offset_,
                                      std::min(opened->size - offset_, kStepBytesMax));
  offset_ += text.size();
  unfinished_ += text;
  // A line without end is cut rather than kept.
  if (unfinished_.size() > kStepBytesMax) unfinished_ += '\n';
  return take_lines(unfinished_);
}

}  // namespace quorate::testnet
