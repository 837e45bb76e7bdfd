// A sampled conversation, for people and as JSON.
#pragma once
#include <string>

#include "model/tokenizer/tokenizer.h"
#include "proto/trajectory.pb.h"

namespace amalgam::pipeline {

// A line of what is known of it, then its messages: names of parts two, texts four columns in, so
// that no text looks like a part. Control characters become visible signs.
std::string sample_text(const proto::Trajectory& trajectory, const model::Tokenizer& tokenizer);

// One line, without a line break: stage, step, domain, effort, reward (or null), parts of the
// reward, outcome, messages (docs/REWARDS.md, "What extra_info holds") and response_tokens.
std::string sample_json(const proto::Trajectory& trajectory, const model::Tokenizer& tokenizer);

// Whether the policy wrote `text` in one of its turns, tags of reasoning and calls among it.
bool policy_wrote(const proto::Trajectory& trajectory, const model::Tokenizer& tokenizer,
                  const std::string& text);

}  // namespace amalgam::pipeline
