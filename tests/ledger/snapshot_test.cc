// Snapshots: chunks that prove themselves, fetching that goes on where it broke off, and the ledger
// that is made of them.

#include "ledger/snapshot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "ledger/log_view.h"
#include "ledger/proved_state.h"
#include "ledger/receipt.h"
#include "ledger/snapshot_import.h"
#include "tests/ledger/signed_ledger.h"

namespace quorate::ledger {
namespace {

using namespace test;

class SnapshotTest : public SignedLedger {
 protected:
  // `keys` keys with values of some kilobytes, so that they make several chunks.
  void fill(int keys, std::size_t value_bytes = 3000) {
    for (int key = 0; key < keys;) {
      std::vector<Operation> operations;
      for (int i = 0; i < 100 && key < keys; ++i, ++key) {
        operations.push_back(put("key " + std::to_string(key),
                                 std::string(value_bytes + static_cast<std::size_t>(key) % 7,
                                             static_cast<char>('a' + key % 26))));
      }
      append({transaction(nonce_++, std::move(operations))});
    }
    if (store_->height().value % 2 == 1) append({});
    stabilise_newest();
  }
  [[nodiscard]] StableView view() const { return store_->stable_view().value(); }
  [[nodiscard]] Digest state_root() const { return view().checkpoint().note.state_root; }
  std::unique_ptr<SnapshotStaging> staging(const std::string& folder = "/staging") {
    return std::move(SnapshotStaging::open(folder, chain_id_of(genesis_), {&env_}).value());
  }
  // The state as one page's continuations, however small it is: with all three kinds of them.
  [[nodiscard]] ChunkSlots continuations_of_all() const {
    const StableView state = view();
    const StatePage page = read_page(state.pages(), path_of({}, 0),
                                     std::get<StateSubtree>(state.root())).value();
    ChunkSlots slots;
    std::array<int, 3> kinds{};
    for (std::size_t i = 0; i < kPageSlots; ++i) {
      if (const auto* below = std::get_if<StateSubtree>(&page.slots[i])) slots[i] = below->digest;
      if (const auto* key = std::get_if<StateKey>(&page.slots[i])) {
        slots[i] = SnapshotEntry{key->key, state.get(key->key).value().value()};
      }
      ++kinds[slots[i].index()];
    }
    EXPECT_GT(*std::min_element(kinds.begin(), kinds.end()), 0);
    return slots;
  }
  // Fetches at most `limit` chunks; whether all are here.
  bool fetch(SnapshotWork& work, std::size_t limit = SIZE_MAX) const {
    for (std::size_t i = 0; i < limit; ++i) {
      const auto id = work.next().value();
      if (!id) break;
      const Status taken = work.take(*id, read_chunk(view(), id->path).value());
      EXPECT_TRUE(taken) << taken.error().to_string();
    }
    return work.is_done();
  }
  std::unique_ptr<Store> make(const SnapshotStaging& staging, const std::string& folder,
                              SnapshotOrigin& origin) {
    const Status made = make_ledger(folder, genesis_, snapshot_head(view()).value(), {}, staging,
                                    origin, {&env_});
    EXPECT_TRUE(made) << made.error().to_string();
    auto opened = Store::open(folder, chain_id_of(genesis_), {&env_});
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(*opened);
  }
  std::unique_ptr<Store> join(const std::string& folder = "/joined") {
    const auto chunks = staging();
    SnapshotWork work(state_root(), *chunks);
    EXPECT_TRUE(fetch(work));
    SnapshotOrigin origin;
    origin.sources = {ReplicaId{1}, ReplicaId{2}};
    return make(*chunks, folder, origin);
  }

