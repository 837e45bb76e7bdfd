#include "configs/log/log_file.h"

#include <fcntl.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <unistd.h>

#include <cstdio>

#include "configs/error.h"

namespace amalgam::log {
namespace {

constexpr size_t kBufferBytes = 16 << 10;  // more than a line, so that it is one write

spdlog::level::level_enum spdlog_level(Level level) {
  return static_cast<spdlog::level::level_enum>(spdlog::level::debug + static_cast<int>(level));
}

void prepare(const spdlog::filename_t&, std::FILE* file) {
  ::fcntl(::fileno(file), F_SETFD, FD_CLOEXEC);  // no child has it
  std::setvbuf(file, nullptr, _IOFBF, kBufferBytes);
}

// A full disk may have left half a line at the end.
void end_last_line(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  if (fd < 0) return;
  char last = '\n';
  const off_t size = ::lseek(fd, 0, SEEK_END);
  if (size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n') [[maybe_unused]]
    const ssize_t written = ::write(fd, "\n", 1);
  ::close(fd);
}

}  // namespace

struct LogFile::Sink {
  Sink(const std::string& path, size_t max_bytes, size_t num_files,
       const spdlog::file_event_handlers& handlers)
      : file(path, max_bytes, num_files, /*rotate_on_open=*/false, handlers) {}
  spdlog::sinks::rotating_file_sink_st file;
};

LogFile::LogFile(const std::string& path, Format format, size_t max_bytes, size_t num_files)
    : path_(path), format_(format), sink_([&] {
        end_last_line(path);
        spdlog::file_event_handlers handlers;
        handlers.after_open = prepare;
        try {
          return std::make_unique<Sink>(path, max_bytes, num_files, handlers);
        } catch (const spdlog::spdlog_ex& e) {
          throw Error(e.what());
        }
      }()) {
  sink_->file.set_formatter(std::make_unique<spdlog::pattern_formatter>(
      format == Format::kText ? "%Y-%m-%dT%H:%M:%S.%eZ %-8l %v"
                              : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})",
      spdlog::pattern_time_type::utc));
}

LogFile::~LogFile() = default;

std::string LogFile::write(const Line& line) {
  const std::string text = format_ == Format::kText ? text_of(line) : json_of(line);
  try {
    sink_->file.log({line.time, {}, "", spdlog_level(line.level), text});
    sink_->file.flush();
    return "";
  } catch (const spdlog::spdlog_ex& e) {
    return e.what();
  }
}

}  // namespace amalgam::log
