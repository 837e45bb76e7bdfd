#include "pipeline/commands/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/paths.h"
#include "tests/pipeline/run_program.h"

namespace amalgam::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ConvertCommand : public ::testing::Test {
 protected:
  ConvertCommand() {
    fs::remove_all(dir_);
    fs::create_directories(dir_);
  }
  ~ConvertCommand() override { fs::remove_all(dir_); }
  ProgramResult convert(const std::string& to, const std::string& out) {
    return run_program("convert --model " + model_ + " --to " + to + " --out " + dir_ + "/" + out);
  }
  // One line on stderr, and nothing was made.
  void expect_error(const ProgramResult& result, const std::string& text) {
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.err, HasSubstr(text));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }

  const std::string model_ = tests::reference_model("released_quant");
  const std::string dir_ = testing::TempDir() + "/convert_" + std::to_string(getpid());
};

TEST_F(ConvertCommand, ConvertsAndTheModelScoresTheSame) {
  const ProgramResult fp8 = convert("fp8", "fp8");
  EXPECT_EQ(fp8.status, 0) << fp8.err;
  EXPECT_THAT(fp8.out, HasSubstr("experts FP4 -> FP8: 0 of 96 tiles are not lossless"));
  EXPECT_THAT(fp8.out, HasSubstr(dir_ + "/fp8: "));
  EXPECT_EQ(convert("f32", "f32").status, 0);
  std::ofstream(dir_ + "/rows.jsonl") << "{\"ids\": [0, 5, 17, 3, 99, 42, 8, 8, 120]}\n";
  const auto score = [&](const std::string& model, const std::string& flags) {
    EXPECT_EQ(run_program("score --model " + model + " --tokens " + dir_ + "/rows.jsonl --out " +
                          dir_ + "/scored.jsonl " + flags)
                  .status,
              0);
    std::ostringstream text;
    text << std::ifstream(dir_ + "/scored.jsonl").rdbuf();
    return text.str();
  };
  const std::string want = score(model_, "");
  EXPECT_THAT(want, HasSubstr("logprobs"));
  EXPECT_EQ(score(dir_ + "/fp8", ""), want);
  EXPECT_EQ(score(dir_ + "/f32", ""), want);
  EXPECT_EQ(score(dir_ + "/f32", "--experts-fp4"), want);  // they are FP4 values already
  EXPECT_NE(score(dir_ + "/f32", "--kv-cache-fp8"), want);
  EXPECT_NE(score(dir_ + "/f32", "--activations-fp8"), want);
}

TEST_F(ConvertCommand, ErrorsAreOneLine) {
  expect_error(convert("int4", "x"), "--to is f32, bf16, fp8 or fp4, not 'int4'");
  std::ofstream(dir_ + "/precious") << "data";
  expect_error(convert("f32", ""), "is no model directory; give another --out");
  EXPECT_TRUE(fs::exists(dir_ + "/precious"));
  expect_error(run_program("convert --model " + dir_ + " --to f32 --out " + dir_ + "/x"),
               "config.json");
  EXPECT_FALSE(fs::exists(dir_ + "/x"));
}

}  // namespace
}  // namespace amalgam::pipeline
