#include "rewards/sentences/punkt.h"

#include <algorithm>
#include <optional>

#include "rewards/sentences/punkt_model.h"

namespace amalgam::rewards {
namespace {

constexpr Chars kNumberType = U"##number##";
constexpr Chars kClosers =
    U"\"')]}\u2018\u2019\u201c\u201d\u00ab\u00bb";  // that stay with a sentence before them
constexpr Chars kNotInWords = U")\";}]*:@'({[\u2018\u2019\u201c\u201d\u00ab\u00bb?!";
constexpr Chars kNotFirstInWords = U"(\"`{[:;&#*@)}]-,";

bool is_end_mark(char32_t c) { return c == '.' || c == '?' || c == '!'; }
bool is_blank(char32_t c) { return is(c, kRegexSpace); }
bool is_letter(char32_t c) { return is(c, kRegexWord) && !is(c, kDecimal); }

// The length of a run of dashes, of periods, or of periods each a space apart, at i; 0: none.
size_t mark_run(Chars text, size_t i) {
  const size_t size = text.size();
  if (text[i] != '-' && text[i] != '.') return 0;
  size_t end = i + 1;
  while (end < size && text[end] == text[i]) ++end;
  if (end - i >= 2) return end - i;
  if (text[i] == '-') return 0;
  end = i;  // at the last period of ". . ."
  while (end + 2 < size && is_blank(text[end + 1]) && text[end + 1] != '\n' && text[end + 2] == '.')
    end += 2;
  return end - i >= 4 ? end + 1 - i : 0;
}

bool ends_word_at(Chars text, size_t i) {
  const auto hard_end = [&](size_t at) {
    return at == text.size() || is_blank(text[at]) || contains(kNotInWords, text[at]) ||
           mark_run(text, at) > 0;
  };
  return hard_end(i) || (text[i] == ',' && hard_end(i + 1));
}

struct Token {
  Chars text;
  std::u32string type;  // in lower case; numbers are one type
  bool is_abbreviation = false, is_ellipsis = false, ends_sentence = false;

  bool ends_with_period() const { return text.back() == '.'; }
  bool is_initial() const { return text.size() == 2 && is_letter(text[0]) && text[1] == '.'; }
  Chars type_without_period() const {
    Chars t = type;
    if (t.size() > 1 && t.back() == '.') t.remove_suffix(1);
    return t;
  }
  Chars type_in_context() const { return ends_sentence ? type_without_period() : Chars(type); }
};

// -?[.,]?\d[\d,.-]*\.?
bool is_number(Chars word) {
  size_t i = 0;
  if (i < word.size() && word[i] == '-') ++i;
  if (i < word.size() && (word[i] == '.' || word[i] == ',')) ++i;
  if (i == word.size() || !is(word[i], kDecimal)) return false;
  return std::all_of(word.begin() + i, word.end(), [](char32_t c) {
    return is(c, kDecimal) || c == ',' || c == '.' || c == '-';
  });
}

// The first pass: what the token itself says.
Token annotated(Chars text) {
  Token token{text, lowered(text)};
  if (is_number(token.type)) token.type = kNumberType;
  if (text.size() == 1 && is_end_mark(text[0])) {
    token.ends_sentence = true;
  } else if (text.size() > 1 && text.find_first_not_of('.') == kNoChar) {
    token.is_ellipsis = true;
  } else if (token.ends_with_period() && text[text.size() - 2] != '.') {
    const std::u32string word = lowered(text.substr(0, text.size() - 1));
    const size_t dash = word.rfind('-');
    token.is_abbreviation =
        is_abbreviation(word) || (dash != kNoChar && is_abbreviation(Chars(word).substr(dash + 1)));
    token.ends_sentence = !token.is_abbreviation;
  }
  return token;
}

std::vector<Token> tokens_of(Chars text) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < text.size();) {
    if (is_blank(text[i])) {
      ++i;
      continue;
    }
    size_t size = mark_run(text, i);
    if (size == 0 && !contains(kNotFirstInWords, text[i]))
      for (size = 1; !ends_word_at(text, i + size);) ++size;
    size = std::max<size_t>(size, 1);
    tokens.push_back(annotated(text.substr(i, size)));
    i += size;
  }
  return tokens;
}

// Whether a token begins a sentence, from the cases and places its type was seen in; nothing:
// unknown.
std::optional<bool> looks_like_beginning(const Token& token) {
  if (token.text.size() == 1 && contains(Chars(U";:,.!?"), token.text[0])) return false;
  const uint8_t context = seen(token.type_in_context());
  if (is(token.text[0], kUpper) && (context & kAnyLower) && !(context & kMiddleUpper)) return true;
  if (is(token.text[0], kLower) && ((context & kAnyUpper) || !(context & kBeginLower)))
    return false;
  return std::nullopt;
}

