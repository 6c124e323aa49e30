#include "testnet/pow_records.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "crypto/sha256.h"
#include "ledger/durable_file.h"
#include "node/descriptor.h"

namespace quorate::testnet {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kCheckBytes = 4;

std::uint32_t length_at(ByteView bytes) {
  std::uint32_t length = 0;
  for (unsigned i = 0; i < kLengthBytes; ++i) length |= std::uint32_t{bytes[i]} << (8 * i);
  return length;
}

bool has_its_check(ByteView body, ByteView check) {
  const crypto::Digest digest = crypto::sha256(body);
  return std::equal(check.begin(), check.end(), digest.bytes.begin());
}

}  // namespace

void put_record(Bytes& out, std::uint8_t kind, ByteView payload) {
  const std::size_t length = payload.size() + 1;
  for (unsigned i = 0; i < kLengthBytes; ++i) {
    out.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
  }
  out.push_back(kind);
  out.insert(out.end(), payload.begin(), payload.end());
  const crypto::Digest digest = crypto::sha256(ByteView(out).last(length));
  out.insert(out.end(), digest.bytes.begin(), digest.bytes.begin() + kCheckBytes);
}

Result<Records> read_records(ByteView bytes) {
  Records out;
  while (true) {
    const ByteView rest = bytes.subspan(out.good_bytes);
    if (rest.size() < kLengthBytes) return out;
    const std::size_t length = length_at(rest);
    const std::size_t whole = kLengthBytes + length + kCheckBytes;
    if (rest.size() < whole) return out;
    const ByteView body = rest.subspan(kLengthBytes, length);
    if (length == 0 || !has_its_check(body, rest.subspan(kLengthBytes + length, kCheckBytes))) {
      // At the very end a crash may have done that.
      if (rest.size() == whole) return out;
      return fail(ErrorKind::kCorrupt, "pow-records-corrupt",
                  fmt::format("the record at offset {} does not have its checksum",
                              out.good_bytes),
                  "Restore the file, or make the chain's folder anew and pull from another.");
    }
    out.records.push_back({body[0], body.subspan(1)});
    out.good_bytes += whole;
  }
}

Status append_synced(const std::filesystem::path& file, std::size_t keep, ByteView bytes) {
  const bool is_new = !std::filesystem::exists(file);
  const node::Descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  int trouble = out.is_open() ? 0 : errno;
  if (trouble == 0 && ::ftruncate(out.get(), static_cast<off_t>(keep)) != 0) trouble = errno;
  if (trouble == 0) trouble = ledger::write_all_at(out.get(), bytes, keep);
  if (trouble == 0 && ::fsync(out.get()) != 0) trouble = errno;
  if (trouble == 0 && is_new) trouble = ledger::sync_directory(file.parent_path());
  if (trouble == 0) return {};
  return fail(ErrorKind::kEnvironment, "file-write-failed",
              fmt::format("Cannot write {}: {}", file.string(), ledger::errno_text(trouble)),
              "Make room, or choose a folder that this user may write.");
}

}  // namespace quorate::testnet
