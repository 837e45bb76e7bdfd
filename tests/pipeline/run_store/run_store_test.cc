#include "pipeline/run_store/run_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <functional>
#include <limits>

#include "configs/error.h"
#include "pipeline/run_store/run_lock.h"
#include "proto/append_file.h"
#include "proto/trajectory.pb.h"
#include "tests/error_of.h"
#include "tests/pipeline/sandbox_commands/limits.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using tests::error_of;

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

proto::Trajectory make_trajectory(int64_t step, const std::string& domain) {
  proto::Trajectory t;
  auto* m = t.mutable_meta();
  m->set_step(step);
  m->set_prompt_id("gsm-7");
  m->set_domain(domain);
  m->set_effort("high");
  m->set_group(3);
  m->set_sample_index(2);
  m->set_seed(0xfedcba9876543210u);
  m->set_outcome(proto::OUTCOME_TRUNCATED);
  m->set_reward(0.5);
  m->set_weights_version(9);
  m->set_prompt_length(2);
  for (const int32_t id : {1, 258, 7}) t.add_ids(id);
  m->set_response_length(22);
  m->set_finish_reason("length");
  return t;
}

TEST(RunStore, StagesKeepTheirOrderAndFirstStart) {
  const TempDir dir;
  RunStore store(dir / "run");
  store.start_stage("sft");
  store.start_stage("rl");
  store.end_stage("sft", StageState::kFinished);
  const double started = store.stages()[1].started_s;
  EXPECT_GT(started, 1.6e9);
  store.end_stage("rl", StageState::kFailed);
  store.start_stage("rl");
  const auto stages = store.stages();
  ASSERT_EQ(stages.size(), 2u);
  EXPECT_EQ(stages[0].name, "sft");
  EXPECT_EQ(stages[0].state, StageState::kFinished);
  EXPECT_GE(stages[0].finished_s, stages[0].started_s);
  EXPECT_EQ(stages[1].state, StageState::kRunning);
  EXPECT_EQ(stages[1].started_s, started);
  EXPECT_EQ(stages[1].finished_s, 0);
}

TEST(RunStore, FiguresSetAddMax) {
  const TempDir dir;
  RunStore store(dir.path());
  EXPECT_FALSE(store.figure("rl", "wall_s").has_value());
  store.add_figure("rl", "wall_s", 1.5);
  store.add_figure("rl", "wall_s", 2);
  store.max_figure(RunStore::kRun, "peak_rss_bytes", 7);
  store.max_figure(RunStore::kRun, "peak_rss_bytes", 5);
  store.set_figure("rl", "lr", 1e-3);
  store.set_figure("rl", "lr", 2e-3);
  EXPECT_THAT(store.figures("rl"), ElementsAre(Pair("lr", 2e-3), Pair("wall_s", 3.5)));
  EXPECT_EQ(store.figure(RunStore::kRun, "peak_rss_bytes"), 7);
  EXPECT_EQ(store.sandbox_failed(), 0);
  store.add_sandbox_failed(2);
  store.add_sandbox_failed(1);
  EXPECT_EQ(store.sandbox_failed(), 3);
}

TEST(RunStore, MetricsAreReplacedNotDoubledAndNanSurvives) {
  const TempDir dir;
  RunStore store(dir.path());
  store.record_metrics("rl", 2, {{"b", 1}, {"a", std::nan("")}});
  store.record_metrics("rl", 1, {{"a", std::numeric_limits<double>::infinity()}});
  store.record_metrics("rl", 2, {{"b", 0.1}});
  store.record_metrics("sft", 1, {{"a", 5}});
  const auto rows = store.metrics("rl");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].step, 1);
  EXPECT_TRUE(std::isinf(rows[0].value));
  EXPECT_TRUE(std::isnan(rows[1].value));
  EXPECT_EQ(rows[2].name, "b");
  EXPECT_EQ(rows[2].value, 0.1);
}

