#include <gtest/gtest.h>

#include <filesystem>

#include "configs/error.h"
#include "distill/step/distill_step.h"
#include "model/checkpoint/convert.h"
#include "tests/error_of.h"
#include "tests/learner/policy_case.h"

namespace amalgam::distill {
namespace {

namespace fs = std::filesystem;
using learner::testing::flatten, learner::testing::OwnedWeights, learner::testing::Policy,
    learner::testing::random_weights, learner::testing::small_config;

constexpr size_t kTeachers = 40;

model::ModelConfig student_config() {
  model::ModelConfig c = small_config();
  c.num_nextn_predict_layers = 0;
  return c;
}

// Widths, depths, with and without an MTP block.
model::ModelConfig teacher_config(size_t i) {
  model::ModelConfig c = small_config();
  c.hidden_size = 16 + 8 * static_cast<int64_t>(i % 4);
  c.num_nextn_predict_layers = static_cast<int64_t>(i % 2);
  c.layers.resize(1 + i % 3);
  return c;
}

// One directory of 40 teachers, some of them in bf16 or FP8, for all tests.
class ManyTeachersTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TempDir;
    kernels::ThreadPool pool(1);
    for (size_t i = 0; i < kTeachers; ++i) {
      OwnedWeights w = random_weights(teacher_config(i), 100 + i);
      for (float& x : w.floats) x *= 3;
      const std::string saved = *directory_ / ("f32-" + std::to_string(i));
      model::save_model(saved, teacher_config(i), w.weights);
      const auto to = i % 5 == 1   ? model::Precision::kBF16
                      : i % 5 == 2 ? model::Precision::kFp8
                                   : model::Precision::kF32;
      model::convert_model(saved, path(i), pool, {.to = to});
      fs::remove_all(saved);
    }
  }
  static void TearDownTestSuite() { delete directory_; }

  static std::string path(size_t i) { return *directory_ / ("teacher" + std::to_string(i)); }
  static std::string name(size_t i) { return (i < 10 ? "t0" : "t") + std::to_string(i); }
  static std::vector<std::pair<std::string, std::string>> names() {
    std::vector<std::pair<std::string, std::string>> all;
    for (size_t i = 0; i < kTeachers; ++i) all.emplace_back(name(i), path(i));
    return all;
  }

  struct Budget {
    int64_t weights_bytes, hidden_bytes;
    int threads;
  };
  struct Outcome {
    std::vector<uint32_t> gradient;
    double kl;
    TeacherFigures figures;
  };

  ManyTeachersTest() {
    for (size_t i = 0; i < 60; ++i) {
      trajectories_.push_back(
          learner::testing::conversation(14 + static_cast<int>(i * 5 % 13), static_cast<int>(i)));
      trajectories_.back().mutable_meta()->set_domain(i % 2 ? "odd" : "even");
      // One teacher, or three.
      weights_.push_back({{i % kTeachers, 1.0}});
      if (i % 3 == 0)
        weights_.back() = {{i % kTeachers, 0.5}, {(i + 7) % kTeachers, 2.0}, {(i + 20) % 39, 0.25}};
    }
  }

  Outcome step(const Budget& budget, const std::function<void(int)>& between = nullptr) {
    TempDir own;
    Policy p(config_, initial_.weights, {}, own / "state", budget.threads);
    std::vector<proto::Trajectory> sampled = trajectories_;
    p.sample(sampled);
    std::vector<DistillSample> samples;
    for (size_t i = 0; i < sampled.size(); ++i) samples.push_back({&sampled[i], &weights_[i]});
    Teachers teachers(names(), p.network,
                      {.weights_bytes = budget.weights_bytes,
                       .hidden_bytes = budget.hidden_bytes,
                       .directory = own.path()});
    Outcome outcome;
    for (int i = 0; i < 2; ++i) {  // the second with what the first left in memory
      const DistillFigures f = accumulate_distill_loss(p.trainer, teachers, samples, {}, 1, 64);
      outcome.kl = f.total().kl.value().value();
      outcome.figures = f.teachers;
      EXPECT_EQ(f.probs_diff_max.value(), 0);
      if (between) between(i);
    }
    outcome.gradient = learner::testing::bits(flatten(p.trainer.gradients().weights()));
    return outcome;
  }

