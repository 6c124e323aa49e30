// quorate version, and the text of --version

#include <fmt/format.h>

#include <boost/json/object.hpp>

#include "generated/build_info.h"
#include "ledger/genesis.h"
#include "ledger/leveldb_open.h"
#include "ledger/receipt.h"
#include "node/commands/registry.h"
#include "node/peers.h"

namespace quorate::node {

std::string version_text() {
  std::string kind(build::kBuildType);
  if (!build::kSanitizers.empty()) kind += fmt::format(" with {}", build::kSanitizers);
  return fmt::format(
      "quorate {}{}\nbuild {}, {}\nformats: genesis {}, store {}, receipt {}, wire {}",
      build::kVersion, build::kCommit.empty() ? "" : fmt::format(" ({})", build::kCommit), kind,
      build::kCompiler, ledger::kGenesisFormat, ledger::kLedgerFormat, ledger::kReceiptFormat,
      kWireVersion);
}

void add_version_command(CommandLine& line) {
  line.add({.path = "version",
            .sentence = "Print version, build and formats",
            .example = "  quorate version --json",
            .run = [](Console& console) -> Result<ExitCode> {
              console.line(version_text());
              console.json(boost::json::object{{"version", build::kVersion},
                                               {"commit", build::kCommit},
                                               {"build", build::kBuildType},
                                               {"compiler", build::kCompiler},
                                               {"sanitizers", build::kSanitizers},
                                               {"genesis_format", ledger::kGenesisFormat},
                                               {"store_format", ledger::kLedgerFormat},
                                               {"receipt_format", ledger::kReceiptFormat},
                                               {"wire_version", kWireVersion}});
              return ExitCode::kSuccess;
            }});
}

}  // namespace quorate::node
