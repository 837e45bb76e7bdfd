#include "rewards/instruct/checks.h"
#include "rewards/language/detect.h"
#include "rewards/sentences/word_tokens.h"

namespace amalgam::rewards::checks {
namespace {

// A text without letters is of every language.
bool is_in(Chars text, std::string_view language) {
  return language_of(text).value_or(language) == language;
}

}  // namespace

bool response_language(Chars response, const Arguments& arguments) {
  return is_in(response, encoded(arguments.text("language")));
}

bool english_capital(Chars response, const Arguments&) {
  return is_upper(response) && is_in(response, "en");
}

bool english_lowercase(Chars response, const Arguments&) {
  return is_lower(response) && is_in(response, "en");
}

bool capital_word_frequency(Chars response, const Arguments& arguments) {
  size_t count = 0;
  for (const std::u32string& word : word_tokens(response)) count += is_upper(word);
  return arguments.compares(count, "capital_relation", "capital_frequency");
}

// No word begins with a small letter, if what follows is of one case.
bool title_case(Chars response, const Arguments&) {
  for (const std::u32string& word : word_tokens(response)) {
    const Chars rest = Chars(word).substr(1);
    if (is(word[0], kLower) && (is_upper(rest) || is_lower(rest))) return false;
  }
  return true;
}

}  // namespace amalgam::rewards::checks
