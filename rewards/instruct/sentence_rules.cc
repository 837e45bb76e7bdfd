#include "rewards/instruct/checks.h"
#include "rewards/sentences/rule_sentences.h"
#include "rewards/sentences/word_tokens.h"

namespace amalgam::rewards::checks {
namespace {

size_t count_ending_with(const std::vector<std::u32string>& sentences, char32_t mark) {
  size_t count = 0;
  for (const std::u32string& sentence : sentences) count += sentence.ends_with(mark);
  return count;
}

}  // namespace

bool sentence_type(Chars response, const Arguments&) {
  const auto sentences = rule_sentences(response);
  return count_ending_with(sentences, '.') == 2 * count_ending_with(sentences, '?');
}

bool sentence_balance(Chars response, const Arguments&) {
  const auto sentences = rule_sentences(response);
  const size_t questions = count_ending_with(sentences, '?');
  return count_ending_with(sentences, '.') == questions &&
         count_ending_with(sentences, '!') == questions;
}

// Three of equal length; that their words differ is not looked at.
bool sentence_words(Chars response, const Arguments&) {
  const auto sentences = rule_sentences(response);
  return sentences.size() == 3 && sentences[0].size() == sentences[1].size() &&
         sentences[0].size() == sentences[2].size();
}

// Each has small_n words more than the one before.
bool sentence_increment(Chars response, const Arguments& arguments) {
  int64_t before = -1;
  for (const std::u32string& sentence : rule_sentences(response)) {
    const auto count = static_cast<int64_t>(words_of(without_marks(sentence)).size());
    if (before >= 0 && count != before + arguments.number("small_n")) return false;
    before = count;
  }
  return before >= 0;
}

bool sentence_keyword(Chars response, const Arguments& arguments) {
  const auto sentences = rule_sentences(response);
  const auto n = static_cast<uint64_t>(arguments.number("N"));
  return n <= sentences.size() &&
         contains(lowered(sentences[n - 1]), Chars(lowered(arguments.text("word"))));
}

// Each begins with the last word of the one before.
bool last_first(Chars response, const Arguments&) {
  const auto sentences = rule_sentences(response);
  for (size_t i = 0; i + 1 < sentences.size(); ++i) {
    const auto ending = words_of(right_stripped_of_marks(sentences[i]));
    const auto beginning = words_of(left_stripped_of_marks(sentences[i + 1]));
    if (ending.empty() || beginning.empty() || lowered(ending.back()) != lowered(beginning.front()))
      return false;
  }
  return true;
}

// The mth word of the nth sentence.
bool keywords_specific_position(Chars response, const Arguments& arguments) {
  const auto sentences = rule_sentences(response);
  const auto n = static_cast<uint64_t>(arguments.number("n")),
             m = static_cast<uint64_t>(arguments.number("m"));
  if (n > sentences.size()) return false;
  const auto words = word_tokens(sentences[n - 1]);
  return m <= words.size() && words[m - 1] == stripped(arguments.text("keyword"));
}

// The second word and the last but one.
bool words_position(Chars response, const Arguments& arguments) {
  const auto words = word_tokens(response);
  const Chars keyword = stripped(arguments.text("keyword"));
  return words.size() >= 2 && words[1] == keyword && words[words.size() - 2] == keyword;
}

}  // namespace amalgam::rewards::checks
