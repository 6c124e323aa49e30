#include "crypto/result.h"

namespace quorate {

std::string Error::to_string() const {
  std::string text = message;
  if (text.ends_with('.')) text.pop_back();
  text.append(" (").append(code).append(").");
  if (!next.empty()) text.append(" ").append(next);
  return text;
}

}  // namespace quorate
