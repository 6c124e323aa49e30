#include "ledger/signed_note.h"

#include <gtest/gtest.h>

#include "ledger/checkpoint.h"
#include "ledger/published_checkpoint.h"
#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

// The published example of Go's golang.org/x/mod/sumdb/note.
constexpr std::string_view kGoKey =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr std::string_view kGoNote =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    "\n";

TEST(SignedNote, ReadsAndVerifiesTheExampleOfGo) {
  ASSERT_TRUE(crypto::self_test());
  const NoteKey key = parse_note_key(kGoKey).value();
  EXPECT_EQ(key.name, "PeterNeumann");
  EXPECT_EQ(key.text(), kGoKey);
  const SignedNote note = parse_note(kGoNote).value();
  ASSERT_EQ(note.lines.size(), 1U);
  EXPECT_TRUE(verify_line(note.lines[0], key, note.text));
  EXPECT_FALSE(verify_line(note.lines[0], key, note.text + "more\n"));
  EXPECT_EQ(note.to_text(), kGoNote);
}

TEST(SignedNote, TextMayHoldEmptyLinesAndNotesOtherPeoplesLines) {
  const auto signer = key_of("log");
  SignedNote note{"a\n\nb\n", {sign_note("a\n\nb\n", "example.com/log", signer)}};
  note.lines.push_back({"witness.example.com", {1, 2, 3, 4}, Bytes(3000, 7)});
  const SignedNote back = parse_note(note.to_text()).value();
  EXPECT_EQ(back.text, note.text);
  EXPECT_EQ(back.lines, note.lines);
  const NoteKey key{"example.com/log", NoteKeyType::kEd25519, signer.public_key()};
  EXPECT_TRUE(verify_line(back.lines[0], key, back.text));
  EXPECT_FALSE(is_by(back.lines[1], key));
}

TEST(SignedNote, RefusesEveryOtherForm) {
  const std::string good(kGoNote);
  const std::string line = good.substr(good.find("\n\n") + 2);
  const std::string text = good.substr(0, good.find("\n\n") + 1);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = good;
    return changed.replace(changed.find(from), from.size(), to);
  };
  const std::vector<std::pair<const char*, std::string>> notes = {
      {"nothing", ""},
      {"no text", "\n\n" + line},
      {"no blank line", text + line},
      {"no signature", text + "\n"},
      {"an unfinished line", good.substr(0, good.size() - 1)},
      {"a hyphen for the dash", with("\xe2\x80\x94", "-")},
      {"no name", with("PeterNeumann ", " ")},
      {"a plus in the name", with("PeterNeumann", "Peter+Neumann")},
      {"two spaces", with("PeterNeumann ", "PeterNeumann  ")},
      {"no padding", with("nAM=", "nAM")},
      {"a carriage return", with("AM=\n", "AM=\r\n")},
      {"a tab", with("If you", "If\tyou")},
      {"a signature of nothing", text + "\n\xe2\x80\x94 a AAAAAA==\n"},
      {"more than is read", std::string(kNoteBytesMax, 'a') + good}};
  ASSERT_TRUE(parse_note(good));
  for (const auto& [name, note] : notes) {
    EXPECT_EQ(refusal(parse_note(note)), "note-malformed") << name;
  }
}

TEST(SignedNote, KeysAreReadAsTheyAreWritten) {
  for (const char* key :
       {"", "PeterNeumann", "PeterNeumann+c74f20a3", "PeterNeumann+c74f20a3+",
        // Another id, capital digits, a space, another type, a byte too many.
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=="}) {
    EXPECT_EQ(refusal(parse_note_key(key)), "note-key-malformed") << key;
  }
}

// --- a stable checkpoint as a note

class Published : public testing::Test {
 protected:
  const Genesis genesis_ = example_genesis();
  const ReplicaSet replicas_ = genesis_replicas(genesis_);
  const StableCheckpoint stable_ = [this] {
    CheckpointNote note;
    note.chain_id = chain_id_of(genesis_);
    note.head = {16, crypto::sha256(as_bytes("log"))};
    note.sequence = {16};
    note.state_root = crypto::sha256(as_bytes("state"));
    return stabilise(note, 1'700'000'016, {0, 2, 3});
  }();
};

TEST_F(Published, VerifiesAgainstGenesisAloneAndComesBack) {
  const std::string text = publish(stable_, replicas_).to_text();
  const auto back = verify_published(text, genesis_);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(crypto::encode(*back), crypto::encode(stable_));
  EXPECT_EQ(parse_note(text)->text, checkpoint_body(stable_.note));
}

TEST_F(Published, LinesOfOthersAreNoConcernOfOurs) {
  SignedNote note = publish(stable_, replicas_);
  note.lines.insert(note.lines.begin(),
                    sign_note(note.text, checkpoint_origin(stable_.note.chain_id), key_of("log")));
  note.lines.push_back({"witness.example.com", {1, 2, 3, 4}, Bytes(72, 1)});
  // The name of a replica, and another key.
  note.lines.push_back({cosigner_key(stable_.note.chain_id, {1}, replicas_).name, {1, 2, 3, 4},
                        Bytes(72, 1)});
  EXPECT_TRUE(verify_published(note.to_text(), genesis_));
}

TEST_F(Published, RefusesWhatNoQuorumCosigned) {
  const SignedNote good = publish(stable_, replicas_);
  SignedNote note = good;
  note.lines.pop_back();
  EXPECT_EQ(refusal(verify_published(note.to_text(), genesis_)), "checkpoint-too-few-votes");
  note = good;
  note.lines.back() = note.lines.front();
  EXPECT_EQ(refusal(verify_published(note.to_text(), genesis_)), "checkpoint-not-ascending");
  // A known key that fails condemns the note, though the others suffice.
  note = publish(stabilise(stable_.note, stable_.time_seconds, {0, 1, 2, 3}), replicas_);
  note.lines[1].signature.back() ^= 1;
  EXPECT_EQ(refusal(verify_published(note.to_text(), genesis_)), "checkpoint-bad-signature");
  note = good;
  note.lines[2].signature[7] ^= 1;
  EXPECT_EQ(refusal(verify_published(note.to_text(), genesis_)), "checkpoint-times-differ");
  note = good;
  note.lines[1].signature.pop_back();
  EXPECT_EQ(refusal(verify_published(note.to_text(), genesis_)), "checkpoint-malformed");
  note = good;
  for (NoteLine& line : note.lines) line.signature[7] ^= 1;
  EXPECT_EQ(refusal(verify_published(note.to_text(), genesis_)), "checkpoint-bad-signature");
  Genesis other = genesis_;
  other.name = "other";
  EXPECT_EQ(refusal(verify_published(good.to_text(), other)), "checkpoint-wrong-chain");
}

TEST_F(Published, EveryChangedByteIsRefusedOrProvesTheSame) {
  const std::string good = publish(stable_, replicas_).to_text();
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(verify_published(bad, genesis_)) << i << ": " << bad;
  }
}

}  // namespace
}  // namespace quorate::ledger
