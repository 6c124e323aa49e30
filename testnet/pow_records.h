#pragma once

// A file of records that only grows: length:u32 kind:u8 payload check:4, the length that of kind
// and payload (little-endian), the check the first bytes of their SHA-256.
//
// A crash can cut the last record off, or leave other bytes in its place; that is dropped. Anything
// else that does not fit is damage and refused. Pure functions but for `append_synced`.

#include <cstdint>
#include <filesystem>
#include <vector>

#include "crypto/bytes.h"

namespace quorate::testnet {

struct Record {
  std::uint8_t kind = 0;
  ByteView payload;  // into the bytes that were read
};

// Precondition: kind and payload have fewer than 2^32 bytes.
void put_record(Bytes& out, std::uint8_t kind, ByteView payload);

struct Records {
  std::vector<Record> records;
  std::size_t good_bytes = 0;  // what is after them is a record that was cut off
};
// Error: "pow-records-corrupt" (kCorrupt), with the offset.
[[nodiscard]] Result<Records> read_records(ByteView bytes);

// Cuts the file to `keep` bytes, appends and syncs; makes the file if it is absent. Error:
// "file-write-failed" (kEnvironment).
[[nodiscard]] Status append_synced(const std::filesystem::path& file, std::size_t keep,
                                   ByteView bytes);

}  // namespace quorate::testnet
