#include "node/network_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "node/files.h"
#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class NetworkFolderTest : public testing::Test {
 protected:
  NetworkFolder make(const fs::path& below) {
    NetworkFolder folder;
    folder.root = root_ / below;
    folder.is_complete = true;
    folder.name = "test";
    folder.genesis = "genesis.json";
    folder.default_key = "keys/default.key";
    folder.replicas.push_back(
        {{0}, "replica-0", {"127.0.0.1", 1}, {"127.0.0.1", 2}, "replica-0", {}});
    fs::create_directories(folder.root);
    EXPECT_TRUE(write_network_file(folder).has_value());
    return folder;
  }
  void spoil(const NetworkFolder& folder, const std::string& from, const std::string& to) {
    std::ifstream in(folder.root / kNetworkFileName);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    ASSERT_NE(text.find(from), std::string::npos) << text;
    text.replace(text.find(from), from.size(), to);
    std::ofstream(folder.root / kNetworkFileName) << text;
  }
  std::optional<fs::path> found_from(const fs::path& below) {
    fs::create_directories(root_ / below);
    auto folder = find_network_folder((root_ / below).lexically_normal(), std::nullopt);
    if (!folder) return folder.error().code;
    return *folder ? std::optional((*folder)->root) : std::nullopt;
  }

  quorate::test::TemporaryFolder folder_;
  const fs::path root_ = folder_.path();
};

TEST_F(NetworkFolderTest, WhatIsWrittenIsReadBack) {
  const NetworkFolder folder = make("net");
  const auto read = read_network_folder(folder.root);
  ASSERT_TRUE(read.has_value()) << read.error().to_string();
  EXPECT_EQ(read->root, folder.root);
  EXPECT_EQ(read->replicas.size(), 1u);
  EXPECT_EQ(read->replicas[0].url(), "http://127.0.0.1:1");
  EXPECT_EQ(read->replicas[0].peer, (Endpoint{"127.0.0.1", 2}));
  EXPECT_EQ(read->default_key_path(), folder.root / "keys/default.key");
  EXPECT_EQ(read->engine, "pbft");
}

// So that an earlier version does not take it for one that votes.
TEST_F(NetworkFolderTest, OfAnotherEngineTheFormatIsALaterOne) {
  NetworkFolder folder = make("net");
  folder.engine = "pow";
  ASSERT_TRUE(write_network_file(folder));
  EXPECT_EQ(read_network_folder(folder.root)->engine, "pow");
  EXPECT_THAT(read_file(folder.root / kNetworkFileName, 1 << 20).value(),
              HasSubstr("\"format\": 2"));
}

TEST_F(NetworkFolderTest, RefusesWhatItDidNotWriteNamingLineFoundAndExpected) {
  const NetworkFolder folder = make("net");
  spoil(folder, "\"127.0.0.1:1\"", "5");
  const auto read = read_network_folder(folder.root);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, "testnet-file-malformed");
  EXPECT_THAT(read.error().message, HasSubstr("\"rpc\" is 5, expected a text"));
}

TEST_F(NetworkFolderTest, RefusesPathsThatLeaveTheFolder) {
  for (const char* path : {"\"../x\"", "\"/etc\"", "\"a/../../b\"", "\"\""}) {
    const NetworkFolder folder = make("net");
    spoil(folder, "\"keys/default.key\"", path);
    EXPECT_EQ(read_network_folder(folder.root).error().code, "testnet-file-malformed") << path;
  }
}

TEST_F(NetworkFolderTest, RefusesANewerFormat) {
  const NetworkFolder folder = make("net");
  spoil(folder, "\"format\": 1", "\"format\": 3");
  EXPECT_EQ(read_network_folder(folder.root).error().kind, ErrorKind::kUnsupported);
}

TEST_F(NetworkFolderTest, SaysThatThereIsNone) {
  EXPECT_EQ(read_network_folder(root_).error().code, "testnet-not-found");
  EXPECT_EQ(read_network_folder(root_ / "absent").error().code, "testnet-not-found");
}

TEST_F(NetworkFolderTest, IsFoundInsideItself) {
  make("net");
  EXPECT_EQ(found_from("net"), root_ / "net");
  EXPECT_EQ(found_from("net/replica-0/deep"), root_ / "net");
}

TEST_F(NetworkFolderTest, IsFoundBelowTestnetDataOfAParent) {
  make("testnet-data/quickstart");
  EXPECT_EQ(found_from("src/deep"), root_ / "testnet-data/quickstart");
  make("testnet-data/default");
  EXPECT_EQ(found_from("src/deep"), root_ / "testnet-data/default");
}

TEST_F(NetworkFolderTest, IsFoundBesideTheWorkingDirectory) {
  make("mynet");
  EXPECT_EQ(found_from("."), root_ / "mynet");
}

TEST_F(NetworkFolderTest, IsNotGuessedAmongSeveral) {
  make("testnet-data/a");
  make("testnet-data/b");
  EXPECT_EQ(found_from("."), "testnet-ambiguous");
}

TEST_F(NetworkFolderTest, ANamedFolderBeatsAllOthers) {
  make("net");
  make("other");
  const auto found = find_network_folder(root_ / "net", root_ / "other");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ((*found)->root, root_ / "other");
  EXPECT_EQ(find_network_folder(root_ / "net", root_ / "absent").error().code,
            "testnet-not-found");
}

}  // namespace
}  // namespace quorate::node
