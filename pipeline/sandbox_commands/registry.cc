#include "pipeline/sandbox_commands/registry.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/clock.h"
#include "configs/error.h"
#include "configs/log/log.h"
#include "proto/append_file.h"
#include "sandbox/container/process_tree.h"
#include "sandbox/files/file_tree.h"
#include "sandbox/files/hex.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using sandbox::Fd;

constexpr const char* kNewPrefix = ".new-";

[[noreturn]] void refuse(const std::string& folder, const std::string& why) {
  throw Error("the folder of this user's sandboxes, " + folder + ", " + why +
              "; remove it or set XDG_RUNTIME_DIR to another place");
}

// Makes the folder, or checks that nobody else could have put something into it.
void own_folder(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) && errno != EEXIST)
    refuse(folder, std::string("cannot be made: ") + std::strerror(errno));
  struct stat s;
  if (lstat(folder.c_str(), &s)) refuse(folder, std::strerror(errno));
  if (!S_ISDIR(s.st_mode) || s.st_uid != geteuid() || (s.st_mode & 077))
    refuse(folder, "is not a folder that is this user's alone (mode 0700)");
}

std::string registry_folder() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  std::string base = "/tmp/amalgam-" + std::to_string(geteuid());
  if (runtime && runtime[0] == '/') base = std::string(runtime) + "/amalgam";
  own_folder(base);
  own_folder(base + "/sandboxes");
  return base + "/sandboxes";
}

