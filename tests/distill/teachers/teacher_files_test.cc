#include "distill/teachers/teacher_files.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "configs/error.h"
#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::distill {
namespace {

namespace fs = std::filesystem;

class TeacherFilesTest : public ::testing::Test {
 protected:
  TeacherFilesTest() {
    write("config.json", "{}");
    write("model.safetensors", std::string(5'000'001, 'x'));
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
    // Whatever the clock's grain, the time is another one.
    fs::last_write_time(directory_ / name,
                        fs::file_time_type::clock::now() + std::chrono::seconds(10 * ++later_));
  }
  std::string problem(TeacherFiles& files) {
    return tests::error_of([&] { files.check(); });
  }

  TempDir directory_;
  int later_ = 0;
};

TEST_F(TeacherFilesTest, WhatStaysIsGood) {
  TeacherFiles files(directory_.path());
  for (int i = 0; i < 3; ++i) files.check();
  // Copied back, or touched: other times, the same bytes.
  write("model.safetensors", std::string(5'000'001, 'x'));
  files.check();
}

TEST_F(TeacherFilesTest, WhatChangedBeforeItWasReadIsAnError) {
  TeacherFiles files(directory_.path());
  write("model.safetensors", std::string(5'000'001, 'x'));
  EXPECT_EQ(problem(files), "teacher " + directory_.path() +
                                ": model.safetensors was changed while the run uses it; put back "
                                "what was there and continue with --resume");
}

TEST_F(TeacherFilesTest, WhatChangedLaterIsAnError) {
  for (const char* name : {"model.safetensors", "config.json"}) {
    TeacherFiles files(directory_.path());
    files.check();
    std::string text(5'000'001, 'x');
    text.back() = 'y';  // the same size
    write(name, text);
    EXPECT_NE(problem(files).find(std::string(name) + " was changed"), std::string::npos);
  }
}

TEST_F(TeacherFilesTest, WhatIsGoneIsAnError) {
  TeacherFiles files(directory_.path());
  files.check();
  fs::remove(directory_ / "model.safetensors");
  EXPECT_NE(problem(files).find(directory_.path() + ": model.safetensors is gone"),
            std::string::npos);
  fs::remove_all(directory_.path());
  EXPECT_NE(problem(files).find("config.json is gone"), std::string::npos);
}

TEST_F(TeacherFilesTest, NoModelIsAnError) {
  TempDir empty;
  EXPECT_NE(tests::error_of([&] { TeacherFiles{empty.path()}; }).find("holds no model"),
            std::string::npos);
  EXPECT_NE(tests::error_of([&] { TeacherFiles{empty / "none"}; }).find("cannot be read"),
            std::string::npos);
}

}  // namespace
}  // namespace amalgam::distill
