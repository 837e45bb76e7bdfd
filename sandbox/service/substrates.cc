#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "configs/error.h"
#include "sandbox/container/container.h"
#include "sandbox/container/kvm.h"
#include "sandbox/container/launcher.h"
#include "sandbox/function/function.h"
#include "sandbox/machine/machine.h"
#include "sandbox/sandbox.h"

namespace amalgam::sandbox {
namespace {

template <MachineType type>
std::unique_ptr<Sandbox> create_machine(const Limits& limits, const std::string& folder,
                                        std::string* error) {
  try {
    ImageStore store(folder.empty() ? default_store_folder() : folder);
    return Machine::boot(type, limits, &store, error);
  } catch (const Error& e) {
    *error = e.what();
    return nullptr;
  }
}

template <std::unique_ptr<Sandbox> (*make)(const Limits& limits, std::string* error)>
std::unique_ptr<Sandbox> without_store(const Limits& limits, const std::string&,
                                       std::string* error) {
  return make(limits, error);
}

struct Substrate {
  const char* name;
  std::unique_ptr<Sandbox> (*create)(const Limits& limits, const std::string& store,
                                     std::string* error);
};
constexpr Substrate kSubstrates[] = {{"container", without_store<create_container>},
                                     {"function", without_store<create_function>},
                                     {"microvm", create_machine<MachineType::kMicrovm>},
                                     {"vm", create_machine<MachineType::kPc>}};

}  // namespace

std::vector<std::string> substrates() {
  std::vector<std::string> names;
  for (const Substrate& s : kSubstrates) names.push_back(s.name);
  return names;
}

std::unique_ptr<Sandbox> create(const std::string& substrate, const Limits& limits,
                                std::string* error, const std::string& store) {
  for (const Substrate& s : kSubstrates)
    if (substrate == s.name) return s.create(limits, store, error);
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
  const std::unique_ptr<Container> sandbox = Container::create(Limits{}, &error);
  support.user_namespaces = sandbox != nullptr;
  if (!sandbox) return support;
  if (sandbox->why_no_proc() == EPERM)
    support.why_no_proc =
        "the kernel lets nobody mount one where this machine's /proc has mounts over it (in "
        "Docker: "
        "--security-opt systempaths=unconfined)";
  else if (sandbox->why_no_proc())
    support.why_no_proc = std::strerror(sandbox->why_no_proc());
  const char* const python = "/usr/bin/python3";
  const Result result = sandbox->exec({{python, "-I", "-S", "-c", "print(6 * 7)"}, ""});
  if (result.outcome == Outcome::kOk && result.out == "42\n") support.python = python;
  return support;
}

std::string machine_support() {
  std::string why = why_no_machines();
  if (!why.empty()) return "no: " + why;
  why = why_no_kvm();
  return why.empty() ? "yes" : "by emulation, slowly, as KVM does not work (" + why + ")";
}

}  // namespace amalgam::sandbox
