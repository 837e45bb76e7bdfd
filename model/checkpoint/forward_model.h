// A model of which only forward passes over whole sequences are made, and whose head is asked for:
// packed weights and no others, so half of what a PackedModel takes. Without an MTP block.
#pragma once
#include <cstdint>

#include "configs/numerics_config.h"
#include "kernels/device/arena.h"
#include "model/checkpoint/row_reader.h"
#include "model/network/weights.h"

namespace amalgam::model {

struct ForwardModel {
  ModelConfig config;
  // Of the matrices `packed`, and `data` where a pass reads it or it is the head; of the rest
  // `data`.
  Weights weights;
  kernels::Buffer<float> floats;
  kernels::Buffer<int32_t> ints;
};

// The config of such a model, and what its buffers take.
ModelConfig forward_config(const StoredModel& stored);
int64_t forward_model_bytes(const ModelConfig& forward_config);

// Reads the tensors one after the other, a few MiB at a time, with no threads of its own; what is
// in memory is the model and such a piece. `numerics` as the network's that runs it: its passes
// have the bits of the PackedModel's. Throws Error as load_model.
ForwardModel load_forward_model(const StoredModel& stored, const RowReader& reader,
                                const configs::NumericsConfig& numerics);

}  // namespace amalgam::model
