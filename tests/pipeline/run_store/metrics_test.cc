#include "pipeline/run_store/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "proto/tensorboard.pb.h"
#include "tests/paths.h"
#include "tests/pipeline/sandbox_commands/limits.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream f(path);
  for (std::string line; std::getline(f, line);) lines.push_back(line);
  return lines;
}

std::string event_file(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    files.push_back(entry.path().string());
  EXPECT_EQ(files.size(), 1u) << directory;
  return files.empty() ? "" : files[0];
}

// Steps of the scalar events; checks every CRC on the way.
std::vector<int64_t> event_steps(const std::string& path) {
  std::vector<int64_t> steps;
  const int64_t end = proto::scan_records(path, [&](int64_t, std::string_view data) {
    proto::Event event;
    EXPECT_TRUE(event.ParseFromArray(data.data(), static_cast<int>(data.size())));
    if (event.has_summary()) steps.push_back(event.step());
    return true;
  });
  EXPECT_EQ(end, static_cast<int64_t>(std::filesystem::file_size(path)));
  return steps;
}

// scalars.tfevents was written by TensorBoard's own writer (tests/golden/tensorboard/make.py).
TEST(TensorBoard, BytesEqualThoseOfItsOwnWriter) {
  const std::string golden = proto::read_file(tests::golden("tensorboard/scalars.tfevents"));
  const TempDir dir;
  proto::RecordFile file(dir / "events", [](int64_t, std::string_view) { return true; });
  proto::Event version;
  version.set_wall_time(1.7e9);
  version.set_file_version("brain.Event:2");
  file.append({version.SerializeAsString(),
               encode_scalars(1700000001.25, 0,
                              {{"actor/pg_loss", 0.5}, {"training/rollout_probs_diff_max", 0.0}}),
               encode_scalars(1700000002.5, 1, {{"actor/grad_norm", -1e-8}})});
  file.append({encode_scalars(1700000003.0, 123456789012,
                              {{"timing_s/rollout", 3.4e38},
                               {"critic/score/mean", std::numeric_limits<double>::infinity()}})});
  EXPECT_EQ(proto::read_file(dir / "events"), golden);
}

TEST(TensorBoard, StartsWithTheVersionEvent) {
  const TempDir dir;
  TensorBoardWriter writer(dir / "tb/rl", -1);
  EXPECT_THAT(writer.path(), HasSubstr("/tb/rl/events.out.tfevents."));
  proto::Event event;
  ASSERT_TRUE(event.ParseFromString(proto::read_record(writer.path(), 0)));
  EXPECT_EQ(event.file_version(), "brain.Event:2");
  EXPECT_GT(event.wall_time(), 1.6e9);
}

TEST(MetricsLogger, WritesAllThreePlaces) {
  const TempDir dir;
  RunStore store(dir.path());
  MetricsLogger logger(dir.path(), "rl/math", &store);
  logger.log(1, {{"critic/score/mean", 0.1}, {"actor/pg_loss", std::nan("")}});
  EXPECT_THAT(lines_of(dir / "metrics.jsonl"),
              ElementsAre(R"({"stage":"rl/math","step":1,"critic/score/mean":0.1,)"
                          R"("actor/pg_loss":null})"));
  EXPECT_THAT(event_steps(event_file(dir / "tb/rl/math")), ElementsAre(1));
  EXPECT_EQ(store.metrics("rl/math").size(), 2u);
}

TEST(MetricsLogger, ResumeRemovesLaterStepsAndDoublesNothing) {
  const TempDir dir;
  RunStore store(dir.path());
  {
    MetricsLogger sft(dir.path(), "sft", &store);
    for (int step = 1; step <= 5; ++step) sft.log(step, {{"loss", step}});
  }
  {
    MetricsLogger rl(dir.path(), "rl", &store);
    for (int step = 1; step <= 4; ++step) rl.log(step, {{"loss", step}});
  }
  MetricsLogger rl(dir.path(), "rl", &store, /*last_step=*/2);
  EXPECT_THAT(event_steps(event_file(dir / "tb/rl")), ElementsAre(1, 2));
  rl.log(3, {{"loss", 30}});
  const auto lines = lines_of(dir / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_EQ(lines[4], R"({"stage":"sft","step":5,"loss":5.0})");
  EXPECT_EQ(lines[6], R"({"stage":"rl","step":2,"loss":2.0})");
  EXPECT_EQ(lines[7], R"({"stage":"rl","step":3,"loss":30.0})");
  EXPECT_THAT(event_steps(event_file(dir / "tb/rl")), ElementsAre(1, 2, 3));
  EXPECT_THAT(event_steps(event_file(dir / "tb/sft")), ElementsAre(1, 2, 3, 4, 5));
  ASSERT_EQ(store.metrics("rl").size(), 3u);
  EXPECT_EQ(store.metrics("rl")[2].value, 30);
}

TEST(MetricsLogger, FreshStartRemovesEverythingOfTheStage) {
  const TempDir dir;
  RunStore store(dir.path());
  { MetricsLogger(dir.path(), "rl", &store).log(0, {{"loss", 1}}); }
  MetricsLogger again(dir.path(), "rl", &store);
  EXPECT_TRUE(lines_of(dir / "metrics.jsonl").empty());
  EXPECT_TRUE(event_steps(event_file(dir / "tb/rl")).empty());
  EXPECT_TRUE(store.metrics("rl").empty());
}

TEST(MetricsLogger, TornTailsOfAKilledProcessAreCut) {
  const TempDir dir;
  RunStore store(dir.path());
  { MetricsLogger(dir.path(), "rl", &store).log(1, {{"loss", 1}}); }
  std::ofstream(dir / "metrics.jsonl", std::ios::app) << R"({"stage":"rl","st)";
  std::ofstream(event_file(dir / "tb/rl"), std::ios::app) << "\x20\0\0";
  MetricsLogger logger(dir.path(), "rl", &store, 1);
  logger.log(2, {{"loss", 2}});
  const auto lines = lines_of(dir / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(nlohmann::json::parse(lines[1])["step"], 2);
  EXPECT_THAT(event_steps(event_file(dir / "tb/rl")), ElementsAre(1, 2));
}

TEST(MetricsLogger, FullDiskIsAnErrorAndResumeRepairs) {
  const TempDir dir;
  RunStore store(dir.path());
  {
    MetricsLogger logger(dir.path(), "rl", &store);
    logger.log(1, {{"loss", 1}});
    const FileSizeLimit limit(std::filesystem::file_size(dir / "metrics.jsonl") + 5);
    EXPECT_THROW(logger.log(2, {{"loss", 2}}), Error);
  }
  MetricsLogger logger(dir.path(), "rl", &store, 1);
  logger.log(2, {{"loss", 2}});
  EXPECT_EQ(lines_of(dir / "metrics.jsonl").size(), 2u);
  EXPECT_EQ(store.metrics("rl").size(), 2u);
}

}  // namespace
}  // namespace amalgam::pipeline
