// What was made of files of rows: `amalgam data check`.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/data/forms/row_reader.h"

namespace amalgam::pipeline {

class FormReport {
 public:
  // The first `num_shown` good rows are kept as they are shown.
  explicit FormReport(size_t num_shown) : num_shown_(num_shown) {}

  void add(ReadRow&& row);
  // After the last row.
  void finish(const ReadSummary& summary);
  // Instead of the rest: the files cannot be used.
  void refuse(const std::string& why);

  struct Bad {
    std::string file;
    int64_t number;
    std::string why;
    std::string where() const { return file + ":" + std::to_string(number); }
  };
  bool ok() const { return bad_.empty() && refusal_.empty(); }
  int64_t num_rows() const { return num_rows_; }
  const std::string& refusal() const { return refusal_; }
  const std::vector<Bad>& bad() const { return bad_; }
  // By field; of the good rows.
  const std::map<std::string, std::vector<std::string>>& understood() const {
    return good_.understood;
  }
  std::vector<std::string> passed() const;
  std::vector<std::string> ignored() const;
  const std::vector<std::pair<std::string, UnderstoodRow>>& shown() const { return good_.shown; }

  // `is_single`: bad rows are told by their number alone, without a file.
  std::string to_json(bool is_single) const;

 private:
  // What is known of some rows.
  struct Known {
    std::map<std::string, std::vector<std::string>> understood;
    std::vector<std::string> passed, ignored;
    std::vector<std::pair<std::string, UnderstoodRow>> shown;  // with their places
    std::vector<int64_t> orders;                               // of `shown`: which rows they are

    void add(const Known& other, size_t num_shown);
  };
  std::vector<std::string> unused(const std::vector<std::string>& columns) const;

  const size_t num_shown_;
  int64_t num_rows_ = 0;
  Known good_, without_truth_;
  // Rows that are bad if another has a ground truth.
  std::vector<std::pair<size_t, int64_t>> lack_truth_;  // file, number
  std::vector<std::string> files_;
  std::vector<Bad> bad_;
  std::vector<int64_t> bad_files_;  // of bad_: index in files_
  std::string refusal_;
};

}  // namespace amalgam::pipeline
