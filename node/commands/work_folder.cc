#include "node/commands/work_folder.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <utility>

namespace quorate::node {

Result<WorkFolder> WorkFolder::make(std::string_view purpose,
                                    const std::optional<std::string>& kept) {
  if (kept) return WorkFolder(*kept, false);
  std::error_code error;
  std::string name = (std::filesystem::temp_directory_path(error) /
                      fmt::format("quorate-{}-XXXXXX", purpose))
                         .string();
  if (error || ::mkdtemp(name.data()) == nullptr) {
    return fail(ErrorKind::kEnvironment, "no-temporary-folder",
                fmt::format("no folder could be made as {}", name),
                "Set TMPDIR to a folder that can be written.");
  }
  return WorkFolder(name, true);
}

WorkFolder::WorkFolder(std::filesystem::path path, bool is_removed)
    : path_(std::move(path)), is_removed_(is_removed) {}

WorkFolder::WorkFolder(WorkFolder&& other) noexcept
    : path_(std::move(other.path_)), is_removed_(std::exchange(other.is_removed_, false)) {}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  if (is_removed_) std::filesystem::remove_all(path_, ignored);
}

}  // namespace quorate::node
