#include "sandbox/files/tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "sandbox/images/image_store.h"
#include "tests/sandbox/test_files.h"

namespace amalgam::sandbox {
namespace {

using testing::HasSubstr;

// One header of an archive, as POSIX describes it.
struct Header {
  std::string name;
  char type = '0';
  std::string link = "";
  std::string size = "00000000000";  // the field as written

  std::string block() const {
    std::string b(512, '\0');
    const auto put = [&](size_t at, const std::string& text) { b.replace(at, text.size(), text); };
    put(0, name);
    put(100, "0000644");
    put(124, size);
    put(148, "        ");
    b[156] = type;
    put(157, link);
    put(257, std::string("ustar\0"
                         "00",
                         8));
    unsigned sum = 0;
    for (const char c : b) sum += static_cast<unsigned char>(c);
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum);
    put(148, std::string(text, 7) + " ");
    return b;
  }
};

class Tar : public testing::Test {
 protected:
  std::string import(const std::string& bytes) {
    write_text(folder_ / "x.tar", bytes);
    return store_.add_tar(folder_ / "x.tar");
  }
  std::string refusal(const std::string& bytes) {
    return error_of([&] { import(bytes); });
  }

  TempDir folder_;
  ImageStore store_{folder_ / "store"};
};

TEST_F(Tar, EqualsTheDirectoryThatItWasMadeFrom) {
  const std::string tree = folder_ / "tree";
  write_text(tree + "/a/file", std::string(100'000, 'x'));
  write_text(tree + "/empty", "");
  write_text(tree + "/holes", "begin");
  std::filesystem::resize_file(tree + "/holes", 10 << 20);
  write_text(tree + "/" + std::string(80, 'd') + "/" + std::string(90, 'e') + "/long", "long");
  write_text(tree + "/日本", "utf-8");
  std::filesystem::create_directory(tree + "/nothing");
  std::filesystem::create_symlink("a/file", tree + "/link");
  std::filesystem::create_symlink(std::string(40, 'd') + "/" + std::string(50, 'q'),  // ustar: 100
                                  tree + "/long_target");
  std::filesystem::create_hard_link(tree + "/a/file", tree + "/hard");
  std::filesystem::permissions(tree + "/empty", std::filesystem::perms(0751));
  const std::string expected = store_.add_directory(tree);
  for (const std::string how : {"--format=gnu", "--format=pax", "--format=ustar",
                                "--format=gnu --sparse", "--format=pax --sparse", "--gzip"}) {
    const std::string archive = folder_ / "x.tar";
    ASSERT_EQ(std::system(("tar " + how + " -C " + tree + " -cf " + archive + " .").c_str()), 0);
    EXPECT_EQ(store_.add_tar(archive), expected) << how;
  }
}

TEST_F(Tar, RefusesHostileArchives) {
  const std::string end(1024, '\0');
  const struct {
    std::string bytes, expected;
  } cases[] = {
      {Header{"/etc/passwd"}.block() + end, "/etc/passwd: an absolute path"},
      {Header{"a/../../x"}.block() + end, "a/../../x: \"..\" in the path"},
      {Header{"sda", '4'}.block() + end, "sda: a device node"},
      {Header{"tty", '3'}.block() + end, "tty: a device node"},
      {Header{"pipe", '6'}.block() + end, "pipe: a device node or pipe"},
      {Header{"x", '2', "/etc/shadow"}.block() + end, "x: the link points outside, to /etc/shadow"},
      {Header{"x", '2', "../../root"}.block() + end, "x: the link points outside"},
      {Header{"d", '2', "."}.block() + Header{"d/x"}.block() + end, "below d, which is no folder"},
      {Header{"x", '1', "/etc/shadow"}.block() + end, "layer entry /etc/shadow: an absolute path"},
      {Header{"x", '1', "nothing"}.block() + end, "x: a hard link to nothing"},
      {Header{"x", '0', "", "77777777777"}.block() + end, "Truncated"},
      {Header{"x", '0', "", std::string("\x80\0\0\0\x7f\0\0\0\0\0\0\0", 12)}.block() + end,
       "Truncated"},
      {Header{"x", '0', "", std::string(11, '\xff')}.block() + end, "negative size"},
      {Header{"x", '0', "", "99999999999"}.block() + end, "Unrecognized archive"},
      {Header{"x", 'L', "", "00000000144"}.block(), "is damaged"},
      {Header{"evil\x1b[31m", '4'}.block() + end, "evil\\x1b[31m"},
      {std::string("\x1f\x8b", 2) + std::string(600, 'x'), "Unrecognized archive"},
      {std::string(600, 'x'), "Unrecognized archive"},
      {"short", "Unrecognized archive"},
      {end, "holds no files"},
  };
  for (const auto& c : cases) {
    const std::string error = refusal(c.bytes);
    EXPECT_THAT(error, HasSubstr(c.expected));
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "store/layers"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "store/tmp"));
  EXPECT_NE(import(Header{"x"}.block() + end), "");  // the header of these cases is a good one
}

// A damaged archive is refused or read as another one; it never crashes or hangs.
TEST_F(Tar, SurvivesDamage) {
  write_text(folder_ / "tree/a/b", std::string(700, 'b'));
  write_text(folder_ / ("tree/" + std::string(120, 'n')), "n");
  const std::string archive = folder_ / "good.tar";
  ASSERT_EQ(
      std::system(("tar --format=pax -C " + (folder_ / "tree") + " -cf " + archive + " .").c_str()),
      0);
  std::ifstream in(archive, std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(in)), {});
  std::mt19937 random(1);
  int num_refused = 0;
  for (int i = 0; i < 200; ++i) {
    std::string bad = good.substr(0, i % 4 == 0 ? random() % good.size() : good.size());
    for (int flips = 0; flips < 3 && !bad.empty(); ++flips)
      bad[random() % bad.size()] = static_cast<char>(random());
    num_refused += refusal(bad).empty() ? 0 : 1;
  }
  EXPECT_GT(num_refused, 20);
}

}  // namespace
}  // namespace amalgam::sandbox
