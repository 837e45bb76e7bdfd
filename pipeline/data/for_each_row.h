// Work on many rows with all threads.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "kernels/device/thread_pool.h"

namespace amalgam::pipeline {

// Calls f(0) … f(num_rows - 1) on the pool's threads; f(i) writes only what belongs to i. An Error
// ends the work after the rows that are under way: that of the first row is thrown, whatever the
// number of threads. Work of more than a second shows its progress under the name `what`. Throws
// Interrupted on Ctrl-C.
void for_each_row(kernels::ThreadPool& pool, const std::string& what, int64_t num_rows,
                  const std::function<void(int64_t row)>& f);

}  // namespace amalgam::pipeline
