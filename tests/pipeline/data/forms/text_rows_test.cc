#include "pipeline/data/forms/text_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/pipeline/data/forms/forms_of.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using tests::forms_of;
using tests::forms_of_files;
using tests::kRow;
using tests::why_bad;

// Gives a text in pieces of a few bytes.
class Pieces final : public ByteSource {
 public:
  Pieces(std::string text, size_t piece) : text_(std::move(text)), piece_(piece) {}
  size_t read(char* to, size_t size) override {
    const size_t n = text_.copy(to, std::min(size, piece_), at_);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  size_t piece_, at_ = 0;
};

std::vector<std::pair<int64_t, std::string>> rows_of(const std::string& text, size_t piece) {
  Pieces source(text, piece);
  std::vector<std::pair<int64_t, std::string>> rows;
  read_text_rows("file", &source,
                 [&](int64_t number, std::string_view row) { rows.emplace_back(number, row); });
  return rows;
}

TEST(TextRows, TheSameInPiecesOfAnySize) {
  const std::string lines = "\n \t\r\n{\"a\": \"\\n\"}\r\n\n{\n{\"b\":1}";
  const std::string array =
      "\xEF\xBB\xBF [ {\"a\": \"],[\\\"\"} ,\n[2, [3]],\"x,]\" , 5,null\n] \n";
  for (const size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
    EXPECT_THAT(rows_of(lines, piece),
                testing::ElementsAre(std::pair(3, "{\"a\": \"\\n\"}\r"), std::pair(5, "{"),
                                     std::pair(6, "{\"b\":1}")));
    EXPECT_THAT(
        rows_of(array, piece),
        testing::ElementsAre(std::pair(1, "{\"a\": \"],[\\\"\"} "), std::pair(2, "[2, [3]]"),
                             std::pair(3, "\"x,]\" "), std::pair(4, "5"), std::pair(5, "null\n")));
  }
}

TEST(TextRows, LinesEndAtLineFeedsOnly) {
  json found = forms_of(kRow + "\r\n\r\n \t\n" + kRow + "\r" + "\n" + kRow);
  EXPECT_EQ(found["rows"], 3);
  EXPECT_EQ(found["ok"], true);
  // A lone CR is white space between tokens: two values on one line.
  found = forms_of(kRow + "\n{\"prompt\":\r\"p\", \"answer\": 2}\n" + kRow + "\r" + kRow + "\n");
  EXPECT_EQ(found["bad"], json({3}));
  EXPECT_THAT(found["why"][0].get<std::string>(), HasSubstr("JSON"));
  // None of Unicode's line ends is one, nor are form feeds white space.
  EXPECT_EQ(forms_of("{\"prompt\": \"a\u2028b\u0085c\"}")["rows"], 1);
  EXPECT_EQ(forms_of(kRow + "\n\f\n")["bad"], json({2}));
}

TEST(TextRows, AByteOrderMarkIsSkippedAtTheStartOnly) {
  EXPECT_EQ(forms_of("\xEF\xBB\xBF" + kRow)["ok"], true);
  EXPECT_EQ(forms_of("\xEF\xBB\xBF\n[" + kRow + "]")["ok"], true);
  EXPECT_EQ(forms_of(kRow + "\n\xEF\xBB\xBF" + kRow)["bad"], json({2}));
  EXPECT_EQ(forms_of_files({{"a", "\xEF\xBB\xBF" + kRow}, {"b", "\xEF\xBB\xBF" + kRow}})["ok"],
            true);
}

TEST(TextRows, ALineHasNoLimit) {
  const std::string big = R"({"prompt": ")" + std::string(20 << 20, 'x') + "\"}";
  EXPECT_EQ(forms_of(kRow + "\n" + big + "\n" + kRow)["rows"], 3);
  EXPECT_EQ(forms_of("[" + big + "," + kRow + "]")["rows"], 2);
}

TEST(TextRows, EveryKindOfBadLine) {
  const json found = forms_of(kRow +
                              "\n{\"prompt\": \"\xff\"}"
                              "\n[1]"
                              "\n{\"prompt\": \"p\", \"x\": {\"kk\": 1, \"kk\": 2}}"
                              "\n{\"prompt\": \"p\", \"x\": 18446744073709551616}"
                              "\n{\"prompt\": \"p\", \"x\": 1e999}"
                              "\n{\"prompt\": \"\\udc00\"}"
                              "\n{\"prompt\": Infinity}"
                              "\n{\"prompt\": \"p\", \"answer\": 18446744073709551615}\n");
  EXPECT_EQ(found["bad"], json({2, 3, 4, 5, 6, 7, 8}));
  const std::vector<std::string> words = {"UTF-8",  "object", "kk",  "number",
                                          "number", "JSON",   "JSON"};
  for (size_t i = 0; i < words.size(); ++i)
    EXPECT_THAT(found["why"][i].get<std::string>(), HasSubstr(words[i]));
  EXPECT_EQ(found["rows"], 9);
}

