#pragma once

// How much of a walk through very many cases a sanitized build does. There each costs several times
// as much, and what a sanitizer would find shows in a part of them; the dev preset walks all.

#include <cstdint>

namespace quorate::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kIsSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif
#else
inline constexpr bool kIsSanitized = false;
#endif

// One case in so many.
inline constexpr std::uint32_t kStride = kIsSanitized ? 5 : 1;

}  // namespace quorate::test
