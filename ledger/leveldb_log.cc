#include "ledger/leveldb_log.h"

#include <leveldb/env.h>
#include <leveldb/slice.h>
#include <leveldb/status.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

namespace quorate::ledger {
namespace {

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeaderBytes = 7;

enum RecordType : std::uint8_t { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

// A 32-bit CRC over the reversed Castagnoli polynomial, a byte at a time.
constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
    table[i] = crc;
  }
  return table;
}();

std::uint32_t crc_step(std::uint32_t crc, char byte) {
  return kCrcTable[(crc ^ static_cast<std::uint8_t>(byte)) & 0xff] ^ (crc >> 8);
}

// LevelDB masks stored checksums, so that a checksum over checksums stays useful.
std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8U; }

struct Header {
  std::uint32_t checksum;
  std::size_t length;
  std::uint8_t type;
};

Header parse_header(const char* at) {
  const auto byte = [at](int i) { return std::uint32_t{static_cast<std::uint8_t>(at[i])}; };
  return {byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24, byte(4) | byte(5) << 8,
          static_cast<std::uint8_t>(byte(6))};
}

// Whether the record at the front of `bytes` is whole with some length other than the one that it
// claims. A write that was cut off never is: its checksum covers bytes that are not there.
bool is_whole_with_another_length(std::string_view bytes) {
  const Header header = parse_header(bytes.data());
  std::uint32_t crc = crc_step(0xffffffffU, bytes[kHeaderBytes - 1]);
  for (std::size_t i = kHeaderBytes; i < bytes.size(); ++i) {
    if (masked(~crc) == header.checksum) return true;
    crc = crc_step(crc, bytes[i]);
  }
  return masked(~crc) == header.checksum;
}

class Walker {
 public:
  Walker(const std::function<void(std::string_view)>& on_record, LogScan& scan)
      : on_record_(on_record), scan_(scan) {}

  // `block` is kBlockBytes long unless it is the file's last.
  void take(std::string_view block) {
    const std::uint64_t begin = scan_.size;
    scan_.size += block.size();
    if (flaw_ == Flaw::kNone) walk(block, begin);
    if (flaw_ == Flaw::kNone) return;
    const std::size_t from = flaw_at_ > begin ? static_cast<std::size_t>(flaw_at_ - begin) : 0;
    for (std::size_t i = block.size(); i > from; --i) {
      if (block[i - 1] == 0) continue;
      nonzero_end_ = begin + i;
      break;
    }
  }

  void finish() {
    scan_.ending = ending();
    if (scan_.ending == LogEnding::kDamaged) {
      scan_.damage_at = flaw_at_;
      scan_.damage = flaw_text_;
    }
  }

 private:
  enum class Flaw : std::uint8_t {
    kNone,
    kZeroHeader,
    kChecksum,
    kImpossible,  // a length or an order that the writer never makes
    kCutOff,      // the file ends where the record claims to go on
  };

  void walk(std::string_view block, std::uint64_t begin) {
    std::size_t at = 0;
    while (block.size() - at >= kHeaderBytes) {
      const Header header = parse_header(block.data() + at);
      const std::size_t left = block.size() - at - kHeaderBytes;
      const auto found = [&](Flaw flaw, std::string_view what) {
        set_flaw(flaw, begin + at, header.length, what);
      };
      if (header.type == kZero && header.length == 0) {
        return found(Flaw::kZeroHeader, "a header of zeros");
      }
      if (header.length > left) {
        return can_be_cut_off(header, at, block)
                   ? found(Flaw::kCutOff, "")
                   : found(Flaw::kImpossible, "a length that cannot be");
      }
      const std::string_view covered = block.substr(at + kHeaderBytes - 1, header.length + 1);
      if (masked(crc32c(covered)) != header.checksum) {
        return found(Flaw::kChecksum, "a checksum that does not match");
      }
      if (!is_in_order(header.type)) return found(Flaw::kImpossible, "a fragment out of order");
      take_fragment(header.type, covered.substr(1));
      at += kHeaderBytes + header.length;
      if (!inside_record_) scan_.whole_end = begin + at;
    }
    if (block.size() < kBlockBytes && at < block.size()) set_flaw(Flaw::kCutOff, begin + at, 0, "");
  }

