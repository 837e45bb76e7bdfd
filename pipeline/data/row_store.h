// Rows as JSON, any number of them: the first in memory, the others in a file without a name, so
// that a run with millions of rows needs memory for their places alone.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::pipeline {

class RowStore {
 public:
  RowStore();
  // Copies share the bytes, and each has its own rows of them.

  // Throws Error when the disk is full.
  void add(std::string_view json);
  size_t size() const { return places_.size(); }
  bool empty() const { return places_.empty(); }
  // By any thread, once all rows are added.
  std::string json(size_t i) const;

 private:
  class Bytes;
  struct Place {
    uint64_t begin, size;
  };
  std::shared_ptr<Bytes> bytes_;
  std::vector<Place> places_;
};

}  // namespace amalgam::pipeline
