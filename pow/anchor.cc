#include "pow/anchor.h"

#include "crypto/bcs.h"

namespace quorate::pow {

AnchorVerifier::AnchorVerifier(const ledger::Genesis& genesis)
    : genesis_(genesis), chain_id_(ledger::chain_id_of(genesis)) {}

Result<AnchorPtr> AnchorVerifier::check(Anchor anchor) const {
  QUORATE_ASSIGN(const ledger::Membership membership,
                 ledger::verify_epochs(anchor.epochs, anchor.checkpoint.note.epoch, genesis_,
                                       signatures_));
  const ledger::CheckpointVerifier verifier(chain_id_, &signatures_);
  QUORATE_TRY(verifier.check(anchor.checkpoint, membership.current()));
  const std::size_t bytes = crypto::encode(anchor).size();
  return std::make_shared<const CheckedAnchor>(CheckedAnchor{std::move(anchor), bytes});
}

}  // namespace quorate::pow
