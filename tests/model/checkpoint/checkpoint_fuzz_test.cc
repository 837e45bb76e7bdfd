// Mutated files: whatever the bytes, the only outcome besides success is Error, soon, and without
// large allocations (the test's memory limit turns one into a failure).
//
// AMALGAM_FUZZ_FACTOR=100 in the environment makes 100 times as many cases; what they are does not
// change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "configs/error.h"
#include "kernels/device/rng.h"
#include "model/checkpoint/checkpoint.h"
#include "model/tensors/durable_file.h"
#include "model/tensors/safetensors.h"
#include "model/tokenizer/bpe_trainer.h"
#include "model/tokenizer/tokenizer.h"
#include "tests/paths.h"
#include "tests/temp_dir.h"

namespace amalgam::model {
namespace {

using tests::reference_model;

// Every draw is keyed by (case, draw), so a failure names the mutation that caused it.
class Mutator {
 public:
  explicit Mutator(uint64_t number) : key_{1, 0, number} {}

  std::string mutate(std::string text, size_t limit) {
    static const std::string kTokens[] = {"{",
                                          "}",
                                          "[",
                                          "]",
                                          "\"",
                                          ",",
                                          ":",
                                          "0",
                                          "-1",
                                          "1e999",
                                          "18446744073709551615",
                                          "null",
                                          "9223372036854775807",
                                          "4294967296",
                                          "\\u0000",
                                          "F16",
                                          "I8",
                                          "true",
                                          "\n",
                                          "\xff"};
    limit = std::min(limit, text.size());
    for (uint64_t edits = 1 + draw(4); edits > 0 && limit > 0; --edits) {
      const size_t at = draw(limit);
      switch (draw(6)) {
        case 0:
          text[at] = static_cast<char>(draw(256));
          break;
        case 1:
          text[at] = static_cast<char>(text[at] ^ (1 << draw(8)));
          break;
        case 2:
          text.insert(at, kTokens[draw(std::size(kTokens))]);
          break;
        case 3:
          text.erase(at, 1 + draw(20));
          break;
        case 4:
          text.insert(at, text.substr(draw(limit), 1 + draw(60)));
          break;
        case 5:  // numbers are where sizes hide
          if (const size_t digit = text.find_first_of("0123456789", at); digit < limit)
            text[digit] = static_cast<char>('0' + draw(10));
          break;
      }
      limit = std::min(limit, text.size());
    }
    return text;
  }
  size_t draw(size_t n) { return kernels::uniform_int(key_, position_++, n); }

 private:
  kernels::RngKey key_;
  uint64_t position_ = 0;
};

int64_t peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

void write_quickly(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Runs f on mutation after mutation; returns how many gave Error.
template <class F>
int fuzz(int num_cases, const F& f) {
  constexpr double kMostSeconds = 5;  // of processor time; a case takes milliseconds
  if (const char* factor = std::getenv("AMALGAM_FUZZ_FACTOR")) num_cases *= std::atoi(factor);
  int num_errors = 0;
  for (int i = 0; i < num_cases; ++i) {
    Mutator mutator(static_cast<uint64_t>(i));
    const std::clock_t begin = std::clock();
    try {
      f(mutator);
    } catch (const Error& e) {
      ++num_errors;
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << "case " << i;
      EXPECT_LT(std::string(e.what()).size(), 2000u) << "case " << i;
    } catch (const std::exception& e) {
      ADD_FAILURE() << "case " << i << " gave another exception: " << e.what();
    }
    EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, kMostSeconds)
        << "case " << i;
  }
  EXPECT_LT(peak_memory_mb(), 1500);
  return num_errors;
}

TEST(CheckpointFuzz, ConfigText) {
  for (const char* name : {"mixed", "released"}) {
    const std::string text = read_file(reference_model(name) + "/config.json", 1 << 20);
    const int errors = fuzz(
        4000, [&](Mutator& m) { parse_model_config(m.mutate(text, text.size()), "config.json"); });
    EXPECT_GT(errors, 1000);
  }
}

TEST(CheckpointFuzz, SafetensorsHeader) {
  const TempDir tmp;
  const std::string bytes = read_file(reference_model("one_token") + "/model.safetensors", 1 << 20);
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), 8);
  // A short data section keeps the writes quick; the first cases still fit it.
  const int errors = fuzz(1500, [&](Mutator& m) {
    std::string mutated = m.mutate(bytes.substr(0, 8 + header_bytes), 8 + header_bytes);
    const uint64_t n = mutated.size() - 8;
    if (mutated.size() > 8 && m.draw(4)) std::memcpy(mutated.data(), &n, 8);
    write_quickly(tmp / "f", mutated + bytes.substr(8 + header_bytes));
    const SafetensorsFile file(tmp / "f");
    for (const StoredTensor& t : file.tensors()) {  // what is accepted can be read in full
      std::vector<float> all(static_cast<size_t>(t.num_elements));
      if (t.dtype == DType::kF32) copy_floats(t, 0, t.num_elements, all.data());
    }
  });
  EXPECT_GT(errors, 500);
}

