#include "ledger/store_kinds.h"

#include "ledger/leveldb_open.h"

namespace quorate::ledger {

Result<std::vector<KindUse>> count_kinds(const LevelDb& database,
                                         const std::function<void(std::uint64_t)>& on_keys) {
  constexpr std::uint64_t kKeysATime = 8192;
  std::array<std::size_t, 256> place{};
  std::vector<KindUse> uses;
  for (const StoreKind& kind : kStoreKinds) uses.push_back({kind});
  place.fill(uses.size());
  for (std::size_t i = 0; i < uses.size(); ++i) place[uses[i].kind.letter] = i;
  uses.push_back({});
  std::uint64_t keys = 0;
  QUORATE_TRY(database.for_each_from({}, 0, [&](ByteView key, ByteView value) -> Status {
    KindUse& use = uses[key.empty() ? uses.size() - 1 : place[key.front()]];
    ++use.keys;
    use.bytes += key.size() + value.size();
    if (++keys % kKeysATime == 0) on_keys(keys);
    return {};
  }));
  if (uses.back().keys == 0) uses.pop_back();
  return uses;
}

}  // namespace quorate::ledger
