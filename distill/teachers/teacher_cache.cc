#include "distill/teachers/teacher_cache.h"

#include <algorithm>

#include "configs/check.h"
#include "configs/clock.h"

namespace amalgam::distill {

TeacherCache::TeacherCache(std::vector<int64_t> bytes, Load load, int64_t budget_bytes)
    : bytes_(std::move(bytes)),
      load_(std::move(load)),
      budget_bytes_(budget_bytes),
      thread_([this] { work(); }) {}

TeacherCache::~TeacherCache() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::vector<size_t> TeacherCache::begin(const std::vector<size_t>& teachers) {
  std::vector<size_t> order = teachers;
  {
    const std::scoped_lock lock(mutex_);
    const auto rank = [&](size_t t) {
      return kept_.contains(t) ? 0 : (ahead_ && ahead_->first == t) || loading_ == t ? 1 : 2;
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return rank(a) < rank(b); });
    order_ = order, at_ = 0;
    in_use_.reset(), failed_.clear();
    if (ahead_ && !is_to_come(ahead_->first)) ahead_.reset();
    keep_ahead(/*must=*/false);
    peak_bytes_ = 0;
    count_peak();
  }
  changed_.notify_all();
  return order;
}

const model::ForwardModel& TeacherCache::next() {
  std::unique_lock lock(mutex_);
  CHECK_LT(at_, order_.size());
  const size_t teacher = order_[at_];
  in_use_.reset();
  keep_ahead(/*must=*/false);
  changed_.notify_all();
  const auto is_here = [&] {
    return kept_.contains(teacher) || (ahead_ && ahead_->first == teacher) ||
           failed_.contains(teacher);
  };
  if (!is_here()) {
    const auto begin = Clock::now();
    changed_.wait(lock, is_here);  // a load always ends
    waited_seconds_ += seconds_since(begin);
  }
  if (const auto failure = failed_.find(teacher); failure != failed_.end())
    std::rethrow_exception(failure->second);
  ++at_;
  in_use_ = teacher;
  if (!kept_.contains(teacher)) keep_ahead(/*must=*/true);
  Kept& kept = kept_.at(teacher);
  kept.last_used = ++uses_;
  changed_.notify_all();
  return *kept.model;
}

const model::ForwardModel* TeacherCache::find(size_t teacher) const {
  const std::scoped_lock lock(mutex_);
  CHECK_EQ(at_, order_.size());
  const auto it = kept_.find(teacher);
  return it == kept_.end() ? nullptr : it->second.model.get();
}

int64_t TeacherCache::peak_bytes() const {
  const std::scoped_lock lock(mutex_);
  return peak_bytes_;
}

void TeacherCache::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    std::optional<size_t> teacher;
    changed_.wait(lock, [&] { return stop_ || (teacher = to_load()); });
    if (stop_) return;
    loading_ = teacher;
    count_peak();
    lock.unlock();
    std::unique_ptr<model::ForwardModel> model;
    std::exception_ptr failure;
    try {
      model = std::make_unique<model::ForwardModel>(load_(*teacher));
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    loading_.reset();
    if (failure)
      failed_[*teacher] = failure;
    else if (is_to_come(*teacher))
      ahead_.emplace(*teacher, std::move(model)), keep_ahead(/*must=*/false);
    changed_.notify_all();
  }
}

std::optional<size_t> TeacherCache::to_load() const {
  if (ahead_) return std::nullopt;
  for (size_t i = at_; i < order_.size(); ++i)
    if (!kept_.contains(order_[i]) && !failed_.contains(order_[i])) return order_[i];
  return std::nullopt;
}

bool TeacherCache::is_to_come(size_t teacher) const {
  return std::find(order_.begin() + static_cast<std::ptrdiff_t>(at_), order_.end(), teacher) !=
         order_.end();
}

bool TeacherCache::make_room(size_t teacher, bool must) {
  while (!kept_.empty() && kept_bytes_ + bytes_[teacher] > budget_bytes_) {
    // Used longest ago; what is to come after all others, the last of it first.
    const auto place = [&](size_t t) {
      const auto it = std::find(order_.begin() + static_cast<std::ptrdiff_t>(at_), order_.end(), t);
      return std::pair(order_.end() - it, it == order_.end() ? kept_.at(t).last_used : 0);
    };
    std::optional<size_t> oldest;
    for (const auto& [t, kept] : kept_)
      if (in_use_ != t && (must || !is_to_come(t)) && (!oldest || place(t) < place(*oldest)))
        oldest = t;
    if (!oldest) return false;
    kept_bytes_ -= bytes_[*oldest];
    kept_.erase(*oldest);
  }
  return kept_bytes_ + bytes_[teacher] <= budget_bytes_;
}

void TeacherCache::keep_ahead(bool must) {
  if (!ahead_) return;
  const size_t teacher = ahead_->first;
  if (!make_room(teacher, must) && !must) return;
  kept_bytes_ += bytes_[teacher];
  kept_[teacher].model = std::move(ahead_->second);
  ahead_.reset();
  count_peak();
}

void TeacherCache::count_peak() {
  int64_t bytes = kept_bytes_;
  if (ahead_) bytes += bytes_[ahead_->first];
  if (loading_) bytes += bytes_[*loading_];
  peak_bytes_ = std::max(peak_bytes_, bytes);
}

}  // namespace amalgam::distill
