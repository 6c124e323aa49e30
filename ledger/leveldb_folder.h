#pragma once

// A LevelDB folder judged before LevelDB sees it, and the one repair that is allowed.
//
// The walk holds CURRENT, the MANIFEST and the logs against each other, because LevelDB accepts
// some damage in silence (ledger/leveldb_log.h), and because a missing log is none of its concern:
// its records would be gone, and the later ones present.
//
// The repair: what follows the last whole record is cut off if it ends in zeros, as a power cut
// leaves it. The whole folder is kept beside it first, as <folder>.before-cut-<N> with the lowest
// free N; then the shortened file replaces the old one by a rename, so a crash at any point leaves
// either. Where the operating system's files are used, the kept ones are hard links: LevelDB never
// writes a finished file again.
//
// The caller holds LevelDB's LOCK. All work goes through the Env.

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace leveldb {
class Env;
}  // namespace leveldb

namespace quorate::ledger {

// What a crash left behind the last whole record of a file.
struct DroppedTail {
  std::string file;                 // without folder
  std::uint64_t bytes_kept = 0;     // up to the end of the last whole record
  std::uint64_t bytes_dropped = 0;  // belonged to no whole record
  bool cut = false;                 // LevelDB would refuse the file with it
  std::string original_folder;      // where the uncut files are; empty unless cut
};

struct FolderFault {
  std::string file;         // full path
  std::string what;         // what was found there, for people
  bool unreadable = false;  // the operating system said no; else the content is wrong
};

// Precondition: CURRENT exists. Tails in the order MANIFEST, then logs; `cut` says what must be
// cut.
[[nodiscard]] tl::expected<std::vector<DroppedTail>, FolderFault> examine_folder(
    leveldb::Env& env, const std::string& folder);

// Cuts the tails that say so and fills in `original_folder`.
[[nodiscard]] tl::expected<void, FolderFault> cut_tails(leveldb::Env& env,
                                                        const std::string& folder,
                                                        std::vector<DroppedTail>& tails);

}  // namespace quorate::ledger
