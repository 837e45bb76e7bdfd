#include "pipeline/commands/resumed_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "proto/append_file.h"
#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;

class ResumedRowsTest : public testing::Test {
 protected:
  ResumedRowsTest() { std::ofstream(in_) << "a\nb\nc\n"; }
  ResumedRows open(bool resume, const std::string& model = "m", size_t rows = 3) {
    return ResumedRows(out_, in_, {{"model", model}, {"temperature", "1"}}, rows, resume);
  }
  std::string error(const std::string& model, size_t rows) {
    return tests::error_of([&] { open(true, model, rows); });
  }

  const TempDir dir_;
  const std::string in_ = dir_ / "in", out_ = dir_ / "out";
};

TEST_F(ResumedRowsTest, GoesOnBehindWholeRowsOfTheSame) {
  {
    ResumedRows killed = open(false);
    killed.write("1");
  }  // not finished
  std::ofstream(out_, std::ios::app) << "2 is to";
  ResumedRows rows = open(true);
  EXPECT_EQ(rows.num_there(), 1u);
  rows.write("2"), rows.write("3"), rows.finish();
  EXPECT_EQ(proto::read_file(out_), "1\n2\n3\n");
  EXPECT_FALSE(std::filesystem::exists(out_ + ".resume"));
  EXPECT_EQ(open(true).num_there(), 3u);  // harmless on a finished one
}

TEST_F(ResumedRowsTest, RowsOfSomethingElseAreLeftAlone) {
  {
    ResumedRows killed = open(false);
    killed.write("1");
  }
  std::ofstream(out_, std::ios::app) << "2 is to";
  EXPECT_THAT(error("another", 3), HasSubstr("were made with another model; give that again"));
  EXPECT_THAT(error("m", 0), HasSubstr("has more rows than"));
  std::filesystem::remove(out_ + ".resume");
  EXPECT_THAT(error("m", 3), HasSubstr("there is no " + out_ + ".resume that says"));
  EXPECT_EQ(proto::read_file(out_), "1\n2 is to");
  EXPECT_THAT(tests::error_of([] { ResumedRows("-", "-", {}, 0, true); }),
              HasSubstr("--resume needs files"));
}

}  // namespace
}  // namespace amalgam::pipeline
