#include "node/rpc_credentials.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.h"

namespace quorate::node {
namespace {

using Verdict = RpcCredentials::Verdict;

TEST(RpcCredentials, TakesUserAndPasswordAsMinersSendThem) {
  const RpcCredentials credentials("user", "correct horse battery");
  EXPECT_EQ(credentials.judge(basic_authorization("user:correct horse battery")), Verdict::kGood);
  // RFC 7617 §2: a password may have colons; the scheme's name knows no case.
  const RpcCredentials colons("user", "a:b:c:d:e:f:g");
  EXPECT_EQ(colons.judge(basic_authorization("user:a:b:c:d:e:f:g")), Verdict::kGood);
  EXPECT_EQ(RpcCredentials("Aladdin", "open sesame").judge("basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            Verdict::kGood);
}

TEST(RpcCredentials, RefusesEverythingElseAndSaysWhy) {
  const RpcCredentials credentials("user", "correct horse battery");
  const auto judged = [&](std::string_view header) { return credentials.judge(header); };
  EXPECT_EQ(judged(""), Verdict::kMissing);
  EXPECT_EQ(judged("Bearer dXNlcjpwYXNz"), Verdict::kOtherScheme);
  EXPECT_EQ(judged("Basic"), Verdict::kOtherScheme);
  EXPECT_EQ(judged("Basic !!!"), Verdict::kMalformed);
  for (const std::string_view wrong :
       {"user:", "user:correct horse batter", "user:correct horse batteryy",
        "User:correct horse battery", "correct horse battery", ":correct horse battery", ""}) {
    EXPECT_EQ(judged(basic_authorization(wrong)), Verdict::kWrong) << wrong;
  }
  EXPECT_TRUE(refusal_text(Verdict::kWrong).starts_with("rpc-credentials-wrong: "));
  EXPECT_TRUE(refusal_text(Verdict::kMissing).starts_with("rpc-credentials-missing: "));
}

class RpcCredentialsFile : public testing::Test {
 protected:
  std::string file(std::string_view text, std::filesystem::perms mode) {
    const auto path = folder_.path() / "password";
    std::ofstream(path) << text;
    std::filesystem::permissions(path, mode);
    return path.string();
  }
  static std::string code_of(const Config& config) {
    const auto loaded = RpcCredentials::load(config);
    if (!loaded) return std::string(loaded.error().code);
    return *loaded ? "asked for" : "open";
  }
  Config with(const std::string& user, const std::string& path) {
    Config config;
    config.rpc_user = user;
    config.rpc_password_file = path;
    return config;
  }
  static constexpr auto kOwn = std::filesystem::perms::owner_read;
  quorate::test::TemporaryFolder folder_;
};

TEST_F(RpcCredentialsFile, IsReadOrRefused) {
  EXPECT_EQ(code_of({}), "open");
  const std::string good = file("correct horse battery\nsecond line\n", kOwn);
  EXPECT_EQ(code_of(with("miner", good)), "asked for");
  EXPECT_EQ(RpcCredentials::load(with("miner", good)).value()->judge(
                basic_authorization("miner:correct horse battery")),
            Verdict::kGood);
  EXPECT_EQ(code_of(with("miner", "")), "rpc-credentials-incomplete");
  EXPECT_EQ(code_of(with("", good)), "rpc-credentials-incomplete");
  EXPECT_EQ(code_of(with("mi:ner", good)), "rpc-user-malformed");
  EXPECT_EQ(code_of(with("miner", (folder_.path() / "absent").string())), "file-not-found");
}

TEST_F(RpcCredentialsFile, WithAShortPasswordIsRefused) {
  EXPECT_EQ(code_of(with("miner", file("short\n", kOwn))), "rpc-password-too-short");
}

TEST_F(RpcCredentialsFile, ThatOthersMayReadIsRefused) {
  EXPECT_EQ(code_of(with("miner", file("correct horse battery\n",
                                       kOwn | std::filesystem::perms::group_read))),
            "rpc-password-readable");
}

}  // namespace
}  // namespace quorate::node
