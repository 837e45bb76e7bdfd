// What a process leaves behind that ends by SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT, which is
// also the end of a CHECK that failed: a backtrace in the log, and a line on the console.
#pragma once
#include <string>

namespace amalgam::log {

void install_crash_handlers();  // once, in main

// Where the backtrace goes, set by the log when that changes. `path`: of the log; empty: stderr.
// `said` and `frame` head its lines after the time, where there is a path: one that the console
// gets too, and those below it.
struct CrashLog {
  std::string path, said, frame;
};
void set_crash_log(const CrashLog& log);

}  // namespace amalgam::log
