#include "kernels/device/thread_pool.h"

#include <immintrin.h>

namespace amalgam::kernels {
namespace {
constexpr int kSpins = 4000;  // longer than the scalar work between two regions
// busy_ counts the workers inside the region, and holds this flag while more may enter. So nobody
// waits for a worker that the kernel schedules late: on a busy machine that would cost more than
// the work itself.
constexpr int kOpen = 1 << 30;
}  // namespace

ThreadPool::ThreadPool(int num_threads) {
  for (int i = 1; i < num_threads; ++i) workers_.emplace_back([this] { work(0); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    ++generation_;
  }
  wake_.notify_all();
  for (auto& w : workers_) w.join();
}

void ThreadPool::drain(Call call, const void* ctx, int64_t num_tasks) {
  for (int64_t i; (i = next_task_.fetch_add(1, std::memory_order_relaxed)) < num_tasks;)
    call(ctx, i);
}

void ThreadPool::dispatch(int64_t num_tasks, Call call, const void* ctx) {
  call_ = call, ctx_ = ctx, num_tasks_ = num_tasks;
  next_task_.store(0, std::memory_order_relaxed);
  busy_.store(kOpen, std::memory_order_release);
  {
    std::lock_guard lock(mutex_);
    generation_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  drain(call, ctx, num_tasks);
  busy_.fetch_and(~kOpen, std::memory_order_acquire);
  // Workers inside have a task each. If the kernel took one's core, yield rather than burn ours.
  for (int spin = 0; busy_.load(std::memory_order_acquire) > 0; ++spin) {
    if (spin < kSpins)
      _mm_pause();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::work(int64_t seen) {
  for (;;) {
    int64_t now = seen;
    for (int spin = 0; spin < kSpins; ++spin) {
      now = generation_.load(std::memory_order_acquire);
      if (now != seen) break;
      _mm_pause();
    }
    if (now == seen) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
      now = generation_.load(std::memory_order_acquire);
    }
    if (stop_.load()) return;
    seen = now;
    for (int busy = busy_.load(std::memory_order_relaxed); busy & kOpen;) {
      if (!busy_.compare_exchange_weak(busy, busy + 1, std::memory_order_acquire,
                                       std::memory_order_relaxed))
        continue;
      drain(call_, ctx_, num_tasks_);
      busy_.fetch_sub(1, std::memory_order_release);
      break;
    }
  }
}

}  // namespace amalgam::kernels
