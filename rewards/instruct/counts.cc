#include <algorithm>
#include <set>

#include "rewards/instruct/checks.h"

namespace amalgam::rewards::checks {
namespace {

constexpr Chars kConjunctions[] = {U"and", U"but", U"for", U"nor", U"or", U"so", U"yet"};

// The names that IFBench counts.
constexpr Chars kNames[] = {
    U"Emma",     U"Liam",     U"Sophia",   U"Jackson", U"Olivia",      U"Noah",      U"Ava",
    U"Lucas",    U"Isabella", U"Mason",    U"Mia",     U"Ethan",       U"Charlotte", U"Alexander",
    U"Amelia",   U"Benjamin", U"Harper",   U"Leo",     U"Zoe",         U"Daniel",    U"Chloe",
    U"Samuel",   U"Lily",     U"Matthew",  U"Grace",   U"Owen",        U"Abigail",   U"Gabriel",
    U"Ella",     U"Jacob",    U"Scarlett", U"Nathan",  U"Victoria",    U"Elijah",    U"Layla",
    U"Nicholas", U"Audrey",   U"David",    U"Hannah",  U"Christopher", U"Penelope",  U"Thomas",
    U"Nora",     U"Andrew",   U"Aria",     U"Joseph",  U"Claire",      U"Ryan",      U"Stella",
    U"Jonathan"};

constexpr Chars kPronouns[] = {
    U"i",    U"me",        U"my",      U"mine", U"myself", U"we",       U"us",         U"our",
    U"ours", U"ourselves", U"you",     U"your", U"yours",  U"yourself", U"yourselves", U"he",
    U"him",  U"his",       U"himself", U"she",  U"her",    U"hers",     U"herself",    U"it",
    U"its",  U"itself",    U"they",    U"them", U"their",  U"theirs",   U"themselves"};

template <size_t N>
bool is_one_of(const Chars (&list)[N], Chars word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

bool is_japanese(char32_t c) {
  return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x4E00 && c <= 0x9FFF);
}

}  // namespace

// Different as they are written: "and" and "And," are two.
bool conjunctions(Chars response, const Arguments& arguments) {
  std::set<Chars> found;
  for (const Chars word : words_of(response))
    if (is_one_of(kConjunctions, lowered(stripped_of_marks(word)))) found.insert(word);
  return static_cast<int64_t>(found.size()) >= arguments.number("small_n");
}

// Marks are no part of a number: 1,000 and 3.5 are one each.
bool numbers(Chars response, const Arguments& arguments) {
  int64_t count = 0;
  bool inside = false;
  for (const char32_t c : response) {
    if (is_ascii_mark(c)) continue;
    const bool digit = is(c, kDecimal);
    count += digit && !inside;
    inside = digit;
  }
  return count == arguments.number("N");
}

bool person_names(Chars response, const Arguments& arguments) {
  const auto count = std::count_if(std::begin(kNames), std::end(kNames),
                                   [&](Chars name) { return contains(response, name); });
  return count >= arguments.number("N");
}

bool pronouns(Chars response, const Arguments& arguments) {
  std::u32string text;
  for (const char32_t c : lowered(response))
    if (c == '/') {
      text.push_back(' ');
    } else if (!is_ascii_mark(c)) {
      text.push_back(c);
    }
  int64_t count = 0;
  for (const Chars word : words_of(text)) count += is_one_of(kPronouns, word);
  return count >= arguments.number("N");
}

// Each of . , ! ? ; : and, apart from those, !? or ?! (or, without taking any away, the one
// character for both).
bool punctuation(Chars response, const Arguments&) {
  const size_t asks_first = response.find(U"?!"), shouts_first = response.find(U"!?");
  if (asks_first == kNoChar && shouts_first == kNoChar && !contains(response, U'\u203D'))
    return false;
  std::u32string text(response);
  if (asks_first != kNoChar) {
    text.erase(asks_first, 2);
  } else if (shouts_first != kNoChar) {
    text.erase(shouts_first, 2);
  }
  constexpr Chars kMarks = U".,!?;:";
  return std::all_of(kMarks.begin(), kMarks.end(), [&](char32_t c) { return contains(text, c); });
}

bool unique_word_count(Chars response, const Arguments& arguments) {
  const std::u32string text = lowered(response);
  std::set<Chars> different;
  for (const Chars word : words_of(text)) different.insert(stripped_of_marks(word));
  return static_cast<int64_t>(different.size()) >= arguments.number("N");
}

// Every Nth word is, if it is a word and no number.
bool words_japanese(Chars response, const Arguments& arguments) {
  const std::vector<Chars> words = words_of(response);
  const auto step = static_cast<uint64_t>(arguments.number("N"));
  for (uint64_t i = step; i <= words.size(); i += step) {
    const Chars word = stripped_of_marks(words[i - 1]);
    const bool is_number =
        std::all_of(word.begin(), word.end(), [](char32_t c) { return is(c, kDigit); });
    if (!is_number && std::none_of(word.begin(), word.end(), is_japanese)) return false;
  }
  return true;
}

}  // namespace amalgam::rewards::checks
