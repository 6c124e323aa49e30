#pragma once

// What the ledger store keeps under which key. For store*.cc only.
//
// A key is one byte for the kind, then numbers in big-endian, so that LevelDB sorts them. Values
// are BCS, except digests, which stand bare.
//
//   'f'                      StoreIdentity        (ledger/leveldb_open.h)
//   'h'                      StoredHead           height, time, root and frontier of the log
//   'r' height:u64           Record               the log's leaf `height - 1`
//   'c' height:u64           CommitCertificate
//   't' height:u64 index:u32 SignedTransaction    at its place in the batch
//   'u' height:u64           vector<TxResult>     in batch order
//   'w' height:u64           vector<StoredWrite>  what the block changed in the state, by key
//   'k' height:u64           CheckpointNote       of an own checkpoint, as replicas cosign it
//   'q' height:u64           StableCheckpoint     not part of a block; may be ahead of the head
//   'o' digest:32            bytes                of a NEW-VIEW and what it names; not of a block
//   'e' epoch:u64            EpochProof           how the epoch began; not of a block
//   'm' level:u8 index:u64   32 bytes             root of a complete subtree of the log
//   'i' id:32                TxLocation           not of skipped transactions
//   'n' sender:32 nonce:u64  32 bytes             id of the transaction that used the nonce
//   's' key                  value of the state at the head (ledger/execution.h)
//   'v' version:u64          StateSlot            root of the state's tree (ledger/state_pages.h)
//   'p' version:u64 path     StatePage            as that version wrote it
//   'x' version:u64          vector<PageId>       pages of earlier versions that it replaced
//   'b' version:u64 key      option<bytes>        value at that version of a key changed since
//   'j'                      SnapshotOrigin       where the ledger began, if not at genesis
//   ff                       the seal             (ledger/leveldb_open.h)
//
// A block is one WriteBatch over all of these but 'f', 'q', 'o' and 'e'. A version of the tree is a
// height: of genesis or of an own checkpoint. Those before the newest one that is stable go, with
// 'v', 'p', 'x' and 'b', in the batch that finds the newer stable.

#include <optional>
#include <vector>

#include "crypto/merkle.h"
#include "ledger/state_pages.h"
#include "ledger/types.h"

namespace quorate::ledger {

struct StoredHead {
  Height height;
  TimeMs time;
  Digest root;
  crypto::merkle::Frontier frontier;
};

struct StoredWrite {
  Bytes key;
  std::optional<Bytes> value;  // nullopt: removed
};

struct StateVersion {
  Height height;
  StateSlot root;
};

namespace keys {

inline void append_number(Bytes& key, std::uint64_t number, unsigned bytes) {
  for (unsigned shift = 8 * bytes; shift > 0; shift -= 8) {
    key.push_back(static_cast<std::uint8_t>(number >> (shift - 8)));
  }
}

inline Bytes of_height(char kind, Height height) {
  Bytes key = {static_cast<std::uint8_t>(kind)};
  append_number(key, height.value, 8);
  return key;
}

// The height in a key that `of_height` made; 0 in one that is none.
inline Height height_in(ByteView key) {
  std::uint64_t height = 0;
  for (std::size_t i = 1; i < key.size() && i < 9; ++i) height = height << 8 | key[i];
  return {height};
}

inline Bytes origin() { return {'j'}; }
inline Bytes head() { return {'h'}; }
inline Bytes record(Height height) { return of_height('r', height); }
inline Bytes certificate(Height height) { return of_height('c', height); }
inline Bytes results(Height height) { return of_height('u', height); }
inline Bytes writes(Height height) { return of_height('w', height); }
inline Bytes own_checkpoint(Height height) { return of_height('k', height); }
inline Bytes stable(Height height) { return of_height('q', height); }
inline Bytes after_stable() { return {'r'}; }
inline Bytes epoch_proof(Epoch epoch) { return of_height('e', Height{epoch.value}); }

inline Bytes transcript(const Digest& new_view) {
  Bytes key = {'o'};
  key.insert(key.end(), new_view.bytes.begin(), new_view.bytes.end());
  return key;
}

inline Bytes transaction(Height height, std::uint32_t index) {
  Bytes key = of_height('t', height);
  append_number(key, index, 4);
  return key;
}

inline Bytes node(const crypto::merkle::NodeId& id) {
  Bytes key = {'m', id.level};
  append_number(key, id.index, 8);
  return key;
}

inline Bytes location(const TxId& id) {
  Bytes key = {'i'};
  key.insert(key.end(), id.digest.bytes.begin(), id.digest.bytes.end());
  return key;
}

inline Bytes nonce_owner(const PublicKey& sender, std::uint64_t nonce) {
  Bytes key = {'n'};
  key.insert(key.end(), sender.bytes.begin(), sender.bytes.end());
  append_number(key, nonce, 8);
  return key;
}

inline Bytes state(ByteView state_key) {
  Bytes key = {'s'};
  key.insert(key.end(), state_key.begin(), state_key.end());
  return key;
}

inline Bytes version(Height version) { return of_height('v', version); }
inline Bytes replaced(Height version) { return of_height('x', version); }

inline Bytes page(const PageId& id) {
  Bytes key = of_height('p', id.version);
  key.insert(key.end(), id.path.begin(), id.path.end());
  return key;
}

inline Bytes before(Height version, ByteView state_key) {
  Bytes key = of_height('b', version);
  key.insert(key.end(), state_key.begin(), state_key.end());
  return key;
}

}  // namespace keys
}  // namespace quorate::ledger
