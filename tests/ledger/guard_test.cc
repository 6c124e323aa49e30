#include "ledger/guard.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "crypto/bcs.h"
#include "ledger/vote_store.h"
#include "tests/crypto/test_folder.h"
#include "tests/support/faulty_env.h"

namespace quorate::ledger {
namespace {

using crypto::test::TestFolder;

const Digest kChain = crypto::sha256(as_bytes("chain"));
const Digest kStore = crypto::sha256(as_bytes("store"));

class GuardFile : public testing::Test {
 protected:
  std::unique_ptr<Guard> create() { return Guard::create(file_, kChain, kStore).value(); }
  std::unique_ptr<Guard> open() { return Guard::open(file_, kChain).value(); }
  std::string_view refusal() {
    const auto opened = Guard::open(file_, kChain);
    return opened ? std::string_view("opened") : opened.error().code;
  }

  std::string bytes() {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void overwrite(const std::string& bytes) {
    std::ofstream(file_, std::ios::binary | std::ios::trunc) << bytes;
  }

  TestFolder folder_;
  std::string file_ = folder_.path("guard");
};

TEST_F(GuardFile, RemembersAcrossOpenings) {
  {
    const auto guard = create();
    EXPECT_EQ(guard->state().incarnation, 0U);
    ASSERT_TRUE(guard->raise(Epoch{1}, View{2}, Sequence{30}));
    ASSERT_TRUE(guard->note_write(7));
  }
  const auto guard = open();
  EXPECT_EQ(guard->state().chain_id, kChain);
  EXPECT_EQ(guard->state().store_id, kStore);
  EXPECT_EQ(guard->state().epoch_ceiling, Epoch{1});
  EXPECT_EQ(guard->state().view_ceiling, View{2});
  EXPECT_EQ(guard->state().sequence_ceiling, Sequence{30});
  EXPECT_EQ(guard->state().last_write, 7U);
}

TEST_F(GuardFile, CountsItsOpenings) {
  create();
  EXPECT_EQ(open()->state().incarnation, 1U);
  EXPECT_EQ(open()->state().incarnation, 2U);
  EXPECT_EQ(open()->state().incarnation, 3U);
}

TEST_F(GuardFile, NeverLowersAnything) {
  const auto guard = create();
  ASSERT_TRUE(guard->raise(Epoch{2}, View{5}, Sequence{100}));
  ASSERT_TRUE(guard->note_write(9));
  ASSERT_TRUE(guard->raise(Epoch{1}, View{9}, Sequence{50}));
  ASSERT_TRUE(guard->note_write(4));
  EXPECT_EQ(guard->state().epoch_ceiling, Epoch{2});
  EXPECT_EQ(guard->state().view_ceiling, View{5});
  EXPECT_EQ(guard->state().sequence_ceiling, Sequence{100});
  EXPECT_EQ(guard->state().last_write, 9U);
  // A view of a later epoch is a later view, though its number is lower.
  ASSERT_TRUE(guard->raise(Epoch{3}, View{0}, Sequence{100}));
  EXPECT_EQ(guard->state().epoch_ceiling, Epoch{3});
  EXPECT_EQ(guard->state().view_ceiling, View{0});
}

TEST_F(GuardFile, MissingIsMissingAndIsNotMade) {
  EXPECT_EQ(refusal(), "guard-missing");
  EXPECT_FALSE(std::filesystem::exists(file_));
  const auto opened = Guard::open(file_, kChain);
  EXPECT_EQ(opened.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(opened.error().next.find("rekey"), std::string::npos);
}

TEST_F(GuardFile, CreateRefusesAnExistingOne) {
  create();
  EXPECT_EQ(Guard::create(file_, kChain, kStore).error().code, "guard-exists");
}

TEST_F(GuardFile, OnlyTheOwnerMayReadIt) {
  create();
  struct stat status {};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(GuardFile, SlotHasTheDocumentedForm) {
  {
    const auto guard = create();
    ASSERT_TRUE(guard->raise(Epoch{1}, View{2}, Sequence{3}));
    ASSERT_TRUE(guard->note_write(4));
  }
  const std::string file = bytes();
  const std::string numbers =
      "0000000000000000"   // incarnation
      "0100000000000000"   // epoch ceiling
      "0200000000000000"   // view ceiling
      "0300000000000000"   // sequence ceiling
      "0400000000000000"   // last write
      "0400000000000000";  // counter: two slots at creation, a raise, a note
  const std::string body = "01000000" + kChain.hex() + kStore.hex() + numbers;
  const std::string slot = file.substr(0, 480);
  EXPECT_EQ(to_hex(as_bytes(slot)), body + std::string(960 - body.size(), '0'));
  EXPECT_EQ(to_hex(as_bytes(file.substr(480, 32))), crypto::sha256(as_bytes(slot)).hex());
}

TEST_F(GuardFile, OtherChainIsRefused) {
  create();
  const auto opened = Guard::open(file_, kStore);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, "guard-other-chain");
}

TEST_F(GuardFile, NewerFormatIsRefused) {
  create();
  std::string damaged = bytes();
  for (const std::size_t slot : {0, 4096}) {
    damaged[slot] = 2;
    const Digest digest = crypto::sha256(as_bytes(std::string_view(damaged).substr(slot, 480)));
    std::copy(digest.bytes.begin(), digest.bytes.end(), damaged.begin() + slot + 480);
  }
  overwrite(damaged);
  EXPECT_EQ(refusal(), "guard-newer-format");
}

TEST_F(GuardFile, TornRaiseLeavesTheFormerCeiling) {
  create();
  std::string before;
  {
    const auto guard = open();
    ASSERT_TRUE(guard->raise(Epoch{0}, View{1}, Sequence{10}));
    ASSERT_TRUE(guard->note_write(1));
    ASSERT_TRUE(guard->note_write(2));
    before = bytes();
    ASSERT_TRUE(guard->raise(Epoch{0}, View{2}, Sequence{20}));
  }
  const std::string after = bytes();
  const std::size_t slot = before.compare(0, 512, after, 0, 512) != 0 ? 0 : 4096;
  ASSERT_EQ(before.compare(4096 - slot, 512, after, 4096 - slot, 512), 0)
      << "the slot that was synced before was written";
  for (std::size_t torn = 0; torn < 512; torn += 29) {
    std::string mixed = before;
    mixed.replace(slot, torn, after, slot, torn);
    overwrite(mixed);
    const auto guard = open();
    ASSERT_EQ(guard->state().sequence_ceiling, Sequence{10}) << torn;
    ASSERT_EQ(guard->state().view_ceiling, View{1}) << torn;
  }
}

TEST_F(GuardFile, TornNoteLeavesTheCeiling) {
  create();
  std::string synced;
  std::string noted;
  {
    const auto guard = open();
    ASSERT_TRUE(guard->raise(Epoch{0}, View{1}, Sequence{10}));
    synced = bytes();
    for (std::uint64_t i = 1; i < 4; ++i) ASSERT_TRUE(guard->note_write(i));
    noted = bytes();
  }
  // Whatever was written since the sync may be torn, all of it at once.
  std::string torn = noted;
  for (const std::size_t slot : {0, 4096}) {
    if (synced.compare(slot, 512, noted, slot, 512) == 0) continue;
    torn.replace(slot, 512, std::string(512, '\0'));
  }
  ASSERT_NE(torn, noted);
  overwrite(torn);
  ASSERT_EQ(refusal(), "opened");
  EXPECT_EQ(open()->state().sequence_ceiling, Sequence{10});
}

TEST_F(GuardFile, NoBitFlipsUnnoticed) {
  create();
  {
    const auto guard = open();
    ASSERT_TRUE(guard->raise(Epoch{0}, View{1}, Sequence{10}));
    ASSERT_TRUE(guard->raise(Epoch{0}, View{2}, Sequence{20}));
  }
  const std::string good = bytes();
  ASSERT_EQ(good.size(), 4096U + 512U);
  for (std::size_t bit = 0; bit < good.size() * 8; bit += 101) {
    if (bit / 8 >= 512 && bit / 8 < 4096) continue;
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    overwrite(flipped);
    const auto guard = open();
    const auto ceiling = guard->state().sequence_ceiling;
    ASSERT_TRUE(ceiling == Sequence{10} || ceiling == Sequence{20}) << bit;
  }
}

TEST_F(GuardFile, DamageToBothSlotsIsCorruptAndSaysWhatToDo) {
  create();
  std::string damaged = bytes();
  damaged[100] = static_cast<char>(damaged[100] ^ 1);
  damaged[4096 + 100] = static_cast<char>(damaged[4096 + 100] ^ 1);
  overwrite(damaged);
  EXPECT_EQ(refusal(), "guard-corrupt");
  for (const std::size_t size : {0, 1, 511}) {
    overwrite(damaged.substr(0, size));
    EXPECT_EQ(refusal(), "guard-corrupt") << size;
  }
  EXPECT_FALSE(Guard::open(file_, kChain).error().next.empty());
}

TEST_F(GuardFile, FirstFailedWriteIsTheLast) {
  // A limit on file sizes makes writes fail for this process only, so it has one of its own.
  const pid_t child = ::fork();
  if (child == 0) {
    const auto guard = create();
    crypto::test::limit_file_size(16);
    const Status failed = guard->raise(Epoch{0}, View{0}, Sequence{5});
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    (void)::setrlimit(RLIMIT_FSIZE, &unlimited);
    const Status again = guard->note_write(1);
    const Status once_more = guard->raise(Epoch{0}, View{0}, Sequence{1});
    const bool good = !failed && failed.error().code == "guard-write-failed" && !again &&
                      again.error().code == "guard-stopped" && !once_more &&
                      guard->state().sequence_ceiling == Sequence{0} &&
                      guard->state().last_write == 0;
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// --- the guard and the store beside it -----------------------------------------------------------

class GuardAndStore : public GuardFile {
 protected:
  GuardAndStore() : guard_(create()) {
    store_ = VoteStore::create("/votes", kChain, kStore, {&env_}).value();
  }
  void vote() {
    const auto number = store_->write({{to_bytes("key"), to_bytes("vote")}});
    ASSERT_TRUE(number);
    ASSERT_TRUE(guard_->note_write(*number));
  }
  void reopen(const std::string& folder) {
    store_.reset();
    store_ = VoteStore::open(folder, kChain, {&env_}).value();
    guard_.reset();
    guard_ = open();
  }
  [[nodiscard]] StoreAge age() const {
    return judge_store_age(guard_->state(), store_->store_id(), store_->last_write());
  }

  quorate::test::FaultyEnv env_;
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<VoteStore> store_;
};

TEST_F(GuardAndStore, StoreThatHoldsEveryVoteIsCurrent) {
  EXPECT_EQ(age(), StoreAge::kCurrent);
  for (int i = 0; i < 5; ++i) vote();
  EXPECT_EQ(age(), StoreAge::kCurrent);
  reopen("/votes");
  EXPECT_EQ(age(), StoreAge::kCurrent);
}

TEST_F(GuardAndStore, StoreAheadOfTheGuardIsCurrent) {
  vote();
  ASSERT_TRUE(store_->write({}));  // the crash came before the guard noted it
  reopen("/votes");
  EXPECT_EQ(age(), StoreAge::kCurrent);
}

TEST_F(GuardAndStore, RestoredCopyIsOlder) {
  vote();
  env_.copy_folder("/votes", "/backup");
  vote();
  reopen("/backup");
  EXPECT_EQ(age(), StoreAge::kOlder);
}

TEST_F(GuardAndStore, CopyMadeAfterTheLastVoteIsCurrent) {
  vote();
  env_.copy_folder("/votes", "/backup");
  reopen("/backup");
  EXPECT_EQ(age(), StoreAge::kCurrent);
}

TEST_F(GuardAndStore, WipedDiskIsOlderHoweverManyWritesTheNewStoreTakes) {
  vote();
  const Digest new_id = crypto::sha256(as_bytes("new store"));
  store_ = VoteStore::create("/new", kChain, new_id, {&env_}).value();
  for (int i = 0; i < 3; ++i) vote();
  EXPECT_EQ(age(), StoreAge::kOlder);
}

TEST_F(GuardAndStore, AdoptedStoreIsCurrentAndTheCeilingStays) {
  ASSERT_TRUE(guard_->raise(Epoch{0}, View{3}, Sequence{40}));
  for (int i = 0; i < 5; ++i) vote();
  const Digest new_id = crypto::sha256(as_bytes("new store"));
  store_ = VoteStore::create("/new", kChain, new_id, {&env_}).value();
  vote();
  EXPECT_EQ(age(), StoreAge::kOlder);
  ASSERT_TRUE(guard_->adopt(store_->store_id(), store_->last_write()));
  EXPECT_EQ(age(), StoreAge::kCurrent);
  EXPECT_EQ(guard_->state().sequence_ceiling, Sequence{40});
  vote();
  env_.copy_folder("/new", "/backup");
  vote();
  reopen("/backup");
  EXPECT_EQ(age(), StoreAge::kOlder);
}

}  // namespace
}  // namespace quorate::ledger
