#include "pipeline/run_store/progress.h"

#include <spdlog/fmt/fmt.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "configs/clock.h"

namespace amalgam::pipeline {
namespace {

constexpr double kTerminalInterval = 0.1, kPlainInterval = 10;  // seconds

}  // namespace

ProgressOutput standard_error_output() {
  winsize size = {};
  const bool terminal = isatty(STDERR_FILENO) && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0;
  return {&log::standard_error(),
          !terminal         ? 0
          : size.ws_col > 0 ? size.ws_col
                            : 80,
          steady_seconds};
}

std::string compact_duration(double seconds) {
  const int64_t s = std::llround(std::max(0.0, seconds));
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m {:02}s", s / 60, s % 60);
  return fmt::format("{}h {:02}m", s / 3600, s / 60 % 60);
}

Progress::Progress(std::string stage, int64_t total, int64_t first, std::string unit,
                   ProgressOutput output)
    : stage_(std::move(stage)),
      total_(total),
      first_(first),
      unit_(std::move(unit)),
      output_(std::move(output)),
      start_(output_.now_seconds()),
      last_shown_(-std::numeric_limits<double>::infinity()) {}

Progress::~Progress() {
  if (line_open_) output_.console->status("");
}

std::string Progress::line(int64_t done, const std::string& note, double now) const {
  std::string text = fmt::format("{}  {}/{}", stage_, done, total_);
  const double elapsed = now - start_;
  if (done > first_ && elapsed > 0) {
    const double rate = static_cast<double>(done - first_) / elapsed;
    text += rate >= 1 ? fmt::format("  {:.1f} {}/s", rate, unit_)
                      : fmt::format("  {:.1f} s/{}", 1 / rate, unit_);
    text += done < total_
                ? "  " + compact_duration(static_cast<double>(total_ - done) / rate) + " left"
                : "  took " + compact_duration(elapsed);
  }
  return note.empty() ? text : text + "  " + note;
}

void Progress::update(int64_t done, const std::string& note) {
  const double now = output_.now_seconds();
  const bool terminal = output_.terminal_columns > 0;
  const double interval = terminal ? kTerminalInterval : kPlainInterval;
  if (done < total_ && now - last_shown_ < interval) return;
  last_shown_ = now;
  std::string text = line(done, note, now);
  if (!terminal) return output_.console->line(text);
  // A line that wraps could not be overwritten.
  text.resize(std::min(text.size(), static_cast<size_t>(output_.terminal_columns - 1)));
  output_.console->status(text);
  line_open_ = true;
}

}  // namespace amalgam::pipeline
