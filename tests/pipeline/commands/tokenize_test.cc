#include "pipeline/commands/tokenize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/tokenizer/bpe_trainer.h"
#include "tests/paths.h"
#include "tests/pipeline/run_program.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::vector<json> rows(const std::string& path) {
  std::vector<json> all;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) all.push_back(json::parse(line));
  return all;
}

// Encodes texts through the program, decodes the ids through it, and expects ids and texts.
void expect_round_trip(const TempDir& dir, const std::string& tokenizer, const json& vectors) {
  std::string lines;
  for (const json& v : vectors) lines += json{{"text", v["text"]}, {"other", 1}}.dump() + "\n";
  write(dir / "in", lines);
  const ProgramResult encode = run_program("tokenize --tokenizer " + tokenizer + " --in " +
                                           (dir / "in") + " --out " + (dir / "ids"));
  ASSERT_EQ(encode.status, 0) << encode.err;
  const ProgramResult decode = run_program("tokenize --decode --tokenizer " + tokenizer + " --in " +
                                           (dir / "ids") + " --out " + (dir / "texts"));
  ASSERT_EQ(decode.status, 0) << decode.err;
  const auto ids = rows(dir / "ids"), texts = rows(dir / "texts");
  ASSERT_EQ(ids.size(), vectors.size());
  ASSERT_EQ(texts.size(), vectors.size());
  for (size_t i = 0; i < vectors.size(); ++i) {
    EXPECT_EQ(ids[i], (json{{"ids", vectors[i]["ids"]}})) << vectors[i];
    EXPECT_EQ(texts[i], (json{{"text", vectors[i]["text"]}})) << vectors[i];
  }
}

// A tokenizer trained on the golden texts has the ids that the tokenizers library gave them.
class Tokenize : public testing::Test {
 protected:
  void SetUp() override {
    golden_ = json::parse(std::ifstream(tests::golden("tokenizer/trained.json")));
    const auto texts = golden_["training_texts"].get<std::vector<std::string>>();
    model::write_tokenizer(
        model::train_bpe(texts, {.vocab_size = golden_["vocab_size"].get<int64_t>()}), 1024,
        dir_.path());
  }
  ProgramResult tokenize(const std::string& rows, const std::string& more = "") {
    write(dir_ / "rows.jsonl", rows);
    return run_program("tokenize --tokenizer " + dir_.path() + " --in " + (dir_ / "rows.jsonl") +
                       " --out " + (dir_ / "out") + more);
  }
  json golden_;
  TempDir dir_;
};

TEST_F(Tokenize, IdsAndTextsOfTheTokenizersLibrary) {
  expect_round_trip(dir_, dir_ / "tokenizer.json", golden_["vectors"]);
}

TEST_F(Tokenize, MalformedRowsAreNamed) {
  const auto error = [&](const std::string& second, const std::string& more = "") {
    const ProgramResult result =
        tokenize((more.empty() ? "{\"text\": \"a\"}\n" : "{\"ids\": [1]}\n") + second, more);
    EXPECT_EQ(result.status, 1) << second;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    return result.err;
  };
  using testing::HasSubstr;
  const std::string where = "rows.jsonl:2: ";
  EXPECT_THAT(error("{\"text\": \"a\""), HasSubstr(where + "is not JSON"));
  EXPECT_THAT(error("[\"a\"]"), HasSubstr(where + "is not a JSON object"));
  EXPECT_THAT(error("{\"text\": 5}"), HasSubstr(where + "needs \"text\""));
  EXPECT_THAT(error("{\"ids\": [1]}"), HasSubstr(where + "needs \"text\""));
  EXPECT_THAT(error("{\"text\": \"\xff\xc3\"}"), HasSubstr(where + "is not JSON"));
  EXPECT_THAT(error("{\"text\": \"\\ud800\"}"), HasSubstr(where + "is not JSON"));
  for (const char* ids : {"5", "[-1]", "[1.5]", "[\"1\"]", "[2147483648]", "[1e99]", "[[1]]"})
    EXPECT_THAT(error("{\"ids\": " + std::string(ids) + "}", " --decode"), HasSubstr(where));
  EXPECT_THAT(error("{\"text\": \"a\"}", " --decode"), HasSubstr(where + "needs \"ids\""));
}

TEST_F(Tokenize, BytesThatAreNoCharacterAndIdsWithoutToken) {
  // The id of one byte of é, and one far above the vocabulary.
  write(dir_ / "e.jsonl", "{\"text\": \"\\u00e9\\u0000\"}\n");
  ASSERT_EQ(run_program("tokenize --tokenizer " + dir_.path() + " --in " + (dir_ / "e.jsonl") +
                        " --out " + (dir_ / "ids"))
                .status,
            0);
  const auto ids = rows(dir_ / "ids")[0]["ids"].get<std::vector<int>>();
  ASSERT_GE(ids.size(), 2u);
  ASSERT_EQ(tokenize("{\"ids\": [" + std::to_string(ids[0]) + ", 2147483647]}\n{\"ids\": []}\n",
                     " --decode")
                .status,
            0);
  const auto texts = rows(dir_ / "out");
  EXPECT_EQ(texts[1], (json{{"text", ""}}));
  const std::string first = texts[0]["text"];
  EXPECT_TRUE(first == "é" || first == "\xef\xbf\xbd") << first;
}

TEST_F(Tokenize, TheInputIsNeverTheOutput) {
  write(dir_ / "same", "{\"text\": \"a\"}\n");
  const ProgramResult result = run_program("tokenize --tokenizer " + dir_.path() + " --in " +
                                           (dir_ / "same") + " --out " + (dir_ / "same"));
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, testing::HasSubstr("input file"));
  EXPECT_EQ(rows(dir_ / "same").size(), 1u);
}

// The released tokenizer's vectors through the program.
TEST(ReleasedTokenizerTest, VectorsThroughTheProgram) {
  const std::string folder = std::string(tests::kReferenceData) + "/tokenizer";
  if (!std::filesystem::exists(folder + "/tokenizer.json"))
    GTEST_SKIP() << "set AMALGAM_REFERENCE_DATA to a folder with tokenizer/tokenizer.json";
  const TempDir dir;
  expect_round_trip(dir, folder + "/tokenizer.json",
                    json::parse(std::ifstream(folder + "/vectors.json")));
}

}  // namespace
}  // namespace amalgam::pipeline
