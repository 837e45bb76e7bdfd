// Rows as JSON texts, many in one piece of memory.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::pipeline {

class RowBatch {
 public:
  // `number`: the row's line, element or row in its file, from 1.
  void add(int64_t number, std::string_view text) {
    rows_.push_back({number, bytes_.size(), bytes_.size() + text.size()});
    bytes_ += text;
  }
  void clear() { bytes_.clear(), rows_.clear(); }
  size_t size() const { return rows_.size(); }
  bool is_full() const { return rows_.size() >= kMaxRows || bytes_.size() >= kMaxBytes; }
  int64_t number(size_t i) const { return rows_[i].number; }
  std::string_view text(size_t i) const {
    return std::string_view(bytes_).substr(rows_[i].begin, rows_[i].end - rows_[i].begin);
  }

 private:
  static constexpr size_t kMaxRows = 8192, kMaxBytes = 4 << 20;
  struct Place {
    int64_t number;
    size_t begin, end;
  };
  std::string bytes_;
  std::vector<Place> rows_;
};

// Takes one row after the other.
using RowSink = std::function<void(int64_t number, std::string_view text)>;

}  // namespace amalgam::pipeline
