#include <gtest/gtest.h>

#include <string>

#include "rewards/code/answer_code.h"
#include "rewards/code/output.h"
#include "rewards/code/packed_tests.h"
#include "rewards/code/request.h"
#include "rewards/code/value.h"

namespace amalgam::rewards {
namespace {

bool same(const char* a, const char* b) { return equal(read_expected(a), read_expected(b)); }

TEST(CodeValues, PythonsEquality) {
  for (const auto& [a, b] : {std::pair("2", "2.0"),
                             {"1e3", "1000"},
                             {"true", "1"},
                             {"[1, 2]", "(1, 2)"},
                             {"-0.0", "0"},
                             {"null", "None"},
                             {"\"a\"", "'a'"},
                             {"(3)", "3"},
                             {"{\"1\": [2]}", "{1: (2,)}"},
                             {"{\"a\": 1, \"b\": 2}", "{'b': 2, 'a': 1}"},
                             {"123456789012345678901234567890", "123456789012345678901234567890"},
                             {"18446744073709551616", "18446744073709551616.0"},
                             {"\"\\u00e9\\ud83d\\ude00\"", "\"\xc3\xa9\xf0\x9f\x98\x80\""}})
    EXPECT_TRUE(same(a, b)) << a << " " << b;
  for (const auto& [a, b] : {std::pair("2", "\"2\""),
                             {"null", "false"},
                             {"[1]", "1"},
                             {"[1, 2]", "[2, 1]"},
                             {"NaN", "NaN"},
                             {"9007199254740993", "9007199254740992.0"},
                             {"{}", "[]"},
                             {"{\"a\": 1}", "{\"a\": 1, \"b\": 1}"},
                             {"[]", "null"},
                             {"0.1", "0.10000000000000002"},
                             {"123456789012345678901234567890", "123456789012345678901234567891"}})
    EXPECT_FALSE(same(a, b)) << a << " " << b;
}

TEST(CodeValues, WhatIsNoJson) {
  for (const char* text : {"", "[", "[1,]", "{\"a\"}", "{1: 2}", "'a'", "01", "1.e", "--1",
                           "\"\\x41\"", "\"a", "tru", "[1] 2", "\"\\u12\""})
    EXPECT_FALSE(read_json(text)) << text;
  EXPECT_FALSE(read_json(std::string(10000, '[')));
  EXPECT_EQ(read_expected("three words here").text, "three words here");
  EXPECT_EQ(write_json(*read_json("{\"a\": [1, 2.5, null, \"x\\n\\\"\", true, -75e9]}")),
            "{\"a\": [1, 2.5, null, \"x\\u000a\\\"\", true, -75000000000.0]}");
}

TEST(CodeValues, TheBordersForm) {
  const auto value = read_border("m2:s1:ai-7;i3;u2:d0.5;n");
  ASSERT_TRUE(value);
  EXPECT_TRUE(equal(*value, read_expected("{'a': -7, 3: [0.5, None]}")));
  // A set or an object equals nothing that JSON can say.
  EXPECT_FALSE(equal(*read_border("e1:i1;"), read_expected("[1]")));
  EXPECT_FALSE(equal(*read_border("r?0;s1:Z"), read_expected("null")));
  EXPECT_TRUE(equal(*read_border("Ns1:Pu1:s1:xu1:i1;"), read_expected("[1]")));
  for (const char* bytes : {"", "i", "i;", "i1", "i01;", "i--1;", "ix;", "s5:abc", "s-1:", "l2:i1;",
                            "l99999999:", "tt", "dx;", "q", "m1:i1;", "s99999999999999999999:a"})
    EXPECT_FALSE(read_border(bytes)) << bytes;
  std::string deep;
  for (int i = 0; i < 10000; ++i) deep += "l1:";
  EXPECT_FALSE(read_border(deep + "n"));
}

TEST(CodeOutput, LinesAndNumbers) {
  for (const auto& [a, b] : {std::pair("7\n", "7"),
                             {"1 \n\n 2\n\n", "1\n2\n"},
                             {"0.33333", "0.3333333"},
                             {"2.0", "2"},
                             {"1e3", "1000"},
                             {"a b\r\n", "a b"},
                             {"", "\n"},
                             {"+7", "7"},
                             {"inf", "inf"}})
    EXPECT_TRUE(equal_outputs(a, b)) << a << " / " << b;
  for (const auto& [a, b] : {std::pair("7 8", "7\n8"),
                             {"Yes", "YES"},
                             {"1", "1\n2"},
                             {"1000000008", "1000000007"},
                             {"0.3334", "0.3333"},
                             {"a  b", "a b"},
                             {"", "0"},
                             {"nan", "1"},
                             {"1", "1.1"}})
    EXPECT_FALSE(equal_outputs(a, b)) << a << " / " << b;
}

TEST(CodeAnswers, TheLastPythonFence) {
  EXPECT_EQ(answer_code("x\n```python\na\n```\n```python\nb\n```\nend"), "b\n");
  EXPECT_EQ(answer_code("x\n```python\na\n```\nprints\n```\n7\n```"), "a\n");
  EXPECT_EQ(answer_code("x\n```python\na\nb"), "a\nb");
  EXPECT_EQ(answer_code("```py\na\n```\n```text\nb\n```"), "a\n");
  EXPECT_EQ(answer_code("```Python3 \r\na\n```"), "a\n");
  EXPECT_EQ(answer_code("```\na\n```\n```\nb\n```"), "b\n");
  EXPECT_EQ(answer_code("print(1)"), "print(1)");
  EXPECT_EQ(answer_code("```pythonic\na\n```"), "a\n");
  EXPECT_EQ(answer_code(""), "");
  EXPECT_EQ(answer_code("```python"), "");
}

TEST(CodePackedTests, OneTextAndNothingElse) {
  // pickle.dumps of a text by protocols 4 and 2, then of a list: Python 3.11, zlib, base64.
  const char* const text = R"([{"input": "3\n4", "output": "7", "testtype": "functional"}])";
  EXPECT_EQ(unpack_tests("eJxrYJnqwAABPTbR1UqZeQWlJUpWCkrGMXkmSjoKSvmlJVARcxC3JLW4pKSyIBUkkFaal1ySm"
                         "Z+XmKNUGztFDwDmKxXQ"),
            text);
  EXPECT_EQ(unpack_tests("eJxrYIqwYWBgiK5WyswrKC1RslJQMo7JM1HSUVDKLy2BipiDuCWpxSUllQWpIIG00rzkksz8v"
                         "MQcpdrYQgY9AK7yFKI="),
            text);
  EXPECT_EQ(unpack_tests("eJxrYJnqzAABsVN6bKKrlTLzCkpLlKwUlIxj8kyUdBSU8ktLoCLmIG5JanFJSWVBKkggrTQvu"
                         "SQzPy8xR6k2dkqiHgA+shcl"),
            std::nullopt);
  EXPECT_EQ(unpack_tests("eJxrYJkqxgABPRxJpZk5JZl5xVN6WAuKMvNKpkyeogcAjFMKaQ=="), std::nullopt);
  for (const char* bad : {"", "AAAA", "not base64", "eJxrYA==", "eJwDAAAAAAE="})
    EXPECT_FALSE(unpack_tests(bad)) << bad;
}

TEST(CodeRequests, Frames) {
  std::string_view rest = "0 ok 3\nabc12 exit1 0\n1 ok 5\nab";
  const auto first = next_frame(&rest), second = next_frame(&rest);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->data, "abc");
  EXPECT_EQ(second->number, 12u);
  EXPECT_EQ(second->status, "exit1");
  EXPECT_FALSE(next_frame(&rest));
  for (const char* text : {"", "0", "0 ok", "0 ok 1", "x ok 1\na", "0 ok -1\n", "-1 ok 0\n",
                           "0 ok 99999999999999999999\n"}) {
    rest = text;
    EXPECT_FALSE(next_frame(&rest)) << text;
  }
  EXPECT_EQ(valid_utf8("a\xff\xc3(\xed\xa0\x80\xc3\xa9"),
            "a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9");
}

}  // namespace
}  // namespace amalgam::rewards
