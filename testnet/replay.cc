#include "testnet/replay.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <utility>

#include "crypto/bcs.h"
#include "crypto/check.h"
#include "pbft/verify.h"
#include "testnet/trace_text.h"

namespace quorate::testnet {

using ledger::Digest;
using node::RecordedStep;
using Event = decltype(pbft::Input::event);

namespace {

constexpr std::uint8_t kStandingMax = 2;  // pbft::Standing::kLearner
static_assert(static_cast<std::uint8_t>(pbft::Standing::kLearner) == kStandingMax);
constexpr std::size_t kSendsShown = 8;

tl::unexpected<Error> malformed(std::string what) {
  return fail(ErrorKind::kInvalid, "recording-malformed", std::move(what),
              "Name a file that `quorate node --record FILE` wrote.");
}

tl::unexpected<Error> impossible(std::uint64_t step, std::string_view what) {
  return fail(ErrorKind::kCorrupt, "recording-input-impossible",
              fmt::format("Step {} cannot have been given to a core: {}", step, what),
              "Take another copy of the recording.");
}

// Has no key: what it signs was signed before.
class RecordedSigner final : public crypto::Signer {
 public:
  explicit RecordedSigner(const crypto::PublicKey& key) : key_(key) {}
  [[nodiscard]] const crypto::PublicKey& public_key() const override { return key_; }
  [[nodiscard]] ledger::Signature sign(ByteView message) const override {
    ++asked_;
    if (asked_ > given_.size()) return {};
    const ledger::Signature& signature = given_[asked_ - 1];
    is_good_ = is_good_ && crypto::verify(key_, message, signature);
    return signature;
  }
  void begin(std::vector<ledger::Signature> given) {
    given_ = std::move(given);
    asked_ = 0;
    is_good_ = true;
  }
  [[nodiscard]] bool is_good() const { return is_good_ && asked_ == given_.size(); }

 private:
  crypto::PublicKey key_;
  std::vector<ledger::Signature> given_;
  mutable std::size_t asked_ = 0;
  mutable bool is_good_ = true;
};

// What it sends, in words: a difference is easier to see there than in digests.
std::string sends_text(const pbft::Output& output) {
  std::string text = fmt::format("{} records, {} messages, {} batches", output.persist.size(),
                                 output.send.size(), output.commit.size());
  for (std::size_t i = 0; i < std::min(output.send.size(), kSendsShown); ++i) {
    const node::PeerMessage message = std::visit(
        [](const auto& each) { return node::PeerMessage(each); }, output.send[i].message);
    text += fmt::format("; {}", packet_text(crypto::encode(message)));
  }
  return text;
}

bool is_signed_message(const node::RecordedEvent& event) { return event.index() >= 1 &&
                                                                  event.index() <= 8; }

// Of an observer there is none, and nothing is signed.
crypto::PublicKey vote_key(const node::RecordingHead& head) {
  const auto& replicas = head.replicas.replicas;
  return head.self.value < replicas.size() ? replicas[head.self.value].vote_key
                                           : crypto::PublicKey{};
}

}  // namespace

// The core of that life, made as the node made it.
struct RecordedLife::Core {
  explicit Core(const node::RecordingHead& head)
      : genesis(head.genesis),
        chain_id(ledger::chain_id_of(genesis)),
        messages(chain_id, &signatures, head.replicas, genesis.parameters),
        signer(vote_key(head)),
        voter(signer, chain_id, head.self, head.replicas,
              static_cast<pbft::Standing>(head.standing), head.ceiling) {}

  // Errors: those of TransactionVerifier::check.
  Status begin(const node::RecordingHead& head) {
    pbft::ReplicaConfig config;
    config.self = head.self;
    config.replicas = head.replicas;
    config.parameters = genesis.parameters;
    config.request_timeout_ms = head.times.request_timeout_ms;
    config.request_timeout_ms_max = head.times.request_timeout_ms_max;
    config.status_interval_ms_min = head.times.status_interval_ms_min;
    config.status_interval_ms_max = head.times.status_interval_ms_max;
    config.fetch_timeout_ms = head.times.fetch_timeout_ms;
    config.fetch_blocks_max = head.times.fetch_blocks_max;
    pbft::ReplicaStart start{head.start.executed,        head.start.effective_time,
                             head.start.votes,           {},
                             head.start.checkpoint,      head.start.checkpoint_time,
                             head.start.last_checkpoint, head.start.boundary,
                             head.start.past};
    for (const ledger::SignedTransaction& body : head.start.bodies) {
      QUORATE_ASSIGN(ledger::TransactionPtr checked, transactions.check(body));
      const ledger::TxId id = checked->id;
      start.bodies.emplace(id, std::move(checked));
    }
    replica.emplace(std::move(config), voter, std::move(start));
    return {};
  }

