#include "pipeline/stages/distill.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/tokenizer/bpe_trainer.h"
#include "proto/append_file.h"
#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using tests::error_of;

TEST(DistillTokenizers, TeachersHaveTheStudents) {
  const TempDir folder;
  const std::vector<std::string> texts(3, "one two three two");
  const std::string text = model::tokenizer_json(model::train_bpe(texts, {.vocab_size = 300}));
  auto other = nlohmann::ordered_json::parse(text);
  proto::write_file_atomically(folder / "student/tokenizer.json", text);
  proto::write_file_atomically(folder / "same/tokenizer.json", other.dump());
  auto& merges = other["model"]["merges"];
  std::swap(merges[0], merges[1]);
  proto::write_file_atomically(folder / "swapped/tokenizer.json", other.dump());
  std::filesystem::create_directory(folder / "none");

  const auto error = [&](const std::string& teacher) {
    return error_of([&] {
      check_tokenizers(folder / "student", {folder / "same", folder / teacher});
    });
  };
  EXPECT_EQ(error("same"), "");
  EXPECT_EQ(error("none"), folder / "none" + ": has no tokenizer.json; it must have that of " +
                               folder / "student");
  EXPECT_EQ(error("swapped").find(folder / "swapped" + ": its tokenizer is not that of " +
                                  folder / "student" + ": merge 0 is "),
            0u)
      << error("swapped");
}

}  // namespace
}  // namespace amalgam::pipeline
