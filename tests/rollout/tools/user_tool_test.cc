#include "rollout/tools/user_tool.h"

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "tests/rollout/tools/tool_case.h"
#include "tests/temp_dir.h"

namespace amalgam::rollout {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const char* const kSource = R"(
import collections.abc, json, os

def area(width: float, height: float = 2, *, unit: str = "m", tags: list[str] = ()) -> str:
    """Area of a rectangle."""
    print("not the result")
    return f"{width * height} {unit}2"

def table(n: int):
    """Squares."""
    return {"squares": [i * i for i in range(n)], "é": None}

def fails(how: str):
    """Does what it should not."""
    if how == "raise":
        raise ValueError("no such city")
    if how == "exit":
        raise SystemExit(5)
    if how == "die":
        os._exit(7)
    if how == "signal":
        os.kill(os.getpid(), 11)
    if how == "spin":
        while True:
            pass
    if how == "flood":
        return "x" * (1 << 20)
    if how == "set":
        return {1, 2}
    if how == "nan":
        return float("nan")
    if how == "none":
        return None
    if how == "surrogate":
        return "a\udcffb"

def count(path: str):
    """Lines of a file of the conversation."""
    return len(open(path).readlines())

def no_doc(x):
    return x

def many(*args):
    """Takes a list."""

answer = 42
)";

class UserTools : public ToolTest {
 protected:
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / "" + name) << text;
    return folder_ / "" + name;
  }
  UserTool function(const std::string& name, const std::string& source = kSource) const {
    return load_user_tool({.name = name, .file = file("my_tools.py", source)});
  }
  // A session with one tool and run_shell.
  ToolSession with(const UserTool& tool) {
    registry_ = std::make_unique<ToolRegistry>(std::vector<UserTool>{tool});
    ToolOptions options;
    options.registry = registry_.get();
    options.sandbox.limits.cpu_seconds = 0.5;
    return ToolSession("", options, {tool.name(), "run_shell"});
  }
  static std::string error_of(const configs::ToolConfig& config) {
    try {
      load_user_tool(config);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }

  TempDir folder_;
  std::unique_ptr<ToolRegistry> registry_;
};

TEST_F(UserTools, AFunctionDescribesItself) {
  const UserTool tool = function("area");
  EXPECT_EQ(tool.description(), "Area of a rectangle.");
  EXPECT_EQ(
      tool.parameters(),
      R"({"type":"object","properties":{"width":{"type":"number"},"height":{"type":"number"},)"
      R"("unit":{"type":"string"},"tags":{"type":"array"}},"required":["width"]})");
  EXPECT_EQ(json::parse(tool_schema(make_tool(tool)))["function"]["name"], "area");
  // The config goes first.
  const UserTool other = load_user_tool({.name = "no_doc",
                                         .description = "Says it again.",
                                         .parameters = R"({"properties": {"x": {}}})",
                                         .file = file("my_tools.py", kSource)});
  EXPECT_EQ(other.description(), "Says it again.");
  EXPECT_EQ(other.parameters(), R"({"properties": {"x": {}}})");
}

TEST_F(UserTools, AFunctionIsCalledByName) {
  ToolSession s = with(function("area"));
  EXPECT_EQ(good(s, "area", {{"width", 3}}), "6 m2");
  EXPECT_EQ(good(s, "area", {{"unit", "cm"}, {"height", 1.5}, {"width", 2}}), "3.0 cm2");
  EXPECT_THAT(bad(s, "area", {{"width", "3"}}), HasSubstr("area takes width (number), height"));
  EXPECT_THAT(bad(s, "area", {{"width", 3}, {"depth", 1}}), HasSubstr("area takes width"));
  ToolSession t = with(function("table"));
  EXPECT_EQ(good(t, "table", {{"n", 3}}), R"({"squares": [0, 1, 4], "é": null})");
}

TEST_F(UserTools, AFunctionThatFailsIsAnError) {
  ToolSession s = with(function("fails"));
  const auto fails = [&](const std::string& how) { return bad(s, "fails", {{"how", how}}); };
  EXPECT_EQ(fails("raise"), "error: ValueError: no such city");
  EXPECT_EQ(fails("exit"), "error: SystemExit: 5");
  EXPECT_EQ(fails("die"), "error: exit code 7");
  EXPECT_EQ(fails("signal"), "error: exit code 139");
  EXPECT_EQ(fails("spin"), "error: timeout");
  EXPECT_EQ(fails("flood"), "error: output_limit");
  EXPECT_EQ(fails("set"), "error: it returned a set that is neither text nor JSON");
  EXPECT_EQ(fails("nan"), "error: it returned a float that is neither text nor JSON");
  EXPECT_EQ(good(s, "fails", {{"how", "none"}}), "null");
  EXPECT_EQ(good(s, "fails", {{"how", "surrogate"}}), "a?b");
}

TEST_F(UserTools, ItSeesTheFilesOfTheConversationAndLeavesNoneOfItsOwn) {
  ToolSession s = with(function("count"));
  EXPECT_EQ(good(s, "run_shell", {{"command", "printf 'a\\nb\\n' > f; ls -A"}}), "f");
  EXPECT_EQ(good(s, "count", {{"path", "f"}}), "2");
  EXPECT_EQ(good(s, "run_shell", {{"command", "ls -A"}}), "f");
  // A module there takes no part.
  good(s, "run_shell", {{"command", "echo 'raise SystemExit(9)' | tee json.py > inspect.py"}});
  EXPECT_EQ(good(s, "count", {{"path", "f"}}), "2");
}

