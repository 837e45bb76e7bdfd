#include "sandbox/container/cgroups.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <sstream>
#include <string_view>
#include <vector>

namespace amalgam::sandbox {
namespace {

constexpr std::string_view kFolderPrefix = "amalgam-sandbox-";

bool write_file(const std::string& path, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return ok;
}

// Small kernel files only. Empty when unreadable.
std::string read_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char buffer[4096];
  const ssize_t n = read(fd, buffer, sizeof buffer);
  close(fd);
  return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : std::string();
}

bool has_word(const std::string& text, const std::string& word) {
  std::istringstream in(text);
  for (std::string w; in >> w;)
    if (w == word) return true;
  return false;
}

// The number after `key` in a "key number" file, -1 when absent.
int64_t keyed_value(const std::string& text, const std::string& key) {
  std::istringstream in(text);
  int64_t value = 0;
  for (std::string k; in >> k >> value;)
    if (k == key) return value;
  return -1;
}

bool is_folder(const std::string& path) {
  struct stat s;
  return stat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode);
}

std::vector<std::string> subfolders(const std::string& path) {
  std::vector<std::string> names;
  DIR* dir = opendir(path.c_str());
  if (!dir) return names;
  while (const dirent* entry = readdir(dir))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.push_back(entry->d_name);
  closedir(dir);
  return names;
}

void remove_tree(const std::string& folder) {
  for (const std::string& name : subfolders(folder)) rmdir((folder + "/" + name).c_str());
  rmdir(folder.c_str());
}

// Folders of launchers that were killed before they could tidy up.
void remove_stale(const std::string& base) {
  for (const std::string& name : subfolders(base)) {
    if (name.compare(0, kFolderPrefix.size(), kFolderPrefix) != 0) continue;
    const int pid = std::atoi(name.c_str() + kFolderPrefix.size());
    if (pid > 0 && pid != getpid() && kill(pid, 0) != 0 && errno == ESRCH)
      remove_tree(base + "/" + name);
  }
}

// In version 2 only a folder whose parent hands the controllers down can limit, and one with
// processes in it hands nothing down. So: our own cgroup, else the nearest ancestor that does.
std::string version2_base(std::string folder, const char* controller) {
  for (;; folder.erase(folder.rfind('/'))) {
    const std::string control = folder + "/cgroup.subtree_control";
    if (access(control.c_str(), F_OK) != 0) return {};
    if (has_word(read_file(folder + "/cgroup.controllers"), controller)) {
      if (!has_word(read_file(control), controller))
        write_file(control, std::string("+") + controller);
      if (has_word(read_file(control), controller) && access(folder.c_str(), W_OK) == 0)
        return folder;
    }
    if (folder.rfind('/') == std::string::npos) return {};
  }
}

// A child that moves itself into the folders: the only sure test.
bool can_enter(const Cgroups& cgroups) {
  const pid_t pid = fork();
  if (pid == 0) _exit(enter(cgroups) ? 0 : 1);
  int status = 1;
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

}  // namespace

std::string Cgroups::serialize() const {
  std::ostringstream out;
  for (const Controller* c : {&memory, &pids, &cpu}) out << c->version << ' ' << c->folder << '\n';
  return out.str();
}

Cgroups Cgroups::parse(const std::string& text) {
  Cgroups cgroups;
  std::istringstream in(text);
  for (Controller* c : {&cgroups.memory, &cgroups.pids, &cgroups.cpu}) {
    in >> c->version;
    in.ignore(1);
    std::getline(in, c->folder);
  }
  return cgroups;
}

