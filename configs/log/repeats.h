// Lines that come again and again are counted: the first is written at once, then one line in ten
// seconds says how often it was repeated. What a child prints, which may be a traceback, stays as
// it is but for a line that follows itself.
#pragma once
#include <list>
#include <vector>

#include "configs/log/line.h"

namespace amalgam::log {

class Repeats {
 public:
  static constexpr std::chrono::seconds kWindow{10};
  static constexpr size_t kMost = 64;  // different lines that are remembered

  // What is to be written now that this line has come: counts that are due, and the line itself if
  // it is new. By the lines' times.
  std::vector<Line> add(const Line& line);
  // The counts that were not written yet.
  std::vector<Line> finish();

 private:
  struct Seen {
    Line line;
    std::chrono::system_clock::time_point since;
    int64_t count = 0;
  };
  static Line counted(Seen& seen, std::chrono::system_clock::time_point now);

  std::list<Seen> seen_;  // in the order of their coming
};

}  // namespace amalgam::log
