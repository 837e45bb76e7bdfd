#include "configs/log/log.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <filesystem>
#include <mutex>
#include <vector>

#include "configs/log/console.h"
#include "configs/log/crash.h"
#include "configs/log/line_pipe.h"
#include "configs/log/log_file.h"
#include "configs/log/repeats.h"

namespace amalgam::log {
namespace {

constexpr size_t kMostEarly = 1000;
constexpr char kHidden[] = "(hidden)";
constexpr size_t kShortestSecret = 4;  // a shorter one would be found everywhere

class Log {
 public:
  static Log& instance() {
    static Log* const log = new Log;  // threads may log to the very end
    return *log;
  }

  void add(Line line) {
    const std::lock_guard lock(mutex_);
    if (!levels_.shows(line.part, line.level)) return;
    // Secrets before it is cut.
    for (const std::string& secret : secrets_)
      for (size_t at = 0; (at = line.text.find(secret, at)) != std::string::npos;) {
        line.text.replace(at, secret.size(), kHidden);
        at += sizeof kHidden - 1;
      }
    line.text = clean_text(line.text);
    if (is_relayed_) return relay(line);
    for (const Line& due : repeats_.add(line)) write(due);
  }

  void add_here(Level level, Part part, Audience audience, const std::string& text) {
    add({.level = level, .part = part, .audience = audience, .place = place(), .text = text});
  }

  Place place() {
    const std::lock_guard lock(mutex_);
    return place_;
  }
  void set_place(const Place& place) {
    const std::lock_guard lock(mutex_);
    place_ = place;
    tell_crash_handler();
  }
  void set_levels(const Levels& levels) {
    const std::lock_guard lock(mutex_);
    levels_ = levels;
  }
  void hide(const std::string& secret) {
    const std::lock_guard lock(mutex_);
    // Line by line, as it would be printed; one that holds another goes first.
    for (size_t at = 0; at < secret.size();) {
      const size_t end = std::min(secret.find('\n', at), secret.size());
      if (end - at >= kShortestSecret) secrets_.push_back(secret.substr(at, end - at));
      at = end + 1;
    }
    std::sort(secrets_.begin(), secrets_.end(), [](const std::string& x, const std::string& y) {
      return x.size() != y.size() ? x.size() > y.size() : x < y;
    });
    secrets_.erase(std::unique(secrets_.begin(), secrets_.end()), secrets_.end());
  }
  void relay_from_now_on() {
    const std::lock_guard lock(mutex_);
    is_relayed_ = true;
    tell_crash_handler();
  }

  void open(const std::string& run_dir, const configs::LogConfig& config) {
    const std::lock_guard lock(mutex_);
    levels_ = Levels(config.level);
    const auto max_bytes = static_cast<size_t>(config.max_mb) << 20;
    const auto num_files = static_cast<size_t>(config.files);
    const std::string folder = std::filesystem::absolute(run_dir).string();
    files_.emplace_back(folder + "/log.txt", Format::kText, max_bytes, num_files);
    if (config.json)
      files_.emplace_back(folder + "/log.jsonl", Format::kJson, max_bytes, num_files);
    tell_crash_handler();
    for (const Line& line : early_)
      if (levels_.shows(line.part, line.level)) write_to_files(line);
    early_.clear();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    for (const Line& due : repeats_.finish()) write(due);
    files_.clear();
    has_failed_ = false;
    place_ = {};
    tell_crash_handler();
  }

 private:
  void write(const Line& line) {
    if (line.audience == Audience::kConsole ||
        (line.audience == Audience::kPrinted && files_.empty()))
      standard_error().line(console_text(line));
    if (!files_.empty())
      write_to_files(line);
    else if (early_.size() < kMostEarly)
      early_.push_back(line);
  }

  // Only a worker that crashed is critical here (crash.h).
  std::string console_text(const Line& line) const {
    if (line.level != Level::kCritical || files_.empty()) return line.text;
    return line.process + " " + line.text + "; its backtrace is in " + files_[0].path();
  }

