#pragma once

// Records in a file, chained by digest: a changed, missing or added byte is noticed, and a tail
// that a crash cut off is told from it.
//
//   file   = magic:8 version:u32 record*            ; little-endian
//   record = length:u32 mark:4 payload check:32
//
//   check[0] = SHA-256(magic version)
//   mark[i]  = the first 4 bytes of SHA-256(check[i-1] length)
//   check[i] = SHA-256(check[i-1] length payload)
//
// The mark vouches for the length alone, so that a length which somebody changed does not pass for
// a record whose end is missing. It is a checksum and no signature: whoever can write the file can
// write another one.
//
// Pure but for the stream that is read; not thread-safe.

#include <cstdint>
#include <istream>
#include <optional>

#include "crypto/bytes.h"
#include "crypto/result.h"
#include "crypto/sha256.h"

namespace quorate::node {

inline constexpr std::uint32_t kRecordBytesMax = 64 << 20;
inline constexpr std::size_t kRecordOverheadBytes = 4 + 4 + 32;

class RecordChainWriter {
 public:
  RecordChainWriter();
  // What the file begins with.
  [[nodiscard]] const Bytes& opening() const { return opening_; }
  // Precondition (checked): 1 to kRecordBytesMax bytes.
  [[nodiscard]] Bytes frame(ByteView payload);

 private:
  Bytes opening_;
  crypto::Digest check_;
};

class RecordChainReader {
 public:
  // `in` outlives this.
  explicit RecordChainReader(std::istream& in) : in_(in) {}

  // Errors: "recording-malformed" (kInvalid: it begins otherwise), "recording-other-version"
  // (kUnsupported).
  [[nodiscard]] Status open();
  // nullopt: the file ends here; see is_cut(). Error: "recording-altered" (kCorrupt), naming the
  // byte at which the record begins; nothing can be read after it.
  [[nodiscard]] Result<std::optional<Bytes>> next();
  // The file ends inside of a record.
  [[nodiscard]] bool is_cut() const { return is_cut_; }
  // Where the next record begins.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  // The check of the last record: of everything up to it.
  [[nodiscard]] const crypto::Digest& check() const { return check_; }

 private:
  // False: the file ends before that.
  [[nodiscard]] bool read(Bytes& out, std::size_t count);
  [[nodiscard]] tl::unexpected<Error> altered(std::string_view what) const;

  std::istream& in_;
  crypto::Digest check_;
  std::uint64_t position_ = 0;
  bool is_cut_ = false;
};

}  // namespace quorate::node
