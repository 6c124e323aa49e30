#include "ledger/audit_epochs.h"

#include <fmt/format.h>

#include "crypto/bcs.h"
#include "ledger/audit_window.h"
#include "ledger/store_impl.h"

namespace quorate::ledger {
namespace {

using Finding = std::optional<AuditFinding>;

AuditFinding wrong(std::string field, std::string expected, std::string found) {
  return {std::nullopt, std::nullopt, std::move(field), std::move(expected), std::move(found)};
}

// The next one in the order of the keys, which has to be of the next epoch.
Finding add_proof(ByteView key, ByteView value, const Genesis& genesis,
                  crypto::SignatureCache& cache, Membership& membership) {
  const Epoch epoch = next(membership.current().epoch);
  const std::string field = fmt::format("epoch proof {}", epoch.value);
  const Bytes expected = keys::epoch_proof(epoch);
  if (!std::equal(key.begin(), key.end(), expected.begin(), expected.end())) {
    return wrong(field, "the key " + to_hex(expected), "the key " + to_hex(key));
  }
  auto proof = crypto::decode<EpochProof>(value);
  if (!proof)
    return wrong(field, "bytes that decode", audit_text(Bytes(value.begin(), value.end())));
  const Status good = check_epoch_proof(*proof, membership, genesis, cache);
  if (!good) {
    return wrong(field, "what a quorum of the epoch before signed",
                 fmt::format("{} ({})", good.error().message, good.error().code));
  }
  membership.add(std::move(proof->start));
  return std::nullopt;
}

// What the state at the head says of a change that no proof covers yet.
Result<Finding> add_pending(const LevelDb& database, const Genesis& genesis, Height head,
                            Membership& membership) {
  const Epoch epoch = next(membership.current().epoch);
  const std::string field = fmt::format("start of epoch {}", epoch.value);
  QUORATE_ASSIGN(const auto leaf,
                 database.get(keys::state(epoch_start_key(epoch)), nullptr, field));
  if (!leaf) return std::nullopt;
  auto start = crypto::decode<EpochStart>(*leaf);
  if (!start || !may_follow(*start, membership, genesis)) {
    return wrong(field, "one that follows from the epoch before", audit_text(*leaf));
  }
  if (start->boundary < head) {
    return wrong(fmt::format("epoch proof {}", epoch.value),
                 fmt::format("one, since the head {} is behind the boundary {}", head.value,
                             start->boundary.value),
                 "none");
  }
  membership.add(std::move(*start), true);
  return std::nullopt;
}

}  // namespace

Result<tl::expected<std::shared_ptr<const Membership>, AuditFinding>> audit_epochs(
    const LevelDb& database, const Genesis& genesis, Height head) {
  using Audited = tl::expected<std::shared_ptr<const Membership>, AuditFinding>;
  crypto::SignatureCache cache(1);  // nothing comes twice
  auto membership = std::make_shared<Membership>(genesis);
  const auto attempt = [&]() -> Result<Finding> {
    Finding finding;
    const Status read = database.for_each(
        keys::epoch_proof({}).front(), [&](ByteView key, ByteView value) -> Status {
          finding = add_proof(key, value, genesis, cache, *membership);
          return finding ? end_of_walk() : Status{};
        });
    if (finding) return finding;
    QUORATE_TRY(read);
    return add_pending(database, genesis, head, *membership);
  };
  auto finding = attempt();
  if (!finding) {
    QUORATE_ASSIGN(finding, as_finding(finding.error(), "epoch proofs"));
  }
  if (*finding) return Audited(tl::unexpected(std::move(**finding)));
  return Audited(std::shared_ptr<const Membership>(std::move(membership)));
}

}  // namespace quorate::ledger