  [[nodiscard]] bool is_in_order(std::uint8_t type) const {
    const bool begins = type == kFull || type == kFirst;
    return type >= kFull && type <= kLast && begins != inside_record_;
  }

  // Whether a crash can have ended the file inside the record at `at`. A fragment that goes on in
  // the next block fills its own, and a record that was cut off is not whole with fewer bytes.
  [[nodiscard]] bool can_be_cut_off(const Header& header, std::size_t at,
                                    std::string_view block) const {
    const std::size_t room = kBlockBytes - at - kHeaderBytes;
    const bool goes_on = header.type == kFirst || header.type == kMiddle;
    return is_in_order(header.type) && header.length <= room &&
           (!goes_on || header.length == room) && !is_whole_with_another_length(block.substr(at));
  }

  void take_fragment(std::uint8_t type, std::string_view payload) {
    inside_record_ = type == kFirst || type == kMiddle;
    if (!on_record_) return;
    record_.append(payload);
    if (inside_record_) return;
    on_record_(record_);
    record_.clear();
  }

  void set_flaw(Flaw flaw, std::uint64_t at, std::size_t length, std::string_view what) {
    flaw_ = flaw;
    flaw_at_ = at;
    flaw_length_ = length;
    flaw_text_ = what;
    nonzero_end_ = at;
  }

  [[nodiscard]] LogEnding ending() const {
    switch (flaw_) {
      case Flaw::kNone:
        return inside_record_ ? LogEnding::kTorn : LogEnding::kWhole;
      case Flaw::kCutOff:
        return LogEnding::kTorn;
      case Flaw::kImpossible:
        return LogEnding::kDamaged;
      case Flaw::kZeroHeader:
      case Flaw::kChecksum:
        break;
    }
    if (nonzero_end_ == flaw_at_) {  // zeros only
      return inside_record_ ? LogEnding::kZeroTail : LogEnding::kTorn;
    }
    // What was written, then zeros from a sector's start to the file's end. A record that ends
    // before the zeros begin was written whole; they do not explain what is wrong with it.
    const std::uint64_t zeros_from =
        (nonzero_end_ + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
    const bool reaches_zeros = flaw_at_ + kHeaderBytes + flaw_length_ > zeros_from;
    return zeros_from < scan_.size && reaches_zeros ? LogEnding::kZeroTail : LogEnding::kDamaged;
  }

  const std::function<void(std::string_view)>& on_record_;
  LogScan& scan_;
  std::string record_;
  bool inside_record_ = false;
  Flaw flaw_ = Flaw::kNone;  // the first; after it only zeros and not-zeros matter
  std::uint64_t flaw_at_ = 0;
  std::size_t flaw_length_ = 0;  // as its header claims
  std::string_view flaw_text_;
  std::uint64_t nonzero_end_ = 0;  // at or after flaw_at_
};

// Fills `block` unless the file ends first.
leveldb::Status read_block(leveldb::SequentialFile& file, std::vector<char>& block,
                           std::size_t& count) {
  count = 0;
  while (count < block.size()) {
    leveldb::Slice part;
    auto status = file.Read(block.size() - count, &part, block.data() + count);
    if (!status.ok()) return status;
    if (part.empty()) break;
    if (part.data() != block.data() + count) {
      std::memcpy(block.data() + count, part.data(), part.size());
    }
    count += part.size();
  }
  return leveldb::Status::OK();
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (const char byte : bytes) crc = crc_step(crc, byte);
  return ~crc;
}

leveldb::Status scan_log(leveldb::Env& env, const std::string& path,
                         const std::function<void(std::string_view)>& on_record, LogScan& scan) {
  leveldb::SequentialFile* opened = nullptr;
  auto status = env.NewSequentialFile(path, &opened);
  if (!status.ok()) return status;
  const std::unique_ptr<leveldb::SequentialFile> file(opened);

  scan = LogScan{};
  Walker walker(on_record, scan);
  std::vector<char> block(kBlockBytes);
  std::size_t count = 0;
  do {
    status = read_block(*file, block, count);
    if (!status.ok()) return status;
    walker.take({block.data(), count});
  } while (count == kBlockBytes);
  walker.finish();
  return status;
}

}  // namespace quorate::ledger
