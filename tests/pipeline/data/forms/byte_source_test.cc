#include "pipeline/data/forms/byte_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <nlohmann/json.hpp>

#include "tests/pipeline/data/forms/forms_of.h"

namespace amalgam::pipeline {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
using tests::forms_of;
using tests::kRow;
using tests::why_bad;

std::string gzip(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, 0);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), 0);
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  out.resize(ZSTD_compress2(context, out.data(), out.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return out;
}

TEST(ByteSource, FirstBytesTellTheKind) {
  EXPECT_EQ(file_kind("PAR1xx"), FileKind::kParquet);
  EXPECT_EQ(file_kind("ARROW1\0\0"s), FileKind::kArrowFile);
  EXPECT_EQ(file_kind("\xFF\xFF\xFF\xFF\x10"s), FileKind::kArrowStream);
  EXPECT_EQ(file_kind(gzip("")), FileKind::kGzip);
  EXPECT_EQ(file_kind(zstd("")), FileKind::kZstd);
  EXPECT_EQ(file_kind("\x5A\x2A\x4D\x18\0\0\0\0"s), FileKind::kZstd);
  for (const std::string& text :
       {""s, "{"s, "PAR"s, "BZh"s, "BZhello"s, "version 1"s, "P"s, "\x50\x2A"s})
    EXPECT_EQ(file_kind(text), FileKind::kText) << text;
}

TEST(ByteSource, KindsThatAreNotReadAreNamed) {
  const std::pair<std::string, const char*> kCases[] = {
      {"\xFF\xFE{\0\"\0"s, "UTF-16"},
      {"\xFE\xFF\0{\0\""s, "UTF-16"},
      {"{\0\"\0p\0"s, "UTF-16"},
      {"\0{\0\"\0p"s, "UTF-16"},
      {"\xFD"
       "7zXZ\0\0\0"s,
       "xz"},
      {"BZh91AY&SY"s, "bz2"},
      {"PK\3\4\0\0"s, "zip"},
      {"PK\5\6\0\0"s, "zip"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"s, "LFS"}};
  for (const auto& [bytes, name] : kCases) {
    EXPECT_THAT(why_bad(bytes), HasSubstr(name));
    EXPECT_EQ(forms_of(bytes)["rows"], 0);
    EXPECT_THAT(why_bad(gzip(bytes)), HasSubstr(name));
  }
}

TEST(ByteSource, AllMembersAndFramesAreRead) {
  const std::string a = kRow + "\n", b = kRow + "\n" + kRow;
  for (const std::string& bytes :
       {gzip(a) + gzip(b), gzip(a) + gzip("") + gzip(b), gzip("") + gzip(a) + gzip(b),
        gzip(a) + gzip(b) + std::string(512, '\0'),
        gzip("{\"prompt\":") + gzip("\"p\",\"answer\":1}\n" + b), zstd(a) + zstd(b),
        zstd(a) + "\x50\x2A\x4D\x18\x03\0\0\0abc"s + zstd(b),
        "\x5F\x2A\x4D\x18\0\0\0\0"s + zstd(a) + zstd(b),
        zstd("[" + a + ",") + zstd(kRow + "," + kRow + "]"), gzip("\xEF\xBB\xBF" + a + b)}) {
    const auto found = forms_of(bytes);
    EXPECT_EQ(found["rows"], 3) << found;
    EXPECT_EQ(found["ok"], true) << found;
  }
  std::string large;
  for (int i = 0; i < 100000; ++i) large += R"({"prompt": "p)" + std::to_string(i * 7919) + "\"}\n";
  EXPECT_EQ(forms_of(gzip(large))["rows"], 100000);
  EXPECT_EQ(forms_of(zstd(large))["rows"], 100000);
}

TEST(ByteSource, PackedDataThatAreCutOffOrDamagedAreRefused) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += R"({"prompt": "p)" + std::to_string(i * 7919) + "\"}\n";
  for (const auto& [packed, name] :
       {std::pair(gzip(text), "gzip"), std::pair(zstd(text), "zstd")}) {
    for (const size_t size :
         {size_t{4}, size_t{9}, size_t{20}, packed.size() / 2, packed.size() - 1}) {
      const auto found = forms_of(packed.substr(0, size));
      EXPECT_THAT(found["why"][0].get<std::string>(), HasSubstr(name)) << size;
      EXPECT_EQ(found["rows"], 0) << size;
    }
    EXPECT_THAT(why_bad(packed + packed.substr(0, packed.size() / 2)), HasSubstr(name));
    EXPECT_THAT(why_bad(packed + "tail"), HasSubstr(name));
    std::string damaged = packed;
    damaged[packed.size() / 2] ^= 0x55;
    EXPECT_THAT(why_bad(damaged), HasSubstr(name));
  }
  std::string sum = gzip(text);
  sum[sum.size() - 6] ^= 1;  // of its check sum
  EXPECT_THAT(why_bad(sum), HasSubstr("gzip"));
  EXPECT_THAT(why_bad(gzip(text) + "\0\0x"s), HasSubstr("gzip"));
}

TEST(ByteSource, AFileInAFileIsNotRead) {
  EXPECT_THAT(why_bad(gzip("PAR1....PAR1")), HasSubstr("format"));
  EXPECT_THAT(why_bad(gzip(zstd(kRow))), HasSubstr("format"));
}

}  // namespace
}  // namespace amalgam::pipeline