  // The run is worth more than its log.
  void write_to_files(const Line& line) {
    for (LogFile& file : files_) {
      const std::string why = file.write(line);
      if (why.empty() || has_failed_) continue;
      has_failed_ = true;
      standard_error().line(file.path() + " has no more lines: " + why);
    }
  }

  void relay(const Line& line) {
    const std::string text = relayed(line);
    while (::write(STDERR_FILENO, text.data(), text.size()) < 0 && errno == EINTR) {
    }
  }

  void tell_crash_handler() {
    Line line{.level = Level::kCritical, .place = place_};
    const std::string path = files_.empty() ? "" : files_[0].path();
    if (is_relayed_) {
      const auto head = [&](Audience audience) {
        line.audience = audience;
        const std::string text = relayed(line);
        return text.substr(0, text.size() - 1);
      };
      set_crash_log({"", head(Audience::kConsole), head(Audience::kFile)});
    } else if (!path.empty()) {
      const std::string head = "critical " + text_of(line);
      set_crash_log({path, head, head});
    } else {
      set_crash_log({});
    }
  }

  std::mutex mutex_;  // guards what follows
  Levels levels_;
  Place place_;
  std::vector<std::string> secrets_;
  bool is_relayed_ = false;
  Repeats repeats_;
  std::deque<LogFile> files_;
  std::vector<Line> early_;  // before there is a file
  bool has_failed_ = false;
};

}  // namespace

void debug(Part part, const std::string& text) {
  Log::instance().add_here(Level::kDebug, part, Audience::kFile, text);
}
void info(Part part, const std::string& text) {
  Log::instance().add_here(Level::kInfo, part, Audience::kFile, text);
}
void error(Part part, const std::string& text) {
  Log::instance().add_here(Level::kError, part, Audience::kFile, text);
}
void say(Part part, const std::string& text) {
  Log::instance().add_here(Level::kInfo, part, Audience::kConsole, text);
}
void warn(Part part, const std::string& text) {
  Log::instance().add_here(Level::kWarning, part, Audience::kConsole, text);
}

void set_place(const std::string& stage, int64_t step) { Log::instance().set_place({stage, step}); }

At::At(const std::string& stage, int64_t step) {
  const Place before = Log::instance().place();
  stage_ = before.stage;
  step_ = before.step;
  set_place(stage, step);
}
At::~At() { set_place(stage_, step_); }

void hide(const std::string& secret) { Log::instance().hide(secret); }
void set_levels(const Levels& levels) { Log::instance().set_levels(levels); }

RunLog::RunLog(const std::string& run_dir, const configs::LogConfig& config) {
  Log::instance().open(run_dir, config);
}
RunLog::~RunLog() { Log::instance().close(); }

void relay_to_controller() { Log::instance().relay_from_now_on(); }

std::unique_ptr<LinePipe> worker_pipe(const std::string& name) {
  return std::make_unique<LinePipe>([name](std::string_view text) {
    if (auto line = parse_relayed(text)) {
      line->process = line->process == Line{}.process ? name : name + ", " + line->process;
      Log::instance().add(std::move(*line));
    } else {  // not of this program's log: a library, or an end that was not expected
      Log::instance().add({.level = Level::kError,
                           .part = Part::kRollout,
                           .process = name,
                           .place = Log::instance().place(),
                           .text = std::string(text)});
    }
  });
}

std::unique_ptr<LinePipe> child_pipe(Part part, const std::string& name) {
  return std::make_unique<LinePipe>(
      [part, name](std::string_view text) { printed(part, name, text); });
}

void printed(Part part, const std::string& name, std::string_view text) {
  while (!text.empty()) {
    const size_t size = std::min(text.find('\n'), text.size());
    if (size > 0)
      Log::instance().add({.part = part,
                           .audience = Audience::kPrinted,
                           .process = name,
                           .place = Log::instance().place(),
                           .text = std::string(text.substr(0, size))});
    text.remove_prefix(std::min(size + 1, text.size()));
  }
}

}  // namespace amalgam::log
