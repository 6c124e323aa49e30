#include "testnet/commands/trace_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "testnet/trace_text.h"

namespace quorate::testnet {

Status TraceFile::open(const std::optional<std::string>& path) {
  if (!path) return {};
  path_ = *path;
  out_.open(path_, std::ios::trunc);
  const std::string ending = std::filesystem::path(path_).extension().string();
  if (ending == ".html") picture_.emplace();
  if (ending == ".shiviz") causal_.emplace(out_);
  return flush();
}

std::function<void(const TraceEvent&)> TraceFile::listener() {
  if (path_.empty()) return nullptr;
  if (picture_) return [this](const TraceEvent& event) { picture_->note(event); };
  if (causal_) return [this](const TraceEvent& event) { causal_->note(event); };
  return [this](const TraceEvent& event) { out_ << trace_line(event) << '\n'; };
}

Status TraceFile::close(const Picture::Heading& heading) {
  if (picture_) out_ << picture_->page(heading);
  return flush();
}

Status TraceFile::flush() {
  if (path_.empty() || out_.flush()) return {};
  return fail(ErrorKind::kEnvironment, "trace-write-failed",
              fmt::format("{} cannot be written", path_), "Name a file in a folder of yours.");
}

}  // namespace quorate::testnet
