#include "sandbox/files/layer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "sandbox/files/file_tree.h"
#include "tests/sandbox/test_files.h"

namespace amalgam::sandbox {
namespace {

using testing::HasSubstr;

// FIPS 180-4 examples, and lengths around a block; values by Python's hashlib.
TEST(Sha256, PublishedVectors) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(std::string(55, 'a')),
            "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  EXPECT_EQ(sha256_hex(std::string(56, 'a')),
            "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  EXPECT_EQ(sha256_hex(std::string(64, 'a')),
            "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
  Sha256 in_parts;
  for (int i = 0; i < 1000; ++i) in_parts.update("a");
  EXPECT_EQ(in_parts.hex(), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

class Layer : public testing::Test {
 protected:
  // The digest of what `fill` writes into a new directory.
  std::string write(const std::function<void(LayerWriter*)>& fill, Links links = Links::kInside,
                    LayerLimits limits = {}) {
    last_ = folder_ / std::to_string(count_++);
    std::filesystem::create_directory(last_);
    const Fd root(open(last_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    LayerWriter layer(root.get(), links, limits);
    fill(&layer);
    const std::string digest = layer.finish();
    EXPECT_EQ(digest_of_tree(root.get()), digest);
    return digest;
  }
  static void add_file(LayerWriter* layer, const std::string& path, const std::string& text,
                       unsigned mode = 0644) {
    layer->begin_file(path, mode);
    layer->append(text);
    layer->end_file();
  }

  TempDir folder_;
  int count_ = 0;
  std::string last_;
};

// By Python: sha256(b"d\0bin\0755\0f\0bin/x\0755\0" + sha256(b"hi\n").hexdigest() +
// b"\0l\0y\0bin/x\0")
TEST_F(Layer, DigestIsOfTheCanonicalForm) {
  EXPECT_EQ(write([](LayerWriter* layer) {
              layer->add_link("y", "bin/x");
              add_file(layer, "./bin//x", "hi\n", 0755);
            }),
            "ea1aa2c82f461f480ab3130738ca3b7572c9341a5c40dd93422b05111bf7ae01");
}

TEST_F(Layer, DigestDependsOnContentAlone) {
  const auto base = write([](LayerWriter* layer) {
    add_file(layer, "a/x", "1");
    add_file(layer, "a.b", "2");
    layer->add_directory("a", 0700);
  });
  EXPECT_EQ(base, write([](LayerWriter* layer) {
              layer->add_directory("a", 01700);
              add_file(layer, "a.b", "old");
              add_file(layer, "a.b", "2");
              add_file(layer, "a/x", "1", 04644);
            }));
  struct stat s;
  ASSERT_EQ(stat((last_ + "/a/x").c_str(), &s), 0);
  EXPECT_EQ(s.st_mode, S_IFREG | 0644u);
  EXPECT_EQ(s.st_mtime, kLayerTime);
  EXPECT_NE(base, write([](LayerWriter* layer) {
              add_file(layer, "a/x", "1", 0755);
              add_file(layer, "a.b", "2");
              layer->add_directory("a", 0700);
            }));
  EXPECT_NE(base, write([](LayerWriter* layer) {
              add_file(layer, "a/x", "2");
              add_file(layer, "a.b", "1");
              layer->add_directory("a", 0700);
            }));
}

TEST_F(Layer, IsNotWrittenThroughALink) {
  std::filesystem::create_directory(folder_ / "target");
  const std::string target = folder_ / "target";
  EXPECT_THAT(error_of([&] {
                write(
                    [&](LayerWriter* layer) {
                      layer->add_link("a", target);
                      add_file(layer, "a/evil", "x");
                    },
                    Links::kAny);
              }),
              HasSubstr("a/evil: it lies below a, which is no folder"));
  EXPECT_TRUE(std::filesystem::is_empty(target));
  // The link is replaced, not written through.
  write_text(folder_ / "file", "kept");
  write(
      [&](LayerWriter* layer) {
        layer->add_link("b", folder_ / "file");
        add_file(layer, "b", "x");
      },
      Links::kAny);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "file"), 4u);
}

TEST_F(Layer, LinksMayNotPointOutside) {
  const auto link = [&](const std::string& path, const std::string& target) {
    return error_of([&] {
      write([&](LayerWriter* layer) {
        add_file(layer, "usr/bin/python3.11", "x");
        layer->add_link("bin", "usr/bin");
        layer->add_link(path, target);
      });
    });
  };
  EXPECT_EQ(link("x", "usr/bin/python3.11"), "");
  EXPECT_EQ(link("usr/x", "../bin/../bin/python3.11"), "");
  EXPECT_EQ(link("usr/bin/python3", "/bin/python3.11"), "");  // by way of the link "bin"
  EXPECT_EQ(link("x", "dangling"), "");
  EXPECT_THAT(link("x", "../y"), HasSubstr("layer entry x: the link points outside, to ../y"));
  EXPECT_THAT(link("usr/x", "../../y"), HasSubstr("points outside"));
  EXPECT_THAT(link("x", "a/../../y"), HasSubstr("points outside"));
  EXPECT_THAT(link("x", "/etc/passwd"), HasSubstr("points outside"));
  EXPECT_THAT(link("x", "/x"), HasSubstr("points outside"));  // to itself
}

TEST_F(Layer, LimitsHold) {
  EXPECT_THAT(error_of([&] {
                write([](LayerWriter* layer) { add_file(layer, "x", std::string(11, 'x')); },
                      Links::kInside, {.max_bytes = 10});
              }),
              HasSubstr("more than 10 bytes"));
  EXPECT_THAT(error_of([&] {
                write(
                    [](LayerWriter* layer) {
                      for (int i = 0; i < 4; ++i) layer->add_directory(std::to_string(i), 0755);
                    },
                    Links::kInside, {.max_entries = 3});
              }),
              HasSubstr("more than 3 entries"));
}

TEST_F(Layer, HolesStayHoles) {
  write([](LayerWriter* layer) {
    layer->begin_file("x", 0644);
    layer->append("start");
    for (int i = 0; i < 64; ++i) layer->append(std::string(64 << 10, '\0'));
    layer->end_file();
  });
  struct stat s;
  ASSERT_EQ(stat((last_ + "/x").c_str(), &s), 0);
  EXPECT_EQ(s.st_size, 5 + 64 * (64 << 10));
  EXPECT_LT(s.st_blocks * 512, 64 << 10);
}

TEST(PlainPath, HasOneSpelling) {
  EXPECT_EQ(plain_path("./a//b/./c/"), "a/b/c");
  EXPECT_EQ(plain_path("."), "");
  EXPECT_EQ(plain_path("..a/b.."), "..a/b..");
  for (const char* bad : {"/a", "a/../b", "..", "a/.."})
    EXPECT_NE(error_of([&] { plain_path(bad); }), "") << bad;
  EXPECT_NE(error_of([&] { plain_path(std::string(300, 'x')); }), "");
  EXPECT_NE(error_of([&] { plain_path(std::string("a\0b", 3)); }), "");
  std::string deep = "a";  // deeper than what is later walked, checked and removed
  for (int i = 1; i < kMaxTreeDepth; ++i) deep += "/a";
  EXPECT_EQ(plain_path(deep), deep);
  EXPECT_THAT(error_of([&] { plain_path(deep + "/a"); }), HasSubstr("nested more than"));
}

}  // namespace
}  // namespace amalgam::sandbox
