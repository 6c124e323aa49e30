#pragma once

// Where `--trace FILE` puts a run, in the form that the file's ending asks for.
//
//   FILE.html      a page to look at (testnet/picture.h)
//   FILE.shiviz    a causal log (testnet/causal_log.h)
//   anything else  a line an event (testnet/trace_text.h)

#include <fstream>
#include <functional>
#include <optional>
#include <string>

#include "crypto/result.h"
#include "testnet/causal_log.h"
#include "testnet/picture.h"

namespace quorate::testnet {

// Not thread-safe. Without a path it does nothing.
class TraceFile {
 public:
  // Makes the file, so that one which cannot be written is known before the run. Error of both:
  // "trace-write-failed" (kEnvironment).
  [[nodiscard]] Status open(const std::optional<std::string>& path);
  // To be called with every event; this outlives it. Null: nobody wants them.
  [[nodiscard]] std::function<void(const TraceEvent&)> listener();
  // Writes what is not written yet. The heading is for a page only.
  [[nodiscard]] Status close(const Picture::Heading& heading);

 private:
  [[nodiscard]] Status flush();

  std::string path_;
  std::ofstream out_;
  std::optional<Picture> picture_;
  std::optional<CausalLog> causal_;
};

}  // namespace quorate::testnet
