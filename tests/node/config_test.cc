#include "node/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace quorate::node {
namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  ~ConfigTest() override {
    for (const std::string& name : variables_) ::unsetenv(name.c_str());
    std::filesystem::remove(file_);
  }

  Result<Config> load(const std::string& text,
                      const std::map<std::string, std::string>& overrides = {}) {
    std::ofstream(file_) << text;
    return load_config(file_, overrides);
  }
  void set_variable(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    variables_.push_back(name);
  }
  // Holds a refusal against what a person must be told.
  void expect_refused(const Result<Config>& config, std::string_view code,
                      const std::vector<std::string>& words) {
    ASSERT_FALSE(config.has_value());
    EXPECT_EQ(config.error().code, code);
    EXPECT_EQ(config.error().kind, ErrorKind::kInvalid);
    for (const std::string& word : words) {
      EXPECT_THAT(config.error().to_string(), HasSubstr(word));
    }
  }

  const std::filesystem::path file_ =
      std::filesystem::path(testing::TempDir()) /
      ("config-" + std::to_string(::getpid()) + "-" +
       testing::UnitTest::GetInstance()->current_test_info()->name() + ".toml");
  std::vector<std::string> variables_;
};

TEST_F(ConfigTest, AnEmptyFileGivesTheDefaults) {
  const auto config = load("");
  ASSERT_TRUE(config.has_value()) << config.error().to_string();
  EXPECT_EQ(config->rpc_listen, (Endpoint{"127.0.0.1", 26650}));
  EXPECT_EQ(config->log_level, "info");
}

TEST_F(ConfigTest, EverySettingIsReadFromTheFile) {
  const auto config = load(R"(
[rpc]
listen = "[::1]:1000"
[peers]
listen = "node.example:1001"
addresses = { replica-1 = "10.0.0.2:26600", "replica.2" = "10.0.0.3:26600" }
[log]
level = "debug"
file_bytes_max = 65536
files_max = 2
[mempool]
transactions_max = 7
bytes_max = 2_097_152
[storage]
disk_free_bytes_min = 0
[node]
verify_threads = 3
passphrase_file = "secret.txt"
)");
  ASSERT_TRUE(config.has_value()) << config.error().to_string();
  EXPECT_EQ(config->rpc_listen, (Endpoint{"::1", 1000}));
  EXPECT_EQ(config->peer_listen, (Endpoint{"node.example", 1001}));
  EXPECT_EQ(config->peer_addresses.at("replica-1"), (Endpoint{"10.0.0.2", 26600}));
  EXPECT_EQ(config->peer_addresses.at("replica.2"), (Endpoint{"10.0.0.3", 26600}));
  EXPECT_EQ(config->log_level, "debug");
  EXPECT_EQ(config->log_file_bytes_max, 65536u);
  EXPECT_EQ(config->log_files_max, 2u);
  EXPECT_EQ(config->mempool_transactions_max, 7u);
  EXPECT_EQ(config->mempool_bytes_max, 2u << 20);
  EXPECT_EQ(config->disk_free_bytes_min, 0u);
  EXPECT_EQ(config->verify_threads, 3u);
  EXPECT_EQ(config->passphrase_file, "secret.txt");
}

TEST_F(ConfigTest, WhatIsWrittenIsReadBack) {
  Config config;
  config.rpc_listen = {"::1", 77};
  config.peer_addresses = {{"replica-1", {"a.example", 1}}, {"replica.2", {"b.example", 2}}};
  config.log_level = "warning";
  config.passphrase_file = "a \"quoted\" \\ name\n";
  const auto again = load(config_to_toml(config));
  ASSERT_TRUE(again.has_value()) << again.error().to_string();
  EXPECT_EQ(again->rpc_listen, config.rpc_listen);
  EXPECT_EQ(again->peer_addresses, config.peer_addresses);
  EXPECT_EQ(again->log_level, config.log_level);
  EXPECT_EQ(again->passphrase_file, config.passphrase_file);
}

TEST_F(ConfigTest, TheWrittenFileHasEverySetting) {
  const std::string text = config_to_toml(Config{});
  for (const SettingHelp& setting : settings_help()) {
    EXPECT_THAT(text, HasSubstr("# " + setting.sentence)) << setting.path;
  }
}

TEST_F(ConfigTest, AVariableBeatsTheFileAndAFlagBeatsBoth) {
  set_variable("QUORATE_RPC_LISTEN", "127.0.0.1:2");
  set_variable("QUORATE_LOG_LEVEL", "error");
  const auto config = load("[rpc]\nlisten = \"127.0.0.1:1\"\n[log]\nlevel = \"debug\"\n",
                           {{"rpc.listen", "127.0.0.1:3"}});
  ASSERT_TRUE(config.has_value()) << config.error().to_string();
  EXPECT_EQ(config->rpc_listen.port, 3);
  EXPECT_EQ(config->log_level, "error");
}

TEST_F(ConfigTest, AFlagGivesAllPeerAddressesInOneText) {
  const auto config = load("", {{"peers.addresses", "a=10.0.0.1:1,b=[::1]:2"}});
  ASSERT_TRUE(config.has_value()) << config.error().to_string();
  EXPECT_EQ(config->peer_addresses.at("a"), (Endpoint{"10.0.0.1", 1}));
  EXPECT_EQ(config->peer_addresses.at("b"), (Endpoint{"::1", 2}));
  expect_refused(load("", {{"peers.addresses", "10.0.0.1:1"}}), "config-wrong-type",
                 {"--peers-addresses"});
}

