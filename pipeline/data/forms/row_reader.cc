#include "pipeline/data/forms/row_reader.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <vector>

#include "configs/clock.h"
#include "configs/error.h"
#include "pipeline/data/forms/arrow_rows.h"
#include "pipeline/data/forms/byte_source.h"
#include "pipeline/data/forms/parse_json.h"
#include "pipeline/data/forms/row_batch.h"
#include "pipeline/data/forms/text_rows.h"
#include "pipeline/run_store/interrupt.h"
#include "pipeline/run_store/progress.h"

namespace amalgam::pipeline {
namespace {

std::string joined_problems(const std::vector<std::string>& problems) {
  std::string text;
  for (size_t i = 0; i < problems.size(); ++i)
    if (std::find(problems.begin(), problems.begin() + static_cast<std::ptrdiff_t>(i),
                  problems[i]) == problems.begin() + static_cast<std::ptrdiff_t>(i))
      text += (text.empty() ? "" : "; ") + problems[i];
  return text;
}

class Reading {
 public:
  Reading(const ReadOptions& options, kernels::ThreadPool& pool,
          const std::function<void(ReadRow&&)>& sink)
      : options_(options), pool_(pool), sink_(sink) {}

  ReadSummary run(const InputFiles& files) {
    for (const InputFile& file : files.all) {
      file_ = &file.name;
      for (const std::string& path : file.files) read_file(path);
      flush();
      offset_ = 0;
    }
    const std::string& name = files.all.front().name;
    const std::string what = files.all.size() == 1 ? name : name + " …";
    if (summary_.num_rows == 0)
      throw Error(what + ": no rows; the " + (files.all.size() == 1 ? "file is" : "files are") +
                  " empty");
    if (has_object_ && !has_form_) {
      const UnderstoodRow none =
          understand_row(Value(Value::Object()), "{}", options_.use);  // for its words
      throw Error(what + ": " +
                  (options_.use == RowUse::kPrompt ? "no row has a prompt; "
                                                   : "no row has messages to learn from; ") +
                  none.problems[0]);
    }
    return summary_;
  }

 private:
  void read_file(const std::string& path) {
    FileBytes file(path);
    const FileKind kind = file.kind();
    if (advice(kind)[0])
      throw Error(*file_ + ": is " + to_string(kind) + ", which is not read; " + advice(kind));
    bytes_ = &file;
    int64_t last = 0;
    const RowSink add = [&](int64_t number, std::string_view text) {
      last = number;
      batch_.add(offset_ + number, text);
      if (batch_.is_full()) flush();
    };
    switch (kind) {
      case FileKind::kParquet:
      case FileKind::kArrowFile:
      case FileKind::kArrowStream:
        bytes_ = nullptr;
        read_arrow_rows(path, kind, options_.python, &num_expected_, add);
        break;
      default: {
        const std::unique_ptr<ByteSource> text = unpacked(&file);
        read_text_rows(path, text.get(), add);
      }
    }
    flush();
    bytes_ = nullptr;
    offset_ += last;
  }

  void understand(size_t i, ReadRow* row) const {
    row->file = file_;
    row->number = batch_.number(i);
    const std::string_view text = batch_.text(i);
    JsonResult json = parse_json(text);
    if (json.fault != JsonFault::kNone) {
      row->problem = json.why;
      return;
    }
    if (!json.value.is_object()) {
      row->problem = "a row must be a JSON object";
      return;
    }
    row->understood = understand_row(std::move(json.value), text, options_.use);
    row->problem = joined_problems(row->understood.problems);
    if (!row->problem.empty() || !options_.check) return;
    try {
      options_.check(row);
    } catch (const std::exception& e) {
      row->problem = e.what();
    }
  }

  // Understands the batch on all threads, and hands it on in order.
  void flush() {
    if (interrupted()) throw Interrupted{};
    const auto n = static_cast<int64_t>(batch_.size());
    if (n == 0) return;
    std::vector<ReadRow> rows(batch_.size());
    std::vector<std::exception_ptr> errors(batch_.size());
    constexpr int64_t kSlice = 256;
    pool_.run((n + kSlice - 1) / kSlice, [&](int64_t slice) {
      for (int64_t i = slice * kSlice; i < std::min(n, (slice + 1) * kSlice); ++i) {
        const auto at = static_cast<size_t>(i);
        try {
          understand(at, &rows[at]);
        } catch (...) {
          errors[at] = std::current_exception();
        }
      }
    });
    for (size_t i = 0; i < rows.size(); ++i) {
      if (errors[i]) rethrow(errors[i], rows[i]);
      ++summary_.num_rows;
      const UnderstoodRow& u = rows[i].understood;
      has_object_ = has_object_ || !u.row.json.empty();
      has_form_ = has_form_ || u.has_form;
      summary_.needs_truth = summary_.needs_truth || u.has_truth;
      sink_(std::move(rows[i]));
    }
    batch_last_ = rows.back().number;
    batch_.clear();
    show_progress();
  }

  [[noreturn]] static void rethrow(const std::exception_ptr& error, const ReadRow& row) {
    try {
      std::rethrow_exception(error);
    } catch (const RefusedRow& refused) {
      throw Error(*row.file + ": its rows " + refused.why + " (row " + std::to_string(row.number) +
                  ")");
    }
  }

  void show_progress() {
    constexpr double kQuietSeconds = 1;
    if (!progress_ && seconds_since(begin_) < kQuietSeconds) return;
    constexpr int64_t kMiB = 1 << 20;
    const int64_t total = bytes_ ? bytes_->size() / kMiB : num_expected_;
    if (total == 0) return;
    const int64_t done = bytes_ ? bytes_->num_read() / kMiB : batch_last_;
    if (shown_ != file_) {
      progress_.reset();
      shown_ = file_;
      progress_.emplace("reading " + *file_, total, done, bytes_ ? "MiB" : "row");
    }
    progress_->update(done, std::to_string(summary_.num_rows) + " rows");
  }

  const ReadOptions& options_;
  kernels::ThreadPool& pool_;
  const std::function<void(ReadRow&&)>& sink_;
  const std::string* file_ = nullptr;
  const FileBytes* bytes_ = nullptr;  // of a text file, while it is read
  int64_t offset_ = 0;                // rows of the folder's files before this one
  RowBatch batch_;
  int64_t batch_last_ = 0, num_expected_ = 0;  // 0: not known
  ReadSummary summary_;
  bool has_object_ = false, has_form_ = false;
  const Clock::time_point begin_ = Clock::now();
  std::optional<Progress> progress_;
  const std::string* shown_ = nullptr;
};

}  // namespace

ReadSummary read_rows(const InputFiles& files, const ReadOptions& options,
                      kernels::ThreadPool& pool, const std::function<void(ReadRow&&)>& sink) {
  return Reading(options, pool, sink).run(files);
}

Row row_from_json(const std::string& json, RowUse use, const std::string& where) {
  JsonResult parsed = parse_json(json);
  if (parsed.fault != JsonFault::kNone) throw Error(where + ": " + parsed.why);
  if (!parsed.value.is_object()) throw Error(where + ": a row must be a JSON object");
  UnderstoodRow row;
  try {
    row = understand_row(std::move(parsed.value), json, use);
  } catch (const RefusedRow& refused) {
    throw Error(where + ": rows " + refused.why);
  }
  if (!row.problems.empty()) throw Error(where + ": " + joined_problems(row.problems));
  return std::move(row.row);
}

}  // namespace amalgam::pipeline
