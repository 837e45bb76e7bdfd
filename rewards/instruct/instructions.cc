#include "rewards/instruct/instructions.h"

#include <algorithm>

#include "rewards/instruct/checks.h"

namespace amalgam::rewards {
namespace {

constexpr auto kNumber = ArgumentKind::kNumber, kPosition = ArgumentKind::kPosition,
               kText = ArgumentKind::kText, kWords = ArgumentKind::kWords,
               kRelation = ArgumentKind::kRelation;

std::vector<Instruction> sorted_instructions() {
  std::vector<Instruction> all = {
      // IFEval
      {"change_case:capital_word_frequency",
       {{"capital_frequency", kNumber}, {"capital_relation", kRelation}},
       checks::capital_word_frequency},
      {"change_case:english_capital", {}, checks::english_capital},
      {"change_case:english_lowercase", {}, checks::english_lowercase},
      {"combination:repeat_prompt", {{"prompt_to_repeat", kText}}, checks::repeat_prompt},
      {"combination:two_responses", {}, checks::two_responses},
      {"detectable_content:number_placeholders",
       {{"num_placeholders", kNumber}},
       checks::number_placeholders},
      {"detectable_content:postscript", {{"postscript_marker", kText}}, checks::postscript},
      {"detectable_format:constrained_response", {}, checks::constrained_response},
      {"detectable_format:json_format", {}, checks::json_format},
      {"detectable_format:multiple_sections",
       {{"section_spliter", kText}, {"num_sections", kNumber}},
       checks::multiple_sections},
      {"detectable_format:number_bullet_lists",
       {{"num_bullets", kNumber}},
       checks::number_bullet_lists},
      {"detectable_format:number_highlighted_sections",
       {{"num_highlights", kNumber}},
       checks::number_highlighted_sections},
      {"detectable_format:title", {}, checks::title},
      {"keywords:existence", {{"keywords", kWords}}, checks::keyword_existence},
      {"keywords:forbidden_words", {{"forbidden_words", kWords}}, checks::forbidden_words},
      {"keywords:frequency",
       {{"keyword", kText}, {"frequency", kNumber}, {"relation", kRelation}},
       checks::keyword_frequency},
      {"keywords:letter_frequency",
       {{"letter", ArgumentKind::kLetter}, {"let_frequency", kNumber}, {"let_relation", kRelation}},
       checks::letter_frequency},
      {"language:response_language",
       {{"language", ArgumentKind::kLanguage}},
       checks::response_language},
      {"length_constraints:nth_paragraph_first_word",
       {{"num_paragraphs", kNumber}, {"nth_paragraph", kPosition}, {"first_word", kText}},
       checks::nth_paragraph_first_word},
      {"length_constraints:number_paragraphs",
       {{"num_paragraphs", kNumber}},
       checks::number_paragraphs},
      {"length_constraints:number_sentences",
       {{"num_sentences", kNumber}, {"relation", kRelation}},
       checks::number_sentences},
      {"length_constraints:number_words",
       {{"num_words", kNumber}, {"relation", kRelation}},
       checks::number_words},
      {"punctuation:no_comma", {}, checks::no_comma},
      {"startend:end_checker", {{"end_phrase", kText}}, checks::end_checker},
      {"startend:quotation", {}, checks::quotation},
      // IFBench
      {"count:conjunctions", {{"small_n", kNumber}}, checks::conjunctions},
      {"count:keywords_multiple",
       {{"keyword1", kText},
        {"keyword2", kText},
        {"keyword3", kText},
        {"keyword4", kText},
        {"keyword5", kText}},
       checks::keywords_multiple},
      {"count:numbers", {{"N", kNumber}}, checks::numbers},
      {"count:person_names", {{"N", kNumber}}, checks::person_names},
      {"count:pronouns", {{"N", kNumber}}, checks::pronouns},
      {"count:punctuation", {}, checks::punctuation},
      {"count:unique_word_count", {{"N", kNumber}}, checks::unique_word_count},
      {"count:word_count_range",
       {{"min_words", kNumber}, {"max_words", kNumber}},
       checks::word_count_range},
      {"count:words_japanese", {{"N", kPosition}}, checks::words_japanese},
      {"custom:csv_city", {}, checks::csv_city},
      {"custom:date_format_list", {}, checks::date_format_list},
      {"custom:multiples", {}, checks::multiples},
      {"format:emoji", {}, checks::emoji},
      {"format:line_indent", {}, checks::line_indent},
      {"format:list", {{"sep", kText}}, checks::list},
      {"format:newline", {}, checks::newline},
      {"format:no_bullets_bullets", {}, checks::no_bullets_bullets},
      {"format:no_whitespace", {}, checks::no_whitespace},
      {"format:options", {{"options", kText}}, checks::options},
      {"format:output_template", {}, checks::output_template},
      {"format:parentheses", {}, checks::parentheses},
      {"format:quote_unquote", {}, checks::quote_unquote},
      {"format:quotes", {}, checks::quotes},
      {"format:sub-bullets", {}, checks::sub_bullets},
      {"format:thesis", {}, checks::thesis},
      {"format:title_case", {}, checks::title_case},
      {"ratio:overlap", {{"reference_text", kText}, {"percentage", kNumber}}, checks::overlap},
      {"ratio:sentence_balance", {}, checks::sentence_balance},
      {"ratio:sentence_type", {}, checks::sentence_type},
      {"ratio:sentence_words", {}, checks::sentence_words},
      {"repeat:repeat_change", {{"prompt_to_repeat", kText}}, checks::repeat_change},
      {"sentence:increment", {{"small_n", kNumber}}, checks::sentence_increment},
      {"sentence:keyword", {{"word", kText}, {"N", kPosition}}, checks::sentence_keyword},
      {"words:alphabet", {}, checks::alphabet},
      {"words:consonants", {}, checks::consonants},
      {"words:keywords_specific_position",
       {{"keyword", kText}, {"n", kPosition}, {"m", kPosition}},
       checks::keywords_specific_position},
      {"words:last_first", {}, checks::last_first},
      {"words:no_consecutive", {}, checks::no_consecutive},
      {"words:palindrome", {}, checks::palindrome},
      {"words:paragraph_last_first", {}, checks::paragraph_last_first},
      {"words:prime_lengths", {}, checks::prime_lengths},
      {"words:repeats", {{"small_n", kNumber}}, checks::repeats},
      {"words:vowel", {}, checks::vowel},
      {"words:words_position", {{"keyword", kText}}, checks::words_position},
  };
  std::sort(all.begin(), all.end(),
            [](const Instruction& a, const Instruction& b) { return a.id < b.id; });
  return all;
}

}  // namespace

std::span<const Instruction> instructions() {
  static const std::vector<Instruction> all = sorted_instructions();
  return all;
}

const Instruction* find_instruction(std::string_view id) {
  const auto all = instructions();
  const auto found =
      std::lower_bound(all.begin(), all.end(), id,
                       [](const Instruction& a, std::string_view b) { return a.id < b; });
  return found != all.end() && found->id == id ? &*found : nullptr;
}

}  // namespace amalgam::rewards
