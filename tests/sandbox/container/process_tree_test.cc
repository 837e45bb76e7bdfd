#include "sandbox/container/process_tree.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace amalgam::sandbox {
namespace {

int64_t anonymous_bytes(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  int64_t kib = 0;
  for (std::string word; status >> word;)
    if (word == "RssAnon:" && status >> kib) break;
  return kib * 1024;
}

// With the memory of both, a command with a small limit was ended when it had not begun.
TEST(ProcessTree, ACommandThatBorrowsInitsMemoryCountsOnce) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t slot = fork();
  if (slot == 0) {
    setpgid(0, 0);
    if (fork() == 0) {  // init
      if (vfork() == 0) {
        char byte = 0;
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
      }
      _exit(1);
    }
    for (;;) pause();
  }
  char byte;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const std::vector<pid_t> pids = descendants(slot);
  ASSERT_EQ(pids.size(), 2u);
  const int64_t bytes = anonymous_bytes(pids[0]);
  EXPECT_GT(bytes, 0);
  EXPECT_EQ(anonymous_bytes(pids[1]), bytes) << "it is not borrowed";
  EXPECT_EQ(measure_descendants(slot).memory_bytes, bytes);
  kill(-slot, SIGKILL);
  waitpid(slot, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

}  // namespace
}  // namespace amalgam::sandbox
