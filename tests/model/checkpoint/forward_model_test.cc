#include "model/checkpoint/forward_model.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "model/checkpoint/convert.h"
#include "model/checkpoint/packed_model.h"
#include "model/network/network.h"
#include "tests/error_of.h"
#include "tests/learner/small_model.h"

namespace amalgam::model {
namespace {

using learner::testing::random_weights, learner::testing::small_config;

std::vector<uint32_t> pass_bits(const ModelConfig& config, const Weights& weights,
                                const configs::NumericsConfig& numerics) {
  kernels::ThreadPool pool(1);
  Network network(config, pool, numerics);
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 40; ++i) ids.push_back(i * 7 % 37);
  const SequenceSlice slice{0, 40, nullptr};
  const Var hidden = network.run(weights, {ids, {&slice, 1}}, nullptr);
  return learner::testing::bits({hidden.v.data, hidden.v.data + hidden.v.size()});
}

// With every stored precision, both shapes of wo_a and quantised compute.
TEST(ForwardModel, HasTheBitsOfThePackedModel) {
  TempDir dir;
  kernels::ThreadPool pool(1);
  for (const int64_t rank : {5, 16}) {
    ModelConfig config = small_config();
    config.o_lora_rank = rank;
    save_model(dir / "f32", config, random_weights(config, 9).weights);
    for (const auto to : {Precision::kF32, Precision::kBF16, Precision::kFp8, Precision::kFp4}) {
      const std::string path = dir / ("to" + std::to_string(static_cast<int>(to)));
      std::filesystem::remove_all(path);
      convert_model(dir / "f32", path, pool, {.to = to});
      for (const bool fp4 : {false, true}) {
        const configs::NumericsConfig numerics{.experts_fp4 = fp4};
        const PackedModel want = load_packed_model(path, numerics);
        const StoredModel stored(path);
        const RowReader reader(stored);
        const ForwardModel got = load_forward_model(stored, reader, numerics);
        EXPECT_EQ(got.config.num_nextn_predict_layers, 0);
        EXPECT_EQ(pass_bits(got.config, got.weights, numerics),
                  pass_bits(want.config(), want.weights(), numerics));
        const Tensor &a = got.weights.head, &b = want.weights().head;
        EXPECT_EQ(learner::testing::bits({a.data, a.data + a.size()}),
                  learner::testing::bits({b.data, b.data + b.size()}));
        EXPECT_EQ(static_cast<int64_t>(4 * (got.floats.size() + got.ints.size())),
                  forward_model_bytes(got.config));
        EXPECT_LT(got.floats.size(), want.model.floats.size() * 5 / 4);  // packed alone
      }
    }
  }
}

TEST(ForwardModel, AFileThatIsCutShortIsAnError) {
  TempDir dir;
  save_model(dir / "m", small_config(), random_weights(small_config(), 9).weights);
  const StoredModel stored(dir / "m");
  const RowReader reader(stored);
  const std::string file = dir / "m/model.safetensors";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_EQ(tests::error_of([&] { (void)load_forward_model(stored, reader, {}); }),
            file + ": is shorter than it was; it was changed while in use");
}

}  // namespace
}  // namespace amalgam::model
