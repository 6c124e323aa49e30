#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/tidy_bans.h"
#include "tests/tidy_rules.h"
#include "tests/tidy_tree.h"

// Tidy: the rules held against this checkout.
// TidyRules: each rule held against a small tree that breaks it, since a rule that cannot fail
// is no rule.

namespace quorate::tidy {
namespace {

const Tree& source_tree() {
  static const Tree kTree = Tree::from_disk(QUORATE_SOURCE_DIR);
  return kTree;
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string> built_here() {
  std::string text = text_of(QUORATE_BINARY_DIR "/compile_commands.json");
  for (const std::string& made : built_sources(text, QUORATE_BINARY_DIR)) {
    text += text_of(QUORATE_BINARY_DIR "/" + made);
  }
  return built_sources(text, QUORATE_SOURCE_DIR);
}

void expect_none(const Findings& findings) {
  EXPECT_TRUE(findings.empty()) << findings.size() << " finding(s):\n" << to_string(findings);
}

bool finds(const Findings& findings, std::string_view path, std::string_view what) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.path == path && finding.what.find(what) != std::string::npos;
  });
}

TEST(Tidy, TheTreeIsRead) {
  EXPECT_NE(source_tree().find("tests/tidy_test.cc"), nullptr);
  EXPECT_NE(source_tree().find("CMakeLists.txt"), nullptr);
  EXPECT_FALSE(source_tree().exists("build"));
}
TEST(Tidy, ArrowsPointDown) { expect_none(arrows_point_down(source_tree())); }
TEST(Tidy, BansHold) { expect_none(bans_hold(source_tree())); }
TEST(Tidy, HeadersSayWhatTheyAreFor) { expect_none(headers_say_what_they_are_for(source_tree())); }
TEST(Tidy, SourcesIncludeTheirOwnHeaderFirst) {
  expect_none(sources_include_their_own_header_first(source_tree()));
}
TEST(Tidy, SizesAreBounded) { expect_none(sizes_are_bounded(source_tree())); }
TEST(Tidy, TextIsClean) { expect_none(text_is_clean(source_tree())); }
TEST(Tidy, ScriptsCanRun) { expect_none(scripts_can_run(source_tree())); }
TEST(Tidy, NothingIsDead) { expect_none(nothing_is_dead(source_tree(), built_here())); }
TEST(Tidy, NothingIsUnfinished) { expect_none(nothing_is_unfinished(source_tree())); }
TEST(Tidy, NoPathOfOneMachine) { expect_none(no_path_of_one_machine(source_tree())); }
TEST(Tidy, FoldersHaveReadmes) { expect_none(folders_have_readmes(source_tree())); }
TEST(Tidy, LinksResolve) { expect_none(links_resolve(source_tree())); }

