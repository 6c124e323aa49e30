#include "testnet/blame_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "crypto/bcs.h"
#include "ledger/quorum.h"
#include "pbft/blame.h"
#include "testnet/behaviours_sim.h"
#include "testnet/sim_ledgers.h"
#include "testnet/workload.h"

namespace quorate::testnet {

using ledger::ReplicaId;

namespace {

constexpr std::uint64_t kDrawStream = 11;
constexpr std::array<std::size_t, 3> kSizes = {4, 7, 10};
constexpr std::uint64_t kForkedPermille = 500;
constexpr std::uint64_t kStartUs = 1'000'000;
constexpr std::uint64_t kStepUs = 100'000;
constexpr std::uint64_t kStepsMax = 120;  // until it breaks
constexpr std::size_t kCachedSignatures = 1 << 12;

class BrokenRun {
 public:
  explicit BrokenRun(std::uint64_t seed) : dice_(Prng(seed).fork(kDrawStream)) {
    report_.replicas = kSizes[dice_.below(kSizes.size())];
    const std::size_t tolerated = ledger::faults_tolerated(report_.replicas);
    std::vector<ReplicaId> ids;
    for (std::size_t i = 0; i < report_.replicas; ++i) {
      ids.push_back({static_cast<std::uint16_t>(i)});
    }
    dice_.shuffle(ids);
    const std::size_t liars = dice_.between(tolerated + 1, 2 * tolerated);
    report_.liars.insert(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(liars));
    options_.replicas = report_.replicas;
    options_.seed = seed;
    options_.liars = report_.liars;
  }

  BlameReport run() {
    Simulator simulator(options_);
    Workload workload(simulator, {});
    // Two batches at one place take a primary that lies.
    const bool is_forked = dice_.chance(kForkedPermille) || !report_.liars.contains({0});
    Liars liars;
    for (const ReplicaId id : report_.liars) {
      liars[id] = is_forked ? std::set{Behaviour::kFork}
                            : std::set{Behaviour::kEquivocate, Behaviour::kDoubleVote};
    }
    const Cabal cabal(simulator, liars);
    simulator.start_all();
    simulator.run_for(kStartUs);
    // A past that both halves share.
    for (std::uint64_t i = is_forked ? dice_.below(6) : 0; i > 0; --i) {
      submit(simulator, workload);
      simulator.run_for(kStepUs);
    }
    if (is_forked) cabal.split();
    for (std::uint64_t i = 0; i < kStepsMax && simulator.is_sound(); ++i) {
      submit(simulator, workload);
      simulator.run_for(kStepUs);
    }
    if (!simulator.is_sound()) simulator.run_out();
    blame(simulator);
    return std::move(report_);
  }

 private:
  [[nodiscard]] std::vector<ReplicaId> correct() const {
    std::vector<ReplicaId> ids;
    for (std::size_t i = 0; i < report_.replicas; ++i) {
      const ReplicaId id{static_cast<std::uint16_t>(i)};
      if (!report_.liars.contains(id)) ids.push_back(id);
    }
    return ids;
  }

  void submit(Simulator& simulator, Workload& workload) {
    for (const ReplicaId id : correct()) {
      (void)workload.submit(dice_.below(simulator.world().clients()), id.value);
    }
  }

  void blame(Simulator& simulator) {
    const std::vector<ReplicaId> ids = correct();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      for (std::size_t j = i + 1; j < ids.size(); ++j) {
        SimHost& one = simulator.host(ids[i].value);
        SimHost& other = simulator.host(ids[j].value);
        const auto last = std::min(one.ledger().height(), other.ledger().height());
        for (ledger::Height at{1}; at <= last; at = next(at)) {
          const auto left = one.ledger().block(at)->certificate;
          const auto right = other.ledger().block(at)->certificate;
          if (left.batch == right.batch) continue;
          report_.is_broken = true;
          report_.sequence = at;
          report_.one = left.view;
          report_.other = right.view;
          return judge(simulator.world(), left, right, {&one, &other});
        }
      }
    }
  }

  void judge(const SimWorld& world, const ledger::CommitCertificate& left,
             const ledger::CommitCertificate& right, const std::vector<SimHost*>& kept_by) {
    crypto::SignatureCache cache(kCachedSignatures);
    const pbft::BlameVerifier verifier(world.chain_id(), &cache, world.replicas(),
                                       world.genesis().parameters);
    using Found = Result<std::optional<pbft::Transcript>>;
    const auto read = [&](const ledger::Digest& new_view) -> Found {
      for (SimHost* host : kept_by) {
        QUORATE_ASSIGN(const auto transcripts, kept_transcripts(*host));
        for (const pbft::Transcript& transcript : transcripts) {
          if (pbft::view_vote(transcript.new_view.body).content == new_view) return transcript;
        }
      }
      return std::nullopt;
    };
    const Result<pbft::Blame> found = pbft::assign_blame(left, right, read, verifier);
    if (!found) {
      report_.fault = found.error().message;
      return;
    }
    for (const pbft::BlameProof& proof : found->proofs) {
      const ReplicaId id = pbft::accused(proof);
      report_.named.insert(id);
      if (!report_.liars.contains(id)) report_.fault = "blames a correct one: " + text(proof);
      const Bytes bytes =
          crypto::encode(pbft::BlameFile{pbft::kBlameFormat, world.chain_id(), proof});
      const auto file = crypto::decode<pbft::BlameFile>(bytes);
      if (!file || !verifier.check(*file)) report_.fault = "does not verify: " + text(proof);
    }
    if (!report_.fault && report_.named.size() <= ledger::faults_tolerated(report_.replicas)) {
      report_.fault = fmt::format("names {} replicas", report_.named.size());
    }
  }

  static std::string text(const pbft::BlameProof& proof) { return pbft::blame_sentence(proof); }

  Prng dice_;
  SimOptions options_;
  BlameReport report_;
};

}  // namespace

BlameReport run_blame(std::uint64_t seed) { return BrokenRun(seed).run(); }

}  // namespace quorate::testnet
