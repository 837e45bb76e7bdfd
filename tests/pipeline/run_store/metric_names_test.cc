#include "pipeline/run_store/metric_names.h"

#include <gtest/gtest.h>

#include "proto/append_file.h"
#include "tests/paths.h"

namespace amalgam::pipeline {
namespace {

TEST(MetricNames, TheReferenceIsWhatIsCommitted) {
  EXPECT_EQ(proto::read_file(tests::golden("../../docs/METRICS.md")), metrics_reference())
      << "run `make docs`";
}

TEST(MetricNames, PlaceholdersStandForNames) {
  for (const char* name :
       {"critic/score/mean", "actor/entropy", "actor/entropy/math", "distill/kl/math",
        "distill/kl/math/teacher-2", "actor/entropy/math/max", "critic/score/mean/bus/b1-20",
        "distill/kl/math/max/teacher-2", "val-core/bus_line/none/acc/mean@2",
        "val-core/openai/gsm8k/acc/mean@16", "timing_s/step"})
    EXPECT_TRUE(is_documented_metric(name)) << name;
  for (const char* name : {"critic/score", "actor/entropy/math/max/x", "actor/lr/math",
                           "timing_s/x", "val-core/x/acc/mean@x"})
    EXPECT_FALSE(is_documented_metric(name)) << name;
}

}  // namespace
}  // namespace amalgam::pipeline
