#include "pipeline/stages/learner_figures.h"

#include <gmock/gmock.h>

#include "configs/error.h"
#include "pipeline/stages/training_job.h"

namespace amalgam::pipeline {
namespace {

using ::testing::ElementsAre, ::testing::Pair, ::testing::UnorderedElementsAre;

learner::Mean mean(double sum, int64_t count) { return {sum, count}; }

TEST(LearnerFiguresTest, TotalAndDomainsAndNothingThatWasNotMeasured) {
  learner::PolicyFigures f;
  f.pg_loss.add(0.5);
  f.means["math"] = {.entropy = mean(6, 4), .ppo_kl = mean(1, 4), .clipfrac = mean(0, 4), .kl = {}};
  f.means["code"] = {.entropy = mean(3, 2), .ppo_kl = mean(2, 2), .clipfrac = mean(1, 2), .kl = {}};
  NamedValues figures;
  add_figures(f, &figures);
  EXPECT_THAT(figures, UnorderedElementsAre(
                           Pair("actor/pg_loss", 0.5), Pair("actor/entropy", 1.5),
                           Pair("actor/entropy/math", 1.5), Pair("actor/entropy/code", 1.5),
                           Pair("actor/ppo_kl", 0.5), Pair("actor/ppo_kl/math", 0.25),
                           Pair("actor/ppo_kl/code", 1), Pair("actor/pg_clipfrac", 1.0 / 6),
                           Pair("actor/pg_clipfrac/math", 0), Pair("actor/pg_clipfrac/code", 0.5)));
}

TEST(LearnerFiguresTest, TeachersByDomainAndName) {
  distill::DistillFigures f;
  f.means["math"] = {.objective = mean(9, 3),
                     .kl = mean(6, 3),
                     .teacher_kl = {{"a", mean(6, 3)}},
                     .entropy = mean(3, 3)};
  f.means["code"] = {.objective = mean(1, 1),
                     .kl = mean(2, 1),
                     .teacher_kl = {{"a", mean(3, 1)}, {"b", mean(1, 1)}},
                     .entropy = mean(5, 1)};
  f.teachers = {.forward_s = 9, .wait_s = 10, .weights_bytes = 7, .hidden_bytes = 8};
  NamedValues figures;
  add_figures(f, &figures);
  EXPECT_THAT(figures, UnorderedElementsAre(
                           Pair("distill/objective", 2.5), Pair("distill/objective/math", 3),
                           Pair("distill/objective/code", 1), Pair("distill/kl", 2),
                           Pair("distill/kl/math", 2), Pair("distill/kl/code", 2),
                           Pair("distill/kl/math/a", 2), Pair("distill/kl/code/a", 3),
                           Pair("distill/kl/code/b", 1), Pair("actor/entropy", 2),
                           Pair("actor/entropy/math", 1), Pair("actor/entropy/code", 5),
                           Pair("distill/teacher_bytes", 7), Pair("distill/hidden_bytes", 8),
                           Pair("timing_s/teacher_forward", 9), Pair("timing_s/teacher_wait", 10)));
}

TEST(LearnerFiguresTest, AnErrorIsToldWithStageAndStep) {
  try {
    in_step("rl-math", 12, [] { throw Error("the loss is nan"); });
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "rl-math, step 12: the loss is nan");
  }
}

}  // namespace
}  // namespace amalgam::pipeline
