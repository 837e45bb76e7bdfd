#include "pipeline/data/forms/input_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class InputFilesTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text = "") {
    std::filesystem::create_directories(std::filesystem::path(dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
  }
  std::vector<std::string> names(const std::string& path) {
    std::vector<std::string> found;
    for (const InputFile& file : find_input_files({dir_ / path}).all)
      found.push_back(file.name.substr(dir_.path().size() + 1));
    return found;
  }
  std::vector<std::string> files(const std::string& path) {
    std::vector<std::string> found;
    for (const InputFile& input : find_input_files({dir_ / path}).all)
      for (const std::string& file : input.files)
        found.push_back(file.substr(dir_.path().size() + 1));
    return found;
  }
  std::string error(const std::string& path) {
    return tests::error_of([&] { find_input_files({dir_ / path}); });
  }

  TempDir dir_;
};

TEST_F(InputFilesTest, GlobsAreInByteOrder) {
  for (const char* name :
       {"p-2", "p-10", "p-1", "p-B", "p-a", "q", ".p-0", "sub/p-3", "sub/deep/p-4"})
    write(name);
  EXPECT_THAT(names("p-*"), ElementsAre("p-1", "p-10", "p-2", "p-B", "p-a"));
  EXPECT_THAT(names("p-?"), ElementsAre("p-1", "p-2", "p-B", "p-a"));
  EXPECT_THAT(names("p-[12]"), ElementsAre("p-1", "p-2"));
  EXPECT_THAT(names("*/p-*"), ElementsAre("sub/p-3"));
  EXPECT_THAT(names("**/p-[1-4]"), ElementsAre("p-1", "p-2", "sub/deep/p-4", "sub/p-3"));
  EXPECT_THAT(error("x-*"), HasSubstr(dir_ / "x-*"));
  EXPECT_THAT(error("absent"), HasSubstr(dir_ / "absent"));
  write("[1]");
  EXPECT_THAT(names("[1]"), ElementsAre("[1]"));  // a file of that name
}

TEST_F(InputFilesTest, OnePathIsSingleUnlessItIsAGlob) {
  write("a"), write("b");
  EXPECT_TRUE(find_input_files({dir_ / "a"}).is_single);
  EXPECT_FALSE(find_input_files({dir_ / "a*"}).is_single);
  EXPECT_FALSE(find_input_files({dir_ / "a", dir_ / "b"}).is_single);
  EXPECT_EQ(find_input_files({dir_ / "b", dir_ / "a"}).all[0].name, dir_ / "b");
}

TEST_F(InputFilesTest, ASavedFolderGivesTheFilesOfItsState) {
  write("saved/state.json",
        R"({"_data_files": [{"filename": "b.arrow"}, {"filename": "a.arrow"}]})");
  for (const char* name : {"saved/a.arrow", "saved/b.arrow", "saved/cache-1.arrow"}) write(name);
  EXPECT_THAT(files("saved"), ElementsAre("saved/b.arrow", "saved/a.arrow"));
  EXPECT_THAT(files("saved/"), ElementsAre("saved/b.arrow", "saved/a.arrow"));
  EXPECT_EQ(names("saved").size(), 1u);
  write("saved/state.json", R"({"_data_files": [{"filename": "c.arrow"}]})");
  EXPECT_THAT(error("saved"), HasSubstr("c.arrow"));
  for (const char* state : {"{", "{}", R"({"_data_files": [1]})"}) {
    write("saved/state.json", state);
    EXPECT_THAT(error("saved"), HasSubstr("state.json"));
  }
}

TEST_F(InputFilesTest, AFolderOfSplitsIsItsOnlyOne) {
  for (const char* split : {"train", "test"}) {
    write("dict/" + std::string(split) + "/state.json", R"({"_data_files": [{"filename": "d"}]})");
    write("dict/" + std::string(split) + "/d");
  }
  write("dict/dataset_dict.json", R"({"splits": ["train"]})");
  EXPECT_THAT(files("dict"), ElementsAre("dict/train/d"));
  write("dict/dataset_dict.json", R"({"splits": ["train", "test"]})");
  EXPECT_THAT(error("dict"),
              AllOf(HasSubstr("split"), HasSubstr("dict/train"), HasSubstr("dict/test")));
  EXPECT_THAT(files("dict/test"), ElementsAre("dict/test/d"));
  write("dict/dataset_dict.json", R"({"splits": []})");
  EXPECT_THAT(error("dict"), HasSubstr("split"));
}

TEST_F(InputFilesTest, AnyOtherFolderIsRefused) {
  write("data/train.parquet");
  EXPECT_THAT(error("data"), AllOf(HasSubstr("folder"), HasSubstr("glob")));
  EXPECT_THAT(error("dat*"), HasSubstr("folder"));
}

}  // namespace
}  // namespace amalgam::pipeline
