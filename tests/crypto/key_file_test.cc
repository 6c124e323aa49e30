#include "crypto/key_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/crypto/test_folder.h"

namespace quorate::crypto::key_file {
namespace {

namespace fs = std::filesystem;
constexpr Cost kCheap{1, 8};

class KeyFile : public ::testing::Test {
 protected:
  std::string path(const std::string& name = "key") const { return folder_.path(name); }

  std::string text() const {
    std::ifstream file(path());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void overwrite(const std::string& text) const { std::ofstream(path()) << text; }

  // Replaces the first `from`, which must be there.
  void edit(const std::string& from, const std::string& to) const {
    std::string content = text();
    const std::size_t at = content.find(from);
    ASSERT_NE(at, std::string::npos) << from << " in\n" << content;
    overwrite(content.replace(at, from.size(), to));
  }

  std::string_view refusal(std::string_view purpose = "vote",
                           std::optional<std::string_view> passphrase = "open sesame") const {
    const auto key = read_secret(path(), purpose, passphrase);
    return key ? std::string_view("none") : key.error().code;
  }

  void make(std::optional<std::string_view> passphrase = "open sesame") {
    const auto made = create(path(), "vote", key_, passphrase, kCheap);
    ASSERT_TRUE(made) << made.error().to_string();
  }

  test::TestFolder folder_;
  SecretKey key_ = SecretKey::generate();
};

TEST_F(KeyFile, EncryptedKeyComesBackUnderItsPassphrase) {
  make();
  const auto back = read_secret(path(), "vote", "open sesame");
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->public_key(), key_.public_key());
  EXPECT_EQ(to_hex(back->seed()), to_hex(key_.seed()));
  EXPECT_EQ(text().find(to_hex(key_.seed())), std::string::npos);
}

TEST_F(KeyFile, ClearKeyComesBackAndSaysThatItIsInsecure) {
  make(std::nullopt);
  EXPECT_NE(text().find("INSECURE"), std::string::npos);
  const auto back = read_secret(path(), "vote", std::nullopt);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(back->public_key(), key_.public_key());
  EXPECT_EQ(refusal("vote", "a passphrase that is not needed"), "none");
}

TEST_F(KeyFile, PublicPartIsReadWithoutPassphrase) {
  make();
  ::chmod(path().c_str(), 0644);
  const auto header = read_public(path());
  ASSERT_TRUE(header) << header.error().to_string();
  EXPECT_EQ(header->purpose, "vote");
  EXPECT_EQ(header->public_key, key_.public_key());
  EXPECT_TRUE(header->encrypted);
}

TEST_F(KeyFile, IsCreatedForItsOwnerOnlyWhateverTheUmask) {
  const mode_t old = ::umask(0);
  make();
  ::umask(old);
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(KeyFile, IsNeverOverwritten) {
  overwrite("precious");
  EXPECT_EQ(create(path(), "vote", key_, "p", kCheap).error().code, "key-file-exists");
  EXPECT_EQ(text(), "precious");
}

TEST_F(KeyFile, DanglingLinkUnderTheNameIsNotFollowed) {
  fs::create_symlink(path("elsewhere"), path());
  EXPECT_EQ(create(path(), "vote", key_, "p", kCheap).error().code, "key-file-exists");
  EXPECT_FALSE(fs::exists(path("elsewhere")));
}

TEST_F(KeyFile, EmptyPassphraseIsRefused) {
  EXPECT_EQ(create(path(), "vote", key_, "", kCheap).error().code, "key-file-empty-passphrase");
  EXPECT_FALSE(fs::exists(path()));
}

TEST_F(KeyFile, UnwritableFolderIsAnError) {
  const auto made = create(folder_.path("missing/key"), "vote", key_, "p", kCheap);
  EXPECT_EQ(made.error().code, "key-file-write-failed");
}

TEST_F(KeyFile, FullDiskLeavesNothingBehind) {
  // The file size limit of the process plays the full disk.
  EXPECT_EXIT(
      {
        test::limit_file_size(10);
        const auto made = create(path(), "vote", key_, std::nullopt);
        const bool good =
            !made && made.error().code == "key-file-write-failed" && !fs::exists(path());
        std::_Exit(good ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

// Files of version 1, as released programs wrote them.
TEST_F(KeyFile, OldFilesStayReadable) {
  const std::string public_key = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
  overwrite("quorate-key 1\npurpose vote\npublic-key " + public_key +
            "\nprotection argon2id xchacha20-poly1305\npasses 3\nmemory-kib 65536\n"
            "salt 2dbd4e0fda3b7bc8e5516c9c06c059f2\n"
            "nonce 1dd417758de5f71c1348c1ea266c650f8f51e682dd222f85\n"
            "secret 6bfaf108d3a0a3eab398ebbbea98ec9b339e1e780441ac0ec571acbcd55531f559c26d097c98c5"
            "e6f8951c0cc1073c60\n");
  ::chmod(path().c_str(), 0600);
  EXPECT_EQ(to_hex(read_secret(path(), "vote", "open sesame").value().seed()),
            to_hex(Bytes(32, 0x01)));
  overwrite("quorate-key 1\npurpose vote\npublic-key " + public_key +
            "\nprotection none\nwarning INSECURE: not encrypted, whoever reads this file can sign "
            "with the key; for testnets only\nsecret " +
            to_hex(Bytes(32, 0x01)) + "\n");
  EXPECT_EQ(to_hex(read_secret(path(), "vote", std::nullopt).value().seed()),
            to_hex(Bytes(32, 0x01)));
}

TEST_F(KeyFile, MissingFileIsNotFound) {
  EXPECT_EQ(refusal(), "key-file-not-found");
  EXPECT_EQ(read_public(path()).error().code, "key-file-not-found");
}

TEST_F(KeyFile, FolderOrPipeInItsPlaceIsRefusedWithoutWaiting) {
  fs::create_directory(path());
  EXPECT_EQ(refusal(), "key-file-malformed");
  fs::remove(path());
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_EQ(refusal(), "key-file-malformed");
}

TEST_F(KeyFile, AccessByGroupOrOthersIsRefused) {
  make();
  for (const mode_t mode : {0640, 0604, 0620, 0601, 0644}) {
    ::chmod(path().c_str(), mode);
    EXPECT_EQ(refusal(), "key-file-permissions") << std::oct << mode;
  }
  ::chmod(path().c_str(), 0400);
  EXPECT_EQ(refusal(), "none");
}

TEST_F(KeyFile, WrongPassphraseIsRefused) {
  make();
  EXPECT_EQ(refusal("vote", "open sesamE"), "key-file-wrong-passphrase");
  EXPECT_EQ(refusal("vote", ""), "key-file-wrong-passphrase");
  EXPECT_EQ(refusal("vote", std::nullopt), "key-file-passphrase-needed");
}

TEST_F(KeyFile, AnotherPurposeIsRefused) {
  make();
  EXPECT_EQ(refusal("sender"), "key-file-wrong-purpose");
}

TEST_F(KeyFile, RelabelledEncryptedFileIsRefused) {
  make();
  edit("purpose vote", "purpose sender");
  EXPECT_EQ(refusal("sender"), "key-file-wrong-passphrase");
}

TEST_F(KeyFile, ExchangedPublicKeyIsRefused) {
  make(std::nullopt);
  edit(key_.public_key().hex(), SecretKey::generate().public_key().hex());
  EXPECT_EQ(refusal(), "key-file-malformed");
}

TEST_F(KeyFile, AnotherVersionIsRefused) {
  make();
  edit("quorate-key 1", "quorate-key 2");
  EXPECT_EQ(refusal(), "key-file-version");
  EXPECT_EQ(read_public(path()).error().code, "key-file-version");
}

TEST_F(KeyFile, HostileCostIsRefusedBeforeItIsPaid) {
  make();
  const std::string good = text();
  for (const auto& [from, to] : {std::pair{"memory-kib 8", "memory-kib 1073741824"},
                                 {"memory-kib 8", "memory-kib 524289"},
                                 {"memory-kib 8", "memory-kib 7"},
                                 {"memory-kib 8", "memory-kib 99999999999999999999"},
                                 {"memory-kib 8", "memory-kib -8"},
                                 {"memory-kib 8", "memory-kib "},
                                 {"passes 1", "passes 4000000000"},
                                 {"passes 1", "passes 0"}}) {
    overwrite(good);
    edit(from, to);
    EXPECT_EQ(refusal(), "key-file-malformed") << to;
  }
}

TEST_F(KeyFile, EveryCutIsMalformed) {
  make();
  const std::string good = text();
  for (std::size_t length = 0; length < good.size(); ++length) {
    overwrite(good.substr(0, length));
    EXPECT_EQ(refusal(), "key-file-malformed") << length;
  }
}

TEST_F(KeyFile, EveryChangedByteIsRefused) {
  for (const bool encrypted : {true, false}) {
    fs::remove(path());
    make(encrypted ? std::optional<std::string_view>("open sesame") : std::nullopt);
    const std::string good = text();
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 1);
      overwrite(bad);
      EXPECT_NE(refusal(), "none") << "byte " << i << " of\n" << bad;
    }
  }
}

TEST_F(KeyFile, WhatFollowsTheSecretIsMalformed) {
  make();
  overwrite(text() + "more\n");
  EXPECT_EQ(refusal(), "key-file-malformed");
  overwrite(std::string(1 << 20, 'x'));
  EXPECT_EQ(refusal(), "key-file-malformed");
}

TEST_F(KeyFile, ClearFileWithoutItsWarningIsMalformed) {
  make(std::nullopt);
  edit("INSECURE", "SECURE");
  EXPECT_EQ(refusal(), "key-file-malformed");
}

TEST_F(KeyFile, TwoFilesOfOneKeyShareNoSaltOrNonce) {
  make();
  const std::string first = text();
  fs::remove(path());
  make();
  const auto line = [](const std::string& content, const std::string& name) {
    const std::size_t at = content.find("\n" + name + " ");
    return content.substr(at + 1, content.find('\n', at + 1) - at - 1);
  };
  for (const char* name : {"salt", "nonce", "secret"}) {
    EXPECT_NE(line(first, name), line(text(), name)) << name;
  }
  EXPECT_EQ(line(first, "public-key"), line(text(), "public-key"));
}

}  // namespace
}  // namespace quorate::crypto::key_file