TEST(RunStore, TrajectoryMetadataRoundTrips) {
  const TempDir dir;
  RunStore store(dir.path());
  store.start_stage("sft");
  store.start_stage("rl");
  store.record_trajectories("rl", {make_trajectory(4, "math"), make_trajectory(4, "code")},
                            {0, 123456789012});
  store.record_trajectories("sft", {make_trajectory(9, "math")}, {77});
  ASSERT_EQ(store.trajectories().size(), 3u);
  EXPECT_EQ(store.trajectories()[0].stage, "sft");  // stages in the order of their start
  const auto code = store.trajectories("code");
  ASSERT_EQ(code.size(), 1u);
  EXPECT_EQ(code[0].stage, "rl");
  EXPECT_EQ(code[0].step, 4);
  EXPECT_EQ(code[0].prompt_id, "gsm-7");
  EXPECT_EQ(code[0].effort, "high");
  EXPECT_EQ(code[0].group, 3);
  EXPECT_EQ(code[0].sample_index, 2);
  EXPECT_EQ(code[0].seed, 0xfedcba9876543210u);
  EXPECT_EQ(code[0].outcome, "OUTCOME_TRUNCATED");
  EXPECT_EQ(code[0].reward, 0.5);
  EXPECT_EQ(code[0].prompt_length, 2);
  // hashlib.sha256(struct.pack("<2i", 1, 258)).hexdigest()
  EXPECT_EQ(code[0].prompt_hash,
            "fb8bbe2ad3ab5292f19bc5d75bbab9b5fbddc5a78ce47ab41b2d3d59bca08596");
  EXPECT_EQ(code[0].failure_kind, "");
  EXPECT_EQ(code[0].response_length, 22);
  EXPECT_EQ(code[0].finish_reason, "length");
  EXPECT_EQ(code[0].weights_version, 9);
  EXPECT_EQ(code[0].offset, 123456789012);
  EXPECT_THAT(store.domains(), ElementsAre("code", "math"));
}

TEST(RunStore, AbsentValuesAreNull) {
  const TempDir dir;
  RunStore store(dir.path());
  proto::Trajectory t = make_trajectory(1, "math");
  t.mutable_meta()->clear_reward();
  t.mutable_meta()->clear_weights_version();
  t.mutable_meta()->set_failure_kind("not_finite");
  store.record_trajectories("rl", {t}, {0});
  const auto rows = store.trajectories();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_FALSE(rows[0].reward);
  EXPECT_FALSE(rows[0].weights_version);
  EXPECT_EQ(rows[0].failure_kind, "not_finite");
}

// The hash is of the prompt alone, also where samples of one prompt follow another's.
TEST(RunStore, EveryPromptHasItsHash) {
  const TempDir dir;
  RunStore store(dir.path());
  proto::Trajectory a = make_trajectory(1, "math"), b = a, c = a;
  b.set_ids(2, 8);  // after the prompt
  c.set_ids(1, 9);
  store.record_trajectories("rl", {a, b, c, a}, {0, 1, 2, 3});
  const auto rows = store.trajectories();
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[1].prompt_hash, rows[0].prompt_hash);
  EXPECT_NE(rows[2].prompt_hash, rows[0].prompt_hash);
  EXPECT_EQ(rows[3].prompt_hash, rows[0].prompt_hash);
}

TEST(RunStore, FailuresByStageAndKind) {
  const TempDir dir;
  RunStore store(dir.path());
  proto::Trajectory t = make_trajectory(1, "math");
  t.mutable_meta()->set_failure_kind("not_finite");
  for (int again = 0; again < 2; ++again) {  // as a resumed stage records what it finds
    store.record_trajectories("rl", {t, make_trajectory(1, "math")}, {0, 1});
    store.count_masked("rl");
  }
  store.record_trajectories("sft", {make_trajectory(1, "math")}, {0});
  store.count_masked("sft");
  store.add_failures("rl", "not_finite", 4);
  store.add_failures("rl", "not_finite", 1);
  store.add_failures("eval", "timeout", 2);
  const auto rows = store.failures();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].stage, "eval");
  EXPECT_EQ(rows[0].kind, "timeout");
  EXPECT_EQ(rows[0].num_attempts, 2);
  EXPECT_EQ(rows[0].num_samples, 0);
  EXPECT_EQ(rows[1].kind, "not_finite");
  EXPECT_EQ(rows[1].num_attempts, 5);
  EXPECT_EQ(rows[1].num_samples, 1);
  EXPECT_EQ(store.figure("rl", "masked_samples"), 1);
  EXPECT_FALSE(store.figure("sft", "masked_samples"));
}

