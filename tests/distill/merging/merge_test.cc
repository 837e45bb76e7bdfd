// Merging of model directories: types, layouts and shards of the result, and what is refused before
// anything is written.
#include "distill/merging/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "configs/error.h"
#include "distill/merging/merge_inputs.h"
#include "kernels/quantize/quantize.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/convert.h"
#include "model/checkpoint/stored_model.h"
#include "model/tensors/safetensors.h"
#include "model/tokenizer/bpe_trainer.h"
#include "tests/error_of.h"
#include "tests/paths.h"
#include "tests/temp_dir.h"

namespace amalgam::distill {
namespace {

namespace fs = std::filesystem;
using model::DType, model::StoredTensor;
using ::testing::HasSubstr;
using tests::error_of;

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A directory's tensors before they are written.
class Files {
 public:
  Files& floats(const std::string& name, std::vector<int64_t> shape, DType dtype, unsigned seed) {
    int64_t n = 1;
    for (const int64_t dim : shape) n *= dim;
    std::mt19937 random(seed);
    std::string bytes;
    for (int64_t i = 0; i < n; ++i) {
      // Three significant bits, so that every type holds it.
      const float x = static_cast<float>(static_cast<int>(random() % 15) - 7) * 0x1p-6f;
      const uint32_t bits = std::bit_cast<uint32_t>(x);
      if (dtype == DType::kF32)
        bytes.append(reinterpret_cast<const char*>(&bits), 4);
      else
        bytes.append(reinterpret_cast<const char*>(&bits) + 2, 2);
    }
    return add(name, std::move(shape), dtype, std::move(bytes));
  }
  Files& add(const std::string& name, std::vector<int64_t> shape, DType dtype, std::string bytes) {
    int64_t n = 1;
    for (const int64_t dim : shape) n *= dim;
    data_.push_back(std::move(bytes));
    tensors_.push_back({name, dtype, std::move(shape), nullptr, n});
    return *this;
  }
  void write(const std::string& dir) {
    fs::create_directories(dir);
    for (size_t i = 0; i < tensors_.size(); ++i)
      tensors_[i].data = reinterpret_cast<const std::byte*>(data_[i].data());
    model::write_safetensors(dir + "/model.safetensors", tensors_);
    std::ofstream(dir + "/config.json") << "{\"model_type\": \"any\"}\n";
  }

 private:
  std::deque<std::string> data_;
  std::vector<StoredTensor> tensors_;
};

class MergeDirectories : public ::testing::Test {
 protected:
  Files usual(unsigned seed, DType dtype = DType::kF32) {
    Files files;
    files.floats("a.weight", {40, 33}, dtype, seed)
        .floats("b.weight", {7}, dtype, seed + 1)
        .floats("c.weight", {3, 2, 5}, dtype, seed + 2)
        .add("table", {4}, DType::kI32, std::string(16, '\1'));
    return files;
  }
  void SetUp() override {
    usual(1).write(path("base"));
    usual(11).write(path("x"));
    usual(21).write(path("y"));
  }
  std::string path(const std::string& name) { return dir_.path() + "/" + name; }
  MergeSpec spec(MergeMethod method, const std::string& out = "out") {
    return {.method = method,
            .base = path("base"),
            .models = {{path("x"), 1}, {path("y"), 1}},
            .out = path(out)};
  }
  MergeReport merge(const MergeSpec& s, int threads = 2, int64_t max_shard_bytes = 1 << 30) {
    kernels::ThreadPool pool(threads);
    return merge_models(s, pool, {.max_shard_bytes = max_shard_bytes});
  }
  std::vector<float> values(const std::string& name, const std::string& tensor) {
    const model::TensorCatalogue catalogue(path(name));
    const StoredTensor* t = catalogue.find(tensor);
    std::vector<float> x(static_cast<size_t>(t->num_elements));
    copy_floats(*t, 0, t->num_elements, x.data());
    return x;
  }
  // The one line; nothing was made, nor left.
  void expect_error(const MergeSpec& s, const std::string& text) {
    const std::string message = error_of([&] { merge(s); });
    EXPECT_THAT(message, HasSubstr(text));
    EXPECT_EQ(message.find('\n'), std::string::npos);
    EXPECT_FALSE(fs::exists(s.out));
    EXPECT_FALSE(fs::exists(s.out + ".tmp"));
  }