void write_json(const std::string& path, const json& value) {
  proto::write_file_atomically(path,
                               value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

json read_json(const std::string& path) {
  return json::parse(std::ifstream(path), nullptr, /*allow_exceptions=*/false);
}

// Whether a process holds the lock of this entry.
bool is_held(const std::string& folder) {
  const Fd lock(open((folder + "/lock").c_str(), O_RDONLY | O_CLOEXEC));
  // Holders have it for themselves, those who look share it.
  return lock && flock(lock.get(), LOCK_SH | LOCK_NB) != 0;
}

// Whether that process has the lock open. One of another container may hold it, whose number means
// another process here.
bool is_holder(pid_t pid, const std::string& folder) {
  std::error_code error;
  fs::directory_iterator it("/proc/" + std::to_string(pid) + "/fd", error), end;
  for (; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (fs::equivalent(it->path(), folder + "/lock", ignored)) return true;
  }
  return false;
}

void remove_folder(const std::string& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}

Fd open_process(pid_t pid) { return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

}  // namespace

SandboxRegistry::SandboxRegistry() : folder_(registry_folder()) {}

std::optional<SandboxEntry> SandboxRegistry::read(const std::string& id) const {
  const bool is_live = is_held(path(id));
  const json about = read_json(path(id) + "/about.json"),
             result = read_json(path(id) + "/result.json");
  if (!about.is_object() || (!is_live && !result.is_object())) return std::nullopt;
  SandboxEntry entry;
  entry.id = id;
  entry.substrate = about.value("substrate", "");
  entry.image = about.value("image", "");
  entry.command = about.value("command", "");
  entry.journal = about.value("journal", "");
  entry.created = about.value("created", int64_t{0});
  entry.pid = about.value("pid", 0);
  entry.is_detached = about.value("detached", false);
  entry.is_live = is_live;
  if (!is_live) {
    entry.outcome = result.value("outcome", "");
    entry.exit_code = result.value("exit_code", 0);
  }
  return entry;
}

std::vector<SandboxEntry> SandboxRegistry::list() const {
  std::vector<SandboxEntry> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
    const std::string id = it->path().filename();
    // One in the making has no lock for a moment.
    if (id.starts_with(kNewPrefix) && !fs::exists(it->path() / "about.json")) continue;
    if (std::optional<SandboxEntry> entry = read(id))
      entries.push_back(std::move(*entry));
    else if (!is_held(it->path()))
      remove_folder(it->path());
  }
  std::sort(entries.begin(), entries.end(), [](const SandboxEntry& a, const SandboxEntry& b) {
    return std::tie(a.created, a.id) < std::tie(b.created, b.id);
  });
  return entries;
}

SandboxEntry SandboxRegistry::find(const std::string& id) const {
  std::vector<SandboxEntry> found = list();
  std::erase_if(found, [&](const SandboxEntry& e) { return !e.id.starts_with(id); });
  if (id.empty() || found.empty())
    throw Error("no sandbox '" + id + "'; see `amalgam sandbox ps --all`");
  if (found.size() > 1) throw Error("more than one sandbox begins with '" + id + "'");
  return found[0];
}

void SandboxRegistry::remove(const SandboxEntry& entry, double deadline_seconds) const {
  const auto deadline = Clock::now() + std::chrono::duration<double>(deadline_seconds);
  if (entry.is_live) {
    std::vector<Fd> processes;
    processes.push_back(open_process(entry.pid));
    // It is still this process if it has the lock after it was opened.
    if (processes[0] && is_holder(entry.pid, path(entry.id))) {
      for (const pid_t pid : sandbox::descendants(entry.pid))
        processes.push_back(open_process(pid));
      if (syscall(SYS_pidfd_send_signal, processes[0].get(), SIGKILL, nullptr, 0) && errno != ESRCH)
        throw Error("cannot kill process " + std::to_string(entry.pid) + ": " +
                    std::strerror(errno));
      for (const Fd& process : processes) {
        if (!process) continue;  // it was gone already
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd p{process.get(), POLLIN, 0};
        if (poll(&p, 1, static_cast<int>(std::max<int64_t>(left, 0))) <= 0)
          throw Error("a process of sandbox " + entry.id + " is still alive; try again");
      }
    }
  }
  if (is_held(path(entry.id)))
    throw Error("sandbox " + entry.id + " is held by a process that cannot be seen from here");
  remove_folder(path(entry.id));
}

HeldSandbox::HeldSandbox(const SandboxRegistry& registry, SandboxEntry about)
    : folder_(registry.path(about.id = sandbox::random_hex(6))), about_(std::move(about)) {
  registry.list();  // what killed ones left does not pile up
  const std::string made = registry.path(kNewPrefix + about_.id);
  const auto check = [&](bool ok) {
    if (ok) return;
    const int error = errno;
    remove_folder(made);
    throw Error("cannot write " + made + ": " + std::strerror(error));
  };
  check(mkdir(made.c_str(), 0700) == 0);
  lock_ = Fd(open((made + "/lock").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  check(lock_ && flock(lock_.get(), LOCK_EX | LOCK_NB) == 0);
  if (about_.is_detached) {
    output_ = Fd(
        open((made + "/output").c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
    check(static_cast<bool>(output_));
  }
  write_json(made + "/about.json", {{"substrate", about_.substrate},
                                    {"image", about_.image},
                                    {"command", about_.command},
                                    {"journal", about_.journal},
                                    {"created", std::time(nullptr)},
                                    {"pid", getpid()},
                                    {"detached", about_.is_detached}});
  check(rename(made.c_str(), folder_.c_str()) == 0);
}

HeldSandbox::~HeldSandbox() {
  if (!is_kept_) remove_folder(folder_);
}

std::unique_ptr<HeldSandbox> hold_if_possible(const SandboxEntry& about) {
  try {
    return std::make_unique<HeldSandbox>(SandboxRegistry(), about);
  } catch (const Error& e) {
    log::warn(log::Part::kSandbox,
              std::string("amalgam: `sandbox ps` will not show this: ") + e.what());
    return nullptr;
  }
}

void HeldSandbox::keep(const sandbox::Result& result) {
  sandbox::write_all(output_.get(), result.out + result.err);
  if (is_infrastructure(result.outcome))
    sandbox::write_all(output_.get(), "amalgam: sandbox run: " + result.detail + "\n");
  write_json(folder_ + "/result.json",
             {{"outcome", to_string(result.outcome)}, {"exit_code", result.exit_code}});
  is_kept_ = true;
}

}  // namespace amalgam::pipeline
