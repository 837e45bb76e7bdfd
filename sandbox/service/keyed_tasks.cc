#include "sandbox/service/keyed_tasks.h"

#include <chrono>

namespace amalgam::sandbox {

KeyedTasks::KeyedTasks(int num_threads) {
  for (int i = 0; i < num_threads; ++i) threads_.emplace_back([this] { work(); });
}

KeyedTasks::~KeyedTasks() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool KeyedTasks::post(const std::string& key, std::function<void()> task, Room room) {
  {
    std::lock_guard lock(mutex_);
    if (room == Room::kIfThereIs && num_waiting_ >= kMaxWaiting) return false;
    ++num_waiting_;
    const auto [it, is_new] = waiting_.try_emplace(key);
    it->second.push_back(std::move(task));
    if (is_new) ready_.push_back(key);
  }
  wake_.notify_one();
  return true;
}

bool KeyedTasks::wait_idle(double deadline_seconds) {
  std::unique_lock lock(mutex_);
  return idle_.wait_for(lock, std::chrono::duration<double>(deadline_seconds),
                        [&] { return waiting_.empty(); });
}

void KeyedTasks::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || !ready_.empty(); });
    if (stop_) return;
    const std::string key = std::move(ready_.front());
    ready_.pop_front();
    std::function<void()> task = std::move(waiting_[key].front());
    waiting_[key].pop_front();
    --num_waiting_;
    lock.unlock();
    task();
    task = nullptr;  // what it holds may take time to end
    lock.lock();
    if (waiting_[key].empty()) {
      waiting_.erase(key);
      if (waiting_.empty()) idle_.notify_all();
    } else {
      ready_.push_back(key);
      wake_.notify_one();
    }
  }
}

}  // namespace amalgam::sandbox
