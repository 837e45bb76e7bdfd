// The output of a command that makes rows from rows, one by one, and may go on where it was killed.
// While they are made, OUT.resume beside it says from what: rows of another model, input or option
// must not follow them.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "configs/numerics_config.h"
#include "kernels/device/thread_pool.h"
#include "pipeline/data/jsonl.h"

namespace amalgam::pipeline {

// What decides the rows of a command that runs a model on the rows of `in`, by checksum.
std::vector<std::pair<std::string, std::string>> rows_made_from(
    const std::string& command, kernels::ThreadPool& pool, const std::string& model,
    const std::string& in, const configs::NumericsConfig& numerics);

class ResumedRows {
 public:
  // made_from: name and value of all that decides the rows; num_rows: of the input. Without
  // `resume` an output that is there is replaced. Throws Error, changing nothing, where what is
  // there is not the beginning of the same.
  ResumedRows(const std::string& out, const std::string& in,
              const std::vector<std::pair<std::string, std::string>>& made_from, size_t num_rows,
              bool resume);
  size_t num_there() const { return num_there_; }  // rows that need not be made
  void write(const std::string& row) { writer_->write(row); }
  void finish();  // Error when the disk did not take all of it

 private:
  std::string mark_;  // OUT.resume; empty: of a stream
  size_t num_there_ = 0;
  std::unique_ptr<RowWriter> writer_;
};

}  // namespace amalgam::pipeline
