#include "node/record_chain.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/bcs.h"
#include "crypto/check.h"

namespace quorate::node {

namespace {

constexpr std::string_view kMagic = "QRECORD\n";
constexpr std::uint32_t kVersion = 3;
constexpr std::size_t kHeadBytes = 8;  // length and mark

Bytes opening_bytes(std::uint32_t version) {
  Bytes bytes = to_bytes(kMagic);
  crypto::encode_to(bytes, version);
  return bytes;
}

Bytes mark_of(const crypto::Digest& check, ByteView length) {
  const crypto::Digest digest = crypto::Sha256().update(check.bytes).update(length).finish();
  return {digest.bytes.begin(), digest.bytes.begin() + 4};
}

crypto::Digest check_of(const crypto::Digest& before, ByteView length, ByteView payload) {
  return crypto::Sha256().update(before.bytes).update(length).update(payload).finish();
}

}  // namespace

RecordChainWriter::RecordChainWriter()
    : opening_(opening_bytes(kVersion)), check_(crypto::sha256(opening_)) {}

Bytes RecordChainWriter::frame(ByteView payload) {
  QUORATE_CHECK(!payload.empty() && payload.size() <= kRecordBytesMax, "a record has a bound");
  Bytes bytes = crypto::encode(static_cast<std::uint32_t>(payload.size()));
  const Bytes mark = mark_of(check_, bytes);
  check_ = check_of(check_, bytes, payload);
  bytes.reserve(payload.size() + kRecordOverheadBytes);
  bytes.insert(bytes.end(), mark.begin(), mark.end());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  bytes.insert(bytes.end(), check_.bytes.begin(), check_.bytes.end());
  return bytes;
}

bool RecordChainReader::read(Bytes& out, std::size_t count) {
  out.resize(count);
  in_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(count));
  out.resize(static_cast<std::size_t>(in_.gcount()));
  return out.size() == count;
}

Status RecordChainReader::open() {
  Bytes found;
  const bool is_whole = read(found, kMagic.size() + 4);
  if (!is_whole || as_text(found).substr(0, kMagic.size()) != kMagic) {
    return fail(ErrorKind::kInvalid, "recording-malformed",
                fmt::format("Found {} as the first bytes, expected those of a recording",
                            to_hex(ByteView(found).first(std::min<std::size_t>(found.size(), 8)))),
                "Name a file that `quorate node --record FILE` wrote.");
  }
  if (const Bytes expected = opening_bytes(kVersion); found != expected) {
    const auto version = crypto::decode<std::uint32_t>(ByteView(found).subspan(kMagic.size()));
    return fail(ErrorKind::kUnsupported, "recording-other-version",
                fmt::format("Found a recording of version {}, expected {}", version.value_or(0),
                            kVersion),
                "Replay it with the version of quorate that recorded it.");
  }
  position_ = found.size();
  check_ = crypto::sha256(found);
  return {};
}

Result<std::optional<Bytes>> RecordChainReader::next() {
  const auto ends = [this](const Bytes& last) -> std::optional<Bytes> {
    is_cut_ = is_cut_ || !last.empty();
    return std::nullopt;
  };
  Bytes head;
  if (!read(head, kHeadBytes)) return ends(head);
  const ByteView length = ByteView(head).first(4);
  const Bytes mark = mark_of(check_, length);
  if (!std::equal(mark.begin(), mark.end(), head.begin() + 4)) return altered("length");
  const std::uint32_t count = crypto::decode<std::uint32_t>(length).value_or(0);
  if (count == 0 || count > kRecordBytesMax) return altered("length");
  Bytes payload;
  Bytes check;
  if (!read(payload, count) || !read(check, check_.bytes.size())) return ends(head);
  const crypto::Digest expected = check_of(check_, length, payload);
  if (!std::equal(check.begin(), check.end(), expected.bytes.begin())) return altered("bytes");
  check_ = expected;
  position_ += head.size() + payload.size() + check.size();
  return payload;
}

tl::unexpected<Error> RecordChainReader::altered(std::string_view what) const {
  return fail(ErrorKind::kCorrupt, "recording-altered",
              fmt::format("The {} of the record at byte {} are not those that were written: "
                          "something was changed, left out or added there",
                          what, position_),
              "Take another copy of the recording; what stands before that byte is good.");
}

}  // namespace quorate::node
