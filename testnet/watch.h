#pragma once

// What happens in a testnet, a line an event, for the person who looks at `quorate testnet up`.

#include "node/commands/console.h"
#include "node/network_folder.h"
#include "testnet/interrupt.h"
#include "testnet/view.h"

namespace quorate::testnet {

// The events between two looks: processes that came or went, views, heights, ledgers that differ.
[[nodiscard]] std::vector<std::string> changes(const TestnetView& before, const TestnetView& after);

// Prints them until a signal comes, which it returns, or the testnet is taken down from elsewhere
// (0).
[[nodiscard]] int watch(node::Console& console, const node::NetworkFolder& folder,
                        Interrupt& interrupt);

}  // namespace quorate::testnet
