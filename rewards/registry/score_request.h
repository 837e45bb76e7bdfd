// What a verifier is asked: an answer, and the row that it answers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/images/image_store.h"

namespace amalgam::rewards {

// How the final message came out of the parser.
enum class MessageState {
  kComplete,
  kTruncated,  // the token budget ended it
  kMalformed   // it does not parse: an unclosed thought, a broken tool call
};

// Structured values are JSON text; empty stands for null.
struct ScoreRequest {
  std::string data_source;
  std::string style;         // reward_model.style
  std::string ground_truth;  // reward_model.ground_truth
  std::string row;           // the user's whole row, an object
  // Of the answer:
  std::string content;   // of the final message, without reasoning and calls
  std::string solution;  // all that the policy wrote (docs/REWARDS.md)
  MessageState state = MessageState::kComplete;
  bool prompt_opens_thought = false;  // solution begins inside <think>
  int64_t response_tokens = 0;        // that the policy wrote
  sandbox::Image image = {};          // that tests of code run in
  // For functions:
  std::string extra_info;
  std::string columns;  // an object: the keyword arguments of TRL's form
  std::string sample_id;
  std::vector<int32_t> completion_ids = {};  // that the policy sampled
};

}  // namespace amalgam::rewards
