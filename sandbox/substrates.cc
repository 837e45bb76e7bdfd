#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/function.h"
#include "sandbox/launcher.h"
#include "sandbox/machine.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {
namespace {

struct Substrate {
  const char* name;
  std::unique_ptr<Sandbox> (*create)(const Limits& limits, std::string* error);
};
constexpr Substrate kSubstrates[] = {{"container", create_container},
                                     {"function", create_function},
                                     {"microvm", create_microvm},
                                     {"vm", create_vm}};

}  // namespace

std::vector<std::string> substrates() {
  std::vector<std::string> names;
  for (const Substrate& s : kSubstrates) names.push_back(s.name);
  return names;
}

std::unique_ptr<Sandbox> create(const std::string& substrate, const Limits& limits,
                                std::string* error) {
  for (const Substrate& s : kSubstrates)
    if (substrate == s.name) return s.create(limits, error);
  *error = "unknown substrate '" + substrate + "'; choose one of:";
  for (const Substrate& s : kSubstrates) *error += std::string(" ") + s.name;
  return nullptr;
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
  if (result.outcome == Outcome::kOk && result.out == "42\n") support.python = python;
  return support;
}

}  // namespace amalgam::sandbox
