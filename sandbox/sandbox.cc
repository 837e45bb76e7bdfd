#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kExit:
      return "exit";
    case Outcome::kSignal:
      return "signal";
    case Outcome::kTimeout:
      return "timeout";
    case Outcome::kMemory:
      return "memory";
    case Outcome::kOutputLimit:
      return "output_limit";
    case Outcome::kDiskLimit:
      return "disk_limit";
    case Outcome::kProcessLimit:
      return "process_limit";
    case Outcome::kDenied:
      return "denied";
    case Outcome::kSandboxFailed:
      return "sandbox_failed";
    case Outcome::kCancelled:
      return "cancelled";
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

}  // namespace amalgam::sandbox
