#include "pipeline/run_store/trajectory_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "configs/error.h"
#include "proto/crc32c.h"
#include "proto/trajectory.pb.h"
#include "tests/error_of.h"
#include "tests/pipeline/sandbox_commands/limits.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using tests::error_of;

using testing::ElementsAre;
using testing::HasSubstr;

proto::Trajectory make_trajectory(int64_t step, int num_tokens = 5) {
  proto::Trajectory t;
  t.mutable_meta()->set_step(step);
  t.mutable_meta()->set_domain("math");
  for (int i = 0; i < num_tokens; ++i) {
    t.add_ids(100 + i);
    t.mutable_writer()->push_back(
        static_cast<char>(i < 2 ? proto::WRITER_PROMPT : proto::WRITER_POLICY));
    if (i >= 2) t.add_logprobs(-0.25f * static_cast<float>(i));
  }
  return t;
}

std::vector<int64_t> steps_in(const std::string& path) {
  std::vector<int64_t> steps;
  for_each_trajectory(path, [&](int64_t, const proto::Trajectory& t) {
    steps.push_back(t.meta().step());
    return true;
  });
  return steps;
}

void overwrite(const std::string& path, int64_t at, const std::string& bytes) {
  std::fstream f(path, std::ios::in | std::ios::out | std::ios::binary);
  f.seekp(at);
  f << bytes;
}