// The second pass: what the next token says about one that ends with a period.
void reconsider(Token& token, const Token& next) {
  if (!token.ends_with_period()) return;
  const auto join = [&] {
    token.ends_sentence = false;
    token.is_abbreviation = true;
  };
  if (is_collocation(token.type_without_period(), next.type_in_context())) return join();
  const bool initial = token.is_initial(), next_is_upper = is(next.text[0], kUpper);
  if ((token.is_abbreviation || token.is_ellipsis) && !initial) {
    if (looks_like_beginning(next) == true ||
        (next_is_upper && starts_sentences(next.type_in_context()))) {
      token.ends_sentence = true;
      return;
    }
  }
  if (!initial && token.type_without_period() != kNumberType) return;
  const std::optional<bool> begins = looks_like_beginning(next);
  if (begins == false) return join();
  if (!begins && initial && next_is_upper && !(seen(next.type_in_context()) & kAnyLower)) join();
}

// Whether a sentence ends within these few words, before the last.
bool has_break(Chars words) {
  std::vector<Token> tokens = tokens_of(words);
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    reconsider(tokens[i], tokens[i + 1]);
    if (tokens[i].ends_sentence) return true;
  }
  return false;
}

struct Span {
  size_t begin, end;
};

// A mark that may end a sentence, with the word before it and what follows.
struct Candidate {
  size_t mark;
  size_t word;         // where the word before begins
  size_t context_end;  // behind the closing mark or the next word
  size_t next;         // where the next sentence would begin
};

std::optional<Candidate> candidate_at(Chars text, size_t i) {
  if (!is_end_mark(text[i]) || i + 1 == text.size()) return std::nullopt;
  size_t next = i + 1;
  if (contains(kNotInWords, text[next])) return Candidate{i, 0, next + 1, next};
  while (next < text.size() && is_blank(text[next])) ++next;
  if (next == i + 1 || next == text.size()) return std::nullopt;
  size_t end = next;
  while (end < text.size() && !is_blank(text[end])) ++end;
  return Candidate{i, 0, end, next};
}

bool is_ascii_space(char32_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::vector<Candidate> candidates_of(Chars text) {
  std::vector<Candidate> kept;
  std::optional<Candidate> previous;
  for (size_t i = 0; i < text.size(); ++i) {
    std::optional<Candidate> here = candidate_at(text, i);
    if (!here) continue;
    const size_t from = previous ? previous->mark : 0;
    size_t space = i;
    while (space > from && !is_ascii_space(text[space - 1])) --space;
    // A space as the very first character counts as none.
    here->word = space > from + 1 ? space : previous ? previous->word : 0;
    // Of overlapping ones the last counts.
    if (previous && previous->mark <= here->word) kept.push_back(*previous);
    previous = here;
  }
  if (previous) kept.push_back(*previous);
  return kept;
}

std::vector<Span> spans_of(Chars text) {
  std::vector<Span> spans;
  size_t begin = 0;
  for (const Candidate& c : candidates_of(text)) {
    // The text between the mark and a next word that spaces separate is no part of the context.
    if (!has_break(text.substr(c.word, c.context_end - c.word))) continue;
    spans.push_back({begin, c.mark + 1});
    begin = c.next;
  }
  spans.push_back({begin, std::max(begin, right_stripped(text).size())});
  return spans;
}

// The length of closing marks, with spaces behind them, that begin a text; 0: none that end a word.
size_t closing_size(Chars text) {
  size_t i = 0;
  while (i < text.size() && contains(kClosers, text[i])) {
    ++i;
    if (i == text.size() || text.substr(i, 2) == U"--") return i;
    if (!is_blank(text[i])) continue;
    while (i < text.size() && is_blank(text[i])) ++i;
    return i;
  }
  return 0;
}

}  // namespace

std::vector<Chars> punkt_sentences(Chars text) {
  const std::vector<Span> spans = spans_of(text);
  std::vector<Chars> sentences;
  size_t moved = 0;  // characters of this span that the one before took
  for (size_t i = 0; i < spans.size(); ++i) {
    const size_t begin = spans[i].begin + moved;
    Span sentence{begin, spans[i].end};
    moved = 0;
    if (i + 1 < spans.size()) {
      const Chars next = text.substr(spans[i + 1].begin, spans[i + 1].end - spans[i + 1].begin);
      moved = closing_size(next);
      if (moved) sentence.end = spans[i + 1].begin + right_stripped(next.substr(0, moved)).size();
    }
    if (moved || sentence.begin < sentence.end)
      sentences.push_back(
          text.substr(sentence.begin, sentence.end - std::min(sentence.begin, sentence.end)));
  }
  return sentences;
}

}  // namespace amalgam::rewards
