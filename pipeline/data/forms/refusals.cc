#include "pipeline/data/forms/refusals.h"

#include <algorithm>
#include <array>

#include "pipeline/data/forms/understood_row.h"

namespace amalgam::pipeline {

bool is_media_column(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames = {"image",  "images", "video",
                                                      "videos", "audio",  "audios"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

void refuse_by_name(const Value& row, RowUse use) {
  const auto has = [&](const char* name) { return row.find(name) != nullptr; };
  const Value* label = row.find("label");
  const bool has_pairs =
      (has("chosen") && has("rejected") && (use == RowUse::kPrompt || !has("messages"))) ||
      (has("chosen_messages") && has("rejected_messages")) ||
      (has("preferred_output") && has("non_preferred_output")) ||
      (has("completion") && label && label->is_bool()) || has("kto_tag");
  if (has_pairs)
    throw RefusedRow{
        "are preference data (pairs or labels of better and worse answers), which this program "
        "does "
        "not train on"};
  if (has("completions") && has("labels"))
    throw RefusedRow{
        "are stepwise labels (\"completions\" with \"labels\"), which this program does not train "
        "on"};
  for (const Member& member : row.object())
    if (is_media_column(member.key) && !member.value.is_null() && !member.value.is_empty())
      throw RefusedRow{"have the column \"" + member.key + "\"; this program reads text only"};
}

}  // namespace amalgam::pipeline