  static TempDir* directory_;
  model::ModelConfig config_ = student_config();
  OwnedWeights initial_ = random_weights(config_, 1);
  std::vector<proto::Trajectory> trajectories_;
  std::vector<TeacherWeights> weights_;
};
TempDir* ManyTeachersTest::directory_ = nullptr;

TEST_F(ManyTeachersTest, NoBitDependsOnMemoryOrThreads) {
  constexpr int64_t kAll = int64_t{1} << 30;
  const Outcome want = step({kAll, kAll, 1});
  EXPECT_GT(want.kl, 1e-3);
  EXPECT_GT(want.figures.hidden_bytes, 60 * 14 * 16 * 4);
  for (const Budget& b : {Budget{0, 0, 2}, {200'000, 3'000, 1}, {0, kAll, 1}, {kAll, 0, 2}}) {
    const Outcome got = step(b);
    EXPECT_EQ(got.gradient, want.gradient) << b.weights_bytes << " " << b.hidden_bytes;
    EXPECT_EQ(got.kl, want.kl);
    EXPECT_LE(got.figures.hidden_bytes, b.hidden_bytes);
    EXPECT_LT(b.weights_bytes < kAll ? got.figures.weights_bytes : 0,
              want.figures.weights_bytes / 8);
  }
}

TEST_F(ManyTeachersTest, SumsAreInTheOrderOfNamesNotOfPaths) {
  Policy p(config_, initial_.weights, {}, *directory_ / "state");
  const Teachers teachers({{"b", path(0)}, {"a", path(1)}, {"c", path(0)}}, p.network, {});
  EXPECT_EQ(teachers.number("a"), 0u);
  EXPECT_EQ(teachers.number("b"), 1u);
  EXPECT_EQ(teachers.number("c"), 1u);  // the same directory: one teacher, by its first name
  EXPECT_EQ(teachers.name(1), "b");
}

TEST_F(ManyTeachersTest, AnotherVocabularyIsRefused) {
  model::ModelConfig other = student_config();
  other.vocab_size = 41;
  const std::string dir = *directory_ / "other";
  model::save_model(dir, other, random_weights(other, 3).weights);
  Policy p(config_, initial_.weights, {}, *directory_ / "state2");
  EXPECT_NE(tests::error_of([&] {
              Teachers({{"a", dir}}, p.network, {});
            }).find("other: has 41 tokens in its vocabulary, the student has 37"),
            std::string::npos);
}

// At any time after the first step: cut short in place, replaced, removed.
TEST_F(ManyTeachersTest, ATeacherThatChangesIsOneLine) {
  const std::string file = path(7) + "/model.safetensors", kept = *directory_ / "kept";
  for (const int64_t budget : {int64_t{0}, int64_t{1} << 30}) {
    for (const char* what : {"was changed", "was changed ", "is gone"}) {
      fs::rename(file, kept);
      fs::copy_file(kept, file);
      const std::string line = tests::error_of([&] {
        step({budget, 0, 1}, [&](int i) {
          if (i != 0) return;
          if (what == std::string("is gone"))
            fs::remove(file);
          else if (what == std::string("was changed"))
            fs::resize_file(file, fs::file_size(file) / 2);
          else
            fs::copy_file(path(3) + "/model.safetensors", file,
                          fs::copy_options::overwrite_existing);
        });
      });
      fs::rename(kept, file);
      if (budget == 0) {
        EXPECT_NE(line.find("teacher " + path(7) + ": model.safetensors " + what),
                  std::string::npos)
            << line;
        EXPECT_EQ(line.find('\n'), std::string::npos);
      } else {
        EXPECT_EQ(line, "");  // in memory: what was read first is used
      }
    }
  }
}

}  // namespace
}  // namespace amalgam::distill
