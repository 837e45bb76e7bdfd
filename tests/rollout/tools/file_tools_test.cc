#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/rollout/tools/tool_case.h"

namespace amalgam::rollout {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

class FileTools : public ToolTest {
 protected:
  static std::string read(ToolSession& s, const std::string& path) {
    return good(s, "read_file", {{"path", path}});
  }
  static std::string write(ToolSession& s, const std::string& path, const std::string& content) {
    return good(s, "write_file", {{"path", path}, {"content", content}});
  }
  static void shell(ToolSession& s, const std::string& command) {
    good(s, "run_shell", {{"command", command}});
  }
};

TEST_F(FileTools, WriteAndRead) {
  ToolSession s = session({}, R"({"sandbox": {"files": {"a.txt": "of the row\n"}}})");
  EXPECT_EQ(read(s, "a.txt"), "of the row\n");
  EXPECT_EQ(write(s, "d/e/b.txt", "é\n2\n"), "wrote 5 bytes to d/e/b.txt");
  EXPECT_EQ(read(s, "/work/d/e/b.txt"), "é\n2\n");
  write(s, "d/e/b.txt", "");
  EXPECT_EQ(read(s, "d/../d/e/b.txt"), "");
  EXPECT_EQ(good(s, "run_python", {{"code", "print(open('a.txt').read())"}}), "of the row");
}

TEST_F(FileTools, ReadsSomeLines) {
  ToolSession s = session();
  shell(s, "seq 1 1000 > n");
  EXPECT_EQ(good(s, "read_file", {{"path", "n"}, {"first_line", 999}}), "999\n1000\n");
  EXPECT_EQ(good(s, "read_file", {{"path", "n"}, {"first_line", 5}, {"num_lines", 2}}), "5\n6\n");
  EXPECT_EQ(good(s, "read_file", {{"path", "n"}, {"first_line", 2000}}), "");
  const std::string cut = read(s, "n");
  EXPECT_EQ(cut.size(), 512u);
  EXPECT_THAT(cut, StartsWith("1\n2\n3\n"));
  EXPECT_THAT(cut, EndsWith("(cut after 512 bytes; read on with first_line)"));
  EXPECT_THAT(bad(s, "read_file", {{"path", "n"}, {"first_line", 0}}), HasSubstr("from 1"));
  EXPECT_EQ(bad(s, "read_file", {{"path", "n"}, {"first_line", "1"}}),
            "error: read_file takes path (string), first_line (integer, optional), num_lines "
            "(integer, optional)");
}

TEST_F(FileTools, EditReplacesTheOnlyPlace) {
  ToolSession s = session();
  write(s, "f", "one two\nthree aaa\n");
  const auto edit = [](const std::string& from, const std::string& to) {
    return json{{"path", "f"}, {"old_str", from}, {"new_str", to}};
  };
  EXPECT_EQ(good(s, "edit_file", edit("two\nthree", "2\n3")), "edited f");
  EXPECT_EQ(read(s, "f"), "one 2\n3 aaa\n");
  EXPECT_EQ(bad(s, "edit_file", edit("two", "x")), "error: old_str is not in f");
  EXPECT_THAT(bad(s, "edit_file", edit("aa", "x")), HasSubstr("more than once in f"));
  EXPECT_EQ(bad(s, "edit_file", edit("", "x")), "error: old_str is empty");
  EXPECT_EQ(good(s, "edit_file", edit("one ", "")), "edited f");
  EXPECT_EQ(read(s, "f"), "2\n3 aaa\n");
  EXPECT_EQ(bad(s, "edit_file", {{"path", "g"}, {"old_str", "a"}, {"new_str", "b"}}),
            "error: there is no file g");
}

TEST_F(FileTools, GrepIsSortedByPath) {
  ToolSession s = session();
  for (const char* name : {"b/2", "a", "b/1"}) write(s, name, "xy\nfoo 12\nfoo\n");
  EXPECT_EQ(good(s, "grep", {{"pattern", R"(foo \d+)"}}), "a:2:foo 12\nb/1:2:foo 12\nb/2:2:foo 12");
  EXPECT_EQ(good(s, "grep", {{"pattern", "^foo$"}, {"path", "b/1"}}), "b/1:3:foo");
  EXPECT_EQ(good(s, "grep", {{"pattern", "zebra"}}), "not found");
  EXPECT_THAT(bad(s, "grep", {{"pattern", "("}}), HasSubstr("error: bad pattern"));
  EXPECT_EQ(bad(s, "grep", {{"pattern", "x"}, {"path", "c"}}), "error: there is no file c");
  shell(s, "yes foo | head -n 1000 > c");
  const std::string cut = good(s, "grep", {{"pattern", "foo"}, {"path", "c"}});
  EXPECT_LE(cut.size(), 512u);
  EXPECT_THAT(cut, EndsWith("(more lines match; use a narrower pattern)"));
  shell(s, "python3 -c 'print(\"a\" * 40)' > r");
  EXPECT_EQ(bad(s, "grep", {{"pattern", "(a+)+b"}, {"path", "r"}}), "error: timeout");
}

TEST_F(FileTools, PathsStayInside) {
  ToolSession s = session();
  shell(s,
        "ln -s /etc/passwd out; ln -s / root; ln -s loop loop; ln -s new dangling; mkdir d; "
        "mkfifo fifo; echo in > in; ln -s in link");
  for (const char* path : {"../etc/passwd", "/etc/passwd", "/work/../etc/passwd", "out",
                           "root/etc/passwd", "d/../../etc/passwd", "/workshop", "/"}) {
    EXPECT_THAT(bad(s, "read_file", {{"path", path}}), EndsWith("is outside of /work")) << path;
    EXPECT_THAT(bad(s, "write_file", {{"path", path}, {"content", "x"}}),
                EndsWith("is outside of /work"))
        << path;
    EXPECT_THAT(bad(s, "edit_file", {{"path", path}, {"old_str", "r"}, {"new_str", "x"}}),
                EndsWith("is outside of /work"))
        << path;
    EXPECT_THAT(bad(s, "grep", {{"pattern", "root"}, {"path", path}}),
                EndsWith("is outside of /work"))
        << path;
  }
  EXPECT_EQ(good(s, "grep", {{"pattern", "root|in"}}), "in:1:in");  // follows no link
  EXPECT_EQ(read(s, "link"), "in\n");
  EXPECT_EQ(bad(s, "read_file", {{"path", "loop"}}), "error: there is no file loop");
  EXPECT_EQ(bad(s, "read_file", {{"path", "d"}}), "error: d is a folder");
  EXPECT_EQ(bad(s, "read_file", {{"path", ""}}), "error:  is a folder");
  EXPECT_EQ(bad(s, "read_file", {{"path", "fifo"}}), "error: fifo is not a regular file");
  EXPECT_EQ(bad(s, "write_file", {{"path", "fifo"}, {"content", "x"}}),
            "error: fifo is not a regular file");
  EXPECT_EQ(bad(s, "write_file", {{"path", "d"}, {"content", "x"}}), "error: d is a folder");
  EXPECT_THAT(bad(s, "write_file", {{"path", "in/x"}, {"content", "x"}}), HasSubstr("error: "));
  write(s, "dangling", "x");
  EXPECT_EQ(read(s, "new"), "x");
}

TEST_F(FileTools, HostileText) {
  ToolSession s = session();
  const std::string nul("a\0b", 3);
  EXPECT_THAT(bad(s, "read_file", {{"path", nul}}), HasSubstr("null byte"));
  EXPECT_THAT(bad(s, "write_file", {{"path", nul}, {"content", "x"}}), HasSubstr("null byte"));
  write(s, "f", nul);
  EXPECT_EQ(read(s, "f"), nul);
  EXPECT_THAT(bad(s, "read_file", {{"path", std::string(300, 'x')}}), HasSubstr("error: "));
  EXPECT_THAT(bad(s, "write_file", {{"path", std::string(300, 'x')}, {"content", "x"}}),
              HasSubstr("File name too long"));
  shell(s, "head -c 3000 /dev/zero | tr '\\0' '\\377' > binary");
  EXPECT_LE(read(s, "binary").size(), 3 * 512u);  // each byte is U+FFFD
  EXPECT_THAT(bad(s, "write_file", {{"path", "big"}, {"content", std::string(17 << 20, 'x')}}),
              HasSubstr("error: "));
  EXPECT_EQ(read(s, "f"), nul);  // it is still usable
}

// What model-written code leaves cannot take part in a tool.
TEST_F(FileTools, ModulesInTheFolderAreNotImported) {
  ToolSession s = session();
  for (const char* name : {"json.py", "re.py", "os.py", "sitecustomize.py", "itertools.py"})
    write(s, name, "print('mine')\n");
  EXPECT_EQ(write(s, "a", "b"), "wrote 1 bytes to a");
  EXPECT_EQ(read(s, "a"), "b");
}

}  // namespace
}  // namespace amalgam::rollout
