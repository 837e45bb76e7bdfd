// Answers that are words: names, choices, yes and no.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace amalgam::rewards {

// The plain text of an answer: without \text{} and the like, $, spaces of LaTeX and Markdown's
// stars; lower case; no full stop at the end. Other commands and braces stay.
std::string words_of(std::string_view ascii);

// The one wording for what words say: without articles, "dne" for "does not exist". Empty if the
// text is no words: without a letter, or with mathematics in it.
std::string wording(std::string_view words);

// The letter of "B", "(B)", "\text{(B)}", "B.", "(B) 12", "option B".
std::optional<char> choice_of(std::string_view ascii);
// "12" of "(B) 12": what the choice says. None: there is no choice with something behind it.
std::optional<std::string> behind_choice(std::string_view ascii);
// The letter of a ground truth that is one choice and nothing else.
std::optional<char> choice_alone(std::string_view ascii);

// "all real numbers" and the like.
bool is_all_real_numbers(std::string_view words);

// 12 for "twelve", "twenty-five", "one hundred and five"; none for other words.
std::optional<long> number_in_words(std::string_view words);

}  // namespace amalgam::rewards
