#include "pipeline/identity/digest.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/error_of.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

void write(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << bytes;
}

TEST(Digests, TextIsBlake2b256) {  // b2sum -l 256 < /dev/null
  EXPECT_EQ(text_digest(""), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

TEST(Digests, AFileIsItsBytesForAnyNumberOfThreads) {
  const TempDir folder;
  std::string bytes(9 << 20, 'x');
  for (size_t i = 0; i < bytes.size(); i += 4096) bytes[i] = static_cast<char>(i >> 12);
  write(folder / "a", bytes);
  write(folder / "b", bytes);
  kernels::ThreadPool one(1), three(3);
  const std::string digest = Digests(one).file(folder / "a");
  EXPECT_EQ(Digests(three).file(folder / "b"), digest);
  Digests digests(one);
  EXPECT_EQ(digests.file(folder / "a"), digest);
  bytes[5 << 20] ^= 1;
  write(folder / "a", bytes);
  EXPECT_NE(digests.file(folder / "a"), digest);
  write(folder / "a", bytes.substr(1));
  EXPECT_NE(digests.file(folder / "a"), digest);
  EXPECT_NE(tests::error_of([&] { digests.file(folder / "none"); }), "");
  EXPECT_NE(tests::error_of([&] { digests.file(folder.path()); }), "");
}

TEST(Digests, AModelIsItsWeightsConfigAndTokenizer) {
  const TempDir folder;
  kernels::ThreadPool pool(1);
  const auto digest = [&] { return Digests(pool).model(folder / "m"); };
  EXPECT_NE(tests::error_of(digest), "");
  write(folder / "m/model.safetensors", "weights");
  write(folder / "m/config.json", "{}");
  const std::string first = digest();
  write(folder / "m/README.md", "words");
  EXPECT_EQ(digest(), first);
  for (const char* name : {"model.safetensors", "config.json", "tokenizer.json"}) {
    const std::string before = digest();
    write(folder / "m/" + name, "other");
    EXPECT_NE(digest(), before) << name;
  }
}

}  // namespace
}  // namespace amalgam::pipeline
