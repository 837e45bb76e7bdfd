// How a prompt says how much reasoning it asks for (configs/effort.h): docs/EFFORT.md has the
// table.
#pragma once
#include <string>
#include <vector>

#include "configs/domain_config.h"
#include "model/encoding/encoding.h"

namespace amalgam::model {

// Makes `messages`, to be encoded with `options`, ask for the effort.
// kEncoding: none is chat mode, high is thinking mode, max is that with the encoding's prefix.
// Throws Error that names the effort for one that the encoding cannot write.
// kLine: thinking mode for every effort, and a system line "Reasoning Effort: X" first.
void write_effort(const std::string& effort, configs::EffortForm form, EncodeOptions* options,
                  std::vector<Message>* messages);

// Whether answers to prompts of the effort begin with reasoning.
bool thinks_at(const std::string& effort, configs::EffortForm form);

}  // namespace amalgam::model
