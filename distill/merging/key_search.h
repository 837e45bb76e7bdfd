// What is at a place in the order of many magnitudes, without holding them: passes over the
// values count the digits of their keys.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "distill/merging/merge_tensor.h"
#include "distill/merging/window.h"

namespace amalgam::distill {

// Values of one model in a block; called by one thread a worker at a time.
using OnValues =
    std::function<void(const Block& block, int64_t worker, size_t model, const double* v)>;
// Goes through the blocks of a tensor, all models in each.
using ForValues = std::function<void(size_t tensor, const OnValues&)>;

// What competes: the elements of these tensors, in this order.
struct Field {
  std::vector<size_t> tensors;
  std::vector<int64_t> first;  // [tensors + 1] index of each one's first element; last: of all
  int64_t size() const { return first.back(); }
};

struct Place {
  size_t model;
  int64_t position;             // in ascending order, from 1
  uint32_t key = 0;             // what is there
  int64_t less = 0, equal = 0;  // elements with a smaller key, with this one
  int64_t tie = 0;              // of those with this one: which is asked for, from 1; 0: none
  int64_t tie_index = 0;        // its index in the field
};

// Fills key, less and equal. With find_ties, at most kMaxKeyPasses.
inline constexpr int64_t kMaxKeyPasses = 4;
void find_keys(std::vector<Place>& places, int64_t num_workers, const Field& field,
               const ForValues& for_values);
// Fills tie_index of the places that ask for one: a third pass, as far as the last of them.
void find_ties(std::vector<Place>& places, int64_t num_workers, const Field& field,
               const ForValues& for_values);

}  // namespace amalgam::distill
