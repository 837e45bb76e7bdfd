// The models of a merging as they lie on the disk, found to fit together before anything is made.
#pragma once
#include <deque>
#include <string>
#include <vector>

#include "distill/merging/merge_spec.h"
#include "distill/merging/merge_tensor.h"
#include "model/checkpoint/tensor_catalogue.h"

namespace amalgam::distill {

struct MergeInputs {
  struct Directory {
    explicit Directory(const std::string& path);
    std::string path, config;  // config.json's text
    bool tied_head = false;    // its output head is its embedding
    model::TensorCatalogue tensors;
  };
  // Where a tensor of the result is stored as in the base.
  struct Stored {
    const model::StoredTensor* weight = nullptr;
    const model::StoredTensor* scale = nullptr;  // quantised
  };

  std::deque<Directory> directories;                 // the base first
  std::vector<MergeTensor> tensors;                  // in order of their names
  std::vector<Stored> stored;                        // [tensors] of the base
  std::vector<const model::StoredTensor*> integers;  // equal in all: copied
  int64_t bytes_read = 0;
};

// Throws Error with one line for tokenizers that differ, tensors that are missing, unknown, of
// another shape or of a type that cannot be merged, and integer tensors that are not equal in all.
// linear without a base: the first model stands for it.
MergeInputs open_merge_inputs(const MergeSpec& spec);

// Whose tokenizer is the result's: the first of base and models that has a tokenizer.json; the
// first of them where none has.
std::string tokenizer_directory(const MergeSpec& spec);

// The first way in which the tokenizer of one directory is not the other's; empty: none, or one of
// them has no tokenizer.json.
std::string tokenizer_difference(const std::string& directory, const std::string& other);

}  // namespace amalgam::distill
