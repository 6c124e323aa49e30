#include "ledger/salvage.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "ledger/audit_window.h"
#include "ledger/rebuild.h"

namespace quorate::ledger {
namespace {

constexpr std::size_t kDigestKeyBytes = 33;
constexpr Height kAll{std::numeric_limits<std::uint64_t>::max() - kWindowBlocksMax};

// Why it ends with this window, if it does; what cannot be read is the end too.
Result<std::optional<std::string>> take_window(const LevelDb& damaged, Rebuild& rebuild,
                                               const Store& into) {
  auto window = read_window(damaged, next(into.height()), kAll);
  if (!window) return std::optional(window.error().message);
  QUORATE_ASSIGN(const auto finding, rebuild.take(*window));
  if (!finding) return std::nullopt;
  return std::optional(finding_sentence(*finding));
}

// What cannot be read is left out.
Status take_transcripts(const LevelDb& damaged, Store& into) {
  Status written;
  (void)damaged.for_each('o', [&](ByteView key, ByteView value) -> Status {
    if (key.size() != kDigestKeyBytes) return {};
    Digest name;
    std::copy(key.begin() + 1, key.end(), name.bytes.begin());
    written = into.put_transcript(name, value);
    return written;
  });
  return written;
}

}  // namespace

Result<Salvaged> salvage(const LevelDb& damaged, const Genesis& genesis, Store& into,
                         const SalvageOptions& options) {
  Rebuild rebuild(genesis, into, options.threads, Claims::kLeft);
  std::optional<std::string> ended;
  while (!ended) {
    QUORATE_ASSIGN(ended, take_window(damaged, rebuild, into));
    if (options.on_step) options.on_step(into.height());
    if (ended || !options.goes_on || options.goes_on()) continue;
    return fail(ErrorKind::kTimeout, "salvage-interrupted",
                fmt::format("the blocks of a damaged ledger were taken up to height {} when it was "
                            "interrupted",
                            into.height().value),
                "Start the node again: it begins anew.");
  }
  QUORATE_TRY(take_transcripts(damaged, into));
  QUORATE_TRY(into.sync());
  return Salvaged{into.height(), std::move(*ended)};
}

}  // namespace quorate::ledger
