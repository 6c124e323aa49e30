#pragma once

// The state as of a stable checkpoint, which a quorum cosigned: values with their proofs.
//
// Cheap to make and to copy. Keep it for a request, as a StoreView. Any thread.

#include <memory>
#include <optional>
#include <vector>

#include "ledger/execution.h"
#include "ledger/stable_checkpoint.h"
#include "ledger/state_proof.h"

namespace quorate::ledger {

struct EpochProof;  // ledger/epoch_proof.h
struct StoreMoment;

class StableView final : public StateReader {
 public:
  [[nodiscard]] const StableCheckpoint& checkpoint() const;
  // Of the ledger when the view was made; not below the checkpoint.
  [[nodiscard]] Height head() const;

  // As of the checkpoint. Errors: "ledger-corrupt".
  [[nodiscard]] Result<std::optional<Bytes>> get(ByteView key) const override;
  // Of the value that `get` gives. It has been verified: a proof that does not lead to the
  // checkpoint's root is never given out. Errors: "ledger-corrupt", naming what is damaged.
  [[nodiscard]] Result<StateProof> prove(ByteView key) const;

  // Up to the checkpoint's epoch (Store::epoch_proofs). Errors: "epoch-not-proved",
  // "ledger-corrupt".
  [[nodiscard]] Result<std::vector<EpochProof>> epoch_proofs() const;

  // Of the log at the checkpoint. Error: "ledger-corrupt".
  [[nodiscard]] Result<crypto::merkle::Frontier> frontier() const;
  [[nodiscard]] const StateSlot& root() const;
  // For whoever walks the tree (ledger/state_pages.h); valid while this object is.
  [[nodiscard]] PageReader pages() const;

 private:
  friend class Store;
  explicit StableView(std::shared_ptr<const StoreMoment> moment) : moment_(std::move(moment)) {}
  std::shared_ptr<const StoreMoment> moment_;  // has a stable checkpoint
};

}  // namespace quorate::ledger
