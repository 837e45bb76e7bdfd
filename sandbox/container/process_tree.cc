#include "sandbox/container/process_tree.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace amalgam::sandbox {
namespace {

std::vector<pid_t> children(pid_t pid) {
  std::vector<pid_t> found;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  DIR* dir = opendir(tasks.c_str());
  if (!dir) return found;
  while (const dirent* task = readdir(dir)) {
    std::ifstream in(tasks + "/" + task->d_name + "/children");
    for (pid_t child; in >> child;) found.push_back(child);
  }
  closedir(dir);
  return found;
}

std::string folder_of(pid_t pid) { return "/proc/" + std::to_string(pid); }

int64_t cpu_ns(pid_t pid) {
  std::ifstream stat(folder_of(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  // Fields are counted after the name, which may hold anything.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skip;
  for (int i = 0; i < 11; ++i) fields >> skip;
  int64_t ticks = 0;
  for (int i = 0; i < 4; ++i) {  // utime, stime, cutime, cstime
    int64_t value = 0;
    fields >> value;
    ticks += value;
  }
  return ticks * (1'000'000'000 / sysconf(_SC_CLK_TCK));
}

int64_t memory_bytes(pid_t pid) {
  std::ifstream status(folder_of(pid) + "/status");
  int64_t bytes = 0;
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string key;
    int64_t kib = 0;
    if (words >> key >> kib && (key == "RssAnon:" || key == "RssShmem:")) bytes += kib * 1024;
  }
  return bytes;
}

void append_descendants(std::vector<pid_t>* pids) {
  for (size_t i = 0; i < pids->size(); ++i) {
    const std::vector<pid_t> more = children((*pids)[i]);
    pids->insert(pids->end(), more.begin(), more.end());
  }
}

}  // namespace

std::vector<pid_t> descendants(pid_t root) {
  std::vector<pid_t> pids = children(root);
  append_descendants(&pids);
  return pids;
}

TreeUsage measure_descendants(pid_t root) {
  std::vector<pid_t> pids = children(root);
  const size_t num_inits = pids.size();
  append_descendants(&pids);
  TreeUsage usage;
  for (size_t i = 0; i < pids.size(); ++i) {
    usage.cpu_ns += cpu_ns(pids[i]);
    if (i >= num_inits) usage.memory_bytes += memory_bytes(pids[i]);
  }
  return usage;
}

}  // namespace amalgam::sandbox