// A header that stays valid JSON while its numbers and words change: what is left to catch are
// overlaps, holes, wrong sizes and absurd shapes.
TEST(CheckpointFuzz, SafetensorsNumbers) {
  constexpr size_t kNumTensors = 6, kDataBytes = 96;
  static const std::string kNumbers[] = {"0",
                                         "1",
                                         "3",
                                         "4",
                                         "16",
                                         "17",
                                         "96",
                                         "97",
                                         "-1",
                                         "1.5",
                                         "1e3",
                                         "4294967296",
                                         "2147483648",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "18446744073709551615",
                                         "18446744073709551616",
                                         "1e400"};
  static const std::string kDTypes[] = {"F32", "F64", "F16", "BF16", "I64", "I32", "U8", "F8_E4M3"};
  const TempDir tmp;
  int accepted = 0;
  const int errors = fuzz(3000, [&](Mutator& m) {
    struct Field {
      std::string dtype = "F32", rows = "2", cols = "2", begin, end;
    };
    std::vector<Field> fields(kNumTensors);
    for (size_t i = 0; i < kNumTensors; ++i)
      fields[i].begin = std::to_string(16 * i), fields[i].end = std::to_string(16 * i + 16);
    for (size_t edits = m.draw(4); edits > 0; --edits) {
      Field& f = fields[m.draw(kNumTensors)];
      std::string* const texts[] = {&f.rows, &f.cols, &f.begin, &f.end};
      switch (m.draw(4)) {
        case 0:
          f.dtype = kDTypes[m.draw(std::size(kDTypes))];
          break;
        case 1:
          std::swap(f, fields[m.draw(kNumTensors)]);
          break;
        case 2:  // a neighbour's number: two tensors of one place
          f.begin = fields[m.draw(kNumTensors)].begin;
          f.end = fields[m.draw(kNumTensors)].end;
          break;
        case 3:
          *texts[m.draw(4)] = kNumbers[m.draw(std::size(kNumbers))];
          break;
      }
    }
    std::string header = "{";
    for (size_t i = 0; i < kNumTensors; ++i) {
      const Field& f = fields[i];
      header += (i ? ", \"t" : "\"t") + std::to_string(m.draw(100) ? i : 0) + "\": {\"dtype\": \"" +
                f.dtype + "\", \"shape\": [" + f.rows + ", " + f.cols + "], \"data_offsets\": [" +
                f.begin + ", " + f.end + "]}";
    }
    header += "}";
    const uint64_t size = header.size();
    std::string bytes(sizeof size, '\0');
    std::memcpy(bytes.data(), &size, sizeof size);
    bytes += header + std::string(kDataBytes - (m.draw(8) ? 0 : 1 + m.draw(40)), 'x');
    write_quickly(tmp / "f", bytes);
    const SafetensorsFile file(tmp / "f");
    ++accepted;
    int64_t sum = 0;  // tensors cover the data section exactly
    for (const StoredTensor& t : file.tensors()) {
      sum += t.num_bytes();
      const std::string copy(reinterpret_cast<const char*>(t.data),
                             static_cast<size_t>(t.num_bytes()));
      EXPECT_EQ(copy, std::string(copy.size(), 'x'));
    }
    EXPECT_EQ(static_cast<size_t>(sum), bytes.size() - 8 - header.size());
  });
  EXPECT_GT(errors, 1000);
  EXPECT_GT(accepted, 500);
}