  std::uint64_t nonce_ = 1;
};

TEST_F(SnapshotTest, AJoinedLedgerGoesOnAsIfItHadExecutedAll) {
  fill(700);
  append({transaction(nonce_++, {put("after", "the snapshot")})});
  const auto joined = join();
  const Height base = view().checkpoint().note.sequence;
  EXPECT_EQ(joined->height(), base);
  EXPECT_EQ(joined->base(), base);
  EXPECT_EQ(joined->checkpoint_note().value(), view().checkpoint().note);
  EXPECT_TRUE(joined->check_state());
  EXPECT_EQ(joined->latest_stable().value()->note, view().checkpoint().note);
  for (Height at = next(base); at <= store_->height(); at = next(at)) {
    const StoredBlock block = store_->block(at).value();
    CertifiedBatch batch;
    batch.batch.header = block.record.batch;
    for (const TxResult& result : block.results) batch.batch.ids.push_back(result.id);
    batch.certificate = block.certificate;
    for (const auto& each : block.transactions) {
      batch.transactions.push_back(Trusting::trust(each));
    }
    const auto execution =
        execute(batch.batch.header, batch.transactions, genesis_, *joined).value();
    ASSERT_TRUE(joined->append(batch, execution));
  }
  EXPECT_EQ(joined->tree_head(), store_->tree_head());
  EXPECT_EQ(joined->checkpoint_note().value(), store_->checkpoint_note().value());
  EXPECT_EQ(read_entry(*joined, to_bytes("after")).value()->value, to_bytes("the snapshot"));
  const TxId after = id_of(transaction(nonce_ - 1, {put("after", "the snapshot")}).body);
  EXPECT_TRUE(verify_receipt(make_receipt(*joined, after).value(), genesis_));
}

TEST_F(SnapshotTest, AJoinedLedgerProvesAndSaysWhatItRestsOn) {
  fill(300);
  auto joined = join();
  for (const bool reopened : {false, true}) {
    if (reopened) {
      joined.reset();
      joined = std::move(Store::open("/joined", chain_id_of(genesis_), {&env_}).value());
    }
    const auto statement = prove_read(joined->stable_view().value(), as_bytes("key 7")).value();
    EXPECT_TRUE(verify_statement(statement, genesis_)->entry);
    const SnapshotOrigin origin = joined->origin().value().value();
    EXPECT_EQ(origin.checkpoint.note, view().checkpoint().note);
    EXPECT_EQ(origin.sources, (std::vector<ReplicaId>{{1}, {2}}));
    EXPECT_GT(origin.keys, 300U);
    EXPECT_GT(origin.bytes, 900'000U);
    EXPECT_EQ(refusal(joined->block(Height{1})), "block-not-kept");
    EXPECT_EQ(refusal(joined->record(joined->base())), "block-not-kept");
    EXPECT_EQ(refusal(joined->block(next(joined->height()))), "block-not-found");
    EXPECT_TRUE(joined->own_checkpoint(joined->base()).value());
  }
  EXPECT_FALSE(store_->origin().value());
  EXPECT_EQ(store_->base(), Height{0});
}

TEST_F(SnapshotTest, EveryChunkIsVerifiedAlone) {
  fill(200);
  const auto chunks = staging();
  SnapshotWork work(state_root(), *chunks);
  std::size_t seen = 0;
  while (const auto id = work.next().value()) {
    const Chunk chunk = read_chunk(view(), id->path).value();
    Digest other = id->digest;
    other.bytes[0] ^= 1;
    EXPECT_EQ(refusal(verify_chunk(chunk, id->path, other)), "chunk-other-digest");
    // Continuations alone say nothing of their path; what named them does.
    if (std::holds_alternative<std::vector<SnapshotEntry>>(chunk)) {
      EXPECT_EQ(refusal(verify_chunk(chunk, path_below(id->path, 3), id->digest)),
                "chunk-malformed");
    }
    ASSERT_TRUE(work.take(*id, chunk));
    ++seen;
  }
  EXPECT_TRUE(work.is_done());
  EXPECT_GT(seen, 10U);
  EXPECT_EQ(work.chunks(), seen);
}

// A chunk of either kind, each bit of each byte.
TEST_F(SnapshotTest, NoChangedBitOfAChunkIsTaken) {
  fill(12, 3);
  const StatePath top = path_of({}, 0);
  const Chunk entries = read_chunk(view(), top).value();
  ASSERT_TRUE(std::holds_alternative<std::vector<SnapshotEntry>>(entries));
  for (const Chunk& chunk : {entries, Chunk(continuations_of_all())}) {
    ASSERT_TRUE(verify_chunk(chunk, top, state_root()));
    const Bytes good = crypto::encode(chunk);
    for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
      Bytes changed = good;
      changed[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      const auto read = crypto::decode<Chunk>(changed);
      ASSERT_FALSE(read && verify_chunk(*read, top, state_root())) << "bit " << bit;
    }
  }
}

TEST_F(SnapshotTest, NoChangedByteOfAHeadIsTaken) {
  fill(3, 3);
  const Bytes good = crypto::encode(snapshot_head(view()).value());
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes changed = good;
    changed[at] ^= static_cast<std::uint8_t>(1 << at % 8);
    const auto read = crypto::decode<SnapshotHead>(changed);
    ASSERT_FALSE(read && check_snapshot_head(*read, genesis_)) << "byte " << at;
  }
}

TEST_F(SnapshotTest, ALyingSourceIsToldApartAndItsChunkAskedForAgain) {
  fill(200);
  const auto chunks = staging();
  SnapshotWork work(state_root(), *chunks);
  std::size_t lies = 0;
  while (const auto id = work.next().value()) {
    Chunk chunk = read_chunk(view(), id->path).value();
    if (lies < 5) {
      if (auto* entries = std::get_if<std::vector<SnapshotEntry>>(&chunk)) {
        entries->back().value.push_back('!');
      } else {
        std::get<ChunkSlots>(chunk)[5] = crypto::sha256(as_bytes("a lie"));
      }
      ++lies;
      EXPECT_EQ(refusal(work.take(*id, chunk)), "chunk-other-digest");
      EXPECT_FALSE(work.is_done());
      continue;
    }
    ASSERT_TRUE(work.take(*id, chunk));
  }
  EXPECT_TRUE(work.is_done());
  SnapshotOrigin origin;
  EXPECT_TRUE(make(*chunks, "/joined", origin)->check_state());
}

// What the verifier must not take, since an honest source could not go on from it.
TEST_F(SnapshotTest, ChunksOfAWrongFormAreRefused) {
  fill(200);
  const StatePath top = path_of({}, 0);
  const Chunk chunk = read_chunk(view(), top).value();
  const ChunkSlots good = std::get<ChunkSlots>(chunk);
  EXPECT_TRUE(verify_chunk(good, top, state_root()));
  const auto refused = [&](auto change) {
    ChunkSlots slots = good;
    change(slots);
    return refusal(verify_chunk(slots, top, state_root()));
  };
  EXPECT_EQ(refused([](ChunkSlots& slots) { slots[0] = Digest{}; }), "chunk-malformed");
  EXPECT_EQ(refused([](ChunkSlots& slots) { slots[0] = StateHole{}; }), "chunk-other-digest");
  EXPECT_EQ(refused([](ChunkSlots& slots) { std::swap(slots[0], slots[1]); }),
            "chunk-other-digest");
  const std::vector<SnapshotEntry> none;
  EXPECT_EQ(refusal(verify_chunk(none, top, state_root())), "chunk-other-digest");
  EXPECT_EQ(refusal(verify_chunk(none, top, Digest{})), "chunk-other-digest");
  const StatePath first = path_below(top, 0);
  auto entries = std::get<std::vector<SnapshotEntry>>(read_chunk(view(), first).value());
  const Digest digest = std::get<Digest>(good[0]);
  EXPECT_TRUE(verify_chunk(entries, first, digest));
  std::swap(entries[0], entries[1]);
  EXPECT_EQ(refusal(verify_chunk(entries, first, digest)), "chunk-malformed");
  entries[1] = entries[0];
  EXPECT_EQ(refusal(verify_chunk(entries, first, digest)), "chunk-malformed");
  for (const StatePath& path :
       {StatePath{}, StatePath{1}, StatePath{1, 0x11}, StatePath{2}, StatePath{64},
        StatePath{2, 0x11, 0x11}, StatePath(34, 33)}) {
    EXPECT_EQ(refusal(read_chunk(view(), path)), "chunk-not-found");
    EXPECT_EQ(refusal(verify_chunk(chunk, path, state_root())), "chunk-malformed");
  }
}

TEST_F(SnapshotTest, FetchingGoesOnWhereItBrokeOffAlsoUnderANewerCheckpoint) {
  fill(400);
  {
    const auto chunks = staging();
    SnapshotWork work(state_root(), *chunks);
    EXPECT_FALSE(fetch(work, 9));
  }
  std::size_t all = 0;
  {
    const auto chunks = staging();
    SnapshotWork work(state_root(), *chunks);
    EXPECT_TRUE(fetch(work));
    EXPECT_EQ(work.found(), 9U);
    all = work.chunks();
  }
  append({transaction(nonce_++, {put("key 7", "changed")})});
  append({});
  stabilise_newest();
  const auto chunks = staging();
  SnapshotWork work(state_root(), *chunks);
  EXPECT_TRUE(fetch(work));
  EXPECT_GT(work.found(), all / 2);
  EXPECT_LT(work.found(), all);
  SnapshotOrigin origin;
  const auto joined = make(*chunks, "/joined", origin);
  EXPECT_TRUE(joined->check_state());
  EXPECT_EQ(read_entry(*joined, to_bytes("key 7")).value()->value, to_bytes("changed"));
}

TEST_F(SnapshotTest, AStoredChunkThatIsNotWhatItsNameSaysIsNotThere) {
  fill(200);
  const auto chunks = staging();
  SnapshotWork work(state_root(), *chunks);
  const ChunkId top = work.next().value().value();
  const Chunk good = read_chunk(view(), top.path).value();
  ASSERT_TRUE(chunks->put(top, read_chunk(view(), path_below(top.path, 0)).value()));
  EXPECT_FALSE(chunks->find(top).value());
  ASSERT_TRUE(chunks->put(top, good));
  EXPECT_TRUE(chunks->find(top).value());
}

TEST_F(SnapshotTest, AHeadThatIsNotTheCheckpointsIsRefused) {
  fill(10);
  const SnapshotHead good = snapshot_head(view()).value();
  EXPECT_TRUE(check_snapshot_head(good, genesis_));
  SnapshotHead bad = good;
  bad.frontier.nodes[0].bytes[0] ^= 1;
  EXPECT_EQ(refusal(check_snapshot_head(bad, genesis_)), "snapshot-other-log");
  bad = good;
  bad.frontier.size += 1;
  EXPECT_EQ(refusal(check_snapshot_head(bad, genesis_)), "snapshot-other-log");
  bad = good;
  bad.checkpoint.cosignatures.pop_back();
  EXPECT_EQ(refusal(check_snapshot_head(bad, genesis_)), "checkpoint-too-few-votes");
}

TEST_F(SnapshotTest, AnUnfinishedOrIncompleteLedgerIsNone) {
  fill(200);
  const auto chunks = staging();
  SnapshotWork work(state_root(), *chunks);
  EXPECT_FALSE(fetch(work, 5));
  SnapshotOrigin origin;
  const SnapshotHead head = snapshot_head(view()).value();
  EXPECT_EQ(refusal(make_ledger("/a", genesis_, head, {}, *chunks, origin, {&env_})),
            "snapshot-incomplete");
  EXPECT_EQ(refusal(Store::open("/a", chain_id_of(genesis_), {&env_})), "ledger-corrupt");
  EXPECT_TRUE(fetch(work));
  for (const std::uint64_t appends : {3, 9, 15}) {
    const std::string folder = "/b" + std::to_string(appends);
    env_.fail_appends_from(appends);
    SnapshotOrigin again;
    EXPECT_FALSE(make_ledger(folder, genesis_, head, {}, *chunks, again, {&env_})) << appends;
    env_.heal();
    EXPECT_FALSE(Store::open(folder, chain_id_of(genesis_), {&env_})) << appends;
  }
}

TEST_F(SnapshotTest, AJoinedLedgerSaysWhichTransactionsItMayHaveMissed) {
  const SignedTransaction before = transaction(nonce_, {put("before", "the snapshot")});
  fill(10);
  const auto joined = join();
  EXPECT_FALSE(joined->find(id_of(before.body)).value());
  EXPECT_TRUE(joined->may_precede(before.body).value());
  EXPECT_FALSE(store_->may_precede(before.body).value()) << "it has all blocks";
  const SignedTransaction after = transaction(nonce_++, {put("after", "the snapshot")});
  EXPECT_FALSE(joined->may_precede(after.body).value());
  append_block(*joined, genesis_, {after});
  EXPECT_FALSE(joined->may_precede(after.body).value()) << "a block that is kept has it";
}

// More than LevelDB's log holds, so that the last synced write is in another one than the first.
TEST_F(SnapshotTest, AfterAPowerCutALedgerIsWholeOrNone) {
  fill(1600);
  const auto chunks = staging();
  SnapshotWork work(state_root(), *chunks);
  ASSERT_TRUE(fetch(work));
  const SnapshotHead head = snapshot_head(view()).value();
  const Digest chain_id = chain_id_of(genesis_);
  for (const bool is_complete : {false, true}) {
    quorate::test::FaultyEnv disk;
    SnapshotOrigin origin;
    if (!is_complete) disk.fail_syncs_from(3);
    EXPECT_EQ(make_ledger("/joined", genesis_, head, {}, *chunks, origin, {&disk}).has_value(),
              is_complete);
    disk.stop();
    disk.cut_power(quorate::test::FaultyEnv::PowerCut::kLosesUnsynced);
    disk.heal();
    const auto opened = Store::open("/joined", chain_id, {&disk});
    ASSERT_EQ(opened.has_value(), is_complete);
    if (is_complete) {
      EXPECT_TRUE((*opened)->check_state());
    }
  }
}

TEST_F(SnapshotTest, AChunkOfMoreThanItsBytesIsRefused) {
  fill(200);
  std::vector<SnapshotEntry> all;
  const auto collect = [&](const StateKey& key) -> Result<bool> {
    all.push_back({key.key, view().get(key.key).value().value()});
    return true;
  };
  ASSERT_TRUE(for_each_key(view().root(), {}, view().pages(), collect));
  EXPECT_EQ(refusal(verify_chunk(all, path_of({}, 0), state_root())), "chunk-malformed");
}

TEST_F(SnapshotTest, AnOldStableCheckpointIsNothingToAJoinedLedger) {
  fill(10);
  const StableCheckpoint old = view().checkpoint();
  fill(100);
  const auto joined = join();
  EXPECT_TRUE(joined->put_stable(old));
  EXPECT_EQ(joined->latest_stable().value()->note, view().checkpoint().note);
}

// Of what lies before, it has the few hashes that the log goes on from.
TEST_F(SnapshotTest, AJoinedLedgersLogProvesWhatIsKept) {
  fill(700);
  append_empty(6);
  const auto joined = join();
  const std::uint64_t base = joined->base().value;
  for (Height at{base + 1}; at <= store_->height(); at = next(at)) {
    append_block(*joined, genesis_, {});
  }
  ASSERT_EQ(joined->tree_head(), store_->tree_head());
  const LogView log = joined->log();
  const LogView whole = store_->log();
  for (std::uint64_t n = base; n <= log.size(); ++n) {
    EXPECT_EQ(log.root(n).value(), whole.root(n).value());
    for (std::uint64_t i = base; i < n; ++i) {
      EXPECT_EQ(log.inclusion_path(i, n).value(), whole.inclusion_path(i, n).value());
    }
    for (std::uint64_t m = base; m <= n; ++m) {
      EXPECT_EQ(log.consistency_path(m, n).value(), whole.consistency_path(m, n).value());
    }
  }
  EXPECT_EQ(refusal(log.inclusion_path(base - 1, log.size())), "block-not-kept");
  EXPECT_EQ(refusal(log.consistency_path(base - 1, log.size())), "block-not-kept");
  EXPECT_EQ(refusal(log.root(base - 1)), "block-not-kept");
  EXPECT_EQ(refusal(log.records(base - 1, 1)), "block-not-kept");
  EXPECT_EQ(refusal(log.nodes(0, 0, 2)), "block-not-kept");
}

}  // namespace
}  // namespace quorate::ledger
