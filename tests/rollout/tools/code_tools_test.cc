#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/rollout/tools/tool_case.h"

namespace amalgam::rollout {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class CodeTools : public ToolTest {
 protected:
  static std::string python(ToolSession& s, const std::string& code) {
    return good(s, "run_python", {{"code", code}});
  }
  static std::string bad_python(ToolSession& s, const std::string& code) {
    return bad(s, "run_python", {{"code", code}});
  }
  static std::string shell(ToolSession& s, const std::string& command) {
    return good(s, "run_shell", {{"command", command}});
  }
};

TEST_F(CodeTools, PythonRunsAsAMainProgram) {
  ToolSession s = session();
  EXPECT_EQ(python(s, "if __name__ == '__main__':\n  print(6 * 7)\n"), "42");
  EXPECT_EQ(python(s, "import sys\nprint('a')\nprint('b', file=sys.stderr)"), "a\nstderr:\nb");
  EXPECT_EQ(python(s, "print(repr(__import__('sys').stdin.read()))"), "''");
  EXPECT_EQ(python(s, "import sys; sys.exit(0)"), "");
  EXPECT_EQ(bad_python(s, "print('a'); raise SystemExit(3)"), "a\nerror: exit code 3");
  EXPECT_EQ(python(s,
                   "import dataclasses, pickle\n@dataclasses.dataclass\nclass A:\n  x: int\n"
                   "print(pickle.loads(pickle.dumps(A(3))))"),
            "A(x=3)");
  // Its own names only.
  EXPECT_THAT(bad_python(s, "print(os)"), HasSubstr("NameError"));
  EXPECT_THAT(bad_python(s, "print(sys)"), HasSubstr("NameError"));
}

TEST_F(CodeTools, PythonErrorsShowTheProgramsFramesOnly) {
  ToolSession s = session();
  EXPECT_EQ(bad_python(s, "def f():\n  return 1 / 0\nf()"),
            "stderr:\nTraceback (most recent call last):\n"
            "  File \"<stdin>\", line 3, in <module>\n  File \"<stdin>\", line 2, in f\n"
            "ZeroDivisionError: division by zero\nerror: exit code 1");
  const std::string syntax = bad_python(s, "a =\n");
  EXPECT_THAT(syntax, HasSubstr("SyntaxError"));
  EXPECT_THAT(syntax, Not(HasSubstr("_program")));
  EXPECT_THAT(bad_python(s, std::string("print(1)\0", 9)), HasSubstr("null bytes"));
}

TEST_F(CodeTools, FilesStayAndModulesAreFound) {
  ToolSession s = session({}, R"({"sandbox": {"files": {"data.txt": "7 8"}}})");
  EXPECT_EQ(python(s, "print(sum(map(int, open('data.txt').read().split())))"), "15");
  shell(s, "echo 'def f(x): return x + 1' > helper.py");
  EXPECT_EQ(python(s, "import helper\nprint(helper.f(1))"), "2");
  EXPECT_THAT(bad_python(s, "print(x)"), HasSubstr("NameError"));  // no variables do
}

// The order of a file system's own listings depends on the order of creation.
TEST_F(CodeTools, ListingsAreSorted) {
  ToolSession s = session();
  shell(s, "mkdir d; touch d/c d/a d/b; mkdir d/e d/d");
  EXPECT_EQ(python(s,
                   "import os, glob, pathlib\n"
                   "print(os.listdir('d'), [e.name for e in os.scandir('d')])\n"
                   "print(next(os.walk('d')), glob.glob('d/*'))\n"
                   "print([p.name for p in pathlib.Path('d').iterdir()])"),
            "['a', 'b', 'c', 'd', 'e'] ['a', 'b', 'c', 'd', 'e']\n"
            "('d', ['d', 'e'], ['a', 'b', 'c']) ['d/a', 'd/b', 'd/c', 'd/d', 'd/e']\n"
            "['a', 'b', 'c', 'd', 'e']");
  EXPECT_EQ(python(s,
                   "import os, shutil\nwith os.scandir(b'd') as e: print(next(e).name)\n"
                   "shutil.rmtree('d'); print(os.listdir())"),
            "b'a'\n[]");
}

TEST_F(CodeTools, Shell) {
  ToolSession s = session();
  EXPECT_EQ(shell(s, "echo $((6 * 7)); [[ abc == a* ]] && echo yes; pwd"), "42\nyes\n/work");
  EXPECT_EQ(bad(s, "run_shell", {{"command", "echo a; false"}}), "a\nerror: exit code 1");
  EXPECT_THAT(bad(s, "run_shell", {{"command", std::string("echo a\0b", 8)}}),
              HasSubstr("NUL bytes"));
  EXPECT_THAT(bad(s, "run_shell", {{"command", std::string(200 << 10, ' ')}}),
              HasSubstr("too long"));
  EXPECT_THAT(bad(s, "run_shell", {{"code", "ls"}}), HasSubstr("takes one string, command"));
}

TEST_F(CodeTools, HostileOutput) {
  ToolSession s = session();
  EXPECT_EQ(python(s, "import sys; sys.stdout.buffer.write(b'\\x00\\xff\\xfe')"),
            std::string("\0", 1) + "\uFFFD\uFFFD");
  EXPECT_EQ(bad_python(s, "while True: print('x' * 1000)"), "error: output_limit");
  EXPECT_EQ(python(s, "print('x' * 5000)"), std::string(5000, 'x'));
  EXPECT_EQ(python(s, "print('fine')"), "fine");
}

TEST_F(CodeTools, LimitsAreTheModelsDoing) {
  ToolOptions options;
  options.sandbox.limits.cpu_seconds = 0.5;
  options.sandbox.limits.memory_bytes = 64 << 20;
  options.sandbox.limits.disk_bytes = 1 << 20;
  ToolSession s = session(options);
  EXPECT_EQ(bad_python(s, "print('begun', flush=True)\nwhile True: pass"), "error: timeout");
  EXPECT_EQ(bad_python(s, "open('a', 'wb').write(bytes(2 << 20))"), "error: disk_limit");
  EXPECT_EQ(bad_python(s, "x = b'x' * (200 << 20)"), "error: memory");
  EXPECT_EQ(python(s, "import os\nos.remove('a')\nprint('fine')"), "fine");
}

TEST_F(CodeTools, BackgroundProcessesDoNotStay) {
  ToolSession s = session();
  shell(s, "(sleep 0.3; echo late > late.txt) > /dev/null 2>&1 &");
  EXPECT_EQ(python(s, "import os, time; time.sleep(0.5); print(os.path.exists('late.txt'))"),
            "False");
}

// A store that the code spoilt answers with an error, which is no failure of the sandbox.
TEST_F(CodeTools, SpoiltRowFilesAreTheModelsDoing) {
  ToolSession s = session({}, R"({"sandbox": {"kv": {"a": "1"}, "files": {"n.txt": "word"}}})");
  EXPECT_EQ(good(s, "kv_lookup", {{"key", "a"}}), "1");
  shell(s, "rm kv.txt n.txt; mkdir kv.txt");
  EXPECT_EQ(bad(s, "kv_lookup", {{"key", "a"}}), "error: a file cannot be read");
  EXPECT_EQ(bad(s, "lookup", {{"key", "a"}}), "error: a file cannot be read");
  EXPECT_EQ(bad(s, "search", {{"word", "word"}}), "error: a file cannot be read");
}

}  // namespace
}  // namespace amalgam::rollout