  // Of each recorded alternative, what a host would give; errors name what is wrong with it.
  Result<Event> input(const RecordedStep& step, std::uint64_t number) const {
    return std::visit([&](const auto& event) { return restored(event, number); }, step.event);
  }

  template <class T>
  Result<Event> restored(const T& event, std::uint64_t number) const {
    if constexpr (requires { messages.check(event); }) {
      auto verified = messages.check(event);
      if (!verified) return impossible(number, pbft::reject_code(verified.error()));
      return Event(std::move(*verified));
    } else {
      return Event(event);
    }
  }
  Result<Event> restored(const node::RecordedReady& event, std::uint64_t number) const {
    auto checked = transactions.check(event.transaction);
    if (!checked) return impossible(number, checked.error().code);
    return Event(pbft::TransactionReady{std::move(*checked)});
  }
  Result<Event> restored(const node::RecordedBody& event, std::uint64_t number) const {
    auto checked = transactions.check(event.transaction);
    if (!checked) return impossible(number, checked.error().code);
    return Event(pbft::BodyArrived{std::move(*checked)});
  }
  Result<Event> restored(const node::WireBlock& block, std::uint64_t number) const {
    ledger::CertifiedBatch certified{block.batch, block.certificate, {}};
    for (const ledger::SignedTransaction& transaction : block.transactions) {
      auto checked = transactions.check(transaction);
      if (!checked) return impossible(number, checked.error().code);
      certified.transactions.push_back(std::move(*checked));
    }
    auto verified = messages.check(std::move(certified));
    if (!verified) return impossible(number, pbft::reject_code(verified.error()));
    return Event(std::move(*verified));
  }
  // The core takes its own host's word for this, so it is judged here.
  Result<Event> restored(const pbft::BatchExecuted& event, std::uint64_t number) const {
    if (event.sequence.value != replica->executed().value + 1 ||
        event.sequence > replica->committed()) {
      return impossible(number, "it executes what was not committed, or not in its turn");
    }
    return Event(event);
  }

