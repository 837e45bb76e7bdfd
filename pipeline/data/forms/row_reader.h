// Rows of files as people have them: every command that reads rows does it here.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "kernels/device/thread_pool.h"
#include "pipeline/data/forms/input_files.h"
#include "pipeline/data/forms/understood_row.h"

namespace amalgam::pipeline {

struct ReadRow {
  const std::string* file = nullptr;  // as the argument spells it
  int64_t number = 0;                 // line, element or row of it, from 1
  // Why it cannot be used, in one line without its place; empty: it can, unless it lacks_truth and
  // another row has one.
  std::string problem;
  UnderstoodRow understood;

  std::string where() const { return *file + ":" + std::to_string(number); }
};

struct ReadOptions {
  RowUse use = RowUse::kPrompt;
  std::string python;  // the interpreter for parquet and Arrow
  // Called for every row without a problem, on the pool's threads; may give it one. What it throws
  // becomes the problem.
  std::function<void(ReadRow*)> check = nullptr;
};

struct ReadSummary {
  int64_t num_rows = 0;
  // Whether a row that lacks_truth is bad.
  bool needs_truth = false;
};

// Reads the rows in their order; the memory that is needed does not grow with the files. Throws
// Error that begins with the file's name when a file cannot be used at all, and when there are no
// rows; the rows that sink() had before count for nothing then. Reading that takes more than a
// second shows its progress. Throws Interrupted on Ctrl-C.
ReadSummary read_rows(const InputFiles& files, const ReadOptions& options,
                      kernels::ThreadPool& pool, const std::function<void(ReadRow&&)>& sink);

// A row that was read before, from its JSON. Throws Error, beginning with `where`.
Row row_from_json(const std::string& json, RowUse use, const std::string& where);

}  // namespace amalgam::pipeline
