// Keys of a file's rows that nothing reads. They are said once a file, with the nearest name that
// is read: a column with a slip in its name must not be dropped without a word.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/encoding/message.h"

namespace amalgam::pipeline {

class UnusedKeys {
 public:
  explicit UnusedKeys(std::string file) : file_(std::move(file)) {}

  // Of one row: all of its keys, and those that are read. `near`: what others may have meant;
  // without it those that are read.
  void add_row(const std::vector<std::string>& keys, const std::vector<std::string>& known,
               const std::vector<std::string>& near = {});
  void add_messages(const std::vector<model::UnusedMessageKey>& unused);
  void add_all(const UnusedKeys& others);  // what is known of other rows
  // Another thing to know about the file.
  void add(const std::string& text) { ++rows_[text]; }

  // "rows.jsonl: column \"x\" is not used (3 rows)", …
  std::vector<std::string> lines() const;
  void say() const;  // the lines, as warnings

 private:
  std::string file_;
  std::map<std::string, int64_t> rows_;  // number of rows, by what is said
};

}  // namespace amalgam::pipeline
