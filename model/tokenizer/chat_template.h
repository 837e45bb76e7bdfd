// The chat template of tokenizer_config.json: Jinja that renders messages as encode_messages()
// does.
#pragma once
#include <string>

namespace amalgam::model {

// Roles system, user, assistant, tool and latest_reminder; in transformers' template environment.
// Arguments: thinking (false), reasoning_effort, drop_thinking (true), tools, and
// add_generation_prompt (true: the encoder's behaviour). Tool call arguments must be objects, since
// Jinja cannot parse JSON text.
std::string chat_template();

}  // namespace amalgam::model