Cgroups own_cgroups(const std::string& mountinfo, const std::string& self_cgroup,
                    const std::string& prefix) {
  // "id:controllers:path"; version 2 has no controllers.
  auto own_path = [&](const std::string& controller) -> std::string {
    std::istringstream in(self_cgroup);
    for (std::string line; std::getline(in, line);) {
      const size_t first = line.find(':'), second = line.find(':', first + 1);
      if (first == std::string::npos || second == std::string::npos) continue;
      std::string list = line.substr(first + 1, second - first - 1);
      if (list.empty() && controller.empty()) return line.substr(second + 1);
      for (char& c : list)
        if (c == ',') c = ' ';
      if (!controller.empty() && has_word(list, controller)) return line.substr(second + 1);
    }
    return "/";
  };
  // A container may see only a part of the hierarchy: then the mount point itself.
  auto folder = [&](const std::string& mount_point, const std::string& root, std::string path) {
    if (root != "/" && path.compare(0, root.size(), root) == 0) path.erase(0, root.size());
    if (path == "/") path.clear();
    const std::string full = prefix + mount_point + path;
    return is_folder(full) ? full : prefix + mount_point;
  };

  Cgroups own;
  std::string version2;
  std::istringstream in(mountinfo);
  for (std::string line; std::getline(in, line);) {
    const size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream front(line), back(line.substr(dash + 3));
    std::string skip, root, mount_point, type, source, options;
    front >> skip >> skip >> skip >> root >> mount_point;
    back >> type >> source >> options;
    for (char& c : options)
      if (c == ',') c = ' ';
    if (type == "cgroup2" && version2.empty()) version2 = folder(mount_point, root, own_path(""));
    if (type != "cgroup") continue;
    if (has_word(options, "memory"))
      own.memory = {folder(mount_point, root, own_path("memory")), 1};
    if (has_word(options, "pids")) own.pids = {folder(mount_point, root, own_path("pids")), 1};
    if (has_word(options, "cpuacct")) own.cpu = {folder(mount_point, root, own_path("cpuacct")), 1};
  }
  if (version2.empty()) return own;
  for (const auto& [controller, name] : {std::pair{&own.memory, "memory"}, {&own.pids, "pids"}})
    if (controller->folder.empty()) *controller = {version2_base(version2, name), 2};
  // A process is in one folder of version 2 only: the one of memory, where there is one.
  const auto limits_memory = own.memory.version == 2 && !own.memory.folder.empty();
  if (limits_memory && own.pids.version == 2 && own.pids.folder != own.memory.folder) own.pids = {};
  if (own.cpu.folder.empty())  // counted in every folder of version 2
    own.cpu = {limits_memory ? own.memory.folder : version2, 2};
  if (!limits_memory && own.pids.version == 2 && own.cpu.version == 2 && !own.pids.folder.empty())
    own.cpu.folder = own.pids.folder;
  return own;
}

CgroupTree::CgroupTree(const Cgroups& own) {
  const std::string name = "/" + std::string(kFolderPrefix) + std::to_string(getpid());
  auto take = [&](const Controller& from, Controller* base, Controller Cgroups::*which,
                  const char* v1_file, const char* v2_file) {
    if (from.folder.empty()) return;
    remove_stale(from.folder);
    const std::string folder = from.folder + name;
    if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return;
    if (from.version == 2 && which != &Cgroups::cpu)
      write_file(folder + "/cgroup.subtree_control",
                 which == &Cgroups::memory ? "+memory" : "+pids");
    Cgroups probe;
    probe.*which = {folder + "/probe", from.version};
    const std::string& probe_folder = (probe.*which).folder;
    const bool works =
        (mkdir(probe_folder.c_str(), 0755) == 0 || errno == EEXIST) &&
        access((probe_folder + (from.version == 1 ? v1_file : v2_file)).c_str(), F_OK) == 0 &&
        can_enter(probe);
    rmdir(probe_folder.c_str());
    if (works)
      *base = {folder, from.version};
    else
      rmdir(folder.c_str());
  };
  take(own.memory, &base_.memory, &Cgroups::memory, "/memory.limit_in_bytes", "/memory.max");
  take(own.pids, &base_.pids, &Cgroups::pids, "/pids.max", "/pids.max");
  take(own.cpu, &base_.cpu, &Cgroups::cpu, "/cpuacct.usage", "/cpu.stat");
}

CgroupTree::~CgroupTree() {
  for (const Controller* c : {&base_.memory, &base_.pids, &base_.cpu})
    if (!c->folder.empty()) remove_tree(c->folder);
}

bool CgroupTree::make(int slot, Cgroups* cgroups, std::string* error) const {
  *cgroups = base_;
  for (Controller* c : {&cgroups->memory, &cgroups->pids, &cgroups->cpu}) {
    if (c->folder.empty()) continue;
    c->folder += "/" + std::to_string(slot);
    if (mkdir(c->folder.c_str(), 0755) != 0 && errno != EEXIST) {
      *error = "cannot create the cgroup " + c->folder + ": " + std::strerror(errno);
      return false;
    }
  }
  return true;
}