  TempDir dir_;
};

TEST_F(MergeDirectories, TheMeanOfTheWeights) {
  merge(spec(MergeMethod::kLinear));
  for (const char* tensor : {"a.weight", "b.weight", "c.weight"}) {
    const auto x = values("x", tensor), y = values("y", tensor), got = values("out", tensor);
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(got[i], (x[i] + y[i]) / 2) << tensor << i;
  }
  EXPECT_EQ(bytes_of(path("out/config.json")), bytes_of(path("base/config.json")));
}

TEST_F(MergeDirectories, TheResultHasTheBasesTypes) {
  usual(1, DType::kBF16).write(path("base"));
  MergeSpec s = spec(MergeMethod::kTaskArithmetic);
  s.lambda = 1.0 / 3;
  merge(s);
  const model::SafetensorsFile out(path("out/model.safetensors"));
  EXPECT_EQ(out.at("a.weight").dtype, DType::kBF16);
  EXPECT_EQ(out.at("a.weight").shape, (std::vector<int64_t>{40, 33}));
  EXPECT_EQ(out.at("table").dtype, DType::kI32);
  const auto b = values("base", "a.weight"), x = values("x", "a.weight"),
             y = values("y", "a.weight"), got = values("out", "a.weight");
  for (size_t i = 0; i < b.size(); ++i) {
    const double want = double{b[i]} + (double{x[i]} - b[i] + double{y[i]} - b[i]) / 3;
    ASSERT_EQ(got[i], kernels::round_to_bf16(static_cast<float>(want))) << i;
  }
}

TEST_F(MergeDirectories, NeitherThreadsNorShardsNorModelsShardsChangeAByte) {
  MergeSpec s = spec(MergeMethod::kDareTies);
  s.reading = MergeReading::kAuthors;
  s.seed = 3;
  merge(s, 1);
  s.out = path("threads");
  merge(s, 5);
  EXPECT_EQ(bytes_of(path("out/model.safetensors")), bytes_of(path("threads/model.safetensors")));
  // A result in shards, as a model of another merging.
  s.out = path("shards");
  merge(s, 2, 200);
  EXPECT_TRUE(fs::exists(path("shards/model.safetensors.index.json")));
  EXPECT_EQ(values("shards", "c.weight"), values("out", "c.weight"));
  MergeSpec mean = spec(MergeMethod::kLinear, "mean");
  mean.models = {{path("out"), 1}, {path("x"), 1}};
  merge(mean);
  mean.models[0].directory = path("shards");
  mean.out = path("mean_of_shards");
  merge(mean);
  EXPECT_EQ(bytes_of(path("mean/model.safetensors")),
            bytes_of(path("mean_of_shards/model.safetensors")));
  s.seed = 4;
  s.out = path("seed");
  merge(s);
  EXPECT_NE(bytes_of(path("out/model.safetensors")), bytes_of(path("seed/model.safetensors")));
}

TEST_F(MergeDirectories, MasksKeepTheirShareAndAreAModelsOwn) {
  Files().floats("a.weight", {400, 500}, DType::kF32, 1).write(path("base"));
  // Every delta is 1.
  std::string ones;
  for (const float b : values("base", "a.weight")) {
    const float x = b + 1;
    ones.append(reinterpret_cast<const char*>(&x), 4);
  }
  for (const char* name : {"x", "y"})
    Files().add("a.weight", {400, 500}, DType::kF32, ones).write(path(name));
  MergeSpec s = spec(MergeMethod::kDare);
  s.density = {0.25, 0.5};
  const MergeReport report = merge(s);
  // Six standard deviations of a binomial.
  EXPECT_NEAR(static_cast<double>(report.kept[0]) / 200000, 0.25, 0.006);
  EXPECT_NEAR(static_cast<double>(report.kept[1]) / 200000, 0.5, 0.007);
  const auto b = values("base", "a.weight"), got = values("out", "a.weight");
  int64_t both = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const float d = got[i] - b[i];  // 0, 1/0.25, 1/0.5 or their sum
    both += d == 6;
    ASSERT_TRUE(d == 0 || d == 4 || d == 2 || d == 6) << d;
  }
  EXPECT_NEAR(static_cast<double>(both) / 200000, 0.125, 0.005);
  // The first model's mask is the same without the second.
  s.models.pop_back();
  s.density = {0.25};
  s.out = path("alone");
  merge(s);
  const auto alone = values("alone", "a.weight");
  for (size_t i = 0; i < b.size(); ++i) ASSERT_EQ(alone[i] - b[i] == 4, got[i] - b[i] >= 4) << i;
}

TEST_F(MergeDirectories, QuantisedWeightsAreWidenedAndRoundedOnceInTheBasesLayout) {
  const std::string base = tests::reference_model("released_quant");
  kernels::ThreadPool pool(2);
  model::convert_model(base, path("wide"), pool, {.to = model::Precision::kF32});
  // Of itself, stored otherwise: the same values.
  MergeSpec s{.method = MergeMethod::kTaskArithmetic,
              .base = base,
              .models = {{path("wide"), 1}},
              .out = path("same")};
  merge(s);
  const model::Model was = model::load_model(base), is = model::load_model(path("same"));
  for (size_t i = 0; i < was.floats.size(); ++i) ASSERT_EQ(is.floats[i], was.floats[i]) << i;
  // Half the way to zero: exact in every type, so only a wrong scale or nibble could change it.
  s.models = {{path("zero"), 1}};
  model::Model zero = model::load_model(base);
  std::fill_n(zero.floats.data(), zero.floats.size(), 0.0f);
  model::save_model(path("zero"), zero.config, zero.weights);
  s.lambda = 0.5;
  s.out = path("half");
  merge(s);
  const model::Model half = model::load_model(path("half"));
  for (size_t i = 0; i < was.floats.size(); ++i) ASSERT_EQ(half.floats[i], was.floats[i] / 2) << i;
  const model::TensorCatalogue a(base), b(path("half"));
  for (const auto& [name, tensor] : a.tensors()) {
    ASSERT_NE(b.find(name), nullptr) << name;
    EXPECT_EQ(b.find(name)->dtype, tensor->dtype) << name;
  }
}

TEST_F(MergeDirectories, LargeQuantisedTensorsAreWrittenInTiles) {
  // More rows than one tile of the output takes, an odd number of them, partial scale tiles.
  constexpr int64_t kRows = 33 * 1024 + 5, kCols = 192;
  const auto quantised = [&](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<float> x(static_cast<size_t>(kRows * kCols));
    for (float& v : x) v = static_cast<float>(random()) * 0x1p-36f - 0x1p-5f;
    std::string codes(x.size(), '\0'), scales((kRows + 127) / 128 * 2, '\0');
    kernels::quantize_e4m3(x.data(), kCols, kernels::kFp8WeightTile, 0, kRows,
                           reinterpret_cast<uint8_t*>(codes.data()),
                           reinterpret_cast<uint8_t*>(scales.data()));
    Files files;
    files.add("a.weight", {kRows, kCols}, DType::kF8E4M3, codes)
        .add("a.scale", {(kRows + 127) / 128, 2}, DType::kF8E8M0, scales);
    return files;
  };
  quantised(1).write(path("base"));
  quantised(2).write(path("x"));
  quantised(3).write(path("y"));
  merge(spec(MergeMethod::kLinear));
  const auto wide = [&](const std::string& name) {
    const model::TensorCatalogue c(path(name));
    std::vector<float> x(static_cast<size_t>(kRows * kCols));
    kernels::dequantize_e4m3(reinterpret_cast<const uint8_t*>(c.find("a.weight")->data),
                             reinterpret_cast<const uint8_t*>(c.find("a.scale")->data), kCols,
                             kernels::kFp8WeightTile, 0, kRows, x.data());
    return x;
  };
  const auto x = wide("x"), y = wide("y"), got = wide("out");
  std::vector<float> mean(x.size());
  for (size_t i = 0; i < x.size(); ++i) mean[i] = (x[i] + y[i]) / 2;
  std::string codes(x.size(), '\0'), scales((kRows + 127) / 128 * 2, '\0');
  kernels::quantize_e4m3(mean.data(), kCols, kernels::kFp8WeightTile, 0, kRows,
                         reinterpret_cast<uint8_t*>(codes.data()),
                         reinterpret_cast<uint8_t*>(scales.data()));
  const model::TensorCatalogue out(path("out"));
  EXPECT_EQ(std::memcmp(out.find("a.weight")->data, codes.data(), codes.size()), 0);
  EXPECT_EQ(std::memcmp(out.find("a.scale")->data, scales.data(), scales.size()), 0);
}

TEST_F(MergeDirectories, ATiedHeadIsTheEmbedding) {
  const auto tied = [&](const std::string& name) {
    std::ofstream(path(name) + "/config.json") << "{\"tie_word_embeddings\": true}\n";
  };
  const auto files = [&](unsigned seed, bool head) {
    Files f;
    f.floats("model.embed_tokens.weight", {9, 4}, DType::kF32, seed);
    if (head) f.floats("lm_head.weight", {9, 4}, DType::kF32, seed);
    return f;
  };
  files(1, true).write(path("base"));
  files(2, false).write(path("x"));
  files(3, true).write(path("y"));
  expect_error(spec(MergeMethod::kLinear), "lm_head.weight is missing");
  tied("x");
  merge(spec(MergeMethod::kLinear));
  EXPECT_EQ(values("out", "lm_head.weight"), values("out", "model.embed_tokens.weight"));
  // The base has none, and a model wrote the one that it has not.
  files(1, false).write(path("base"));
  tied("base");
  fs::remove_all(path("out"));
  merge(spec(MergeMethod::kLinear));
  EXPECT_EQ(model::SafetensorsFile(path("out/model.safetensors")).tensors().size(), 1u);
}

TEST_F(MergeDirectories, SlerpIsBetweenTheBaseAndOneModel) {
  MergeSpec s = spec(MergeMethod::kSlerp);
  s.t = 0.25;
  expect_error(s, "slerp: is between two models, --base and one --model, not 3");
  s.models.pop_back();
  merge(s);
  const auto a = values("base", "b.weight"), b = values("x", "b.weight"),
             got = values("out", "b.weight");
  double aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < a.size(); ++i) aa += a[i] * a[i], bb += b[i] * b[i], ab += a[i] * b[i];
  const double angle = std::acos(ab / std::sqrt(aa * bb));
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_NEAR(got[i],
                (std::sin(0.75 * angle) * a[i] + std::sin(0.25 * angle) * b[i]) / std::sin(angle),
                1e-7);
}

