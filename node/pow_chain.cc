#include "node/pow_chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "crypto/bcs.h"

#include "node/init.h"
#include "node/time_text.h"

namespace quorate::node {
namespace {

// What a record holds, its first byte.
constexpr std::uint8_t kHeaderRecord = 'h';
constexpr std::uint8_t kBlockRecord = 'b';
constexpr std::uint8_t kCondemnedRecord = 'x';
constexpr std::uint8_t kInvalidateRecord = 'i';
constexpr std::uint8_t kReconsiderRecord = 'r';
constexpr std::uint8_t kPreferRecord = 'p';

constexpr std::uint8_t kWaitingRecord = 't';
// The pool drops what can never stand in a block only when it is full; so many records more than it
// has transactions may stand there.
constexpr std::size_t kWaitingSlack = 1024;

constexpr std::string_view kAnchorsWord = " anchors";

// What was stored was judged when it came, also its time.
constexpr std::uint64_t kEndOfTime = std::numeric_limits<std::uint32_t>::max();

tl::unexpected<Error> no_chain_left(const std::string& what) {
  return fail(ErrorKind::kCorrupt, "chain-store-corrupt", "The chain store is damaged: " + what,
              "Set aside the folder, make a new one and let it take the chain from others.");
}

Bytes record_of(std::uint8_t kind, ByteView payload) {
  Bytes record;
  record.reserve(payload.size() + 1);
  record.push_back(kind);
  record.insert(record.end(), payload.begin(), payload.end());
  return record;
}

struct NamedWish {
  std::uint8_t kind;
  ledger::Digest hash;
};

std::optional<NamedWish> wish_in(const PowEvent& event) {
  if (const auto* wish = std::get_if<pow::Invalidate>(&event)) {
    return NamedWish{kInvalidateRecord, wish->hash};
  }
  if (const auto* wish = std::get_if<pow::Reconsider>(&event)) {
    return NamedWish{kReconsiderRecord, wish->hash};
  }
  if (const auto* wish = std::get_if<pow::Prefer>(&event)) {
    return NamedWish{kPreferRecord, wish->hash};
  }
  return std::nullopt;
}

bool was_granted(const pow::Happened& happened) {
  return std::none_of(happened.refused.begin(), happened.refused.end(),
                      [](const pow::Refusal& refusal) {
                        return refusal.why == pow::Reject::kBlockUnknown ||
                               refusal.why == pow::Reject::kGenesisStands;
                      });
}

// The header whose body an event brings.
const pow::Header* body_header(const PowEvent& event) {
  if (const auto* arrived = std::get_if<pow::BlockArrived>(&event)) return &arrived->block->header;
  if (const auto* refused = std::get_if<pow::BodyRefused>(&event)) return &refused->header;
  return nullptr;
}

// Faults that a body has whatever the state; what the state refuses is found again by replaying.
bool is_fault_of_body(pow::Reject why) {
  return why == pow::Reject::kCoinbaseOfAnotherChain || why == pow::Reject::kTransactionBad ||
         why == pow::Reject::kTransactionRepeated ||
         why == pow::Reject::kCoinbaseOfAnotherHeight || why == pow::Reject::kAnchorBad ||
         why == pow::Reject::kAnchorOrder;
}

std::optional<ledger::Digest> hash_in_record(ByteView payload) {
  ledger::Digest hash;
  if (payload.size() != hash.bytes.size()) return std::nullopt;
  std::copy(payload.begin(), payload.end(), hash.bytes.begin());
  return hash;
}

// The event that a record plays; an error for what is none. Not of blocks.
Result<PowEvent> event_of(std::uint8_t kind, ByteView payload) {
  if (kind == kHeaderRecord && payload.size() == pow::kHeaderBytes) {
    return pow::HeadersArrived{std::nullopt,
                               {pow::decode_header(payload.first<pow::kHeaderBytes>())}};
  }
  if (kind == kCondemnedRecord && payload.size() == 1 + pow::kHeaderBytes &&
      is_fault_of_body(static_cast<pow::Reject>(payload[0]))) {
    return pow::BodyRefused{
        std::nullopt,
        pow::decode_header(payload.subspan(1).first<pow::kHeaderBytes>()),
        {static_cast<pow::Reject>(payload[0]), true, "it was refused in an earlier life"}};
  }
  if (const auto hash = hash_in_record(payload)) {
    if (kind == kInvalidateRecord) return pow::Invalidate{*hash};
    if (kind == kReconsiderRecord) return pow::Reconsider{*hash};
    if (kind == kPreferRecord) return pow::Prefer{*hash};
  }
  return no_chain_left(fmt::format("a record of kind {} and {} bytes", kind, payload.size()));
}

std::unique_ptr<pow::AnchorVerifier> verifier_of_anchors(const ledger::Genesis& genesis) {
  const bool has_anchors = genesis.pow && genesis.pow->carries == ledger::ChainCarries::kAnchors;
  return has_anchors ? std::make_unique<pow::AnchorVerifier>(genesis) : nullptr;
}

std::string_view move_text(pow::Move::Kind kind) {
  return kind == pow::Move::Kind::kConnect ? " connect " : " disconnect ";
}

// The fourth word of a line.
std::string hash_in_line(const std::string& line) {
  std::size_t at = 0;
  for (int word = 0; word < 3 && at != std::string::npos; ++word) {
    at = line.find(' ', at == 0 ? 0 : at + 1);
  }
  return at == std::string::npos ? std::string() : line.substr(at + 1, 64);
}

// Whether the chain stands where the last line of its journal says.
bool stands_after(const pow::Chain& chain, const std::string& line) {
  const std::string hash = hash_in_line(line);
  if (line.find(move_text(pow::Move::Kind::kConnect)) != std::string::npos) {
    return pow::display_hex(chain.tip().hash) == hash;
  }
  const auto left = pow::parse_display_hex(hash);
  const pow::TreeNode* node = left ? chain.find(*left) : nullptr;
  return node == nullptr || (node->parent != nullptr && node->parent->hash() == chain.tip().hash);
}

}  // namespace

std::string journal_line(const pow::Step& step, ledger::TimeMs now) {
  const pow::Move& move = step.move;
  std::string line = fmt::format("{}{}{} {}", time_to_text(now), move_text(move.kind),
                                 move.height.value, pow::display_hex(move.hash));
  if (!step.anchors.empty()) line += kAnchorsWord;
  for (const pow::AnchorPtr& anchor : step.anchors) {
    line += fmt::format(" {}", anchor->sequence().value);
  }
  return line;
}

Result<std::map<ledger::Digest, std::uint64_t>> PowChain::anchored_times() const {
  constexpr std::uint64_t kLinesAtOnce = 1000;
  std::map<ledger::Digest, std::uint64_t> times;
  for (std::uint64_t first = 0; first < store_->journal_size(); first += kLinesAtOnce) {
    QUORATE_ASSIGN(const auto lines, store_->journal_lines(first, kLinesAtOnce));
    for (const std::string& line : lines) {
      if (line.find(kAnchorsWord) == std::string::npos) continue;
      const auto hash = pow::parse_display_hex(hash_in_line(line));
      const auto time = parse_time(line.substr(0, line.find(' ')), {});
      if (!hash || !time) continue;
      if (line.find(move_text(pow::Move::Kind::kConnect)) == std::string::npos) {
        times.erase(*hash);
      } else {
        times[*hash] = time->value;
      }
    }
  }
  return times;
}

Status PowChain::create(const std::filesystem::path& folder, const ledger::Genesis& genesis,
                        const pow::Params& params, const pow::BlockPtr& block_0,
                        const ledger::StoreOptions& options) {
  ledger::ChainAppend first;
  first.records.push_back(record_of(kBlockRecord, pow::encode_block(*block_0)));
  QUORATE_TRY(ledger::ChainStore::create(folder, pow_network_id(genesis, params),
                                         random_store_id(), first, options));
  return {};
}

PowChain::PowChain(const ledger::Genesis& genesis, std::unique_ptr<ledger::ChainStore> store,
                   std::unique_ptr<crypto::SignatureCache> signatures,
                   std::unique_ptr<ledger::TransactionVerifier> verifier,
                   const pow::Params& params, pow::BlockPtr block_0)
    : genesis_(genesis),
      store_(std::move(store)),
      signatures_(std::move(signatures)),
      verifier_(std::move(verifier)),
      anchors_(verifier_of_anchors(genesis)),
      memory_(params, genesis, std::move(block_0)) {}

Result<std::unique_ptr<PowChain>> PowChain::open(const std::filesystem::path& folder,
                                                 const ledger::Genesis& genesis,
                                                 const pow::Params& params,
                                                 const ledger::StoreOptions& options) {
  QUORATE_ASSIGN(auto store,
                 ledger::ChainStore::open(folder, pow_network_id(genesis, params), options));
  auto signatures = std::make_unique<crypto::SignatureCache>();
  auto verifier = std::make_unique<ledger::TransactionVerifier>(
      genesis, ledger::chain_id_of(genesis), signatures.get());
  const auto anchors = verifier_of_anchors(genesis);
  const pow::BlockReader reader(*verifier, kPowBlockBytesMax, anchors.get());
  pow::BlockPtr block_0;
  const auto read_first = [&](std::uint64_t number, ByteView record) -> Status {
    if (number != 0 || record.empty() || record[0] != kBlockRecord) {
      return no_chain_left("its first record is not block 0");
    }
    auto block = reader.read(record.subspan(1));
    if (!block) return no_chain_left("block 0: " + block.error().found);
    block_0 = std::move(*block);
    // Enough of it.
    return fail(ErrorKind::kUsage, "chain-store-corrupt", "");
  };
  if (const Status read = store->for_each_record(read_first); !block_0) {
    return read ? no_chain_left("it has no block 0") : tl::unexpected(read.error());
  }
  QUORATE_TRY(check_block_0(*block_0, genesis, params));
  std::unique_ptr<PowChain> chain(new PowChain(genesis, std::move(store), std::move(signatures),
                                               std::move(verifier), params, std::move(block_0)));
  QUORATE_TRY(chain->replay());
  return chain;
}

void PowChain::keep(const ledger::Digest& hash, std::uint64_t number) {
  kept_[hash].push_back(number);
}

void PowChain::note_places(const pow::Happened& happened) {
  for (const pow::Step& step : happened.steps) {
    for (const ledger::TxId& id : step.displaced) places_.erase(id);
    for (std::uint32_t i = 0; i < step.results.size(); ++i) {
      places_[step.results[i].id] = {step.move.hash, step.move.height, i,
                                     step.results[i].outcome};
    }
  }
}

std::optional<PowPlace> PowChain::find_transaction(const ledger::TxId& id) const {
  const auto place = places_.find(id);
  return place == places_.end() ? std::nullopt : std::optional(place->second);
}

Status PowChain::keep_waiting(const ledger::CheckedTransaction& transaction) {
  if (waiting_.contains(transaction.id)) return {};
  if (waiting_.size() > pow::PoolLimits{}.transactions_max + kWaitingSlack) {
    std::set<ledger::TxId> here;
    for (const auto& each : memory_.pool()) here.insert(each->id);
    std::erase_if(waiting_, [&](const auto& each) {
      if (here.contains(each.first)) return false;
      stale_.push_back(each.second);
      return true;
    });
  }
  ledger::ChainAppend append;
  append.erased = std::exchange(stale_, {});
  append.records.push_back(
      record_of(kWaitingRecord, crypto::encode(*transaction.signed_transaction)));
  waiting_[transaction.id] = store_->next_record();
  return store_->append(append, false);
}

void PowChain::note_waiting(const pow::Happened& happened, ledger::ChainAppend& append) {
  for (const pow::Step& step : happened.steps) {
    for (const ledger::TxResult& result : step.results) {
      const auto at = waiting_.find(result.id);
      if (at == waiting_.end()) continue;
      append.erased.push_back(at->second);
      waiting_.erase(at);
    }
    if (step.displaced.empty()) continue;
    // Its block may be forgotten before it stands in another one.
    for (const auto& transaction : memory_.body(step.move.hash)->transactions) {
      if (places_.contains(transaction->id) || waiting_.contains(transaction->id)) continue;
      append.records.push_back(
          record_of(kWaitingRecord, crypto::encode(*transaction->signed_transaction)));
      waiting_[transaction->id] = store_->next_record() + append.records.size() - 1;
    }
  }
  append.erased.insert(append.erased.end(), stale_.begin(), stale_.end());
  stale_.clear();
}

Status PowChain::replay_waiting(std::uint64_t number, ByteView payload) {
  auto transaction = verifier_->check(payload);
  if (!transaction) {
    return no_chain_left(fmt::format("record {}: {}", number, transaction.error().message));
  }
  const Status added = memory_.add_transaction(*transaction);
  if (added || added.error().code == "pow-pool-has-it") {
    waiting_[(*transaction)->id] = number;
  } else {
    stale_.push_back(number);
  }
  return {};
}

Status PowChain::replay() {
  const auto play = [this](std::uint64_t number, ByteView record) -> Status {
    if (number == 0) return {};
    if (record.empty()) return no_chain_left(fmt::format("record {} is empty", number));
    const ByteView payload = record.subspan(1);
    if (record[0] == kWaitingRecord) return replay_waiting(number, payload);
    const bool is_block = record[0] == kBlockRecord;
    PowEvent event;
    if (is_block) {
      auto block = reader().read(payload);
      if (!block) return no_chain_left(fmt::format("record {}: {}", number, block.error().found));
      keep((*block)->hash, number);
      event = pow::BlockArrived{std::nullopt, std::move(*block)};
    } else {
      QUORATE_ASSIGN(event, event_of(record[0], payload));
    }
    const auto* headers = std::get_if<pow::HeadersArrived>(&event);
    if (headers != nullptr) keep(pow::hash_of(headers->headers.front()), number);
    const pow::Happened happened = memory_.step({kEndOfTime, std::move(event)});
    note_places(happened);
    const bool was_taken = is_block ? !happened.bodies.empty()
                                    : record[0] != kHeaderRecord || !happened.headers.empty();
    if (was_taken) return {};
    return no_chain_left(fmt::format("record {} does not fit what is before it", number));
  };
  QUORATE_TRY(store_->for_each_record(play));
  const std::uint64_t lines = store_->journal_size();
  QUORATE_ASSIGN(const auto last, store_->journal_lines(lines == 0 ? 0 : lines - 1, 1));
  if (!last.empty() && !stands_after(chain(), last.front())) {
    return no_chain_left(fmt::format("its journal ends with \"{}\", and its records lead to {}",
                                     last.front(), pow::display_hex(chain().tip().hash)));
  }
  return {};
}

ledger::ChainAppend PowChain::append_of(const PowEvent& event, const pow::Happened& happened,
                                        ledger::TimeMs now) {
  ledger::ChainAppend append;
  const auto add = [&](std::uint8_t kind, ByteView payload) {
    append.records.push_back(record_of(kind, payload));
    return store_->next_record() + append.records.size() - 1;
  };
  if (const auto wish = wish_in(event); wish && was_granted(happened)) {
    add(wish->kind, wish->hash.bytes);
  }
  // What went made room for what came.
  for (const ledger::Digest& hash : happened.forgotten) {
    const auto gone = kept_.find(hash);
    if (gone == kept_.end()) continue;
    append.erased.insert(append.erased.end(), gone->second.begin(), gone->second.end());
    kept_.erase(gone);
  }
  for (const pow::Header& header : happened.headers) {
    keep(pow::hash_of(header), add(kHeaderRecord, pow::encode_header(header)));
  }
  for (const pow::BlockPtr& block : happened.bodies) {
    keep(block->hash, add(kBlockRecord, pow::encode_block(*block)));
  }
  note_waiting(happened, append);
  for (const pow::Step& step : happened.steps) {
    append.journal.push_back(journal_line(step, now));
  }
  return append;
}

Result<pow::Happened> PowChain::step(const PowEvent& event, ledger::TimeMs now, bool synced) {
  const pow::Header* header = body_header(event);
  const ledger::Digest hash = header != nullptr ? pow::hash_of(*header) : ledger::Digest{};
  const auto fault_of_body = [&]() -> std::optional<pow::Reject> {
    const pow::TreeNode* node = header != nullptr ? chain().find(hash) : nullptr;
    if (node == nullptr || !node->fault || !is_fault_of_body(*node->fault)) return std::nullopt;
    return node->fault;
  };
  const bool was_condemned = fault_of_body().has_value();
  pow::Happened happened = memory_.step({now.value / 1000, event});
  note_places(happened);
  ledger::ChainAppend append = append_of(event, happened, now);
  if (const auto fault = fault_of_body(); fault && !was_condemned) {
    Bytes payload = {static_cast<std::uint8_t>(*fault)};
    const pow::HeaderBytes bytes = pow::encode_header(*header);
    payload.insert(payload.end(), bytes.begin(), bytes.end());
    append.records.push_back(record_of(kCondemnedRecord, payload));
    keep(hash, store_->next_record() + append.records.size() - 1);
  }
  const bool is_nothing = append.records.empty() && append.erased.empty() &&
                          append.journal.empty();
  if (!is_nothing) QUORATE_TRY(store_->append(append, synced));
  return happened;
}

}  // namespace quorate::node
