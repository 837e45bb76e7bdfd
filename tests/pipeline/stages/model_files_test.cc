#include "pipeline/stages/model_files.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/checkpoint/checkpoint.h"
#include "tests/paths.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

// Three models of one shape: tests/golden/reference/sliding, scaled.
TEST(AverageModels, IsTheBasePlusAShareOfTheMeansDistance) {
  const TempDir dir;
  const std::string golden = std::string(tests::kGolden) + "/reference/sliding";
  const model::Model start = model::load_model(golden);
  const auto scaled = [&](const char* name, float by) {
    model::Model m = model::load_model(golden);
    for (size_t i = 0; i < m.floats.size(); ++i) m.floats[i] *= by;
    model::save_model(dir / name, m.config, m.weights, {});
    return std::string(dir / name);
  };
  const std::string base = scaled("base", 1), one = scaled("one", 3), two = scaled("two", 5);
  for (const double c : {1.0, 0.5, -0.25}) {
    const std::string out = dir / ("out" + std::to_string(c));
    average_models(base, {one, two}, c, out, golden);
    const model::Model mean = model::load_model(out);
    double worst = 0;
    for (size_t i = 0; i < mean.floats.size(); ++i) {
      const double x = start.floats[i], want = x + c * (4 * x - x);
      worst = std::max(worst, std::abs(mean.floats[i] - want) - 1e-6 * std::abs(want));
    }
    EXPECT_LE(worst, 0) << c;
  }
}

}  // namespace
}  // namespace amalgam::pipeline