TEST_F(MergeDirectories, WhatDoesNotFitIsRefusedBeforeTheFirstByte) {
  MergeSpec s = spec(MergeMethod::kTies);
  s.base.clear();
  expect_error(s, "ties: needs --base");
  s = spec(MergeMethod::kTies);
  s.models.clear();
  expect_error(s, "give at least one --model");
  s = spec(MergeMethod::kTies);
  s.t = 0.5;
  expect_error(s, "ties: does not use --t");
  s = spec(MergeMethod::kTaskArithmetic);
  s.density = {0.5};
  expect_error(s, "task_arithmetic: does not use --density");
  s = spec(MergeMethod::kTies);
  s.reading = MergeReading::kPeft;
  s.lambda = 1;
  expect_error(s, "ties (reading peft): does not use --lambda");
  s = spec(MergeMethod::kTies);
  s.seed = 1;
  expect_error(s, "does not use --seed");
  s = spec(MergeMethod::kTies);
  s.density = {1.5};
  expect_error(s, "--density is between 0 and 1, not 1.5");
  s.density = {std::nan("")};
  expect_error(s, "--density is between 0 and 1");
  s.density = {0.1, 0.2, 0.3};
  expect_error(s, "one for each of the 2 models, not 3");
  s = spec(MergeMethod::kLinear);
  s.models[1].weight = -1;
  expect_error(s, "the weights sum to 0");
  s.models[1].weight = INFINITY;
  expect_error(s, "is not finite");
  s = spec(MergeMethod::kBreadcrumbs);
  s.reading = MergeReading::kPeft;
  expect_error(s, "is read in one way only, as mergekit");
  s = spec(MergeMethod::kTies);
  s.reading = MergeReading::kAuthors;
  s.models[0].weight = 2;
  expect_error(s, "has no weights");
  s = spec(MergeMethod::kLinear);
  s.models[0].directory = path("nowhere");
  expect_error(s, "nowhere/config.json");

  const MergeSpec mean = spec(MergeMethod::kLinear);
  usual(21).floats("d.weight", {2}, DType::kF32, 1).write(path("y"));
  expect_error(mean, "d.weight is unknown there");
  Files().floats("a.weight", {40, 33}, DType::kF32, 1).write(path("y"));
  expect_error(mean, "b.weight is missing; c.weight is missing; table is missing");
  Files()
      .floats("a.weight", {41, 33}, DType::kF32, 21)
      .floats("b.weight", {7}, DType::kF32, 22)
      .floats("c.weight", {3, 2, 5}, DType::kF32, 23)
      .add("table", {4}, DType::kI32, std::string(16, '\1'))
      .write(path("y"));
  expect_error(mean, "a.weight is F32 [41, 33], not as F32 [40, 33]");
  Files()
      .floats("a.weight", {40, 33}, DType::kF32, 21)
      .floats("b.weight", {7}, DType::kF32, 22)
      .floats("c.weight", {3, 2, 5}, DType::kF32, 23)
      .add("table", {4}, DType::kI32, std::string(16, '\2'))
      .write(path("y"));
  expect_error(mean, "tensor table is not equal to that of");
}

