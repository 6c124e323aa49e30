# Writes the header that `quorate --version` prints from. The build_info target runs it each time:
#   cmake -D source=DIR -D output=FILE -D version=V -D build_type=T -D compiler=C -D sanitizers=S -P
# A tree that is no git checkout (a source archive) has the empty commit.
set(commit "")
find_program(git git)
if(git AND EXISTS ${source}/.git)
  execute_process(COMMAND ${git} -C ${source} describe --always --abbrev=12 --dirty --exclude=*
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()

file(CONFIGURE OUTPUT ${output} @ONLY CONTENT [[
#pragma once

// Where this executable comes from. Written by node/build_info.cmake at each build; include it in
// one source only, which each commit then compiles anew.

#include <string_view>

namespace quorate::build {

inline constexpr std::string_view kVersion = "@version@";
inline constexpr std::string_view kCommit = "@commit@";  // empty outside a git checkout
inline constexpr std::string_view kBuildType = "@build_type@";
inline constexpr std::string_view kCompiler = "@compiler@";
inline constexpr std::string_view kSanitizers = "@sanitizers@";  // empty in ordinary builds

}  // namespace quorate::build
]])
