// The arithmetic of a merging, on tensors wherever they lie: passes over them for what a step needs
// to know beforehand, then the result range by range. Inputs are f32, all else is f64.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "distill/merging/key_search.h"
#include "distill/merging/merge_tensor.h"
#include "distill/merging/recipe.h"
#include "distill/merging/step_values.h"

namespace amalgam::distill {

class Merger {
 public:
  // All must outlive this. `draws` is called where the recipe is random; `worked` with the elements
  // that a planned pass has done, from the caller's thread.
  Merger(const Recipe& recipe, const std::vector<MergeTensor>& tensors, Draws draws,
         kernels::ThreadPool& pool, std::function<void(int64_t)> worked = {});

  int64_t planned_work() const;  // in elements, over all passes
  // Elements [begin, end) of a tensor, in blocks of block_unit(); `take` is called for each block,
  // by several threads at once. Throws Error for a number that is not finite.
  using Take = std::function<void(int64_t begin, int64_t end, const double* result)>;
  void merge(size_t tensor, int64_t begin, int64_t end, const Take& take);
  // Of the range that merge() was called for last: elements of each model that the steps kept.
  const std::vector<int64_t>& kept() const { return kept_; }

 private:
  size_t num_models() const { return recipe_.weights.size(); }
  int64_t unit(size_t tensor) const;
  StepState& state(size_t tensor, size_t step, size_t model) {
    return states_[tensor][step * num_models() + model];
  }

  void prepare(size_t tensor);  // what its result hangs on
  void prepare_step(size_t step, const std::vector<size_t>& tensors);
  void find_step_windows(size_t step, const std::vector<size_t>& tensors);
  void find_l1_factors(size_t step, size_t tensor);
  void find_majority();
  void find_angle(size_t tensor);  // slerp

  // The deltas of a block's models after the first `num_steps` steps, [models][block]; those that
  // are kept by all of them in keep.
  struct Scratch {
    std::vector<float> base, x;
    std::vector<double> v, u, result;
    std::vector<uint64_t> order;
    std::vector<uint8_t> keep, step_keep;
    std::vector<int64_t> kept;
  };
  void compute(size_t tensor, const Block& b, size_t num_steps, Scratch& s);
  void apply(size_t tensor, const Block& b, size_t step, size_t model, Scratch& s);
  void read(const model::FloatSource& source, const Block& b, std::vector<float>& out);
  void for_values(size_t tensor, size_t num_steps, const OnValues& f);
  void check_finite() const;
  void worked(size_t tensor);

  const Recipe& recipe_;
  const std::vector<MergeTensor>& tensors_;
  const Draws draws_;
  kernels::ThreadPool& pool_;
  const std::function<void(int64_t)> worked_;
  std::vector<Scratch> scratch_;                // [workers]
  std::vector<std::vector<StepState>> states_;  // [tensors][steps * models], empty: not yet known
  bool surveyed_ = false;
  int64_t window_work_ = 0;  // planned for the windows being found, and not yet done
  int majority_ = 0;
  size_t angle_of_ = SIZE_MAX;  // the tensor whose slerp weights these are
  double weight_a_ = 0, weight_b_ = 0;
  std::vector<int64_t> kept_;
  std::atomic<const model::FloatSource*> not_finite_{nullptr};
};

}  // namespace amalgam::distill
