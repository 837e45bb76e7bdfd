#include "sandbox/sandbox.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/launcher.h"

namespace amalgam::sandbox {

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kExited:
      return "exited";
    case Outcome::kTimeout:
      return "timeout";
    case Outcome::kOutOfMemory:
      return "out_of_memory";
    case Outcome::kOutputLimit:
      return "output_limit";
    case Outcome::kSandboxFailed:
      return "sandbox_failed";
  }
  return "unknown";
}

Result Sandbox::open_top(int*) {
  Result result;
  result.detail = "this kind of sandbox does not show its files";
  return result;
}

Result Sandbox::change(const std::string&, unsigned, const std::string&) {
  Result result;
  result.detail = "this kind of sandbox does not show its files";
  return result;
}

Support probe() {
  Support support;
  const unsigned action = SECCOMP_RET_ERRNO;
  support.seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
  std::string error;
  support.cgroups = Launcher::instance().describe(&error);
  if (support.cgroups.empty()) support.cgroups = error;
  const std::unique_ptr<Sandbox> sandbox = create_container(Limits{}, &error);
  support.user_namespaces = sandbox != nullptr;
  if (!sandbox) return support;
  const char* const python = "/usr/bin/python3";
  const Result result = sandbox->exec({{python, "-I", "-S", "-c", "print(6 * 7)"}, ""});
  if (result.outcome == Outcome::kExited && result.out == "42\n") support.python = python;
  return support;
}

}  // namespace amalgam::sandbox
