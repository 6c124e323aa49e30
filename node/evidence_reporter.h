#pragma once

// Reports what the core found: evidence goes into the ledger as a transaction of this node.
//
// The transaction is signed with the node's *network key*. Genesis names it, so everybody can tell
// whose report it is and a senders' list need not (check_form lets it send evidence and nothing
// else); the process that faces the network holds it anyway; and a report signed by the vote key
// would let evidence move votes. The key's other use, TLS 1.3's handshake, signs bytes that begin
// with 64 blanks and "TLS 1.3, " (RFC 8446 §4.4.3), a transaction's begin with
// "quorate:transaction" and a zero byte: neither is ever the other. log.key, which promises to sign
// nothing but notes, keeps that promise.
//
// Every correct node finds the same lie at about the same time, and one transaction is enough; so
// each offence has its own order of nodes, a second apart, in which the next reports only if it is
// not in the ledger by then. A report that did not come through by its valid-until (a minute, or
// what genesis allows) is signed anew, a few times; what the state machine keeps saying no to is
// dropped. What waits stands in a folder of the home as evidence files, which `quorate evidence
// verify` reads; a node that restarts goes on with them, and they go when the ledger has them.
//
// Bounded: kWaitingMax offences wait, of one replica no more than the ledger keeps; kOpenMax
// reports are under way at a time. An error of the disk costs the memory across restarts, no more.
//
// Threads: `found` by any, and it waits for nothing; all else by the one that calls `tend`.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "crypto/ed25519.h"
#include "ledger/membership.h"
#include "ledger/recorded_evidence.h"
#include "node/node_view.h"

namespace quorate::node {

class EvidenceReporter {
 public:
  static constexpr std::size_t kWaitingMax = 64;
  static constexpr std::size_t kOpenMax = 4;
  static constexpr std::uint32_t kAttemptsMax = 5;
  static constexpr std::uint64_t kTurnMs = 1000;

  // All outlive this.
  struct Parts {
    const ledger::Genesis& genesis;
    ledger::Digest chain_id;
    ledger::ReplicaId self;
    const crypto::SecretKey& key;
    const ledger::StateReader& state;
    std::function<std::uint64_t(std::uint64_t highest_used)> next_nonce;
    std::function<Result<SubmitOutcome>(ByteView encoded)> submit;
    std::filesystem::path folder;
  };

  // Reads what an earlier life left in the folder; what does not verify is left alone and said.
  explicit EvidenceReporter(Parts parts);

  void found(const ledger::Evidence& evidence);
  // Once a second: takes over what was found, drops what the ledger has, reports what is due.
  void tend(ledger::TimeMs now);

  [[nodiscard]] std::size_t waiting() const { return reports_.size(); }

 private:
  struct Report {
    ledger::Evidence evidence;
    ledger::TimeMs due;       // by the own clock; of a report under way its valid-until
    std::uint32_t attempts = 0;
    bool is_open = false;
    bool is_filed = false;
  };
  // A replica has another number in another epoch.
  struct Place {
    ledger::Epoch epoch;
    ledger::ReplicaId replica;
    ledger::Digest offence;

    friend auto operator<=>(const Place&, const Place&) = default;
  };

  [[nodiscard]] static Place place_of(const ledger::Evidence& evidence);
  [[nodiscard]] bool has_room(const Place& place) const;
  [[nodiscard]] std::filesystem::path file_of(const Place& place) const;
  [[nodiscard]] std::uint64_t turn_of(const ledger::Digest& offence) const;
  [[nodiscard]] std::uint64_t valid_for_ms() const;
  void take_up();
  void take_up(const std::filesystem::path& file);
  void take_over(ledger::TimeMs now);
  void file(const Place& place, Report& report);
  // The ledger has it, or takes no more of this replica.
  [[nodiscard]] bool is_settled(const Place& place) const;
  void drop(const Place& place, std::string_view event);
  void send(const Place& place, Report& report, ledger::TimeMs now);

  Parts parts_;
  std::mutex mutex_;
  std::vector<ledger::Evidence> inbox_;  // by mutex_
  std::map<Place, Report> reports_;
  bool disk_trouble_said_ = false;
};

}  // namespace quorate::node
