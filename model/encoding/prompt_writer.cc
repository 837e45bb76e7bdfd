#include "model/encoding/prompt_writer.h"

#include <algorithm>
#include <iterator>

#include "configs/error.h"
#include "configs/printable.h"
#include "model/tokenizer/special_tokens.h"

namespace amalgam::model {

void PromptWriter::open_answer(bool thinks) {
  control(kAssistantToken);
  control(thinks ? kThinkStart : kThinkEnd);
}

void PromptWriter::task(const std::string& task, ThinkingMode mode) {
  constexpr std::string_view kTasks[] = {"action", "query", "authority",
                                         "domain", "title", "read_url"};
  if (std::find(std::begin(kTasks), std::end(kTasks), task) == std::end(kTasks)) {
    throw Error("unknown task '" + printable(task) +
                "'; use action, query, authority, domain, title or read_url");
  }
  if (task == "action") open_answer(mode == ThinkingMode::kThinking);
  control("<｜" + task + "｜>");
}

}  // namespace amalgam::model
