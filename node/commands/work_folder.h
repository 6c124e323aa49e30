#pragma once

// A folder for what a command makes on the way: one that somebody named, kept whatever happens;
// else one under TMPDIR that goes at the end.

#include <filesystem>
#include <optional>
#include <string>

#include "crypto/result.h"

namespace quorate::node {

class WorkFolder {
 public:
  // `purpose` is part of its name. Error: "no-temporary-folder" (kEnvironment).
  [[nodiscard]] static Result<WorkFolder> make(std::string_view purpose,
                                               const std::optional<std::string>& kept = {});
  WorkFolder(WorkFolder&& other) noexcept;
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  WorkFolder(std::filesystem::path path, bool is_removed);

  std::filesystem::path path_;
  bool is_removed_;
};

}  // namespace quorate::node
