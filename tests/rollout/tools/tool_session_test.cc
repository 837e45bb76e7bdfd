#include "rollout/tools/tool_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "configs/error.h"

namespace amalgam::rollout {
namespace {

using testing::HasSubstr;
using Status = ToolResult::Status;

const std::vector<std::string> kTools = {"calculator", "lookup", "search"};
const char* const kInfo = R"({"index": 3, "sandbox": {
    "kv": {"482": "93710", "4821": "552", "name": "two words"},
    "files": {"note2.txt": "river 8051\namber 77\n", "note1.txt": "jade 482\nriver bank 5\nriverside 6"}}})";

class Tools : public testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    if (!sandbox::create_container({}, &error)) GTEST_SKIP() << "no sandbox here: " << error;
  }
};

TEST_F(Tools, Lookup) {
  ToolSession session(kInfo, {}, kTools);
  const auto lookup = [&](const std::string& arguments) {
    const ToolResult result = session.call("lookup", arguments);
    EXPECT_EQ(result.status, Status::kOk) << result.text << result.detail;
    return result.text;
  };
  EXPECT_EQ(lookup(R"({"key": "482"})"), "93710");
  EXPECT_EQ(lookup(R"({"key": 4821})"), "552");
  EXPECT_EQ(lookup(R"({"key": "name"})"), "two words");
  EXPECT_EQ(lookup(R"({"key": "48"})"), "not found");
  EXPECT_EQ(lookup(R"({"key": "93710"})"), "not found");
  EXPECT_EQ(lookup(R"({"key": "-e"})"), "not found");
}

TEST_F(Tools, SearchFindsWholeWordsInFileOrder) {
  ToolSession session(kInfo, {}, kTools);
  const auto search = [&](const std::string& word) {
    const ToolResult result = session.call("search", nlohmann::json{{"word", word}}.dump());
    EXPECT_EQ(result.status, Status::kOk) << result.text << result.detail;
    return result.text;
  };
  EXPECT_EQ(search("river"), "river bank 5\nriver 8051");
  EXPECT_EQ(search("amber"), "amber 77");
  EXPECT_EQ(search("bank 5"), "river bank 5");
  EXPECT_EQ(search("zebra"), "not found");
  EXPECT_EQ(search("482"), "jade 482");  // not the store
  EXPECT_EQ(search("r.ver"), "not found");
  EXPECT_EQ(search("--help"), "not found");
  EXPECT_EQ(search("$(id)"), "not found");
}

TEST_F(Tools, ResultsAreWholeAndValidUtf8) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "word \u00e9\n";
  ToolSession session(nlohmann::json{{"sandbox", {{"files", {{"a.txt", text}}}}}}.dump(), {},
                      kTools);
  const ToolResult result = session.call("search", R"({"word": "word"})");
  EXPECT_EQ(result.text + "\n", text);
  EXPECT_NO_THROW(nlohmann::json(result.text).dump());
}

// Neither needs a sandbox.
ToolOptions without_sandbox() {
  ToolOptions options;
  options.sandbox.make_sandbox = [](const sandbox::Limits&, const sandbox::Image&,
                                    std::string* error) {
    *error = "no namespaces";
    return nullptr;
  };
  return options;
}

TEST(ToolsWithoutSandbox, CalculatorAndErrors) {
  ToolSession session(kInfo, without_sandbox(), kTools);
  const ToolResult sum = session.call("calculator", R"({"expression": "93710 + 552"})");
  EXPECT_EQ(sum.status, Status::kOk);
  EXPECT_EQ(sum.text, "94262");
  const auto error = [&](const std::string& name, const std::string& arguments) {
    const ToolResult result = session.call(name, arguments);
    EXPECT_EQ(result.status, Status::kToolError) << name << arguments;
    return result.text;
  };
  EXPECT_THAT(error("calculator", R"({"expression": "1/0"})"),
              HasSubstr("error: division by zero"));
  EXPECT_THAT(error("shell", "{}"), HasSubstr("no such tool"));
  EXPECT_THAT(error("lookup", R"({"key": "a b"})"), HasSubstr("letters and digits"));
  EXPECT_THAT(error("lookup", R"({"key": "482\n"})"), HasSubstr("letters and digits"));
  EXPECT_THAT(error("lookup", R"({"key": ""})"), HasSubstr("letters and digits"));
  EXPECT_THAT(error("search", R"({"word": "a\nb"})"), HasSubstr("one short word"));
  EXPECT_THAT(error("search", R"({"word": ""})"), HasSubstr("one short word"));
  for (const char* arguments : {"", "{", "[]", "{}", R"({"word": "x"})", R"({"key": null})",
                                R"({"key": ["482"]})", R"({"key": "482", "more": 1})", "\xff"})
    EXPECT_THAT(error("lookup", arguments), HasSubstr("lookup takes one string, key")) << arguments;
}

