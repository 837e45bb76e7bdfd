// A race that ThreadSanitizer must see (tests.cmake), or its silence about all else says nothing.
#include <atomic>
#include <cstdio>

#include "kernels/device/thread_pool.h"

int main() {
  amalgam::kernels::ThreadPool pool(2);
  std::atomic<int> inside{0};
  std::atomic<bool> first_wrote{false};
  int sum = 0;
  // Relaxed throughout, so that nothing here puts the two writes in order.
  pool.run(2, [&](int64_t i) {
    inside.fetch_add(1, std::memory_order_relaxed);
    while (inside.load(std::memory_order_relaxed) < 2) {  // two tasks at once are in two threads
    }
    // One after the other by the clock: of two writes in the same instant the sanitizer's records
    // may miss each other.
    while (i == 1 && !first_wrote.load(std::memory_order_relaxed)) {
    }
    ++sum;
    first_wrote.store(true, std::memory_order_relaxed);
  });
  std::printf("%d\n", sum);
}
