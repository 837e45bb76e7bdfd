// Answers compared with accepted texts: exact match and F1 on words, as SQuAD's evaluation has
// them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "rewards/score/score.h"

namespace amalgam::rewards {

// The texts that a ground truth accepts: JSON text of a string, a number, a list of these, or an
// object with such a `target` (the search-QA sets), `answers`, `aliases` or `text` (SQuAD). Empty:
// it is none of these.
std::vector<std::string> accepted_texts(const std::string& ground_truth);

// What an answer says: what the last complete <answer>…</answer> holds; else what follows the last
// "answer is", "answer:" or "####" in its line; else all of it.
std::string_view said_answer(std::string_view content);

// 1 where the answer, or the answer inside `content`, is one of `accepted` in SQuAD's normal form.
// Of more than ten pairs of answer tags 1/4, as verl has it: such an answer sprays.
Score score_exact_match(std::string_view content, const std::vector<std::string>& accepted);

// F1 of the words that an answer shares with an accepted text, both in normal form; the best one.
Score score_f1(std::string_view content, const std::vector<std::string>& accepted);

}  // namespace amalgam::rewards
