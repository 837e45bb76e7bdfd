// Teachers' packed weights, those that fit into a budget. One teacher after the other is used; a
// thread of the cache's own reads the next one while the present one computes.
//
// In memory are the teachers that are kept, and one more: the one that is read ahead. Kept is at
// least the one in use, beside it what the budget allows; what was used longest ago goes first, and
// what is still to come in the order last.
//
// Mistakes it invites: a teacher that goes while it is in use or before its turn
// (TeacherCacheTest.KeepsWhatFits), a failed load that is told before its turn or never
// (TeacherCacheTest.AFailureIsToldInItsTurn).
#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "model/checkpoint/forward_model.h"

namespace amalgam::distill {

class TeacherCache {
 public:
  // Called by the cache's thread, for one teacher at a time; must end, and may throw.
  using Load = std::function<model::ForwardModel(size_t teacher)>;

  // bytes: what each teacher takes.
  TeacherCache(std::vector<int64_t> bytes, Load load, int64_t budget_bytes);
  ~TeacherCache();  // after the load that is in progress
  TeacherCache(const TeacherCache&) = delete;
  TeacherCache& operator=(const TeacherCache&) = delete;

  // These will be used, in the order returned: first those that are in memory. Begins to load.
  // Replaces what was planned before.
  std::vector<size_t> begin(const std::vector<size_t>& teachers);
  // The next teacher, waited for; the one before it may go. Valid until the next call of next() or
  // begin(). Throws what its load threw.
  const model::ForwardModel& next();
  // Once all of the order were used: one that is still in memory, until begin(); else null.
  const model::ForwardModel* find(size_t teacher) const;

  double waited_seconds() const { return waited_seconds_; }  // by next(), in all
  int64_t peak_bytes() const;                                // since begin()

 private:
  struct Kept {
    std::unique_ptr<model::ForwardModel> model;
    int64_t last_used = 0;
  };
  void work();
  // All below: with the lock.
  std::optional<size_t> to_load() const;
  bool is_to_come(size_t teacher) const;
  // Makes room for a teacher among the kept; `must`: also of what is to come.
  bool make_room(size_t teacher, bool must);
  void keep_ahead(bool must);
  void count_peak();

  const std::vector<int64_t> bytes_;
  const Load load_;
  const int64_t budget_bytes_;
  double waited_seconds_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::vector<size_t> order_;
  size_t at_ = 0;  // of order_: the next one
  std::optional<size_t> in_use_, loading_;
  std::map<size_t, Kept> kept_;
  std::optional<std::pair<size_t, std::unique_ptr<model::ForwardModel>>> ahead_;
  std::map<size_t, std::exception_ptr> failed_;
  int64_t kept_bytes_ = 0, peak_bytes_ = 0, uses_ = 0;
  std::thread thread_;  // last: it uses the others
};

}  // namespace amalgam::distill