TEST(CheckpointFuzz, Tokenizer) {
  const std::string text = tokenizer_json(
      train_bpe(std::vector<std::string>(20, "the sum of 12 and 30 is 42, naïve"), {300}));
  const int errors =
      fuzz(1000, [&](Mutator& m) { Tokenizer::from_json(m.mutate(text, text.size()), "t.json"); });
  EXPECT_GT(errors, 300);
}

// What is refused although every byte of it is readable.
TEST(CheckpointFuzz, HostileConfigs) {
  const std::string good = read_file(reference_model("mixed") + "/config.json", 1 << 20);
  const auto message = [&](const std::string& text) {
    try {
      parse_model_config(text, "config.json");
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  const auto with = [&](const std::string& member) {
    return message("{" + member + "," + good.substr(good.find('{') + 1));
  };
  EXPECT_EQ(message(good), "accepted");
  EXPECT_EQ(with("\"x\": {\"a\": 1, \"b\": {\"a\": 2}}"), "accepted");
  using testing::HasSubstr;
  EXPECT_THAT(with("\"hidden_size\": 8"), HasSubstr("has the key hidden_size twice"));
  EXPECT_THAT(with("\"x\": {\"a\": 1, \"a\": 1}"), HasSubstr("has the key a twice"));
  EXPECT_THAT(with("\"x\": " + std::string(40, '[') + std::string(40, ']')),
              HasSubstr("nested too deeply"));
  EXPECT_THAT(message(std::string(4 << 20, '[')), HasSubstr("nested too deeply"));
  EXPECT_THAT(message(std::string((4 << 20) + 1, ' ')), HasSubstr("4 MiB"));
}

// A pipe has no size and no end: reading it would wait for ever.
TEST(CheckpointFuzz, PipesAndDirectoriesAreRefused) {
  const TempDir tmp;
  ASSERT_EQ(mkfifo((tmp / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(SafetensorsFile(tmp / "pipe"), Error);
  EXPECT_THROW(read_file(tmp / "pipe", 100), Error);
  EXPECT_THROW(Tokenizer::load(tmp / "pipe"), Error);
  EXPECT_THROW(read_file(tmp / ".", 100), Error);
  EXPECT_THROW(SafetensorsFile(tmp / "."), Error);
}

TEST(CheckpointFuzz, WholeDirectory) {
  const TempDir tmp;
  std::filesystem::copy(reference_model("hf_saved"), tmp / "m");
  for (const auto& entry : std::filesystem::directory_iterator(tmp / "m"))
    std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
  const std::string files[] = {"config.json", "model.safetensors.index.json",
                               "model-00004-of-00004.safetensors"};
  const int errors = fuzz(300, [&](Mutator& m) {
    const std::string& name = files[m.draw(3)];
    const std::string good = read_file(reference_model("hf_saved") + "/" + name, 1 << 20);
    write_quickly(tmp / "m/" + name, m.mutate(good, std::min<size_t>(good.size(), 4000)));
    try {
      load_model(tmp / "m");
    } catch (...) {
      write_quickly(tmp / "m/" + name, good);
      throw;
    }
    write_quickly(tmp / "m/" + name, good);
  });
  EXPECT_GT(errors, 150);
}

}  // namespace
}  // namespace amalgam::model
