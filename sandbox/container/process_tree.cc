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

void add(pid_t pid, TreeUsage* usage) {
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream stat(folder + "/stat");
  std::string text;
  std::getline(stat, text);
  // Fields are counted after the name, which may hold anything.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skip;
  for (int i = 0; i < 11; ++i) fields >> skip;
  int64_t ticks = 0;
  for (int i = 0; i < 4; ++i) {  // utime, stime, cutime, cstime
    int64_t value = 0;
    fields >> value;
    ticks += value;
  }
  usage->cpu_ns += ticks * (1'000'000'000 / sysconf(_SC_CLK_TCK));
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string key;
    int64_t kib = 0;
    if (words >> key >> kib && (key == "RssAnon:" || key == "RssShmem:"))
      usage->memory_bytes += kib * 1024;
  }
}

}  // namespace

std::vector<pid_t> descendants(pid_t root) {
  std::vector<pid_t> queue = children(root);
  for (size_t i = 0; i < queue.size(); ++i) {
    const std::vector<pid_t> more = children(queue[i]);
    queue.insert(queue.end(), more.begin(), more.end());
  }
  return queue;
}

TreeUsage measure_descendants(pid_t root) {
  TreeUsage usage;
  for (const pid_t pid : descendants(root)) add(pid, &usage);
  return usage;
}

}  // namespace amalgam::sandbox
