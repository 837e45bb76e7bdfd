// Mutated files: whatever the bytes, the only outcome besides success is Error, soon, and without
// large allocations (the test's memory limit turns one into a failure).
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "configs/error.h"
#include "kernels/rng.h"
#include "model/checkpoint.h"
#include "model/durable_file.h"
#include "model/safetensors.h"
#include "tests/model/temporary_directory.h"

namespace amalgam::model {
namespace {

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
  int num_errors = 0;
  for (int i = 0; i < num_cases; ++i) {
    Mutator mutator(static_cast<uint64_t>(i));
    try {
      f(mutator);
    } catch (const Error& e) {
      ++num_errors;
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << "case " << i;
      EXPECT_LT(std::string(e.what()).size(), 2000u) << "case " << i;
    } catch (const std::exception& e) {
      ADD_FAILURE() << "case " << i << " gave another exception: " << e.what();
    }
  }
  EXPECT_LT(peak_memory_mb(), 1500);
  return num_errors;
}

std::string golden(const std::string& name) {
  return std::string(AMALGAM_GOLDEN) + "/reference/" + name;
}

TEST(CheckpointFuzz, ConfigText) {
  for (const char* name : {"mixed", "released"}) {
    const std::string text = read_file(golden(name) + "/config.json", 1 << 20);
    const int errors = fuzz(
        4000, [&](Mutator& m) { parse_model_config(m.mutate(text, text.size()), "config.json"); });
    EXPECT_GT(errors, 1000);
  }
}

TEST(CheckpointFuzz, SafetensorsHeader) {
  const TemporaryDirectory tmp;
  const std::string bytes = read_file(golden("one_token") + "/model.safetensors", 1 << 20);
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

TEST(CheckpointFuzz, WholeDirectory) {
  const TemporaryDirectory tmp;
  std::filesystem::copy(golden("hf_saved"), tmp / "m");
  for (const auto& entry : std::filesystem::directory_iterator(tmp / "m"))
    std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
  const std::string files[] = {"config.json", "model.safetensors.index.json",
                               "model-00004-of-00004.safetensors"};
  const int errors = fuzz(300, [&](Mutator& m) {
    const std::string& name = files[m.draw(3)];
    const std::string good = read_file(golden("hf_saved") + "/" + name, 1 << 20);
    write_quickly(tmp / "m" / name, m.mutate(good, std::min<size_t>(good.size(), 4000)));
    try {
      load_model(tmp / "m");
    } catch (...) {
      write_quickly(tmp / "m" / name, good);
      throw;
    }
    write_quickly(tmp / "m" / name, good);
  });
  EXPECT_GT(errors, 150);
}

}  // namespace
}  // namespace amalgam::model
