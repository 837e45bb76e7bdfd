// Engine: continuous batching over one Network. Sequences grow token by token; each step() runs one
// forward pass over every sequence that has tokens to feed (prefill chunks and single decode tokens
// side by side) and samples where a sequence has caught up.
//
// With drafting a sequence that decodes one token feeds a proposed next one with it
// (rollout/engine/drafter.h). The model's draw for that place decides: if it is the proposed token,
// the token after it is known from the same pass; if not, the cache takes the proposed one back.
//
// Bits: a sequence's tokens and logprobs are a pure function of its prompt, key and weights; batch
// size, chunking, forking, drafting and what else is running change nothing.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/device/rng.h"
#include "model/network/choices.h"
#include "model/network/network.h"
#include "rollout/engine/drafter.h"
#include "rollout/engine/sampler.h"

namespace amalgam::rollout {

struct EngineOptions {
  int64_t max_batch = 256;      // sequences that hold a cache at the same time
  int64_t prefill_chunk = 256;  // prompt tokens fed per step, over all sequences
  bool draft = false;           // needs weights with an MTP block
  // What choices() holds: a set of model::ChosenRows::Kinds. With any, all layers compute all rows.
  int keep_choices = 0;
};

// Tokens that the MTP block proposed and the model has checked.
struct DraftCounters {
  int64_t proposed = 0, accepted = 0;
};

class Engine {
 public:
  using Id = int64_t;

  // Sequences may reach max_positions tokens. The network and weights outlive the engine; weights
  // change only while no sequence is open.
  Engine(model::Network& network, const model::Weights& weights, int64_t max_positions,
         const EngineOptions& options);
  ~Engine();

  bool has_room(int64_t sequences) const;
  // Opens one sequence per element of `params`, all with this prompt (at least one token, prefilled
  // once, then forked). Needs has_room(params.size()).
  std::vector<Id> open(std::span<const int32_t> prompt, std::span<const SamplingParams> params);
  // Feeds tokens (those just sampled come first, from the engine itself) and samples again.
  void append(Id id, std::span<const int32_t> tokens);
  // Goes on sampling after the token reported last.
  void resume(Id id);
  // At any time, also before its first token.
  void close(Id id);

  struct Sampled {
    Id id;
    SampledToken token;
  };
  // One forward pass, or none where tokens that an accepted draft made known wait to be reported.
  // Every sequence that caught up reports one token and then waits for resume(), append() or
  // close(). False when no sequence has anything to feed or to report.
  bool step(std::vector<Sampled>* out);
  const DraftCounters& drafts() const { return drafts_; }

  const model::ModelConfig& config() const { return network_.config(); }
  bool keeps_choices() const { return options_.keep_choices != 0; }
  // What the tokens fed so far chose, of a sequence that has reported a token.
  const model::ChoiceRecord& choices(Id id);

 private:
  struct Sequence;
  struct Fed;   // a sequence's rows of one pass
  struct Draw;  // one sampled token of one pass

  model::Network& network_;
  const model::Weights& weights_;
  EngineOptions options_;
  std::shared_ptr<const model::CacheLayout> layout_;
  std::vector<std::unique_ptr<Sequence>> sequences_;  // in opening order
  int64_t num_open_ = 0;
  Id next_id_ = 0;
  kernels::Buffer<float> logits_;
  std::unique_ptr<Drafter> drafter_;  // null: no drafting
  DraftCounters drafts_;

  Sequence& find(Id id);
  bool report_known(std::vector<Sampled>* out);
  void propose();
  std::vector<Fed> feed(std::vector<int32_t>* ids, std::vector<model::SequenceSlice>* slices);
  std::vector<Draw> draw(const model::Var& hidden, std::span<const int64_t> num_rows,
                         std::span<Fed> fed);
  std::vector<Draw> check_drafts(std::span<const Draw> draws);
  void let_drafter_read(std::span<const Fed> fed, std::span<const int32_t> ids,
                        std::span<const model::SequenceSlice> slices, const model::Var& streams);
  void report(std::span<const Draw> draws, std::vector<Sampled>* out);
};

}  // namespace amalgam::rollout