TEST(RunStore, TruncateAfterTouchesOneStageOnly) {
  const TempDir dir;
  RunStore store(dir.path());
  for (const int64_t step : {1, 2, 3}) {
    store.record_metrics("rl", step, {{"a", 1}});
    store.record_metrics("sft", step, {{"a", 1}});
    store.record_trajectories("rl", {make_trajectory(step, "math")}, {step});
    store.record_trajectories("sft", {make_trajectory(step, "math")}, {step});
  }
  store.truncate_after("rl", 1);
  EXPECT_EQ(store.metrics("rl").size(), 1u);
  EXPECT_EQ(store.metrics("sft").size(), 3u);
  EXPECT_EQ(store.trajectories().size(), 4u);
}

TEST(RunStore, ForgetRemovesAllOfOneStage) {
  const TempDir dir;
  RunStore store(dir.path());
  for (const char* stage : {"rl", "sft"}) {
    store.record_metrics(stage, 1, {{"a", 1}});
    store.record_trajectories(stage, {make_trajectory(1, "math")}, {1});
    store.set_figure(stage, "best_step", 1);
  }
  store.forget("rl");
  EXPECT_TRUE(store.metrics("rl").empty());
  EXPECT_TRUE(store.figures("rl").empty());
  EXPECT_EQ(store.metrics("sft").size(), 1u);
  EXPECT_EQ(store.figures("sft").size(), 1u);
  EXPECT_EQ(store.trajectories().size(), 1u);
}

TEST(RunStore, EvalsAndWorkers) {
  const TempDir dir;
  RunStore store(dir.path());
  store.record_eval({"eval", "base", "math", "mean@4", {0.25, 0.02}});
  store.record_eval({"eval", "student", "math", "mean@4", {0.75, 0.02}});
  store.record_eval({"eval", "base", "math", "mean@4", {0.5, std::nan(""), true}});
  const auto evals = store.evals();
  ASSERT_EQ(evals.size(), 2u);
  EXPECT_EQ(evals[0].score.mean, 0.5);
  EXPECT_TRUE(std::isnan(evals[0].score.standard_error));
  store.add_worker({12, "rollout", 100, 1.5});
  store.add_worker({12, "rollout", 11, 0.5});
  store.add_worker({7, "rollout", 1, 0});
  const auto workers = store.workers();
  ASSERT_EQ(workers.size(), 2u);
  EXPECT_EQ(workers[1].pid, 12);
  EXPECT_EQ(workers[1].sampled_tokens, 111);
  EXPECT_EQ(workers[1].busy_s, 2);
}

TEST(RunStore, SurvivesKill9OfTheWriter) {
  const TempDir dir;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    RunStore store(dir.path());
    for (int64_t step = 1;; ++step) {
      store.record_metrics("rl", step, {{"a", 1}, {"b", 2}});
      if (::write(ready[1], &step, sizeof step) != sizeof step) ::_exit(1);
    }
  }
  int64_t acknowledged = 0;
  while (acknowledged < 30) ASSERT_EQ(::read(ready[0], &acknowledged, 8), 8);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[1]);
  while (::read(ready[0], &acknowledged, 8) == 8) {
  }
  ::close(ready[0]);
  RunStore store(dir.path());
  const auto rows = store.metrics("rl");
  EXPECT_EQ(rows.size() % 2, 0u);  // whole steps only
  ASSERT_FALSE(rows.empty());
  EXPECT_GE(rows.back().step, acknowledged);
}

TEST(RunStore, ReaderBesideTheWriter) {
  const TempDir dir;
  RunStore writer(dir.path());
  writer.record_metrics("rl", 1, {{"a", 1}});
  const RunStore reader(dir.path(), Access::kReadOnly);
  EXPECT_EQ(reader.metrics("rl").size(), 1u);
  writer.record_metrics("rl", 2, {{"a", 1}});
  EXPECT_EQ(reader.metrics("rl").size(), 2u);
}

TEST(RunStore, ReadOnlyDirectoryIsAClearError) {
  const TempDir dir;
  const ReadOnlyDirectory read_only(dir.path());
  EXPECT_THAT(error_of([&] { RunStore store(dir.path()); }),
              AllOf(HasSubstr("run.sqlite"), HasSubstr("--run-dir")));
  EXPECT_THAT(error_of([&] { RunStore store(dir / "new"); }),
              AllOf(HasSubstr("Permission denied"), HasSubstr("--run-dir")));
  EXPECT_THAT(error_of([&] { RunLock lock(dir.path()); }),
              AllOf(HasSubstr("Permission denied"), HasSubstr("--run-dir")));
}

