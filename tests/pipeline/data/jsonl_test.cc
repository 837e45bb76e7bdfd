#include "pipeline/data/jsonl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "proto/append_file.h"
#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::HasSubstr;

TEST(JsonlTest, KeepsWholeRows) {
  const TempDir dir;
  const std::string in = dir / "in", out = dir / "out";
  std::ofstream(in) << "a\nb\nc\n";
  std::ofstream(out) << "1\n2\n3 is to";
  EXPECT_EQ(num_whole_rows(out), 2u);
  {
    RowWriter writer(out, in, /*keep=*/2);
    writer.write("3");
    writer.finish();
  }
  EXPECT_EQ(proto::read_file(out), "1\n2\n3\n");
  RowWriter(out, in, 1).finish();
  EXPECT_EQ(proto::read_file(out), "1\n");
  RowWriter(out, in).finish();
  EXPECT_EQ(proto::read_file(out), "");
}

TEST(JsonlTest, TheInputIsNotOverwritten) {
  const TempDir dir;
  std::ofstream(dir / "in") << "a\n";
  EXPECT_THAT(tests::error_of([&] { RowWriter(dir / "in", dir / "in"); }),
              HasSubstr("is the input file too"));
  EXPECT_THAT(tests::error_of([&] { RowWriter(dir / "x", dir / "no"); }),
              HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace amalgam::pipeline
