// The mode and effort that a row of `encode` or `generate` asks for.
#pragma once
#include <string>
#include <vector>

#include "model/encoding/encoding.h"
#include "model/encoding/message.h"

namespace amalgam::pipeline {

// Values of the row's keys as text; empty: absent.
struct RequestedEffort {
  std::string thinking_mode;     // chat, thinking
  std::string reasoning_effort;  // none, low, high, max, or a number
  std::string effort_form;       // encoding, line
};

// Makes *messages and *options ask for it, and returns which of the keys had a say. Without a
// thinking_mode the effort decides it, and without an effort it is chat. In chat mode an effort
// that the encoding writes in thinking mode alone has no say, as in the published encoder. Throws
// Error that names a key, its value and what it can be.
std::vector<std::string> apply(const RequestedEffort& requested, model::EncodeOptions* options,
                               std::vector<model::Message>* messages);

}  // namespace amalgam::pipeline
