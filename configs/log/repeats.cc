#include "configs/log/repeats.h"

#include <algorithm>

namespace amalgam::log {
namespace {

bool is_same(const Line& a, const Line& b) {
  return a.level == b.level && a.part == b.part && a.audience == b.audience && a.text == b.text &&
         a.process == b.process && a.place == b.place;
}

bool is_printed_by(const Line& line, const std::string& process) {
  return line.audience == Audience::kPrinted && line.process == process;
}

}  // namespace

Line Repeats::counted(Seen& seen, std::chrono::system_clock::time_point now) {
  Line line = seen.line;
  line.time = now;
  line.text +=
      seen.count == 1 ? " (repeated once)" : " (repeated " + std::to_string(seen.count) + " times)";
  seen.count = 0;
  return line;
}

std::vector<Line> Repeats::add(const Line& line) {
  std::vector<Line> out;
  for (auto it = seen_.begin(); it != seen_.end();) {
    if (line.time < it->since + kWindow) {
      ++it;
    } else if (it->count > 0) {
      out.push_back(counted(*it, line.time));
      it->since = line.time;
      ++it;
    } else {
      it = seen_.erase(it);
    }
  }
  const auto same = std::find_if(seen_.begin(), seen_.end(),
                                 [&](const Seen& seen) { return is_same(seen.line, line); });
  if (same != seen_.end()) {
    ++same->count;
    return out;
  }
  if (line.audience == Audience::kPrinted) {
    for (Seen& seen : seen_)
      if (is_printed_by(seen.line, line.process) && seen.count > 0)
        out.push_back(counted(seen, line.time));
    seen_.remove_if([&](const Seen& seen) { return is_printed_by(seen.line, line.process); });
  }
  if (seen_.size() == kMost) {
    if (seen_.front().count > 0) out.push_back(counted(seen_.front(), line.time));
    seen_.pop_front();
  }
  seen_.push_back({line, line.time});
  out.push_back(line);
  return out;
}

std::vector<Line> Repeats::finish() {
  std::vector<Line> out;
  for (Seen& seen : seen_)
    if (seen.count > 0) out.push_back(counted(seen, std::chrono::system_clock::now()));
  seen_.clear();
  return out;
}

}  // namespace amalgam::log
