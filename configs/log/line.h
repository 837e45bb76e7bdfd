// One line of the log, and what it looks like.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "configs/log_levels.h"

namespace amalgam::log {

// Where a run is.
struct Place {
  std::string stage;
  int64_t step = -1;  // none
  bool operator==(const Place&) const = default;
};

enum class Audience {
  kFile,     // people who look
  kConsole,  // and those who wait
  kPrinted,  // what a child printed: the console's where there is no file
};

struct Line {
  std::chrono::system_clock::time_point time = std::chrono::system_clock::now();
  Level level = Level::kInfo;
  Part part = Part::kRun;
  Audience audience = Audience::kFile;
  std::string process = "main";  // who says it: "worker 1", "worker 1, reward dates"
  Place place = {};
  std::string text = {};  // without control characters, valid UTF-8, at most kMaxText bytes
};

// With its header and time a line is written in one piece, into a pipe too.
constexpr size_t kMaxText = 3000;

// "[worker 1] [rl-math 12] reward: TEXT"
std::string text_of(const Line& line);
// "process":"worker 1","part":"reward","stage":"rl-math","step":12,"text":"TEXT"
std::string json_of(const Line& line);

// A line on its way from a worker to its controller, on the worker's stderr; ends with a line
// break. The time is that of its arrival.
std::string relayed(const Line& line);
std::optional<Line> parse_relayed(std::string_view text);  // none: it is something else

// Any bytes as a line's text.
std::string clean_text(std::string_view text);

}  // namespace amalgam::log
