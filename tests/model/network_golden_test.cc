// The network against the float64 oracle's logits, losses and gradients (tests/golden/reference).
#include <gtest/gtest.h>

#include <cmath>

#include "model/safetensors.h"
#include "tests/model/network_case.h"

namespace amalgam::model {
namespace {

struct GoldenCase {
  const char* name;
  bool gradients;  // false: the reference's are of another loss, or absent
};
void PrintTo(const GoldenCase& c, std::ostream* out) { *out << c.name; }

class NetworkGolden : public ::testing::TestWithParam<GoldenCase> {};

// Largest |ours - reference|, relative to the largest |reference|; infinite for a NaN.
double relative_error(const SafetensorsFile& reference, const std::string& name,
                      const float* ours) {
  const StoredTensor& t = reference.at(name);
  std::vector<float> want(static_cast<size_t>(t.num_elements));
  copy_floats(t, 0, t.num_elements, want.data());
  double error = 0, largest = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double e = std::abs(static_cast<double>(ours[i]) - static_cast<double>(want[i]));
    if (std::isnan(e)) return INFINITY;
    error = std::max(error, e);
    largest = std::max(largest, std::abs(static_cast<double>(want[i])));
  }
  return error == 0 ? 0 : error / largest;
}

TEST_P(NetworkGolden, LogitsLossAndGradients) {
  const std::string directory = std::string(AMALGAM_GOLDEN) + "/reference/" + GetParam().name;
  const PackedModel model = load_packed_model(directory);
  const SafetensorsFile reference(directory + "/reference.safetensors");
  const auto ints = [&](const char* name) {
    const StoredTensor& t = reference.at(name);
    Ids v(static_cast<size_t>(t.num_elements));
    copy_ints(t, 0, t.num_elements, v.data());
    return v;
  };
  const Ids ids = ints("ids"), bounds = ints("cu_seqlens");
  std::vector<Ids> sequences;
  for (size_t i = 0; i + 1 < bounds.size(); ++i)
    sequences.emplace_back(ids.begin() + bounds[i], ids.begin() + bounds[i + 1]);
  const Packed packed(sequences);

  kernels::ThreadPool pool(2);
  Network net(model.config(), pool);
  Model grads = zero_gradients(model.config());
  Tape tape(net.arena());
  Recording recording{.tape = &tape, .grads = &grads.weights};
  const Var hidden = net.run(model.weights(), packed.batch(), &recording);
  const auto N = static_cast<int64_t>(ids.size());
  Ids rows, targets;
  std::vector<float> weight;
  const auto num_targets = static_cast<float>(ids.size() - sequences.size());
  for (const Ids& s : sequences)
    for (size_t i = 0; i < s.size(); ++i) {
      const bool last = i + 1 == s.size();
      rows.push_back(static_cast<int32_t>(rows.size()));
      targets.push_back(last ? -1 : s[i + 1]);
      weight.push_back(last ? 0 : 1 / num_targets);
    }
  std::vector<float> logits(static_cast<size_t>(N * model.config().vocab_size));
  net.logits(model.weights(), hidden.v, rows, logits.data());
  EXPECT_LE(relative_error(reference, "logits", logits.data()), 2e-5);
  if (num_targets == 0) return;

  std::vector<float> logprob(ids.size()), lse(ids.size());
  kernels::head_cross_entropy(
      pool, net.scratch(),
      {.head = {model.weights().head.data, model.config().vocab_size, model.config().hidden_size},
       .hidden = hidden.v.data,
       .targets = targets.data(),
       .tokens = N},
      weight.data(), {.logprob = logprob.data(), .lse = lse.data()},
      {.hidden = hidden.g, .weight = grads.weights.head.data});
  double loss = 0;
  for (const float x : logprob) loss -= static_cast<double>(x);
  const auto mean = static_cast<float>(loss / static_cast<double>(num_targets));
  EXPECT_LE(relative_error(reference, "loss", &mean), 2e-5);
  if (!GetParam().gradients) return;
  tape.backward();
  struct Compare {
    const SafetensorsFile& reference;
    int compared = 0;
    void operator()(const std::string& name, const Tensor& t, Role) {
      EXPECT_LE(relative_error(reference, "grad." + name, t.data), 1e-4) << name;
      ++compared;
    }
    void operator()(const std::string&, const IntTensor&) {}
  } compare{reference};
  visit(grads.weights, compare);
  EXPECT_GT(compare.compared, 20);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, NetworkGolden,
    ::testing::Values(GoldenCase{"clamp", true}, GoldenCase{"csa", true},
                      GoldenCase{"csa_all", true}, GoldenCase{"hca", true},
                      GoldenCase{"long", true}, GoldenCase{"mixed", true}, GoldenCase{"odd", true},
                      GoldenCase{"one_token", true}, GoldenCase{"packed", true},
                      GoldenCase{"sliding", true}, GoldenCase{"streams2", true},
                      GoldenCase{"wide_window", true}, GoldenCase{"mtp", false},
                      GoldenCase{"released", false}, GoldenCase{"released_quant", false},
                      GoldenCase{"hf_saved", true}, GoldenCase{"hf_memory", true}),
    [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace amalgam::model
