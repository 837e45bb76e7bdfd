#include "pipeline/data/for_each_row.h"

#include <algorithm>
#include <exception>
#include <vector>

#include "configs/clock.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/progress.h"

namespace amalgam::pipeline {

void for_each_row(kernels::ThreadPool& pool, const std::string& what, int64_t num_rows,
                  const std::function<void(int64_t row)>& f) {
  constexpr double kQuietSeconds = 1;
  constexpr int64_t kRowsPerThread = 64;  // between two looks at the clock
  const auto begin = Clock::now();
  Progress progress(what, num_rows, 0, "row");
  bool is_shown = false;
  std::vector<std::exception_ptr> errors;
  for (int64_t done = 0; done < num_rows;) {
    if (interrupted()) throw Interrupted{};
    const int64_t n = std::min(num_rows - done, kRowsPerThread * pool.num_threads());
    errors.assign(static_cast<size_t>(n), nullptr);
    pool.run(n, [&](int64_t i) {
      try {
        f(done + i);
      } catch (...) {
        errors[static_cast<size_t>(i)] = std::current_exception();
      }
    });
    for (const std::exception_ptr& error : errors)
      if (error) std::rethrow_exception(error);
    done += n;
    is_shown = is_shown || (done < num_rows && seconds_since(begin) > kQuietSeconds);
    if (is_shown) progress.update(done);
  }
}

}  // namespace amalgam::pipeline
