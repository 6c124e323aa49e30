#pragma once

// How a LevelDB log file ends: what a power cut may leave there, and what only damage can.
//
// LevelDB keeps its .log files and its MANIFEST in one format: blocks of 32 KiB, each filled with
// physical records {crc32c u32, length u16, type u8, payload}, little-endian; the checksum covers
// type and payload and is masked; a logical record is one FULL, or FIRST MIDDLE* LAST; fewer than
// seven bytes at a block's end are left unused. (LevelDB, doc/log_format.md.)
//
// Its own reader is not enough, even with paranoid_checks. Measured on 1.23: a header of zeros
// makes it skip the rest of the block in silence, and so does a flipped bit in a length field of
// the last block; in both cases it opens, and whole synced records are gone. So each file is walked
// here before LevelDB sees it, and only endings that a crash can leave pass.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace leveldb {
class Env;
class Status;
}  // namespace leveldb

namespace quorate::ledger {

// The unit that a disk writes whole: zeros that a power cut leaves begin at a multiple of it.
inline constexpr std::uint64_t kSectorBytes = 512;

enum class LogEnding : std::uint8_t {
  kWhole,     // every byte belongs to a whole logical record
  kTorn,      // cut off inside a record, or zeros after the last one; LevelDB drops that by itself
  kZeroTail,  // the last record ends in zeros from a sector's start on; LevelDB refuses to open
  kDamaged,   // nothing that a crash can leave
};

struct LogScan {
  LogEnding ending = LogEnding::kWhole;
  std::uint64_t size = 0;
  std::uint64_t whole_end = 0;  // where the last whole logical record ends
  std::uint64_t damage_at = 0;  // kDamaged: offset of the first physical record that is not whole
  std::string_view damage;      // kDamaged: what is wrong with it, for people
};

// Walks one file, in memory bounded by its largest logical record (one block if `on_record` is
// empty). `on_record` gets each whole logical record before the first flaw. Fails only if the file
// cannot be read.
[[nodiscard]] leveldb::Status scan_log(leveldb::Env& env, const std::string& path,
                                       const std::function<void(std::string_view)>& on_record,
                                       LogScan& scan);

// CRC-32C (Castagnoli), as LevelDB computes it, unmasked.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);

}  // namespace quorate::ledger
