#pragma once

namespace rensa::testing {

/// True in a build with the thread sanitizer. It cannot see libgomp's synchronisation, so a test that needs two OpenMP
/// threads is skipped there.
#ifdef __SANITIZE_THREAD__
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

}  // namespace rensa::testing
