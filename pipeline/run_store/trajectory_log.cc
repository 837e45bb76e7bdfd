#include "pipeline/run_store/trajectory_log.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "configs/check.h"
#include "configs/error.h"
#include "proto/trajectory.pb.h"

namespace amalgam::pipeline {
namespace {

// One writer per token, one logprob per token of the policy.
bool is_consistent(const proto::Trajectory& t) {
  const auto num_policy =
      std::count(t.writer().begin(), t.writer().end(), static_cast<char>(proto::WRITER_POLICY));
  return t.ids_size() == static_cast<int64_t>(t.writer().size()) &&
         t.logprobs_size() == static_cast<int64_t>(num_policy);
}

proto::Trajectory parse(const std::string& path, int64_t offset, std::string_view data) {
  proto::Trajectory trajectory;
  if (!trajectory.ParseFromArray(data.data(), static_cast<int>(data.size())) ||
      !is_consistent(trajectory))
    throw Error(
        fmt::format("{}: the record at byte {} is no trajectory; was the file written by "
                    "another program?",
                    path, offset));
  return trajectory;
}

}  // namespace

std::string trajectory_log_path(const std::string& run_dir, const std::string& stage) {
  return run_dir + "/trajectories/" + stage + ".log";
}

std::vector<std::string> training_sample_stages(const std::string& run_dir,
                                                const std::string& stage) {
  const std::string rates = stage + "-lr";
  std::vector<std::string> stages;
  std::error_code missing;
  for (const auto& entry :
       std::filesystem::directory_iterator(run_dir + "/trajectories", missing)) {
    const std::string name = entry.path().stem();
    const bool is_rate =
        name.starts_with(rates) &&
        name.find_first_not_of("0123456789.e-+", rates.size()) == std::string::npos;
    if (name == stage || is_rate || name == stage + "-judge") stages.push_back(name);
  }
  return stages;
}

TrajectoryLog::TrajectoryLog(const std::string& path)
    : file_(path, [&](int64_t offset, std::string_view data) {
        see(offset, parse(path, offset, data).meta().step());
        return true;
      }) {}

std::vector<int64_t> TrajectoryLog::append(const std::vector<proto::Trajectory>& batch) {
  std::vector<std::string> records;
  int64_t last_step = last_step_;
  for (const proto::Trajectory& trajectory : batch) {
    CHECK(is_consistent(trajectory));
    CHECK_GE(trajectory.meta().step(), last_step);
    last_step = trajectory.meta().step();
    records.push_back(trajectory.SerializeAsString());
  }
  auto offsets = file_.append(records);
  for (size_t i = 0; i < batch.size(); ++i) see(offsets[i], batch[i].meta().step());
  return offsets;
}

void TrajectoryLog::see(int64_t offset, int64_t step) {
  if (step != last_step_) last_step_begin_ = offset;
  last_step_ = step;
}

std::vector<int64_t> TrajectoryLog::replace_step(const std::vector<proto::Trajectory>& batch) {
  if (batch.empty()) return {};
  const int64_t step = batch[0].meta().step();
  if (step == last_step_) {
    const auto offsets = last_step_is(batch);
    if (!offsets.empty()) return offsets;
    file_.truncate(last_step_begin_);
  } else if (step < last_step_) {
    truncate_after(step - 1);
  }
  return append(batch);
}

std::vector<int64_t> TrajectoryLog::last_step_is(
    const std::vector<proto::Trajectory>& batch) const {
  constexpr int64_t kFrame = 16;  // bytes of a record beside its data
  std::vector<int64_t> offsets;
  int64_t at = last_step_begin_;
  for (const proto::Trajectory& trajectory : batch) {
    if (at >= file_.size()) return {};
    const std::string record = proto::read_record(file_.path(), at);
    if (record != trajectory.SerializeAsString()) return {};
    offsets.push_back(at);
    at += kFrame + static_cast<int64_t>(record.size());
  }
  if (at < file_.size()) return {};
  return offsets;
}

void TrajectoryLog::truncate_after(int64_t step) {
  last_step_ = -1, last_step_begin_ = 0;
  const std::string path = file_.path();
  const int64_t end = proto::scan_records(path, [&](int64_t offset, std::string_view data) {
    const int64_t record_step = parse(path, offset, data).meta().step();
    if (record_step > step) return false;
    see(offset, record_step);
    return true;
  });
  if (end < file_.size()) file_.truncate(end);
}

void for_each_trajectory(const std::string& path,
                         const std::function<bool(int64_t, const proto::Trajectory&)>& visit) {
  proto::scan_records(path, [&](int64_t offset, std::string_view data) {
    return visit(offset, parse(path, offset, data));
  });
}

proto::Trajectory read_trajectory(const std::string& path, int64_t offset) {
  return parse(path, offset, proto::read_record(path, offset));
}

std::string outcome_name(const proto::Trajectory& trajectory) {
  std::string name = proto::Outcome_Name(trajectory.meta().outcome());
  name.erase(0, std::string_view("OUTCOME_").size());
  for (char& c : name) c = static_cast<char>(c == '_' ? c : c | 0x20);
  return name;
}

std::vector<bool> from_assistant(const proto::Trajectory& trajectory) {
  std::vector<bool> from;
  for (const char writer : std::string_view(trajectory.writer())
                               .substr(static_cast<size_t>(trajectory.meta().prompt_length())))
    from.push_back(writer != static_cast<char>(proto::WRITER_TOOL));
  return from;
}

}  // namespace amalgam::pipeline
