#include "ledger/checkpoint.h"

#include <gtest/gtest.h>

#include "tests/ledger/example_network.h"

namespace quorate::ledger {
namespace {

using namespace test;

CheckpointNote example_note() {
  CheckpointNote note;
  note.chain_id = crypto::sha256(as_bytes("chain"));
  note.head = {16, crypto::sha256(as_bytes("log"))};
  note.sequence = {16};
  note.epoch = {2};
  note.pending_boundary = Sequence{48};
  note.state_root = crypto::sha256(as_bytes("state"));
  return note;
}

TEST(Checkpoint, BodyHasFourLinesAsTheFormatSays) {
  const CheckpointNote note = example_note();
  EXPECT_EQ(checkpoint_body(note),
            "quorate.org/" + note.chain_id.hex() + "\n16\n" + to_base64(note.head.root.bytes) +
                "\nquorate v1 seq=16 epoch=2 boundary=48 state=" + note.state_root.hex() + "\n");
}

TEST(Checkpoint, WhatIsWrittenIsRead) {
  CheckpointNote note = example_note();
  EXPECT_EQ(parse_checkpoint_body(checkpoint_body(note)), note);
  note.pending_boundary.reset();
  note.head.size = UINT64_MAX;
  note.sequence = {UINT64_MAX};
  note.epoch = {UINT64_MAX};
  EXPECT_EQ(parse_checkpoint_body(checkpoint_body(note)), note);
  note.pending_boundary = Sequence{UINT64_MAX};
  EXPECT_EQ(parse_checkpoint_body(checkpoint_body(note)), note);
  EXPECT_EQ(parse_checkpoint_body(checkpoint_body(CheckpointNote{})), CheckpointNote{});
}

TEST(Checkpoint, CosignedBytesAreThoseOfC2sp) {
  EXPECT_EQ(cosigned_bytes("body\n", 1679315147), "cosignature/v1\ntime 1679315147\nbody\n");
}

// Replaces the first occurrence of `from`.
std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Checkpoint, RefusesEveryOtherSpelling) {
  const std::string good = checkpoint_body(example_note());
  const std::string hex = example_note().chain_id.hex();
  std::string upper = hex;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const std::vector<std::pair<const char*, std::string>> bodies = {
      {"empty", ""},
      {"another origin", replaced(good, "quorate.org", "quorate.net")},
      {"origin in capitals", replaced(good, hex, upper)},
      {"short chain id", replaced(good, hex, hex.substr(1))},
      {"leading zero", replaced(good, "\n16\n", "\n016\n")},
      {"plus", replaced(good, "\n16\n", "\n+16\n")},
      {"space", replaced(good, "\n16\n", "\n 16\n")},
      {"no size", replaced(good, "\n16\n", "\n\n")},
      {"size past 64 bits", replaced(good, "\n16\n", "\n18446744073709551616\n")},
      {"root without padding", replaced(good, "=\nquorate", "\nquorate")},
      {"sequence 016", replaced(good, "seq=16", "seq=016")},
      {"no boundary", replaced(good, "boundary=48 ", "")},
      {"empty boundary", replaced(good, "boundary=48", "boundary=")},
      {"boundary --", replaced(good, "boundary=48", "boundary=--")},
      {"two spaces", replaced(good, "seq=16 ", "seq=16  ")},
      {"version 2", replaced(good, "quorate v1", "quorate v2")},
      {"carriage returns", replaced(good, "\n16\n", "\r\n16\r\n")},
      {"no last newline", good.substr(0, good.size() - 1)},
      {"a fifth line", good + "x\n"},
      {"an empty fifth line", good + "\n"},
      {"a very long line", good + std::string(1 << 20, 'x')},
  };
  for (const auto& [name, body] : bodies) {
    EXPECT_EQ(refusal(parse_checkpoint_body(body)), "checkpoint-malformed") << name;
  }
}

TEST(Checkpoint, EveryChangedByteIsRefusedOrAnotherNote) {
  const std::string good = checkpoint_body(example_note());
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = good;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      const auto note = parse_checkpoint_body(changed);
      if (!note) continue;
      EXPECT_NE(*note, example_note()) << "byte " << i;
      EXPECT_EQ(checkpoint_body(*note), changed);
    }
  }
}

}  // namespace
}  // namespace quorate::ledger