TEST_F(ConfigTest, RefusesAnUnknownSettingAndNamesTheNearest) {
  expect_refused(load("[rpc]\n\nlisen = \"127.0.0.1:1\"\n"), "config-unknown-setting",
                 {file_.string() + ":3", "rpc.lisen", "Did you mean rpc.listen?"});
  expect_refused(load("colour = 1\n"), "config-unknown-setting", {":1", "colour"});
}

TEST_F(ConfigTest, RefusesAMisspeltVariable) {
  set_variable("QUORATE_RPC_LISTN", "127.0.0.1:1");
  expect_refused(load(""), "config-unknown-setting",
                 {"QUORATE_RPC_LISTN", "Did you mean QUORATE_RPC_LISTEN?"});
}

TEST_F(ConfigTest, LeavesVariablesThatAreNoSettingsAlone) {
  set_variable("QUORATE_NODE", "http://127.0.0.1:1");
  set_variable("QUORATE_PASSPHRASE", "x");
  EXPECT_TRUE(load("").has_value());
}

TEST_F(ConfigTest, RefusesAWrongTypeWithLineFoundAndExpected) {
  expect_refused(load("[rpc]\nlisten = 26650\n"), "config-wrong-type",
                 {file_.string() + ":2", "the integer 26650", "a text host:port"});
  expect_refused(load("[log]\nlevel = true\n"), "config-wrong-type",
                 {":2", "the truth value true", "\"debug\", \"info\""});
  expect_refused(load("[log]\nfiles_max = \"4\"\n"), "config-wrong-type",
                 {":2", "the text \"4\"", "an integer from 1 to 100"});
  expect_refused(load("[log]\nfiles_max = 1.5\n"), "config-wrong-type",
                 {":2", "a number with a fraction"});
  expect_refused(load("[log]\nfiles_max = [1]\n"), "config-wrong-type", {":2", "an array"});
  expect_refused(load("[peers.addresses]\na = 5\n"), "config-wrong-type",
                 {":2", "peers.addresses.a", "the integer 5"});
  expect_refused(load("[peers]\naddresses = \"a=b:1\"\n"), "config-wrong-type",
                 {":2", "peers.addresses", "names with addresses"});
  expect_refused(load("rpc = 5\n"), "config-unknown-setting", {":1", "rpc"});
}

TEST_F(ConfigTest, RefusesValuesOutOfRange) {
  expect_refused(load("[log]\nlevel = \"chatty\"\n"), "config-out-of-range",
                 {":2", "the text \"chatty\"", "\"warning\""});
  expect_refused(load("[log]\nfiles_max = 0\n"), "config-out-of-range",
                 {":2", "the integer 0", "from 1 to 100"});
  expect_refused(load("[log]\nfiles_max = -1\n"), "config-out-of-range", {"the integer -1"});
  expect_refused(load("[mempool]\ntransactions_max = 4294967297\n"), "config-out-of-range",
                 {"the integer 4294967297"});
  expect_refused(load("", {{"node.verify_threads", "65"}}), "config-out-of-range",
                 {"--node-verify-threads"});
}

TEST_F(ConfigTest, RefusesWhatIsNoToml) {
  expect_refused(load("[rpc]\nlisten = \"127.0.0.1:1\n"), "config-syntax",
                 {file_.string() + ":2"});
  expect_refused(load("[rpc]\nlisten = \"a:1\"\nlisten = \"a:2\"\n"), "config-syntax", {":3"});
  expect_refused(load(std::string(2 << 20, '#')), "config-syntax", {"larger than"});
}

TEST_F(ConfigTest, RefusesDeepNestingWithoutCrashing) {
  expect_refused(load("a = " + std::string(100'000, '[')), "config-syntax", {":1"});
}

TEST_F(ConfigTest, SaysThatTheFileIsMissing) {
  const auto config = load_config(file_.string() + "-nowhere", {});
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().code, "config-missing");
  EXPECT_EQ(config.error().kind, ErrorKind::kNotFound);
}

TEST_F(ConfigTest, RefusesAFolderAsFile) {
  const auto config = load_config(testing::TempDir(), {});
  ASSERT_FALSE(config.has_value());
  EXPECT_EQ(config.error().code, "config-unreadable");
}

TEST(Endpoint, AcceptsNamesAndBothFamilies) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:1").value(), (Endpoint{"127.0.0.1", 1}));
  EXPECT_EQ(parse_endpoint("[::1]:65535").value(), (Endpoint{"::1", 65535}));
  EXPECT_EQ(parse_endpoint("[::1]:65535")->to_string(), "[::1]:65535");
  EXPECT_EQ(parse_endpoint("a-b.example:80")->to_string(), "a-b.example:80");
}

TEST(Endpoint, RefusesEverythingElse) {
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", ":80", "a:0", "a:65536", "a:-1",
                           "a:1x", "a: 1", "::1:80", "[]:80", "a b:80", "[::1:80", "a\n:80"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_FALSE(endpoint.has_value()) << text;
    EXPECT_EQ(endpoint.error().code, "endpoint-malformed");
  }
  EXPECT_FALSE(parse_endpoint(std::string(300, 'a') + ":80").has_value());
}

}  // namespace
}  // namespace quorate::node
