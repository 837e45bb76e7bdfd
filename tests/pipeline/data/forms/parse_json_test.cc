#include "pipeline/data/forms/parse_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pipeline/data/forms/json_scanner.h"

namespace amalgam::pipeline {
namespace {

JsonFault fault_of(std::string_view text) { return parse_json(text).fault; }
std::string again(std::string_view text) { return parse_json(text).value.dump(); }

TEST(ParseJson, ValuesAreWrittenAsTheyWere) {
  for (const char* text :
       {"null", "true", "false", "0", "-1", "\"\"", "[]", "{}", "[1,\"a\",null,{\"b\":[false]}]",
        "18446744073709551615", "-9223372036854775808", "9007199254740993", "1.5", "1e-05", "1e+22",
        "-0.0", "\"\\\"\\\\\\n\\r\\t\\b\\f\\u0001é😀\"", "{\"b\":1,\"a\":2}", "\"\x7f\""})
    EXPECT_EQ(again(text), text);
  EXPECT_EQ(again(" { \"a\" : [ 1 , 2 ] } "), "{\"a\":[1,2]}");
  EXPECT_EQ(again("1.0"), "1.0");
  EXPECT_EQ(again("1E2"), "100.0");
  EXPECT_EQ(again("1e-400"), "0.0");
  EXPECT_EQ(again(R"("\ud83d\ude00\/")"), "\"😀/\"");
}

TEST(ParseJson, SyntaxErrors) {
  for (const char* text : {"",           " ",
                           "{",          "[",
                           "}",          "{]",
                           "{\"a\":1,}", "[1,]",
                           "[,1]",       "{\"a\"}",
                           "{\"a\":}",   "{a:1}",
                           "{'a':1}",    "{\"a\":1 \"b\":2}",
                           "NaN",        "Infinity",
                           "-Infinity",  "nul",
                           "truee",      "01",
                           "-",          "1.",
                           ".5",         "+1",
                           "1e",         "0x1",
                           "\"a",        "\"\\x\"",
                           "\"\\u12\"",  "\"\t\"",
                           "\"a\nb\"",   "{} {}",
                           "{},",        "1 2",
                           "// x\n{}",   "\xEF\xBB\xBF{}",
                           "[1 2]",      "\"\\u00g0\""}) {
    EXPECT_EQ(fault_of(text), JsonFault::kSyntax) << text;
    EXPECT_NE(parse_json(text).why.find("JSON"), std::string::npos) << text;
  }
  EXPECT_EQ(parse_json("{\"a\": 1,}").why, "not JSON (byte 9)");
  EXPECT_EQ(fault_of(std::string("\"\0\"", 3)), JsonFault::kSyntax);
}

TEST(ParseJson, HalfASurrogatePairIsNoText) {
  for (const char* text : {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")",
                           R"("\ud800\ud800\udc00")", R"({"\udfff": 1})", R"(["a", "\uDBFF"])"})
    EXPECT_EQ(fault_of(text), JsonFault::kSurrogate) << text;
  EXPECT_EQ(fault_of(R"("\ud7ff\ue000")"), JsonFault::kNone);
}

TEST(ParseJson, BytesMustBeUtf8) {
  for (const char* text : {"\"\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "\xff",
                           "\"\xf4\x90\x80\x80\"", "{\"\x80\": 1}"}) {
    EXPECT_EQ(fault_of(text), JsonFault::kUtf8) << text;
    EXPECT_NE(parse_json(text).why.find("UTF-8"), std::string::npos) << text;
  }
  EXPECT_EQ(parse_json("{\"a\": \"\xff").why, "not UTF-8 (byte 8) and not JSON (byte 9)");
}

TEST(ParseJson, NoKeyTwiceInAnyObject) {
  EXPECT_EQ(parse_json(R"({"a": 1, "a": 1})").why, "the key \"a\" stands twice in one object");
  EXPECT_EQ(fault_of(R"({"x": [{"k": 1, "\u006b": 2}]})"), JsonFault::kTwice);
  EXPECT_EQ(fault_of(R"({"a": {"a": {"a": 1}}, "b": {"a": 1}})"), JsonFault::kNone);
  std::string many = "{";
  for (int i = 0; i < 5000; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(fault_of(many + "\"last\":0}"), JsonFault::kNone);
  EXPECT_EQ(fault_of(many + "\"k17\":0}"), JsonFault::kTwice);
}

TEST(ParseJson, NumbersAreExactOrBad) {
  for (const char* text : {"18446744073709551616", "-9223372036854775809", "1e400", "-1e309",
                           "[1, {\"a\": 123456789012345678901234567890}]", "1.5e999"}) {
    EXPECT_EQ(fault_of(text), JsonFault::kNumber) << text;
    EXPECT_NE(parse_json(text).why.find("number"), std::string::npos) << text;
  }
}

TEST(ParseJson, DeepNestingIsRefusedAndDoesNotCrash) {
  EXPECT_EQ(fault_of(std::string(900, '[') + std::string(900, ']')), JsonFault::kNone);
  for (const size_t depth : {2000u, 1000000u})
    EXPECT_EQ(fault_of(std::string(depth, '[') + std::string(depth, ']')), JsonFault::kSyntax);
  EXPECT_EQ(fault_of(std::string(1000000, '[')), JsonFault::kSyntax);
}

// Two ways to read JSON, and nlohmann's as the third, must agree on what is one.
TEST(ParseJson, AgreesWithTheScannerAndAnotherParser) {
  const std::string seeds[] = {R"({"a": [1, -2.5e3, "x\u00e9\n", true], "b": {"c": null}})",
                               R"(["\ud83d\ude00", {"k": 0}, [[]], 1E+2])"};
  const std::string bytes = "{}[]:,\"\\ue01-+.x \n";
  int num_good = 0;
  for (const std::string& seed : seeds)
    for (size_t at = 0; at < seed.size(); ++at)
      for (const char byte : bytes)
        for (const int way : {0, 1, 2}) {
          std::string text = seed;
          if (way == 0) text[at] = byte;
          if (way == 1) text.insert(at, 1, byte);
          if (way == 2) text.erase(at, 1);
          JsonScanner scanner;
          size_t n = 0;
          while (n < text.size() && scanner.step(text[n])) ++n;
          const bool is_grammatical = n == text.size() && scanner.finish();
          const bool is_json = nlohmann::json::accept(text);
          const JsonFault fault = parse_json(text).fault;
          num_good += is_json;
          EXPECT_EQ(fault == JsonFault::kNone || fault == JsonFault::kTwice, is_json) << text;
          EXPECT_EQ(is_grammatical && !scanner.has_lone_surrogate() && scanner.bad_number().empty(),
                    is_json)
              << text;
        }
  EXPECT_GT(num_good, 100);
}

}  // namespace
}  // namespace amalgam::pipeline
