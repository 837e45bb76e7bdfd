#include "sandbox/service/keyed_tasks.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

namespace amalgam::sandbox {
namespace {

TEST(KeyedTasks, OneKeysTasksRunInOrderAndOneAtATime) {
  KeyedTasks tasks(4);
  std::string order;  // needs no lock
  for (int i = 0; i < 200; ++i)
    EXPECT_TRUE(tasks.post("key", [&order, i] { order += std::to_string(i) + " "; }));
  EXPECT_TRUE(tasks.wait_idle(30));
  std::string expected;
  for (int i = 0; i < 200; ++i) expected += std::to_string(i) + " ";
  EXPECT_EQ(order, expected);
}

TEST(KeyedTasks, OtherKeysDoNotWait) {
  KeyedTasks tasks(2);
  std::atomic<bool> is_free{false};
  tasks.post("slow", [&] {
    while (!is_free) usleep(1000);
  });
  tasks.post("other", [&] { is_free = true; });
  EXPECT_TRUE(tasks.wait_idle(30));
}

TEST(KeyedTasks, TheirNumberIsBounded) {
  std::atomic<bool> is_free{false};
  KeyedTasks tasks(1);
  const auto wait = [&] {
    while (!is_free) usleep(1000);
  };
  size_t taken = 0;
  while (tasks.post("key", wait) && taken < 2 * KeyedTasks::kMaxWaiting) ++taken;
  EXPECT_LE(taken, KeyedTasks::kMaxWaiting + 1);
  EXPECT_FALSE(tasks.wait_idle(0.01));
  is_free = true;
  EXPECT_TRUE(tasks.wait_idle(30));
}

}  // namespace
}  // namespace amalgam::sandbox