TEST(TextRows, AnArrayIsReadWhole) {
  EXPECT_EQ(forms_of("[" + kRow + ",\n" + kRow + "]\n")["rows"], 2);
  const json found =
      forms_of("[" + kRow +
               ", 5, {\"prompt\": \"p\", \"a\": 1, \"a\": 2}, {\"prompt\": \"\\ud800\"}, "
               "{\"prompt\": \"\xff\"}, {\"prompt\": 1e999}, " +
               kRow + "]");
  EXPECT_EQ(found["bad"], json({2, 3, 4, 5, 6}));
  EXPECT_EQ(found["rows"], 7);
  for (const std::string& text :
       {"[" + kRow + ",]", "[" + kRow, "[" + kRow + "] x", "[" + kRow + "][]", "[" + kRow + ",{]",
        "[" + kRow + " " + kRow + "]", std::string("[,]"), "[" + kRow + ", NaN]",
        std::string("[")}) {
    const json refused = forms_of(text);
    EXPECT_EQ(refused["rows"], 0) << text;
    EXPECT_EQ(refused["bad"], json::array()) << text;
    EXPECT_THAT(refused["why"][0].get<std::string>(), HasSubstr("JSON")) << text;
  }
  EXPECT_THAT(why_bad("[]"), HasSubstr("no rows"));
  EXPECT_THAT(why_bad(" [ ] "), HasSubstr("no rows"));
}

TEST(TextRows, OneObjectOverManyLinesIsNoFileOfRows) {
  EXPECT_THAT(why_bad("{\"version\": [1],\n \"rows here\": [{\"prompt\": \"p\"}]\n}"),
              testing::AllOf(HasSubstr("\"rows here\""), testing::Not(HasSubstr("version"))));
  EXPECT_THAT(why_bad("\n{\n\"prompt\": \"p\"}\n"), HasSubstr("\"prompt\""));
  // These are lines, of which some are bad.
  EXPECT_EQ(forms_of("{\"prompt\": \n" + kRow + "\n")["bad"], json({1}));
  EXPECT_EQ(forms_of("{\"a\": [\n{\"prompt\": \"p\"}\n")["bad"], json({1}));
  EXPECT_EQ(forms_of("{\"a\": [\n1]}\n" + kRow)["bad"], json({1, 2}));
  EXPECT_EQ(forms_of("{\"prompt\": \"p\", \"x\": NaN}\n" + kRow)["bad"], json({1}));
  EXPECT_EQ(forms_of("{\"prompt\": \"\n" + kRow)["bad"], json({1}));
  // The first line is whole.
  EXPECT_THAT(why_bad("{\"data\": [{\"prompt\": \"p\"}]}\n"), HasSubstr("prompt"));
  EXPECT_EQ(forms_of("{\"prompt\": \"p\", \"prompt\": 1}\n" + kRow)["bad"], json({1}));
}

TEST(TextRows, OtherTextIsRefused) {
  for (const std::string& text : {std::string("prompt,answer\np,1\n"), std::string("\"a\"\n"),
                                  std::string("12\n"), std::string("<html>"), "x\n" + kRow})
    EXPECT_THAT(why_bad(text), HasSubstr("format")) << text;
  for (const char* text : {"", "\n \r\n\t", "\xEF\xBB\xBF", "\xEF\xBB\xBF \n"})
    EXPECT_THAT(why_bad(text), HasSubstr("no rows"));
}

TEST(TextRows, FilesOfOneList) {
  json found =
      forms_of_files({{"a", kRow}, {"b", ""}, {"c", "[{\"question\": \"q\", \"answer\": [1]}]"}});
  EXPECT_EQ(found["rows"], 2);
  EXPECT_EQ(found["ok"], true);
  EXPECT_EQ(found["understood"]["prompt"], json({"prompt", "question"}));
  found = forms_of_files({{"a", "\n"}, {"b", ""}});
  EXPECT_THAT(found["why"][0].get<std::string>(), HasSubstr("no rows"));
  found = forms_of_files({{"a", kRow}, {"b", "{\"answer\": 1}\n" + kRow + "\n{"}});
  EXPECT_THAT(found["bad"][0].get<std::string>(), HasSubstr("/b:1"));
  EXPECT_THAT(found["bad"][1].get<std::string>(), HasSubstr("/b:3"));
  found = forms_of_files({{"a", kRow}, {"b", "x"}});
  EXPECT_EQ(found["rows"], 0);
  EXPECT_THAT(found["why"][0].get<std::string>(), HasSubstr("/b: its format"));
}

}  // namespace
}  // namespace amalgam::pipeline