TEST_F(MergeDirectories, AnExistingOutIsKept) {
  fs::create_directories(path("out"));
  std::ofstream(path("out/precious")) << "data";
  EXPECT_THAT(error_of([&] { merge(spec(MergeMethod::kLinear)); }),
              HasSubstr("exists; give another --out"));
  EXPECT_EQ(bytes_of(path("out/precious")), "data");
}

TEST_F(MergeDirectories, AnEmptyOutIsTaken) {
  fs::create_directories(path("out"));
  merge(spec(MergeMethod::kLinear, "out/"));
  EXPECT_TRUE(fs::exists(path("out/model.safetensors")));
  EXPECT_FALSE(fs::exists(path("out.tmp")));
}

TEST_F(MergeDirectories, NoInputIsWhereTheResultIsMade) {
  usual(11).write(path("out.tmp"));
  usual(11).write(path("z.tmp/model"));
  fs::create_directory_symlink(path("out.tmp"), path("link"));
  MergeSpec s = spec(MergeMethod::kLinear);
  for (const char* name : {"out.tmp", "link"}) {
    s.models[1].directory = path(name);
    s.out = path("out/");
    EXPECT_THAT(error_of([&] { merge(s); }), HasSubstr("lies where the result is made"));
  }
  s.models[1].directory = path("y");
  s.base = path("out.tmp");
  EXPECT_THAT(error_of([&] { merge(s); }), HasSubstr("lies where the result is made"));
  EXPECT_TRUE(fs::exists(path("out.tmp/model.safetensors")));
  s.base = path("z.tmp/model");
  s.out = path("z");
  EXPECT_THAT(error_of([&] { merge(s); }), HasSubstr("lies where the result is made"));
  EXPECT_TRUE(fs::exists(path("z.tmp/model/model.safetensors")));
  // Of no input: what a killed merge left.
  merge(spec(MergeMethod::kLinear));
  EXPECT_FALSE(fs::exists(path("out.tmp")));
}