// RFC 3720, B.4.
TEST(Crc32c, PublishedVectors) {
  EXPECT_EQ(proto::crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(proto::crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string up;
  for (int i = 0; i < 32; ++i) up += static_cast<char>(i);
  EXPECT_EQ(proto::crc32c(up), 0x46dd794eu);
  EXPECT_EQ(proto::crc32c("123456789"), 0xe3069283u);  // not a multiple of 8
  EXPECT_EQ(proto::crc32c(""), 0u);
}

TEST(TrajectoryLog, ReadsBackInOrderAndByOffset) {
  const TempDir dir;
  const std::string path = trajectory_log_path(dir.path(), "rl/math");
  EXPECT_EQ(path, dir / "trajectories/rl/math.log");
  TrajectoryLog log(path);
  EXPECT_EQ(log.last_step(), -1);
  auto offsets = log.append({make_trajectory(1), make_trajectory(1, 900)});
  const auto more = log.append({make_trajectory(2, 0)});
  offsets.insert(offsets.end(), more.begin(), more.end());
  EXPECT_THAT(steps_in(path), ElementsAre(1, 1, 2));
  const auto second = read_trajectory(path, offsets[1]);
  EXPECT_EQ(second.SerializeAsString(), make_trajectory(1, 900).SerializeAsString());
  EXPECT_EQ(read_trajectory(path, offsets[2]).ids_size(), 0);
  EXPECT_EQ(log.last_step(), 2);
}

TEST(TrajectoryLog, AnOffsetInsideARecordIsAnError) {
  const TempDir dir;
  TrajectoryLog log(dir / "t.log");
  log.append({make_trajectory(1)});
  EXPECT_THAT(error_of([&] { read_trajectory(dir / "t.log", 3); }), HasSubstr("byte 3"));
  EXPECT_NE(error_of([&] { read_trajectory(dir / "t.log", log.size_bytes()); }), "");
  EXPECT_NE(error_of([&] { read_trajectory(dir / "absent.log", 0); }), "");
}

TEST(TrajectoryLog, MissingFileHasNoRecords) {
  const TempDir dir;
  EXPECT_TRUE(steps_in(dir / "absent.log").empty());
}

// However many bytes of the last record arrived, the others stay and appending works.
TEST(TrajectoryLog, TornTailIsCutAtEveryLength) {
  const TempDir dir;
  const std::string whole = dir / "whole.log";
  int64_t last = 0;
  {
    TrajectoryLog log(whole);
    log.append({make_trajectory(1)});
    last = log.append({make_trajectory(2)})[0];
  }
  const auto size = static_cast<int64_t>(std::filesystem::file_size(whole));
  for (int64_t cut = last + 1; cut < size; ++cut) {
    const std::string path = dir / "torn.log";
    std::filesystem::copy_file(whole, path, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(path, static_cast<uintmax_t>(cut));
    ASSERT_THAT(steps_in(path), ElementsAre(1)) << cut;
    TrajectoryLog log(path);
    ASSERT_EQ(log.torn_bytes(), cut - last);
    ASSERT_EQ(log.size_bytes(), last);
    ASSERT_EQ(log.last_step(), 1);
    log.append({make_trajectory(3)});
    ASSERT_THAT(steps_in(path), ElementsAre(1, 3)) << cut;
  }
}

TEST(TrajectoryLog, ZeroTailOfACrashedMachineIsCut) {
  const TempDir dir;
  const std::string path = dir / "t.log";
  TrajectoryLog(path).append({make_trajectory(1)});
  const auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size + 100'000);
  EXPECT_EQ(TrajectoryLog(path).torn_bytes(), 100'000);
  EXPECT_EQ(std::filesystem::file_size(path), size);
}

// A flipped bit anywhere before the tail must not silently drop the records behind it.
TEST(RecordFile, DamageIsAnErrorNotATornTail) {
  const TempDir dir;
  const std::string path = dir / "t.log";
  int64_t end = 0;
  {
    TrajectoryLog log(path);
    log.append({make_trajectory(1)});
    end = log.size_bytes();
    log.append({make_trajectory(2)});
  }
  const std::string before = proto::read_file(path);
  for (int64_t at = 0; at < end; ++at) {
    overwrite(path, at, std::string(1, static_cast<char>(before[static_cast<size_t>(at)] ^ 0x10)));
    ASSERT_THAT(error_of([&] { TrajectoryLog log(path); }), HasSubstr("damaged at byte 0")) << at;
    overwrite(path, at, before.substr(static_cast<size_t>(at), 1));
  }
  EXPECT_THAT(steps_in(path), ElementsAre(1, 2));
}

TEST(TrajectoryLog, TruncateAfterAStep) {
  const TempDir dir;
  const std::string path = dir / "t.log";
  TrajectoryLog log(path);
  log.append({make_trajectory(0), make_trajectory(1), make_trajectory(1), make_trajectory(2)});
  log.append({make_trajectory(5)});
  log.truncate_after(5);
  EXPECT_THAT(steps_in(path), ElementsAre(0, 1, 1, 2, 5));
  log.truncate_after(1);
  EXPECT_THAT(steps_in(path), ElementsAre(0, 1, 1));
  EXPECT_EQ(log.last_step(), 1);
  log.append({make_trajectory(2)});  // the redone step
  EXPECT_THAT(steps_in(path), ElementsAre(0, 1, 1, 2));
  log.truncate_after(-1);
  EXPECT_EQ(log.size_bytes(), 0);
  EXPECT_EQ(log.last_step(), -1);
}

TEST(TrajectoryLog, SurvivesKill9OfTheWriter) {
  const TempDir dir;
  const std::string path = dir / "t.log";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    TrajectoryLog log(path);
    for (int64_t step = 1;; ++step) {
      log.append({make_trajectory(step, 2000)});
      if (::write(ready[1], &step, sizeof step) != sizeof step) ::_exit(1);
    }
  }
  int64_t acknowledged = 0;
  while (acknowledged < 50) ASSERT_EQ(::read(ready[0], &acknowledged, 8), 8);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[1]);
  while (::read(ready[0], &acknowledged, 8) == 8) {
  }
  ::close(ready[0]);
  TrajectoryLog log(path);
  // Nothing acknowledged is lost; at most the one record in flight is more.
  EXPECT_GE(log.last_step(), acknowledged);
  EXPECT_LE(log.last_step(), acknowledged + 1);
}

TEST(TrajectoryLog, FullDiskLeavesNoHalfRecordAndSaysSo) {
  const TempDir dir;
  const std::string path = dir / "t.log";
  TrajectoryLog log(path);
  log.append({make_trajectory(1)});
  const int64_t size = log.size_bytes();
  {
    const FileSizeLimit limit(static_cast<rlim_t>(size + 100));
    EXPECT_THAT(error_of([&] { log.append({make_trajectory(2, 1000)}); }),
                testing::AllOf(HasSubstr(path), HasSubstr("--resume")));
  }
  EXPECT_EQ(static_cast<int64_t>(std::filesystem::file_size(path)), size);
  log.append({make_trajectory(2)});  // after space was freed
  EXPECT_THAT(steps_in(path), ElementsAre(1, 2));
}

TEST(TrajectoryLog, DevFullIsReportedAsFullDisk) {
  proto::AppendFile file("/dev/full");
  EXPECT_THAT(error_of([&] { file.append("x"); }), HasSubstr("No space left on device"));
}

std::vector<int> lengths_in(const std::string& path) {
  std::vector<int> lengths;
  for_each_trajectory(path, [&](int64_t, const proto::Trajectory& t) {
    lengths.push_back(t.ids_size());
    return true;
  });
  return lengths;
}

TEST(TrajectoryLog, AStepIsReplaced) {
  const TempDir dir;
  TrajectoryLog log(dir / "t.log");
  log.append({make_trajectory(1, 5), make_trajectory(2, 6), make_trajectory(2, 7)});
  const auto offsets = log.replace_step({make_trajectory(2, 8), make_trajectory(2, 9)});
  EXPECT_THAT(lengths_in(dir / "t.log"), ElementsAre(5, 8, 9));
  EXPECT_EQ(read_trajectory(dir / "t.log", offsets[1]).ids_size(), 9);
  log.replace_step({make_trajectory(3, 4)});  // of a step that is not there yet
  EXPECT_THAT(lengths_in(dir / "t.log"), ElementsAre(5, 8, 9, 4));
  TrajectoryLog again(dir / "t.log");
  again.replace_step({make_trajectory(3, 3)});
  EXPECT_THAT(lengths_in(dir / "t.log"), ElementsAre(5, 8, 9, 3));
  // One that is gone back to: what came after it goes.
  again.replace_step({make_trajectory(2, 2)});
  EXPECT_THAT(lengths_in(dir / "t.log"), ElementsAre(5, 2));
  EXPECT_EQ(again.last_step(), 2);
}

// A kill while records are written again loses them, and what weights that are gone had sampled.
TEST(TrajectoryLog, WhatIsThereIsNotWrittenAgain) {
  const TempDir dir;
  const std::vector<proto::Trajectory> step = {make_trajectory(2, 6), make_trajectory(2, 7)};
  TrajectoryLog log(dir / "t.log");
  log.append({make_trajectory(1)});
  const auto offsets = log.append(step);
  struct stat before {
  }, after{};
  ASSERT_EQ(stat((dir / "t.log").c_str(), &before), 0);
  EXPECT_EQ(log.replace_step(step), offsets);
  ASSERT_EQ(stat((dir / "t.log").c_str(), &after), 0);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
  EXPECT_EQ(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
  // A part of them, or more, is something else.
  EXPECT_EQ(log.replace_step({step[0]}).size(), 1u);
  EXPECT_THAT(lengths_in(dir / "t.log"), ElementsAre(5, 6));
  EXPECT_EQ(log.replace_step(step), offsets);
  EXPECT_THAT(lengths_in(dir / "t.log"), ElementsAre(5, 6, 7));
}

TEST(TrajectoryLog, ReadOnlyDirectoryIsAClearError) {
  const TempDir dir;
  const ReadOnlyDirectory read_only(dir.path());
  EXPECT_THAT(error_of([&] { TrajectoryLog log(trajectory_log_path(dir.path(), "rl")); }),
              testing::AllOf(HasSubstr("Permission denied"), HasSubstr("--run-dir")));
}

TEST(TrajectoryLog, RecordsOfAnotherProgramAreAnError) {
  const TempDir dir;
  auto bad = make_trajectory(1);
  bad.mutable_writer()->pop_back();
  proto::RecordFile(dir / "t.log", [](int64_t, std::string_view) {
    return true;
  }).append({bad.SerializeAsString()});
  EXPECT_THAT(error_of([&] { read_trajectory(dir / "t.log", 0); }), HasSubstr("no trajectory"));
  EXPECT_THAT(error_of([&] { TrajectoryLog log(dir / "t.log"); }), HasSubstr("no trajectory"));
}

TEST(TrajectoryLogDeathTest, InconsistentRecordsAreOurBug) {
  const TempDir dir;
  TrajectoryLog log(dir / "t.log");
  auto bad = make_trajectory(1);
  bad.add_logprobs(-1);
  EXPECT_DEATH(log.append({bad}), "is_consistent");
  EXPECT_DEATH(log.append({make_trajectory(2), make_trajectory(1)}), "step");
}

}  // namespace
}  // namespace amalgam::pipeline
