// Builds a Prompt piece by piece; shared by the message encoder and the next-turn helper.
#pragma once
#include <string>
#include <string_view>

#include "model/encoding/encoding.h"

namespace amalgam::model {

class PromptWriter {
 public:
  void control(std::string_view text) { prompt_.text += text; }
  void literal(std::string_view text) {
    if (text.empty()) return;
    prompt_.literal.push_back({prompt_.text.size(), prompt_.text.size() + text.size()});
    prompt_.text += text;
  }
  void tool_result(std::string_view content) {
    control("<tool_result>");
    literal(content);
    control("</tool_result>");
  }
  // The opening of an answer: <｜Assistant｜> and <think> or </think>.
  void open_answer(bool thinks);
  // The token of a quick instruction. Throws Error for an unknown task.
  void task(const std::string& task, ThinkingMode mode);

  const Prompt& prompt() const { return prompt_; }

 private:
  Prompt prompt_;
};

}  // namespace amalgam::model