TEST_F(MergeDirectories, AnOldOutIsKept) {
  usual(31).write(path("out.old"));
  expect_error(spec(MergeMethod::kLinear), "out.old: exists");
  EXPECT_TRUE(fs::exists(path("out.old/model.safetensors")));
}

TEST_F(MergeDirectories, ALinkAsOutIsKept) {
  fs::create_directories(path("elsewhere"));
  fs::create_directory_symlink(path("elsewhere"), path("out"));
  for (const char* out : {"out", "out/"})
    EXPECT_THAT(error_of([&] { merge(spec(MergeMethod::kLinear, out)); }),
                HasSubstr("out: is a symbolic link"));
  EXPECT_TRUE(fs::is_symlink(path("out")));
}

TEST_F(MergeDirectories, AnOutThatAppearsMeanwhileIsKept) {
  kernels::ThreadPool pool(2);
  const auto appear = [&](const std::string&) {
    fs::create_directories(path("out"));
    std::ofstream(path("out/precious")) << "data";
  };
  EXPECT_THAT(
      error_of([&] { merge_models(spec(MergeMethod::kLinear), pool, {.add_files = appear}); }),
      HasSubstr("out: appeared meanwhile and stays; the new one is complete in"));
  EXPECT_EQ(bytes_of(path("out/precious")), "data");
  EXPECT_TRUE(fs::exists(path("out.tmp/model.safetensors")));
}

