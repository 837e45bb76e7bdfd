// The log-probabilities that `generate` writes.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/paths.h"
#include "tests/pipeline/run_program.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;

class GenerateTest : public ::testing::Test {
 protected:
  json first_row(const std::string& name) {
    std::ifstream in(directory_ / name);
    std::string line;
    std::getline(in, line);
    return json::parse(line);
  }
  ProgramResult generate(const std::string& temperature) {
    std::ofstream(directory_ / "in") << R"({"ids": [3, 1, 4, 1, 5], "max_tokens": 12})" << '\n';
    return run_program("generate --model " + model_ + " --in " + (directory_ / "in") + " --out " +
                       (directory_ / "out") + " --temperature " + temperature);
  }
  // What `score` gives the new tokens of a row.
  std::vector<float> scored(const json& row) {
    json ids = {3, 1, 4, 1, 5};
    for (const auto& id : row["ids"]) ids.push_back(id);
    std::ofstream(directory_ / "tokens") << json{{"ids", ids}}.dump() << '\n';
    const ProgramResult result =
        run_program("score --model " + model_ + " --tokens " + (directory_ / "tokens") + " --out " +
                    (directory_ / "scored"));
    EXPECT_EQ(result.status, 0) << result.err;
    json all = first_row("scored")["logprobs"];
    all.erase(all.begin(), all.begin() + 5);
    return all.get<std::vector<float>>();
  }

  TempDir directory_;
  const std::string model_ = std::string(tests::kGolden) + "/reference/mixed";
};

TEST_F(GenerateTest, LogprobsAreUntemperedAndThoseOfTheSamplerBesideThem) {
  for (const char* temperature : {"1", "0", "0.7", "1.5"}) {
    const ProgramResult result = generate(temperature);
    ASSERT_EQ(result.status, 0) << result.err;
    const json row = first_row("out");
    EXPECT_EQ(row["ids"].size(), 12);
    // To the last bit.
    EXPECT_EQ(row["logprobs"].get<std::vector<float>>(), scored(row)) << temperature;
    const bool tempered = std::string(temperature) != "1" && std::string(temperature) != "0";
    ASSERT_EQ(row.contains("sampling_logprobs"), tempered) << temperature;
    if (!tempered) continue;
    ASSERT_EQ(row["sampling_logprobs"].size(), 12);
    for (size_t i = 0; i < 12; ++i) {
      EXPECT_LT(row["sampling_logprobs"][i], 0);
      EXPECT_NE(row["sampling_logprobs"][i], row["logprobs"][i]);
    }
  }
}

TEST_F(GenerateTest, ATemperatureIsZeroOrNotTiny) {
  for (const char* temperature : {"0.005", "1e-46", "-1", "101", "nan"}) {
    const ProgramResult result = generate(temperature);
    EXPECT_EQ(result.status, 1) << temperature;
    EXPECT_NE(result.err.find("--temperature must be 0, or between 0.01 and 100"),
              std::string::npos)
        << result.err;
  }
}

}  // namespace
}  // namespace amalgam::pipeline