TEST_F(UserTools, ACommandGetsJsonAndAnswersWithText) {
  const UserTool tool = load_user_tool(
      {.name = "weather",
       .description = "Weather of a city.",
       .parameters = R"({"type": "object", "properties": {"city": {"type": "string"},
                         "days": {"type": "integer"}}, "required": ["city"]})",
       .command = {"/bin/sh", "-c"},
       .file =
           file("weather.sh", "echo 'in:'; cat; case $(ls) in *bad*) echo no >&2; exit 4;; esac")});
  EXPECT_EQ(tool.command_size(), 3);
  ToolSession s = with(tool);
  EXPECT_EQ(good(s, "weather", {{"city", "Bonn'; exit 1; '"}, {"days", 3}}),
            R"(in:
{"city":"Bonn'; exit 1; '","days":3})");
  EXPECT_EQ(bad(s, "weather", {{"days", 3}}),
            "error: weather takes city (string), days (integer, optional)");
  good(s, "run_shell", {{"command", "touch bad"}});
  EXPECT_EQ(bad(s, "weather", {{"city", "Bonn"}}),
            "in:\n{\"city\":\"Bonn\"}\nstderr:\nno\nerror: exit code 4");
}

// Code of the model ran in the same folder before.
TEST_F(UserTools, ACommandImportsNothingThatTheConversationLeft) {
  const UserTool tool =
      load_user_tool({.name = "sum",
                      .description = "Adds.",
                      .parameters = R"({"properties": {"n": {}}})",
                      .command = {"/usr/bin/python3", "-c",
                                  "import sys, json; print(sum(json.load(sys.stdin)['n']))"}});
  ToolSession session = with(tool);
  const std::string plant =
      "echo 'def load(f): return {\"n\": [666]}' > json.py; mkdir -p "
      "$(python3 -m site --user-site); cp json.py $(python3 -m site --user-site)/sitecustomize.py";
  EXPECT_EQ(session.call("run_shell", json({{"command", plant}}).dump()).status,
            ToolResult::Status::kOk);
  EXPECT_EQ(session.call("sum", R"({"n": [1, 2]})").text, "3");
}

TEST_F(UserTools, ACommandMayCrashHangOrGabble) {
  const auto tool = [&](const std::string& script) {
    return load_user_tool({.name = "t", .description = "d", .command = {"/bin/sh", "-c", script}});
  };
  const auto run = [&](const std::string& script) {
    ToolSession s = with(tool(script));
    return bad(s, "t", json::object());
  };
  EXPECT_EQ(run("kill -SEGV $$"), "error: exit code 139");
  EXPECT_EQ(run("while :; do :; done"), "error: timeout");
  EXPECT_EQ(run("yes"), "error: output_limit");
  ToolSession s = with(tool("printf 'a\\000\\377b'"));
  EXPECT_EQ(good(s, "t", json::object()), std::string("a\0\uFFFDb", 6));
  EXPECT_EQ(bad(s, "t", {{"x", 1}}), "error: t takes no argument");
}

TEST_F(UserTools, WhatCannotBeUsedIsSaidBeforeTheRun) {
  EXPECT_THAT(error_of({.name = "x",
                        .description = "y",
                        .parameters = R"({"type": ["object"]})",
                        .command = {"/bin/true"}}),
              HasSubstr("must have the type"));
  const std::string path = file("my_tools.py", kSource);
  EXPECT_THAT(error_of({.name = "areas", .file = path}),
              HasSubstr("tool 'areas': " + path + ": there is no function areas"));
  EXPECT_THAT(error_of({.name = "answer", .file = path}), HasSubstr("no function answer"));
  EXPECT_THAT(error_of({.name = "no_doc", .file = path}), HasSubstr("give it a docstring"));
  EXPECT_THAT(error_of({.name = "many", .file = path}), HasSubstr("arguments by name"));
  EXPECT_THAT(error_of({.name = "f", .file = file("syntax.py", "def f(:\n")}),
              HasSubstr("SyntaxError"));
  EXPECT_THAT(error_of({.name = "f", .file = file("import.py", "import no_such_module\n")}),
              HasSubstr("ModuleNotFoundError: No module named 'no_such_module'"));
  EXPECT_THAT(error_of({.name = "f", .file = folder_ / "none.py"}), HasSubstr("cannot read"));
  EXPECT_THAT(error_of({.name = "f", .description = "d", .command = {"/no/such"}}),
              HasSubstr("/no/such is no program inside a sandbox"));
  for (const auto& [schema, what] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{", "is not a JSON object"},
           {"[]", "is not a JSON object"},
           {R"({"type": "string"})", "type \"object\""},
           {R"({"properties": []})", "\"properties\", an object"},
           {R"({"properties": {"a": 1}})", "property a must be an object"},
           {R"({"properties": {"a": {}}, "required": ["b"]})", "requires \"b\""}})
    EXPECT_THAT(
        error_of({.name = "f", .description = "d", .parameters = schema, .command = {"/bin/true"}}),
        HasSubstr(what));
}

}  // namespace
}  // namespace amalgam::rollout