TEST_F(MergeDirectories, TensorsWithoutElementsStay) {
  const auto write = [&](const std::string& name, unsigned seed) {
    usual(seed)
        .floats("no.cols", {4, 0}, DType::kF32, 1)
        .floats("no.rows", {0, 4}, DType::kBF16, 1)
        .write(path(name));
  };
  write("base", 1), write("x", 11), write("y", 21);
  int outs = 0;
  for (const MergeMethod method :
       {MergeMethod::kLinear, MergeMethod::kTies, MergeMethod::kDareTies, MergeMethod::kBreadcrumbs,
        MergeMethod::kDella, MergeMethod::kSlerp})
    for (const bool authors : {false, true}) {
      if (authors && method != MergeMethod::kTies && method != MergeMethod::kDareTies) continue;
      MergeSpec s = spec(method, "out" + std::to_string(outs++));
      if (authors) s.reading = MergeReading::kAuthors;
      if (method == MergeMethod::kSlerp) s.t = 0.5, s.models.pop_back();
      merge(s);
      const model::SafetensorsFile out(s.out + "/model.safetensors");
      EXPECT_EQ(out.at("no.cols").shape, (std::vector<int64_t>{4, 0}));
      EXPECT_EQ(out.at("no.rows").shape, (std::vector<int64_t>{0, 4}));
    }
}

TEST_F(MergeDirectories, NumbersThatAreNotFiniteOrTooLargeAreRefusedByName) {
  const float values[] = {1, 2, NAN, 3, 4, 5, 6};
  Files()
      .floats("a.weight", {40, 33}, DType::kF32, 21)
      .add("b.weight", {7}, DType::kF32, {reinterpret_cast<const char*>(values), sizeof values})
      .floats("c.weight", {3, 2, 5}, DType::kF32, 23)
      .add("table", {4}, DType::kI32, std::string(16, '\1'))
      .write(path("y"));
  for (const MergeMethod method : {MergeMethod::kLinear, MergeMethod::kTies})
    expect_error(spec(method), path("y") + ": tensor b.weight holds a number that is not finite");
  usual(21).write(path("y"));
  MergeSpec s = spec(MergeMethod::kTaskArithmetic);
  s.lambda = 1e42;
  expect_error(s, "holds a number too large for F32");
}

TEST_F(MergeDirectories, AnotherTokenizerIsRefused) {
  const auto write = [&](const std::string& name, const std::string& text) {
    const std::vector<std::string> texts = {text};
    std::ofstream(path(name) + "/tokenizer.json")
        << model::tokenizer_json(model::train_bpe(texts, {.vocab_size = 320}));
  };
  for (const char* name : {"base", "x", "y"}) write(name, "abab abab abab abab");
  merge(spec(MergeMethod::kLinear));
  write("y", "cdcd cdcd cdcd cdcd");
  EXPECT_THAT(error_of([&] { merge(spec(MergeMethod::kLinear, "other")); }),
              HasSubstr("its tokenizer is not that of"));
  EXPECT_FALSE(fs::exists(path("other")));
  // Of models whose base has none too.
  fs::remove(path("base/tokenizer.json"));
  EXPECT_EQ(tokenizer_directory(spec(MergeMethod::kLinear)), path("x"));
  expect_error(spec(MergeMethod::kLinear, "other"),
               path("y") + ": its tokenizer is not that of " + path("x"));
  fs::remove(path("x/tokenizer.json"));
  EXPECT_EQ(tokenizer_directory(spec(MergeMethod::kLinear)), path("y"));
  merge(spec(MergeMethod::kLinear, "other"));
}

}  // namespace
}  // namespace amalgam::distill
