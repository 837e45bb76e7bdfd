#include "model/tensors/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "configs/error.h"
#include "model/tensors/durable_file.h"
#include "tests/temp_dir.h"

namespace amalgam::model {
namespace {

using ::testing::HasSubstr;

std::string file_bytes(const std::string& header, size_t data_bytes) {
  const uint64_t n = header.size();
  std::string bytes(reinterpret_cast<const char*>(&n), sizeof n);
  return bytes + header + std::string(data_bytes, '\1');
}

std::string error_of(const std::string& bytes) {
  const TempDir tmp;
  write_file_durably(tmp / "f", bytes);
  try {
    const SafetensorsFile file(tmp / "f");
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    EXPECT_THAT(e.what(), HasSubstr(tmp / "f"));
    return e.what();
  }
  return "";
}

StoredTensor view(const std::string& name, DType dtype, std::vector<int64_t> shape,
                  const void* data) {
  int64_t n = 1;
  for (const int64_t dim : shape) n *= dim;
  return {name, dtype, std::move(shape), static_cast<const std::byte*>(data), n};
}

TEST(Safetensors, WritesExactlyTheFormat) {
  const TempDir tmp;
  const float b[2] = {1, -2};
  const int32_t a[1] = {7};
  const uint8_t c[3] = {1, 2, 3};
  // Larger elements first, then by name, whatever the order given.
  write_safetensors(tmp / "f", {view("c", DType::kU8, {3}, c), view("b", DType::kF32, {2, 1}, b),
                                view("a \"x\"", DType::kI32, {}, a)});
  std::string header =
      R"({"__metadata__":{"format":"pt"},"a \"x\"":{"dtype":"I32","shape":[],"data_offsets":[0,4]},)"
      R"("b":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]},)"
      R"("c":{"dtype":"U8","shape":[3],"data_offsets":[12,15]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::string data("\7\0\0\0\0\0\x80\x3f\0\0\0\xc0\1\2\3", 15);
  const uint64_t n = header.size();
  EXPECT_EQ(read_file(tmp / "f", 1000),
            std::string(reinterpret_cast<const char*>(&n), 8) + header + data);
}

TEST(Safetensors, ReadsWhatItWrote) {
  const TempDir tmp;
  const float x[6] = {1, 2, 3, 4, 5, 6};
  const int64_t i[2] = {-5, 2147483647};
  write_safetensors(tmp / "f", {view("x", DType::kF32, {2, 3}, x), view("i", DType::kI64, {2}, i),
                                view("none", DType::kF32, {0, 4}, x)});
  const SafetensorsFile file(tmp / "f");
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.find("y"), nullptr);
  EXPECT_THROW(file.at("y"), Error);
  EXPECT_EQ(file.at("none").num_bytes(), 0);
  EXPECT_EQ(file.at("x").shape, (std::vector<int64_t>{2, 3}));
  float y[2];
  copy_floats(file.at("x"), 3, 5, y);
  EXPECT_EQ(y[0], 4);
  EXPECT_EQ(y[1], 5);
  int32_t j[2];
  copy_ints(file.at("i"), 0, 2, j);
  EXPECT_EQ(j[0], -5);
  EXPECT_EQ(j[1], 2147483647);
  EXPECT_THROW(copy_floats(file.at("i"), 0, 2, y), Error);
  EXPECT_THROW(copy_ints(file.at("x"), 0, 2, j), Error);
  const int64_t large[1] = {int64_t{1} << 31};
  EXPECT_THROW(copy_ints(view("l", DType::kI64, {1}, large), 0, 1, j), Error);
}

TEST(Safetensors, AcceptsUnalignedDataAndOtherOrders) {
  // Offsets out of key order, a header of odd length, keys of an entry in any order.
  std::string bytes = file_bytes(
      R"({"b":{"shape":[1],"data_offsets":[1,5],"dtype":"F32"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
      5);
  const float x = 2.5;
  std::memcpy(bytes.data() + bytes.size() - 4, &x, 4);
  const TempDir tmp;
  write_file_durably(tmp / "f", bytes);
  float y = 0;
  copy_floats(SafetensorsFile(tmp / "f").at("b"), 0, 1, &y);
  EXPECT_EQ(y, 2.5f);
}

