#include "configs/log/console.h"

#include <iostream>

namespace amalgam::log {

void Console::line(const std::string& text) {
  const std::lock_guard lock(mutex_);
  // In one piece: other processes write to the same terminal.
  out_ << (status_.empty() ? text + "\n" : "\r\x1b[K" + text + "\n" + status_) << std::flush;
}

void Console::status(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (!text.empty())
    out_ << "\r" + text + "\x1b[K" << std::flush;
  else if (!status_.empty())
    out_ << std::endl;
  status_ = text;
  has_status_ = !text.empty();
}

Console& standard_error() {
  static Console* const console = new Console(std::cerr);  // threads may write to the very end
  return *console;
}

}  // namespace amalgam::log
