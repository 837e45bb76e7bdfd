// The loss that trains the MTP block (MODEL.md §2.6): cross-entropy of the token after next, over
// the tokens that are learned.
#pragma once
#include <cstdint>
#include <span>

#include "model/network/network.h"

namespace amalgam::learner {

struct MtpLossInput {
  std::span<const int32_t> ids;                  // [T] packed sequences
  std::span<const int32_t> targets;              // [T] the next token if it is learned, else -1
  std::span<const model::SequenceSlice> slices;  // whole sequences
  model::Var streams;                            // of the run() that was recorded
  float weight = 0;                              // of one token in the loss
  model::MtpGradient gradient = model::MtpGradient::kAll;
};

// Adds -weight · Σ logprob to the loss: runs the block on the recording's tape and puts the
// gradient into its hidden states and (kAll) the head's gradient; the caller runs the tape. Returns
// -Σ logprob, unweighted.
double record_mtp_loss(model::Network& network, const model::Weights& weights,
                       const MtpLossInput& input, model::Recording& recording);

}  // namespace amalgam::learner