bool CgroupTree::remove(int slot) const {
  bool gone = true;
  for (const Controller* c : {&base_.memory, &base_.pids, &base_.cpu}) {
    if (c->folder.empty()) continue;
    const std::string folder = c->folder + "/" + std::to_string(slot);
    gone &= rmdir(folder.c_str()) == 0 || errno == ENOENT;
  }
  return gone;
}

std::string CgroupTree::describe() const {
  std::string text;
  for (const int version : {1, 2}) {
    std::string list;
    for (const auto& [c, name] :
         {std::pair{&base_.memory, "memory"}, {&base_.pids, "pids"}, {&base_.cpu, "cpu"}})
      if (!c->folder.empty() && c->version == version)
        list += (list.empty() ? "" : ",") + std::string(name);
    if (!list.empty()) text += (text.empty() ? "v" : " v") + std::to_string(version) + " " + list;
  }
  return text.empty() ? "none (rlimits only)" : text;
}

bool enter(const Cgroups& cgroups) {
  for (const Controller* c : {&cgroups.memory, &cgroups.pids, &cgroups.cpu})
    if (!c->folder.empty() && !write_file(c->folder + "/cgroup.procs", "0")) return false;
  return true;
}

bool set_limits(const Cgroups& cgroups, const Limits& limits, int num_extra) {
  if (!cgroups.pids.folder.empty() && !write_file(cgroups.pids.folder + "/pids.max",
                                                  std::to_string(limits.max_processes + num_extra)))
    return false;
  const std::string& memory = cgroups.memory.folder;
  if (memory.empty()) return true;
  const std::string bytes = std::to_string(limits.memory_bytes);
  if (cgroups.memory.version == 2) {
    if (access((memory + "/memory.swap.max").c_str(), F_OK) == 0 &&
        !write_file(memory + "/memory.swap.max", "0"))
      return false;
    return write_file(memory + "/memory.max", bytes);
  }
  // Memory plus swap may never be below memory: lift it, set memory, then set it.
  const std::string with_swap = memory + "/memory.memsw.limit_in_bytes";
  const bool has_swap = access(with_swap.c_str(), F_OK) == 0;
  if (has_swap && !write_file(with_swap, "-1")) return false;
  return write_file(memory + "/memory.limit_in_bytes", bytes) &&
         (!has_swap || write_file(with_swap, bytes));
}

int64_t cpu_usage_ns(const Cgroups& cgroups) {
  const std::string& folder = cgroups.cpu.folder;
  if (folder.empty()) return -1;
  if (cgroups.cpu.version == 1) {
    const std::string text = read_file(folder + "/cpuacct.usage");
    return text.empty() ? -1 : std::atoll(text.c_str());
  }
  const int64_t us = keyed_value(read_file(folder + "/cpu.stat"), "usage_usec");
  return us < 0 ? -1 : us * 1000;
}

int64_t num_oom_kills(const Cgroups& cgroups) {
  const Controller& c = cgroups.memory;
  if (c.folder.empty()) return -1;
  return keyed_value(
      read_file(c.folder + (c.version == 1 ? "/memory.oom_control" : "/memory.events")),
      "oom_kill");
}

int64_t num_refused_forks(const Cgroups& cgroups) {
  if (cgroups.pids.folder.empty()) return -1;
  return keyed_value(read_file(cgroups.pids.folder + "/pids.events"), "max");
}

int64_t peak_memory_bytes(const Cgroups& cgroups) {
  const Controller& c = cgroups.memory;
  if (c.folder.empty()) return -1;
  const std::string text =
      read_file(c.folder + (c.version == 1 ? "/memory.max_usage_in_bytes" : "/memory.peak"));
  return text.empty() ? -1 : std::atoll(text.c_str());
}

void reset_peak_memory(const Cgroups& cgroups) {
  if (cgroups.memory.version == 1 && !cgroups.memory.folder.empty())
    write_file(cgroups.memory.folder + "/memory.max_usage_in_bytes", "0");
}

}  // namespace amalgam::sandbox
