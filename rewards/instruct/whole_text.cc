#include <algorithm>

#include "rewards/instruct/checks.h"

namespace amalgam::rewards::checks {
namespace {

using Trigram = std::u32string_view;

// The different runs of three characters, sorted.
std::vector<Trigram> trigrams(Chars text) {
  std::vector<Trigram> all;
  for (size_t i = 0; i + 3 <= text.size(); ++i) all.push_back(text.substr(i, 3));
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// The words behind the first, a space apart.
std::u32string without_first_word(Chars text) {
  std::vector<Chars> words = words_of(text);
  if (!words.empty()) words.erase(words.begin());
  return joined(words, U" ");
}

// a b c with anything but word characters around and between: then the answer is one option as it
// is written.
bool are_letters(Chars options) {
  size_t i = 0;
  for (const char32_t letter : {U'a', U'b', U'c'}) {
    while (i < options.size() && !is(options[i], kWord)) ++i;
    if (i == options.size() || (options[i] != letter && options[i] != letter - 32)) return false;
    ++i;
  }
  return true;
}

}  // namespace

// Two different ones, with ****** between.
bool two_responses(Chars response, const Arguments&) {
  const std::vector<Chars> parts = split_at(response, U"******");
  std::vector<Chars> answers;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Chars part = stripped(parts[i]);
    if (!part.empty()) {
      answers.push_back(part);
    } else if (i > 0 && i + 1 < parts.size()) {
      return false;
    }
  }
  return answers.size() == 2 && answers[0] != answers[1];
}

bool repeat_prompt(Chars response, const Arguments& arguments) {
  return lowered(stripped(response))
      .starts_with(lowered(stripped(arguments.text("prompt_to_repeat"))));
}

bool end_checker(Chars response, const Arguments& arguments) {
  const std::u32string text = lowered(stripped_of(stripped(response), U"\""));
  return text.ends_with(lowered(stripped(arguments.text("end_phrase"))));
}

bool quotation(Chars response, const Arguments&) {
  const Chars text = stripped(response);
  return text.size() > 1 && text.front() == '"' && text.back() == '"';
}

// The prompt with another first word, or with other spaces.
bool repeat_change(Chars response, const Arguments& arguments) {
  const Chars prompt = arguments.text("prompt_to_repeat");
  return response != prompt && without_first_word(response) == without_first_word(prompt);
}

bool output_template(Chars response, const Arguments&) {
  return contains(response, Chars(U"My Answer:")) && contains(response, Chars(U"My Conclusion:")) &&
         contains(response, Chars(U"Future Outlook:"));
}

bool no_whitespace(Chars response, const Arguments&) {
  return std::none_of(response.begin(), response.end(), [](char32_t c) { return is(c, kSpace); });
}

// One of the options, which "/", "or" or commas separate.
bool options(Chars response, const Arguments& arguments) {
  const Chars all = arguments.text("options");
  const Chars separator = contains(all, U'/') ? U"/" : contains(all, Chars(U"or")) ? U"or" : U",";
  const std::vector<Chars> options = split_at(all, separator);
  if (are_letters(all))
    return std::any_of(options.begin(), options.end(),
                       [&](Chars option) { return stripped(option) == response; });
  const std::u32string answer = lowered(stripped_of_marks(response));
  return std::any_of(options.begin(), options.end(), [&](Chars option) {
    return lowered(stripped_of_marks(stripped(option))) == answer;
  });
}

// A text in <i> or <em>, and more behind it.
bool thesis(Chars response, const Arguments&) {
  size_t begin = response.find(U"<i>");
  if (begin == kNoChar) begin = response.find(U"<em>");
  if (begin == kNoChar) return false;
  const Chars text = response.substr(begin);
  size_t end = text.find(U"</i>");
  if (end == kNoChar) end = text.find(U"</em>");
  if (end == kNoChar || end < 3) return false;
  return !stripped(text.substr(3, end - 3)).empty() && !stripped(text.substr(end + 4)).empty();
}

// The share of the answer's runs of three characters that the reference has, within two percent
// points.
bool overlap(Chars response, const Arguments& arguments) {
  const std::vector<Trigram> own = trigrams(response),
                             reference = trigrams(arguments.text("reference_text"));
  if (own.empty()) return false;
  std::vector<Trigram> both;
  std::set_intersection(own.begin(), own.end(), reference.begin(), reference.end(),
                        std::back_inserter(both));
  const double percent = static_cast<double>(both.size()) / static_cast<double>(own.size()) * 100;
  const auto wanted = static_cast<double>(arguments.number("percentage"));
  return wanted - 2 <= percent && percent <= wanted + 2;
}

}  // namespace amalgam::rewards::checks
