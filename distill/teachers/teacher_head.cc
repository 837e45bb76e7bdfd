#include "distill/teachers/teacher_head.h"

#include <algorithm>
#include <exception>
#include <mutex>

#include "configs/clock.h"

namespace amalgam::distill {

const float* TeacherHead::rows(kernels::ThreadPool& pool, int64_t begin, int64_t end) {
  tile_.resize(static_cast<size_t>((end - begin) * source_.cols));
  read(pool, begin, end, tile_.data());
  return tile_.data();
}

kernels::Buffer<float> TeacherHead::load(kernels::ThreadPool& pool) const {
  kernels::Buffer<float> head(static_cast<size_t>(source_.rows * source_.cols));
  read(pool, 0, source_.rows, head.data());
  return head;
}

void TeacherHead::read(kernels::ThreadPool& pool, int64_t begin, int64_t end, float* out) const {
  const auto start = Clock::now();
  constexpr int64_t kStep = model::RowReader::kRowsAtATime;
  std::mutex mutex;
  std::exception_ptr failure;  // tasks must not throw
  pool.run((end - begin + kStep - 1) / kStep, [&](int64_t i) {
    const int64_t first = begin + i * kStep;
    try {
      reader_.read(source_, first, std::min(first + kStep, end),
                   out + (first - begin) * source_.cols);
    } catch (...) {
      const std::scoped_lock lock(mutex);
      failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
  seconds_ += seconds_since(start);
}

}  // namespace amalgam::distill
