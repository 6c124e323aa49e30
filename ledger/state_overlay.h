#pragma once

// Overlay: what execution changed, above a state that stays as it is.
//
// Not for use outside execution. Not thread-safe: reads are remembered.

#include "ledger/execution.h"

namespace quorate::ledger {

class Overlay final : public StateReader {
 public:
  // `below` outlives this and does not change while this lives, but through `absorb`. A pointer, so
  // that an overlay above an overlay is not taken for a copy of it.
  explicit Overlay(const StateReader* below) : below_(*below) {}
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;

  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const override;

  void put(Bytes key, Bytes value) { writes_[std::move(key)] = std::move(value); }
  void remove(Bytes key) { writes_[std::move(key)] = std::nullopt; }

  // Takes over the writes of an overlay above this one.
  void absorb(Overlay&& above);

  // The writes that differ from what is below, key by key: a value that was written back, or a
  // removal of what was not there, is none.
  [[nodiscard]] Result<WriteSet> differences() &&;

 private:
  const StateReader& below_;
  WriteSet writes_;
  mutable WriteSet reads_;  // of `below_`, each key once
};

// A user's key as of `now`: absent once its `until` is reached.
[[nodiscard]] Result<std::optional<Entry>> live_entry(const StateReader& state, ByteView key,
                                                      TimeMs now);

}  // namespace quorate::ledger