TEST(RunStore, MissingDatabaseIsAClearErrorForReaders) {
  const TempDir dir;
  EXPECT_THAT(error_of([&] { RunStore store(dir.path(), Access::kReadOnly); }),
              HasSubstr("run.sqlite"));
}

TEST(RunStore, FullDiskIsAClearErrorAndTheStoreStaysWhole) {
  const TempDir dir;
  RunStore store(dir.path());
  store.record_metrics("rl", 1, {{"a", 1}});
  NamedValues many;
  for (int i = 0; i < 20'000; ++i) many.emplace_back("metric/" + std::to_string(i), i);
  {
    const FileSizeLimit limit(200'000);
    EXPECT_THAT(error_of([&] { store.record_metrics("rl", 2, many); }),
                AllOf(HasSubstr("run.sqlite"), HasSubstr("--resume")));
  }
  EXPECT_EQ(store.metrics("rl").size(), 1u);
  store.record_metrics("rl", 2, many);  // after space was freed
  EXPECT_EQ(store.metrics("rl").size(), 20'001u);
}

TEST(RunStore, DamagedDatabaseIsAClearError) {
  const TempDir dir;
  std::ofstream(dir / "run.sqlite") << std::string(5000, 'x');
  EXPECT_THAT(error_of([&] { RunStore store(dir.path()); }),
              AllOf(HasSubstr("run.sqlite"), HasSubstr("damaged")));

  const TempDir second;
  {
    RunStore store(second.path());
    for (int step = 0; step < 200; ++step) store.record_metrics("rl", step, {{"some/name", step}});
  }
  std::fstream f(second / "run.sqlite", std::ios::in | std::ios::out | std::ios::binary);
  for (int page = 3; page < 12; ++page) {
    f.seekp(page * 4096);
    f << std::string(600, '\x5a');
  }
  f.close();
  EXPECT_THAT(error_of([&] { RunStore store(second.path()); }), HasSubstr("damaged"));
}

TEST(RunStore, AnotherFormatIsAClearError) {
  const TempDir dir;
  { RunStore store(dir.path()); }
  {
    Database db(dir / "run.sqlite", Access::kReadWrite);
    db.run("PRAGMA user_version = 99");
  }
  EXPECT_THAT(error_of([&] { RunStore store(dir.path()); }), HasSubstr("format 99"));
}

TEST(RunLock, SecondHolderIsToldThePidOfTheFirst) {
  const TempDir dir;
  int held[2];
  ASSERT_EQ(::pipe(held), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    RunLock lock(dir.path());
    if (::write(held[1], "x", 1) != 1) ::_exit(1);
    ::pause();
  }
  char byte;
  ASSERT_EQ(::read(held[0], &byte, 1), 1);
  const std::string message = error_of([&] { RunLock lock(dir.path()); });
  EXPECT_THAT(message, HasSubstr("in use by process " + std::to_string(child) + ";"));
  EXPECT_EQ(message.find('\n'), std::string::npos);
  // Dies with its process, although the file with the pid stays.
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  RunLock lock(dir.path());
  EXPECT_EQ(proto::read_file(dir / "lock"), std::to_string(::getpid()) + "\n");
  ::close(held[0]);
  ::close(held[1]);
}

// A forked child that outlives its parent for a moment must not block the restart.
TEST(RunLock, AForkedChildDoesNotKeepIt) {
  const TempDir dir;
  int ready[2], hold[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(hold), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    RunLock lock(dir.path());
    if (::fork() == 0) {
      ::close(hold[1]);
      char byte;
      if (::read(hold[0], &byte, 1) > 0) ::_exit(1);  // until the test lets go
      ::_exit(0);
    }
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::pause();
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_EQ(error_of([&] { RunLock lock(dir.path()); }), "");
  for (const int fd : {ready[0], ready[1], hold[0], hold[1]}) ::close(fd);
}

TEST(RunLock, ExcludesWithinOneProcessAndIsReleased) {
  const TempDir dir;
  {
    RunLock lock(dir.path());
    EXPECT_THAT(error_of([&] { RunLock second(dir.path()); }), HasSubstr("in use"));
    EXPECT_THAT(error_of([&] { RunLock second(dir.path() + "/."); }), HasSubstr("in use"));
  }
  EXPECT_EQ(error_of([&] { RunLock again(dir.path()); }), "");
}

}  // namespace
}  // namespace amalgam::pipeline
