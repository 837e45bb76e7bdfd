// A race that ThreadSanitizer must see (tests.cmake), or its silence about all else says nothing.
#include <atomic>
#include <cstdio>

#include "kernels/device/thread_pool.h"

int main() {
  amalgam::kernels::ThreadPool pool(2);
  std::atomic<int> inside{0};
  int sum = 0;
  pool.run(2, [&](int64_t) {
    // Relaxed, so that meeting here puts nothing in order.
    inside.fetch_add(1, std::memory_order_relaxed);
    while (inside.load(std::memory_order_relaxed) < 2) {
    }
    ++sum;
  });
  std::printf("%d\n", sum);
}
