// Reads the lines that a child writes to its stderr, on a thread.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace amalgam::log {

class LinePipe {
 public:
  // take() is called on that thread. A longer line comes in pieces. Throws Error.
  explicit LinePipe(std::function<void(std::string_view)> take);
  ~LinePipe();  // finish()
  LinePipe(const LinePipe&) = delete;
  LinePipe& operator=(const LinePipe&) = delete;

  // For the child; close-on-exec, as all ends.
  int child_end() const { return child_end_; }
  // Once the child has it.
  void close_child_end();
  // Returns when all that has been written was taken; nothing is read afterwards. A child that
  // ended has written all.
  void finish();

 private:
  void read_lines();
  void take_pieces(bool at_end);

  const std::function<void(std::string_view)> take_;
  int read_end_ = -1, child_end_ = -1, stop_event_ = -1;
  std::string buffered_;
  std::thread thread_;
};

}  // namespace amalgam::log
