// TurnResults: what the calls of one turn may add to an episode, in tokens. Says which of them run,
// cuts their results, and tells the model of both. A function of tokens and limits, and of no
// clock: an episode that goes on from its log takes the same turns.
//
// Mistakes this invites: the words on calls that do not run filling the positions themselves
// (TurnResults.AWordOnEachCallHasItsRoom); the frame around results not counted, or counted in
// parts that are other tokens when they stand together (TurnResults.NeverMoreThanTheRoom).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/encoding/encoding.h"
#include "model/tokenizer/tokenizer.h"

namespace amalgam::rollout {

struct TurnLimits {
  int64_t max_calls = 16;
  int64_t max_result_tokens = 512;
};

class TurnResults {
 public:
  // room: for the tokens of the whole turn.
  TurnResults(model::Tokenizer tokenizer, model::ThinkingMode mode, const TurnLimits& limits,
              size_t num_calls, int64_t room);

  // Whether there is room for a word on each call; without it none is to be run.
  bool fits() const { return size() <= room_; }
  // Calls are answered in their order. Whether this one is to be run; else its result is why not.
  bool runs(size_t call) const;
  void put(size_t call, const std::string& result);
  // The tokens to append.
  std::vector<int32_t> ids() const;

 private:
  int64_t size() const { return static_cast<int64_t>(ids().size()); }

  model::Tokenizer tokenizer_;
  model::ThinkingMode mode_;
  TurnLimits limits_;
  int64_t room_;
  std::vector<std::string> texts_;  // of all calls: results, or why there is none
};

// A text of at most max_tokens tokens: the middle of a longer one is left out, in whole tokens and
// whole characters, and a mark says so. text: valid UTF-8.
std::string shorten_tokens(const model::Tokenizer& tokenizer, const std::string& text,
                           int64_t max_tokens);

}  // namespace amalgam::rollout
