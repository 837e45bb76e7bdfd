#include "pipeline/run_store/tensorboard.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <filesystem>

#include "configs/clock.h"
#include "configs/error.h"
#include "proto/tensorboard.pb.h"

namespace amalgam::pipeline {
namespace {

constexpr const char* kPrefix = "events.out.tfevents.";

std::string event_file(const std::string& directory) {
  proto::create_directories(directory);
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().filename().string().rfind(kPrefix, 0) == 0) return entry.path().string();
  char host[256] = "localhost";
  ::gethostname(host, sizeof host - 1);
  return fmt::format("{}/{}{:010d}.{}", directory, kPrefix, static_cast<int64_t>(unix_seconds()),
                     host);
}

int64_t step_of(std::string_view data, const std::string& directory) {
  proto::Event event;
  if (!event.ParseFromArray(data.data(), static_cast<int>(data.size())))
    throw Error(directory + " holds an event file of another program; move it away");
  return event.step();
}

}  // namespace

TensorBoardWriter::TensorBoardWriter(const std::string& directory, int64_t last_step)
    : file_(event_file(directory), [&](int64_t offset, std::string_view data) {
        return offset == 0 || step_of(data, directory) <= last_step;
      }) {
  if (file_.size() > 0) return;
  proto::Event version;
  version.set_wall_time(unix_seconds());
  version.set_file_version("brain.Event:2");
  file_.append({version.SerializeAsString()});
}

void TensorBoardWriter::add_scalars(int64_t step, const NamedValues& values) {
  file_.append({encode_scalars(unix_seconds(), step, values)});
}

std::string encode_scalars(double wall_time_s, int64_t step, const NamedValues& values) {
  proto::Event event;
  event.set_wall_time(wall_time_s);
  event.set_step(step);
  for (const auto& [name, value] : values) {
    auto* out = event.mutable_summary()->add_value();
    out->set_tag(name);
    out->set_simple_value(static_cast<float>(value));
  }
  return event.SerializeAsString();
}

}  // namespace amalgam::pipeline
