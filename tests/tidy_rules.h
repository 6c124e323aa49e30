#pragma once

// The rules that the source tree keeps and that neither a compiler nor an include path can hold.
// A rule is a function from a tree to what breaks it; each finding says where, what, and why it
// matters, so that the reader of a failed test need not look for the rule.

#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy_tree.h"

namespace quorate::tidy {

struct Finding {
  std::string path;
  int line = 0;  // 0: the file as a whole
  std::string what;
};
using Findings = std::vector<Finding>;

// "path:line: what", a line each.
std::string to_string(const Findings& findings);

// An #include names a file of this tree as "folder/file.h", and only of the same folder or of one
// below it: crypto <- ledger <- pbft, pow <- node <- testnet. Nothing but tests/ includes tests/.
Findings arrows_point_down(const Tree& tree);

// What a folder must not use, with the reason (the table is in tidy_bans.cc).
Findings bans_hold(const Tree& tree);

// A header starts with #pragma once and a comment that says what it is for.
Findings headers_say_what_they_are_for(const Tree& tree);

// A source includes the header of the same name before any other; so it compiles alone.
Findings sources_include_their_own_header_first(const Tree& tree);

// Files, functions and lines stay within what can be read at once.
Findings sizes_are_bounded(const Tree& tree);

// No tab, carriage return or trailing blank, and a last line that ends.
Findings text_is_clean(const Tree& tree);

// Scripts have the run bit and a first line that says by what, and a shell script stops at its
// first failure.
Findings scripts_can_run(const Tree& tree);

// Each header is included by a file other than its own source, each source is built (`built` holds
// the paths that the build compiles), each test vector is read by some test.
Findings nothing_is_dead(const Tree& tree, const std::vector<std::string>& built);

// Words that announce unfinished work, and tests that are switched off.
Findings nothing_is_unfinished(const Tree& tree);

// No path of the machine that a file was written on.
Findings no_path_of_one_machine(const Tree& tree);

// Each folder that holds code has a README.md of its own.
Findings folders_have_readmes(const Tree& tree);

// Relative links in Markdown lead to something.
Findings links_resolve(const Tree& tree);

// The paths under `top` of the sources that are compiled, by the text of compile_commands.json and
// of those of its sources that only include others (QUORATE_BATCH).
std::vector<std::string> built_sources(std::string_view built, std::string_view top);

}  // namespace quorate::tidy