TEST(Safetensors, RefusesHostileFiles) {
  struct Case {
    std::string header;
    size_t data_bytes;
    const char* message;
  };
  const auto one = [](const std::string& fields) { return "{\"a\":{" + fields + "}}"; };
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  ASSERT_EQ(error_of(file_bytes(one(good), 8)), "");
  const std::vector<Case> cases = {
      {one(good), 7, "outside the file"},
      {one(good), 9, "1 bytes at the end belong to no tensor"},
      {one(good), 0, "outside the file"},
      {"", 0, "not valid JSON"},
      {"[]", 0, "no JSON object"},
      {"3", 0, "no JSON object"},
      {"{\"a\":3}", 0, "wrong type"},
      {"{\"a\":[]}", 0, "wrong type"},
      {"{\"a\":{\"dtype\":\"F32\"", 0, "not valid JSON"},
      {one(good) + "x", 8, "not valid JSON"},
      {"\xff\xfe", 0, "not valid JSON"},
      {one("\"dtype\":\"\xff\""), 8, "not valid JSON"},
      {one(R"("dtype":"F32","shape":[2])"), 8, "needs dtype, shape and two data_offsets"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[0])"), 8, "needs dtype, shape and two"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,9])"), 8, "more than two"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), 8, "outside the file"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615])"), 8, "outside"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[-1,7])"), 8, "wrong type"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[0.0,8])"), 8, "wrong type"},
      {one(R"("dtype":"F32","shape":[2],"data_offsets":[[0,8]])"), 8, "wrong type"},
      {one(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"), 8, "wrong type"},
      {one(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), 8, "wrong type"},
      {one(R"("dtype":"F32","shape":{},"data_offsets":[0,8])"), 8, "nested too deeply"},
      {one(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])"), 8, "unsupported dtype F31"},
      {one(R"("dtype":3,"shape":[2],"data_offsets":[0,8])"), 8, "wrong type"},
      {one(R"("dtype":null,"shape":[2],"data_offsets":[0,8])"), 8, "wrong type"},
      {one(R"("dtype":"F16","shape":[2],"data_offsets":[0,8])"), 8, "is F16 [2] but has 8 bytes"},
      {one(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), 8, "is F32 [3] but has 8 bytes"},
      {one(R"("dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8])"), 8, "absurd"},
      {one(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])"), 8, "absurd"},
      {one(R"("dtype":"F32","shape":[2305843009213693954],"data_offsets":[0,8])"), 8, "absurd"},
      {one(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8])"), 8, "dimensions"},
      {one(good + ",\"stride\":[1]"), 8, "unknown field stride"},
      {one(good + R"(,"shape":[2])"), 8, "a field twice"},
      {"{\"a\":{" + good + "},\"a\":{" + good + "}}", 8, "overlaps"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2, "a appears twice"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3, "b overlaps another tensor"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
       3, "hole before b"},
      {R"({"__metadata__":{"format":3}})", 0, "wrong type"},
      {R"({"__metadata__":{"format":{}}})", 0, "nested too deeply"},
      {R"({"__metadata__":"pt"})", 0, "wrong type"},
      {R"({"a\nb":3})", 0, "a\\x0ab has a value"},
      {std::string(100'000, '['), 0, "no JSON object"},
      {"{\"a\":{\"shape\":" + std::string(100'000, '['), 0, "wrong type"},
      {"{\"" + std::string(100'000, 'x') + "\":3}", 0, "xxx… has a value"},
  };
  for (const Case& c : cases)
    EXPECT_THAT(error_of(file_bytes(c.header, c.data_bytes)), HasSubstr(c.message))
        << c.header.substr(0, 200);
}

TEST(Safetensors, RefusesAbsurdSizesBeforeReading) {
  EXPECT_THAT(error_of(""), HasSubstr("is empty"));
  EXPECT_THAT(error_of("1234567"), HasSubstr("shorter than a header"));
  EXPECT_THAT(error_of(std::string(8, '\xff')), HasSubstr("above 100 MB"));
  EXPECT_THAT(error_of(std::string("\x10\0\0\0\0\0\0\0{}", 10)),
              HasSubstr("more than the file has"));
  EXPECT_THROW(SafetensorsFile("/dev/zero"), Error);
  EXPECT_THROW(SafetensorsFile("/"), Error);
  EXPECT_THROW(SafetensorsFile("/absent.safetensors"), Error);
}

}  // namespace
}  // namespace amalgam::model
