// ThreadPool: one fixed set of threads for all kernels. run(n, f) calls f(0) … f(n-1), each once,
// on any thread, and returns when all are done; the caller works too. Tasks are handed out
// dynamically, so f(i) must write only what belongs to i: then the result cannot depend on the
// number of threads. run() is not re-entrant and is called from one thread at a time. Tasks must
// not throw. Workers spin for a few microseconds (a decode step has hundreds of short regions) and
// then sleep.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace amalgam::kernels {

class ThreadPool {
 public:
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return static_cast<int>(workers_.size()) + 1; }

  template <class F>
  void run(int64_t num_tasks, const F& f) {
    if (num_tasks <= 0) return;
    if (workers_.empty() || num_tasks == 1) {
      for (int64_t i = 0; i < num_tasks; ++i) f(i);
      return;
    }
    dispatch(
        num_tasks, [](const void* ctx, int64_t i) { (*static_cast<const F*>(ctx))(i); }, &f);
  }

  // Splits [0, n) into ranges of at least `grain` and calls f(begin, end) on each.
  template <class F>
  void ranges(int64_t n, int64_t grain, const F& f) {
    if (n <= 0) return;
    const int64_t max_tasks = 4 * num_threads();
    int64_t step = (n + max_tasks - 1) / max_tasks;
    if (step < grain) step = grain;
    if (num_threads() == 1 || n <= step) return f(int64_t{0}, n);
    run((n + step - 1) / step,
        [&](int64_t i) { f(i * step, (i + 1) * step < n ? (i + 1) * step : n); });
  }

 private:
  using Call = void (*)(const void*, int64_t);
  void dispatch(int64_t num_tasks, Call call, const void* ctx);
  void work(int64_t generation_seen);
  void drain(Call call, const void* ctx, int64_t num_tasks);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // Each on its own cache line: spinning on one must not slow the others.
  alignas(64) std::atomic<int64_t> generation_{0};
  alignas(64) std::atomic<int64_t> next_task_{0};
  alignas(64) std::atomic<int> busy_{0};
  std::atomic<bool> stop_{false};
  Call call_ = nullptr;
  const void* ctx_ = nullptr;
  int64_t num_tasks_ = 0;
};

}  // namespace amalgam::kernels
