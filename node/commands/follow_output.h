#pragma once

// Where `quorate ledger follow` puts its events, and where it remembers its place.
//
// Two ways to go on after any end of the consumer:
//
//   an output file  JSON Lines, each with its cursor: the file is its own memory. Half a line at
//                   its end, as a kill leaves it, is cut off, and what follows is fetched again.
//                   Each event stands in it exactly once, whatever ended the process.
//   a cursor file   for events that go to standard output: written after the event was, by one
//                   small write in place. A kill between the two repeats that one event; its
//                   cursor tells. Nothing is left out.
//
// Not thread-safe.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/result.h"

namespace quorate::node {

class AppendedFile {
 public:
  // Makes the file if there is none, and cuts what stands behind its last whole line. Errors:
  // "output-not-ours" (kConflict) if its last line is no event, so that nothing of a foreign file
  // is touched; "output-in-use" (kConflict) while another follower has it open;
  // "file-write-failed" (kEnvironment).
  [[nodiscard]] static Result<AppendedFile> open(const std::filesystem::path& file);
  AppendedFile(AppendedFile&& other) noexcept;
  AppendedFile& operator=(AppendedFile&&) = delete;
  ~AppendedFile();

  // The cursor of its last line; nullopt: it was empty.
  [[nodiscard]] const std::optional<std::string>& cursor() const { return cursor_; }
  // With the newline. Error: "file-write-failed".
  [[nodiscard]] Status append(std::string_view line);

 private:
  AppendedFile(std::filesystem::path file, int descriptor)
      : file_(std::move(file)), descriptor_(descriptor) {}
  [[nodiscard]] Status cut_to_last_line();

  std::filesystem::path file_;
  int descriptor_ = -1;
  std::optional<std::string> cursor_;
};

class CursorFile {
 public:
  // Makes the file if there is none. Errors: "cursor-in-use" (kConflict), "cursor-file-malformed"
  // (kInvalid) if it holds anything but a cursor, "file-write-failed" (kEnvironment).
  [[nodiscard]] static Result<CursorFile> open(const std::filesystem::path& file);
  CursorFile(CursorFile&& other) noexcept;
  CursorFile& operator=(CursorFile&&) = delete;
  ~CursorFile();

  [[nodiscard]] const std::optional<std::string>& cursor() const { return cursor_; }
  [[nodiscard]] Status store(std::string_view cursor);

 private:
  CursorFile(std::filesystem::path file, int descriptor)
      : file_(std::move(file)), descriptor_(descriptor) {}

  std::filesystem::path file_;
  int descriptor_ = -1;
  std::optional<std::string> cursor_;
};

}  // namespace quorate::node
