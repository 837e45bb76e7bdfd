// Drafter: proposes tokens with the model's MTP block (MODEL.md §2.6), for the engine to check.
//
// The block's row of token t takes the streams that the model computed at t and the token t + 1,
// and gives logits for t + 2. So once t + 1 has been sampled it can say what follows, before the
// model has read t + 1. A draft is drawn with the key and position of the token it stands for: it
// is right iff the model's own draw gives the same token, and then costs one row of a forward pass
// rather than a pass.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/network/network.h"
#include "rollout/engine/sampler.h"

namespace amalgam::rollout {

// What the block has of one sequence: its cache, and the tokens that it has not read yet. A copy is
// a fork.
class DraftTrack {
 public:
  explicit DraftTrack(std::shared_ptr<const model::CacheLayout> layout) : cache_(layout) {}

 private:
  friend class Drafter;
  model::SequenceCache cache_;
  // Tokens that the model has read and the block has not. The token after the last one is not
  // known yet, so there is one fewer `next_`.
  std::vector<float> streams_;  // [tokens, n_hc * D]
  std::vector<int32_t> next_;
};

class Drafter {
 public:
  // The weights have an MTP block; network and weights outlive the drafter.
  Drafter(model::Network& network, const model::Weights& weights, int64_t max_positions);

  std::unique_ptr<DraftTrack> open() const;
  // The model has read `ids`; their streams [ids, n_hc * D] are what run() gave.
  void read(DraftTrack& track, std::span<const int32_t> ids, const float* streams) const;
  // Lets the block read all it can, so that little is kept (and copied by forks) after a prefill.
  // Allocates in the network's arena.
  void catch_up(std::span<DraftTrack* const> tracks);

  struct Proposal {
    DraftTrack* track;
    int32_t next;           // sampled, and not read by the model yet
    SamplingParams params;  // of the sequence
    uint64_t position;      // of the token after `next`
    int32_t token = -1;     // out
  };
  // One pass of the block over all tracks. Uses the network's arena and leaves nothing there.
  void propose(std::span<Proposal> proposals);

 private:
  struct Reading {
    DraftTrack* track;
    int64_t rows;
  };
  model::Var read_rows(std::span<const Reading> readings);

  model::Network& network_;
  const model::Weights& weights_;
  std::shared_ptr<const model::CacheLayout> layout_;
  kernels::Buffer<float> logits_;
};

}  // namespace amalgam::rollout