  ledger::Genesis genesis;
  Digest chain_id;
  crypto::SignatureCache signatures;
  ledger::TransactionVerifier transactions{genesis, chain_id, &signatures};
  pbft::MessageVerifier messages;
  RecordedSigner signer;
  pbft::Voter voter;
  std::optional<pbft::Replica> replica;
};

std::string_view life_end_text(LifeEnd end) {
  static constexpr std::array<std::string_view, 8> kTexts = {
      "stopped", "full", "behind", "epoch", "cut", "open", "different", "damaged"};
  return kTexts[static_cast<std::size_t>(end)];
}

RecordedLife::RecordedLife(const std::string& file)
    : in_(file, std::ios::binary), reader_(in_) {
  report_.file = file;
}

RecordedLife::~RecordedLife() = default;

const pbft::Replica& RecordedLife::replica() const { return *core_->replica; }

Result<std::unique_ptr<RecordedLife>> RecordedLife::open(const std::string& file) {
  std::unique_ptr<RecordedLife> life(new RecordedLife(file));
  if (!life->in_) {
    return fail(ErrorKind::kNotFound, "recording-not-found",
                fmt::format("There is no file {} that can be read", file),
                "Make one with `quorate node --record FILE` or `quorate testnet up --record`.");
  }
  QUORATE_TRY(life->reader_.open());
  QUORATE_TRY(life->read_head());
  life->read_next();
  return life;
}

Status RecordedLife::read_head() {
  QUORATE_ASSIGN(const std::optional<Bytes> first, reader_.next());
  if (!first) {
    return fail(ErrorKind::kCorrupt, "recording-truncated",
                fmt::format("{} ends before the state that its life began with", report_.file),
                "Take another copy of the recording.");
  }
  auto record = crypto::decode<node::Record>(*first);
  if (!record) return malformed("The first record does not decode: " + record.error().message);
  auto* head = std::get_if<node::RecordingHead>(&*record);
  if (head == nullptr) return malformed("The first record is not the head of a recording");
  head_ = std::move(*head);
  QUORATE_TRY(ledger::validate_genesis(head_.genesis));
  if (size() == 0 || size() > ledger::kReplicasMax ||
      head_.self.value >= size() + pbft::kObserversMax || head_.standing > kStandingMax) {
    return malformed(fmt::format("Found replica {} of {} with standing {}", head_.self.value,
                                 size(), head_.standing));
  }
  core_ = std::make_unique<Core>(head_);
  QUORATE_TRY(core_->begin(head_));
  report_.program = head_.program;
  report_.self = head_.self;
  report_.replicas = size();
  report_.first_view = report_.last_view = replica().view();
  report_.executed = replica().executed();
  return {};
}

void RecordedLife::end_with(LifeEnd end, std::optional<Error> damage) {
  next_.reset();
  report_.end = end;
  report_.damage = std::move(damage);
}

void RecordedLife::read_next() {
  auto bytes = reader_.next();
  if (!bytes) return end_with(LifeEnd::kDamaged, bytes.error());
  if (!*bytes) return end_with(reader_.is_cut() ? LifeEnd::kCut : LifeEnd::kOpen);
  auto record = crypto::decode<node::Record>(**bytes);
  if (!record) return end_with(LifeEnd::kDamaged, record.error());
  if (auto* step = std::get_if<RecordedStep>(&*record)) {
    next_ = std::move(*step);
    return;
  }
  const auto* end = std::get_if<node::RecordingEnd>(&*record);
  const auto last = static_cast<std::uint8_t>(node::RecordingEnded::kEpoch);
  const bool is_the_end = end != nullptr && end->why <= last && end->steps == report_.steps;
  const auto after = reader_.next();
  if (!is_the_end || !after || *after || reader_.is_cut()) {
    return end_with(LifeEnd::kDamaged,
                    Error{ErrorKind::kCorrupt, "recording-altered",
                          fmt::format("Something follows the end of the recording, or it counts "
                                      "other steps than the {} that came before it",
                                      report_.steps),
                          "Take another copy of the recording."});
  }
  end_with(static_cast<LifeEnd>(end->why));
}

std::optional<pbft::Output> RecordedLife::step() {
  QUORATE_CHECK(next_.has_value(), "a life that is over has no next step");
  RecordedStep step = std::move(*next_);
  const std::uint64_t number = report_.steps + 1;
  auto event = core_->input(step, number);
  if (!event) {
    end_with(LifeEnd::kDamaged, event.error());
    return std::nullopt;
  }
  core_->signer.begin(step.signatures);
  pbft::Output output = core_->replica->step({step.now, std::move(*event)});
  const node::OutputDigest found = node::output_digest(node::output_bytes(output));
  Difference difference{number, node::event_text(step.event), {}, {}};
  if (!core_->signer.is_good()) difference.fields.emplace_back("signatures");
  for (std::size_t i = 0; i < node::kOutputFields; ++i) {
    if (found.fields[i] == step.output.fields[i]) continue;
    difference.fields.emplace_back(node::output_field(i));
  }
  if (!difference.fields.empty() || found.whole != step.output.whole) {
    difference.found = sends_text(output);
    report_.difference = std::move(difference);
    end_with(LifeEnd::kDifferent);
    return std::nullopt;
  }
  count(step, output);
  read_next();
  return output;
}

void RecordedLife::count(const RecordedStep& step, const pbft::Output& output) {
  if (report_.steps == 0) {
    begin_ms_ = step.now.monotonic_ms;
    report_.begin = step.now.wall;
  }
  ++report_.steps;
  report_.covered_ms = step.now.monotonic_ms - std::min(begin_ms_, step.now.monotonic_ms);
  if (is_signed_message(step.event)) ++report_.messages;
  if (std::holds_alternative<pbft::BatchExecuted>(step.event)) ++report_.batches;
  report_.votes += step.signatures.size();
  for (const pbft::Event& event : output.events) {
    if (std::holds_alternative<pbft::ViewLeft>(event)) ++report_.view_changes;
  }
  report_.last_view = replica().view();
  report_.executed = replica().executed();
  report_.outputs = crypto::Sha256()
                        .update(report_.outputs.bytes)
                        .update(step.output.whole.bytes)
                        .finish();
}

bool is_one_clock(const std::vector<std::unique_ptr<RecordedLife>>& lives) {
  for (const auto& life : lives) {
    if (life->head().boot != lives.front()->head().boot) return false;
  }
  return true;
}

void replay(const std::vector<std::unique_ptr<RecordedLife>>& lives, const ReplayWatch& watch) {
  const bool is_monotonic = is_one_clock(lives);
  const auto time_of = [&](const RecordedStep& step) {
    return is_monotonic ? step.now.monotonic_ms : step.now.wall.value;
  };
  for (;;) {
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < lives.size(); ++i) {
      if (!lives[i]->next()) continue;
      if (!first || time_of(*lives[i]->next()) < time_of(*lives[*first]->next())) first = i;
    }
    if (!first) return;
    const RecordedStep step = *lives[*first]->next();
    const auto output = lives[*first]->step();
    if (output && watch) watch(*first, step, *output);
  }
}

}  // namespace quorate::testnet
