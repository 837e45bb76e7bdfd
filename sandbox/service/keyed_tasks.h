// A few threads that run tasks: those of one key in order and one at a time, those of different
// keys side by side. So what belongs to a key needs no lock.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace amalgam::sandbox {

class KeyedTasks {
 public:
  explicit KeyedTasks(int num_threads);
  // Waits for the tasks that run; those that have not begun are dropped.
  ~KeyedTasks();
  KeyedTasks(const KeyedTasks&) = delete;
  KeyedTasks& operator=(const KeyedTasks&) = delete;

  // False, and nothing happens, when kMaxWaiting tasks wait, but for one that must not be lost and
  // of which there are few. A task throws nothing.
  enum class Room { kIfThereIs, kAlways };
  bool post(const std::string& key, std::function<void()> task, Room room = Room::kIfThereIs);
  // False when tasks are left at the deadline.
  bool wait_idle(double deadline_seconds);

  static constexpr size_t kMaxWaiting = 20'000;

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::map<std::string, std::deque<std::function<void()>>>
      waiting_;  // of keys in ready_ or at work
  std::deque<std::string> ready_;
  size_t num_waiting_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace amalgam::sandbox