TEST(TidyRules, ACommentOrAStringIsNoCode) {
  EXPECT_EQ(blank_out("a; // b\nc"), "a;     \nc");
  EXPECT_EQ(blank_out("a /* b\nc */ d"), "a     \n     d");
  EXPECT_EQ(blank_out(R"(f("x\"y", 'z') + 1'000)"), "f(      ,    ) + 1'000");
  EXPECT_EQ(blank_out("R\"x(a)\" b)x\" c"), "             c");
  EXPECT_EQ(blank_out("\"open\nnext"), "     \nnext");
}

TEST(TidyRules, AnIncludeIsReadFromCodeOnly) {
  Tree tree;
  tree.add("crypto/a.cc", "#include \"crypto/a.h\"\n// #include <b>\n#  include <c/d.h>\n");
  const auto& includes = tree.files()[0].includes;
  ASSERT_EQ(includes.size(), 2U);
  EXPECT_EQ(includes[0].name, "crypto/a.h");
  EXPECT_TRUE(includes[0].quoted);
  EXPECT_EQ(includes[1].name, "c/d.h");
  EXPECT_EQ(includes[1].line, 3);
}

TEST(TidyRules, AnArrowUpwardsIsFound) {
  Tree tree;
  tree.add("crypto/a.h", "");
  tree.add("pow/p.h", "");
  tree.add("pbft/b.h", "#include \"crypto/a.h\"\n");
  tree.add("ledger/c.cc", "#include \"pbft/b.h\"\n");
  tree.add("pbft/sideways.cc", "#include \"pow/p.h\"\n");
  tree.add("node/d.cc", "#include \"tests/e.h\"\n#include \"missing.h\"\n");
  tree.add("tests/e.h", "#include \"pbft/b.h\"\n");
  const Findings findings = arrows_point_down(tree);
  EXPECT_EQ(findings.size(), 4U) << to_string(findings);
  EXPECT_TRUE(finds(findings, "ledger/c.cc", "must not know pbft/"));
  EXPECT_TRUE(finds(findings, "pbft/sideways.cc", "must not know pow/"));
  EXPECT_TRUE(finds(findings, "node/d.cc", "must not know tests/"));
  EXPECT_TRUE(finds(findings, "node/d.cc", "no file of this tree"));
}

TEST(TidyRules, ABannedIncludeOrNameIsFoundWithItsReason) {
  Tree tree;
  tree.add("pbft/a.cc", "#include <chrono>\n#include <boost/asio/post.hpp>\ndouble x = 0;\n");
  tree.add("pow/miner.cc", "#include <thread>\n");
  tree.add("node/b.cc", "#include <chrono>\nassert(x);\nstatic_assert(true);\n// assert(y)\n");
  tree.add("tests/node/c_test.cc", "assert(x);\n");
  const Findings findings = bans_hold(tree);
  EXPECT_EQ(findings.size(), 4U) << to_string(findings);
  EXPECT_TRUE(finds(findings, "pbft/a.cc", "<chrono>: a core is a function of its inputs"));
  EXPECT_TRUE(finds(findings, "pbft/a.cc", "<boost/asio/post.hpp>: a core does not log"));
  EXPECT_TRUE(finds(findings, "pbft/a.cc", "double: floating point"));
  EXPECT_TRUE(finds(findings, "node/b.cc", "assert(: assert is gone in release"));
}

TEST(TidyRules, EachBanTripsAndHasAReason) {
  for (const Ban& ban : bans()) {
    EXPECT_GT(ban.why.size(), 20U);
    for (const std::string_view what : ban.what) {
      const std::string folder = ban.where.front().empty() ? "node/" : std::string(ban.where[0]);
      const bool is_include = what.front() == '<';
      std::string text = is_include ? "#include " + std::string(what) : std::string(what);
      if (is_include && !what.ends_with('>')) text += "x.h>";
      Tree tree;
      tree.add(folder + "trip.h", text + "\n");
      EXPECT_FALSE(bans_hold(tree).empty()) << what;
    }
  }
}

TEST(TidyRules, AHeaderWithoutPurposeIsFound) {
  Tree tree;
  tree.add("crypto/good.h",
           "#pragma once\n\n// What it is for, and for whom,\n// in a sentence.\n");
  tree.add(
      "crypto/silent.h",
      "#pragma once\n\n#include <string>\n// Late.\n");
  tree.add("crypto/guard.h", "#ifndef X\n");
  tree.add("crypto/using.h",
           "#pragma once\n// Says at some length what it is for.\n// Yes.\nusing namespace std;\n");
  const Findings findings = headers_say_what_they_are_for(tree);
  EXPECT_EQ(findings.size(), 3U) << to_string(findings);
  EXPECT_TRUE(finds(findings, "crypto/silent.h", "what the file is for"));
  EXPECT_TRUE(finds(findings, "crypto/guard.h", "#pragma once"));
  EXPECT_TRUE(finds(findings, "crypto/using.h", "using namespace"));
}

TEST(TidyRules, ASourceThatHidesItsHeaderIsFound) {
  Tree tree;
  tree.add("crypto/a.h", "");
  tree.add("crypto/a.cc", "#include <string>\n#include \"crypto/a.h\"\n");
  tree.add("crypto/b.cc", "#include <string>\n");
  const Findings findings = sources_include_their_own_header_first(tree);
  EXPECT_EQ(findings.size(), 1U) << to_string(findings);
  EXPECT_TRUE(finds(findings, "crypto/a.cc", "first"));
}

TEST(TidyRules, ALongFileFunctionOrLineIsFound) {
  std::string long_file;
  for (int i = 0; i < 601; ++i) long_file += "\n";
  std::string long_function = "namespace a {\nint f() {\n";
  for (int i = 0; i < 130; ++i) long_function += "  g();\n";
  long_function += "}\n}  // namespace a\n";
  Tree tree;
  tree.add("node/file.cc", long_file);
  tree.add("node/function.cc", long_function);
  tree.add("node/line.cc", std::string(50, 'x') + " " + std::string(50, 'y') + "\n");
  tree.add("node/vector.cc", "\"" + std::string(200, 'a') + "\"\n");
  tree.add("node/utf8.cc", std::string(49, 'x') + " \u2192 " + std::string(48, 'y') + "\n");
  const Findings findings = sizes_are_bounded(tree);
  EXPECT_EQ(findings.size(), 3U) << to_string(findings);
  EXPECT_TRUE(finds(findings, "node/file.cc", "601 lines"));
  EXPECT_TRUE(finds(findings, "node/function.cc", "a function of 132 lines"));
  EXPECT_TRUE(finds(findings, "node/line.cc", "101 columns"));
}

TEST(TidyRules, UncleanTextIsFound) {
  Tree tree;
  tree.add("node/tab.cc", "\tx\n");
  tree.add("node/blank.cc", "x \n");
  tree.add("node/end.cc", "x\n\n");
  tree.add("node/good.cc", "x\n\ny\n");
  EXPECT_EQ(text_is_clean(tree).size(), 3U) << to_string(text_is_clean(tree));
}

TEST(TidyRules, AScriptThatCannotRunIsFound) {
  Tree tree;
  tree.add("tests/good.sh", "#!/usr/bin/env bash\nset -euo pipefail\n", true);
  tree.add("tests/bits.sh", "#!/usr/bin/env bash\nset -euo pipefail\n", false);
  tree.add("tests/lax.sh", "#!/usr/bin/env bash\n", true);
  tree.add(".ci/run", "set -e\n", true);
  const Findings findings = scripts_can_run(tree);
  EXPECT_EQ(findings.size(), 3U) << to_string(findings);
  EXPECT_TRUE(finds(findings, "tests/bits.sh", "run bit"));
  EXPECT_TRUE(finds(findings, "tests/lax.sh", "first failure"));
  EXPECT_TRUE(finds(findings, ".ci/run", "first line"));
}

TEST(TidyRules, DeadFilesAreFound) {
  Tree tree;
  tree.add("crypto/used.h", "");
  tree.add("crypto/lonely.h", "");
  tree.add("crypto/lonely.cc", "#include \"crypto/lonely.h\"\n");
  tree.add("crypto/main.cc", "#include \"crypto/used.h\"\n");
  tree.add("crypto/deep/er/lost.cc", "");
  tree.add("tests/vectors/read.json", "{}\n");
  tree.add("tests/vectors/lost.json", "{}\n");
  tree.add("tests/crypto/a_test.cc", "open(\"vectors/read.json\")\n");
  const auto built = built_sources(
      "\"file\": \"/x/crypto/main.cc\"},\n\"file\": \"/x/crypto/lonely.cc\"\n"
      "\"file\": \"/elsewhere/lost.cc\"\n#include \"/x/tests/crypto/a_test.cc\"\n",
      "/x");
  const Findings findings = nothing_is_dead(tree, built);
  EXPECT_EQ(findings.size(), 3U) << to_string(findings);
  EXPECT_TRUE(finds(findings, "crypto/lonely.h", "no file includes"));
  EXPECT_TRUE(finds(findings, "crypto/deep/er/lost.cc", "no target"));
  EXPECT_TRUE(finds(findings, "tests/vectors/lost.json", "no test reads"));
}

TEST(TidyRules, UnfinishedWorkIsFound) {
  Tree tree;
  tree.add("node/a.cc",
           "// TO"
           "DO: later\n");
  tree.add("node/b.sh",
           "# good enough for n"
           "ow\n");
  tree.add("tests/c_test.cc",
           "TEST(A, DISABLED"
           "_B) {}\n");
  tree.add("tests/d_test.cc",
           "  GTEST_"
           "SKIP();\n  GTEST_"
           "SKIP() << \"no data\";\n");
  tree.add("node/good.cc", "int stubborn = 0;  // a method, forever\n");
  const Findings findings = nothing_is_unfinished(tree);
  EXPECT_EQ(findings.size(), 4U) << to_string(findings);
  EXPECT_TRUE(finds(findings, "tests/c_test.cc", "switched off"));
  EXPECT_TRUE(finds(findings, "tests/d_test.cc", "what is missing"));
}

TEST(TidyRules, APathOfOneMachineIsFound) {
  Tree tree;
  tree.add("a.md",
           "see /ho"
           "me/someone/x\n");
  tree.add("b.md",
           "see network/ho"
           "me/x\n");
  EXPECT_EQ(no_path_of_one_machine(tree).size(), 1U);
}

TEST(TidyRules, AFolderWithoutReadmeIsFound) {
  Tree tree;
  tree.add("README.md", "");
  tree.add("crypto/README.md", "");
  tree.add("crypto/a.cc", "");
  tree.add("ledger/a.cc", "");
  const Findings findings = folders_have_readmes(tree);
  EXPECT_EQ(findings.size(), 1U) << to_string(findings);
  EXPECT_TRUE(finds(findings, "ledger", "README.md"));
}

TEST(TidyRules, ALinkThatLeadsNowhereIsFound) {
  Tree tree;
  tree.add("README.md", "[a](pbft/README.md) [b](lost.md#x) [c](https://example.org/) [d](pbft)\n");
  tree.add("pbft/README.md", "[up](../README.md#part) [away](../../README.md) [here](#part)\n");
  const Findings findings = links_resolve(tree);
  EXPECT_EQ(findings.size(), 2U) << to_string(findings);
  EXPECT_TRUE(finds(findings, "README.md", "lost.md"));
  EXPECT_TRUE(finds(findings, "pbft/README.md", "../../README.md"));
}

}  // namespace
}  // namespace quorate::tidy
