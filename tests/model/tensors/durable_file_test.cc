#include "model/tensors/durable_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "configs/error.h"
#include "tests/temp_dir.h"

namespace amalgam::model {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) { return read_file(path, 1000); }

TEST(DurableFile, AppearsOnlyWhenCommitted) {
  const TempDir tmp;
  write_file_durably(tmp / "f", "old");
  {
    DurableFile abandoned(tmp / "f");
    abandoned.write("new", 3);
    EXPECT_EQ(content(tmp / "f"), "old");
  }
  EXPECT_EQ(content(tmp / "f"), "old");
  EXPECT_FALSE(fs::exists(tmp / "f.tmp"));
  write_file_durably(tmp / "f", "new");
  EXPECT_EQ(content(tmp / "f"), "new");
  EXPECT_THROW(write_file_durably(tmp / "absent/f", "x"), Error);
}

TEST(DurableFile, ReadRefusesWhatIsTooLargeOrNoFile) {
  const TempDir tmp;
  write_file_durably(tmp / "f", "four");
  EXPECT_EQ(read_file(tmp / "f", 4), "four");
  EXPECT_THROW(read_file(tmp / "f", 3), Error);
  EXPECT_THROW(read_file(tmp / "absent", 3), Error);
  EXPECT_THROW(read_file(tmp / "", 3), Error);
  EXPECT_THROW(read_file("/dev/zero", 3), Error);
}

TEST(DurableFile, MovesADirectoryWithinAndBetweenFileSystems) {
  const TempDir tmp;
  const std::string large(3 << 20, 'x');  // more than one piece of the copy
  write_file_durably(staging_directory(tmp / "from") + "/f", large);
  move_directory(tmp / "from.tmp", tmp / "a/b/");
  EXPECT_EQ(read_file(tmp / "a/b/f", large.size()), large);
  EXPECT_FALSE(fs::exists(tmp / "from.tmp"));

  if (!fs::exists("/dev/shm")) GTEST_SKIP() << "needs a second file system at /dev/shm";
  const std::string other = "/dev/shm/move_directory_test." + std::to_string(::getpid());
  move_directory(tmp / "a/b", other);
  EXPECT_FALSE(fs::exists(tmp / "a/b"));
  move_directory(other, tmp / "back");
  EXPECT_EQ(read_file(tmp / "back/f", large.size()), large);
  EXPECT_FALSE(fs::exists(other));
  EXPECT_FALSE(fs::exists(tmp / "back.tmp"));
  EXPECT_THROW(move_directory(tmp / "absent", tmp / "c"), Error);
}

class ReplaceDirectory : public ::testing::TestWithParam<Exchange> {};

TEST_P(ReplaceDirectory, PutsTheNewOneInPlaceAndRemovesTheOld) {
  const TempDir tmp;
  for (const char* generation : {"1", "2", "3"}) {
    const std::string staging = staging_directory(tmp / "a/b");
    write_file_durably(staging + "/f", generation);
    replace_directory(tmp / "a/b", GetParam());
    EXPECT_EQ(content(tmp / "a/b/f"), generation);
    EXPECT_FALSE(fs::exists(tmp / "a/b.tmp"));
    EXPECT_FALSE(fs::exists(tmp / "a/b.old"));
  }
}
INSTANTIATE_TEST_SUITE_P(Ways, ReplaceDirectory,
                         ::testing::Values(Exchange::kAtomicIfPossible, Exchange::kTwoRenames));

// The states a kill can leave between the two renames: readers and the next save find the old one.
TEST(ReplaceDirectory, SurvivesACrashBetweenTheTwoRenames) {
  const TempDir tmp;
  fs::create_directories(tmp / "m.old");
  write_file_durably(tmp / "m.old/f", "old");
  EXPECT_EQ(complete_directory(tmp / "m"), tmp / "m.old");
  EXPECT_EQ(complete_directory(tmp / "m/"), tmp / "m.old");
  write_file_durably(staging_directory(tmp / "m") + "/f", "new");
  EXPECT_EQ(content(tmp / "m.old/f"), "old");
  replace_directory(tmp / "m");
  EXPECT_EQ(complete_directory(tmp / "m"), tmp / "m");
  EXPECT_EQ(content(tmp / "m/f"), "new");
  EXPECT_FALSE(fs::exists(tmp / "m.old"));
}

}  // namespace
}  // namespace amalgam::model
