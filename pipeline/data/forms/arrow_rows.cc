#include "pipeline/data/forms/arrow_rows.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "configs/clock.h"
#include "configs/error.h"
#include "configs/log/line_pipe.h"
#include "configs/log/log.h"
#include "configs/printable.h"
#include "pipeline/data/forms/arrow_program.h"
#include "pipeline/run_store/interrupt.h"

namespace amalgam::pipeline {
namespace {

constexpr double kSilenceSeconds = 120;

std::vector<char*> c_strings(std::vector<std::string>* strings) {
  std::vector<char*> result;
  for (std::string& text : *strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// The reading program; what it prints beside the rows goes to the log.
class ReadingProgram {
 public:
  ReadingProgram(const std::string& python, std::vector<std::string> arguments)
      : words_(log::child_pipe(log::Part::kData, "pyarrow")) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw Error(std::string("cannot make a pipe: ") + std::strerror(errno));
    constexpr int kPipeBytes = 1 << 20;  // so that both sides work at once
    ::fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);
    rows_ = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, words_->child_end(), 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    std::vector<std::string> variables;
    for (const char* name : {"HOME", "LANG", "PATH", "TMPDIR", "VIRTUAL_ENV"})
      if (const char* value = std::getenv(name))
        variables.push_back(std::string(name) + "=" + value);
    const int error = ::posix_spawn(&pid_, python.c_str(), &actions, &attributes,
                                    c_strings(&arguments).data(), c_strings(&variables).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    words_->close_child_end();
    if (error != 0) {
      ::close(rows_);
      throw Error("cannot start " + python + ": " + std::strerror(error));
    }
  }
  ~ReadingProgram() {
    ::close(rows_);
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  ReadingProgram(const ReadingProgram&) = delete;
  ReadingProgram& operator=(const ReadingProgram&) = delete;

  enum class Got { kBytes, kEnd, kSilence };
  // Appends what comes next.
  Got read(std::string* to) {
    const auto begin = Clock::now();
    for (;;) {
      if (interrupted()) throw Interrupted{};
      pollfd waiting{rows_, POLLIN, 0};
      const int ready = ::poll(&waiting, 1, 200);
      if (ready == 0 || (ready < 0 && errno == EINTR)) {
        if (seconds_since(begin) > kSilenceSeconds) return Got::kSilence;
        continue;
      }
      char bytes[1 << 16];
      const ssize_t n = ::read(rows_, bytes, sizeof bytes);
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (n <= 0) return Got::kEnd;
      to->append(bytes, static_cast<size_t>(n));
      return Got::kBytes;
    }
  }

 private:
  const std::unique_ptr<log::LinePipe> words_;
  pid_t pid_ = -1;
  int rows_ = -1;
};

}  // namespace

void read_arrow_rows(const std::string& path, FileKind kind, const std::string& python,
                     int64_t* num_rows, const RowSink& sink) {
  const std::string what = path + ": ";
  const char* form = kind == FileKind::kParquet     ? "parquet"
                     : kind == FileKind::kArrowFile ? "file"
                                                    : "stream";
  ReadingProgram program(python, {python, "-c", kArrowProgram, form, path});
  std::string text;
  int64_t number = 0;
  for (size_t at = 0, searched = 0;;) {
    const size_t end = text.find('\n', searched);
    if (end == text.npos) {
      text.erase(0, at);
      at = 0, searched = text.size();
      const auto got = program.read(&text);
      if (got == ReadingProgram::Got::kSilence)
        throw Error(what + python + " gave no row for two minutes; is the disk slow?");
      if (got == ReadingProgram::Got::kEnd)
        throw Error(what + "the program that reads it in " + python +
                    " ended early; see its words above, or is the memory used up?");
      continue;
    }
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = searched = end + 1;
    switch (line.empty() ? '?' : line[0]) {
      case 'R':
        sink(++number, line.substr(1));
        break;
      case 'N':
        *num_rows = std::strtoll(std::string(line.substr(1)).c_str(), nullptr, 10);
        break;
      case 'M':
        throw Error(what + "is " + to_string(kind) + ", which pyarrow reads, and " + python +
                    " has none (" + printable(line.substr(1)) + "); install it with `" + python +
                    " -m pip install pyarrow`, or name another interpreter (reward.python, or "
                    "--python)");
      case 'E':
        throw Error(what + "cannot be read as " + to_string(kind) + ": " +
                    printable(line.substr(1)));
      case '.':
        return;
      default:
        throw Error(what + "the program that reads it in " + python + " broke its protocol");
    }
  }
}

}  // namespace amalgam::pipeline
