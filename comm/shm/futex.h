#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace rensa::shm {

/// Sleeps while `word` holds `value`, at most `limit`; may return early. Works between processes that share the memory.
void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t value, std::chrono::milliseconds limit);
/// Wakes all that sleep on `word`.
void futex_wake_all(const std::atomic<std::uint32_t>& word);

}  // namespace rensa::shm
