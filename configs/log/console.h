// What people see on stderr: lines that stay, and on a terminal one that is drawn over.
#pragma once
#include <atomic>
#include <iosfwd>
#include <mutex>
#include <string>

namespace amalgam::log {

// Safe for use by several threads.
class Console {
 public:
  // The stream must outlive this.
  explicit Console(std::ostream& out) : out_(out) {}

  void line(const std::string& text);
  // In place of the last one; line() goes above it. Empty: the last one stays.
  void status(const std::string& text);
  bool has_status() const { return has_status_; }  // safe in a signal's handler

 private:
  std::ostream& out_;
  std::mutex mutex_;  // guards what follows
  std::string status_;
  std::atomic<bool> has_status_{false};
};

Console& standard_error();

}  // namespace amalgam::log