TEST(ToolsWithoutSandbox, AFailureIsNotAResult) {
  ToolSession session(kInfo, without_sandbox(), kTools);
  const ToolResult result = session.call("lookup", R"({"key": "482"})");
  EXPECT_EQ(result.status, Status::kSandboxFailed);
  EXPECT_EQ(result.detail, "no namespaces");
  EXPECT_EQ(result.text, "");
}

TEST(ToolsWithoutSandbox, NoDataNoSandbox) {
  for (const char* info : {"", "{}", R"({"sandbox": {}})"}) {
    ToolSession session(info, without_sandbox(), kTools);
    EXPECT_EQ(session.call("lookup", R"({"key": "482"})").text, "not found");
    EXPECT_EQ(session.call("search", R"({"word": "river"})").text, "not found");
  }
}

// Fails on the commands it is told to; counts how many were made.
class Flaky : public sandbox::Sandbox {
 public:
  Flaky(bool put_works, bool exec_works) : put_works_(put_works), exec_works_(exec_works) {}
  sandbox::Result exec(const sandbox::Command&) override {
    sandbox::Result result;
    result.detail = "died";
    if (exec_works_) result.outcome = sandbox::Outcome::kOk, result.out = "482 93710\n";
    return result;
  }
  sandbox::Result put_file(const std::string&, const std::string&) override {
    sandbox::Result result;
    result.detail = "disk";
    if (put_works_) result.outcome = sandbox::Outcome::kOk;
    return result;
  }
  sandbox::Result get_file(const std::string&, std::string*) override { return {}; }

 private:
  bool put_works_, exec_works_;
};

TEST(ToolsWithoutSandbox, AFreshSandboxAfterAFailure) {
  int num_made = 0;
  ToolOptions options;
  options.sandbox.make_sandbox = [&](const sandbox::Limits&, const sandbox::Image&, std::string*) {
    ++num_made;
    return std::make_unique<Flaky>(num_made > 1, num_made > 2);
  };
  ToolSession session(kInfo, options, kTools);
  const auto lookup = [&] { return session.call("lookup", R"({"key": "482"})"); };
  EXPECT_THAT(lookup().detail, HasSubstr("into the sandbox: disk"));
  EXPECT_EQ(lookup().detail, "died");
  EXPECT_EQ(lookup().text, "93710");
  EXPECT_EQ(lookup().text, "93710");
  EXPECT_EQ(num_made, 3);
}

TEST(ToolsWithoutSandbox, BadRows) {
  for (const char* info :
       {"[]", "{", R"({"sandbox": 3})", R"({"sandbox": {"kv": []}})",
        R"({"sandbox": {"kv": {"a b": "1"}}})", R"({"sandbox": {"kv": {"a": 1}}})",
        R"({"sandbox": {"kv": {"a": "1\n2 3"}}})", R"({"sandbox": {"files": {"../x": "a"}}})",
        R"({"sandbox": {"files": {".x": "a"}}})", R"({"sandbox": {"files": {"kv.txt": "a"}}})",
        R"({"sandbox": {"files": {"a": 1}}})"})
    EXPECT_THROW(ToolSession(info, without_sandbox(), kTools), Error) << info;
}

}  // namespace
}  // namespace amalgam::rollout
