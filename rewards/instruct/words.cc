#include <algorithm>
#include <map>
#include <set>

#include "rewards/instruct/checks.h"

namespace amalgam::rewards::checks {
namespace {

bool is_consonant(char32_t c) { return c >= 'a' && c <= 'z' && !contains(Chars(U"aeiou"), c); }
bool is_small_letter(char32_t c) { return c >= 'a' && c <= 'z'; }

bool has_cluster(Chars word) {
  for (size_t i = 0; i + 1 < word.size(); ++i)
    if (is_consonant(word[i]) && is_consonant(word[i + 1])) return true;
  return false;
}

bool is_prime(size_t n) {
  for (size_t d = 2; d * d <= n; ++d)
    if (n % d == 0) return false;
  return n > 1;
}

// In lower case, without marks.
std::u32string plain(Chars text) { return without_marks(lowered(text)); }

}  // namespace

// Each word begins with the letter after the one before's.
bool alphabet(Chars response, const Arguments&) {
  const std::u32string text = without_marks(response);
  const std::vector<Chars> words = words_of(text);
  if (words.empty()) return false;
  const std::u32string first = lowered(words[0].substr(0, 1));
  if (first.size() > 1 || !is_small_letter(first[0])) return false;
  char32_t wanted = first[0];
  for (size_t i = 1; i < words.size(); ++i) {
    wanted = wanted == 'z' ? U'a' : wanted + 1;
    if (lowered(words[i])[0] != wanted) return false;
  }
  return true;
}

// Every word has two next to each other.
bool consonants(Chars response, const Arguments&) {
  const std::u32string text = lowered(response);
  const std::vector<Chars> words = words_of(text);
  return std::all_of(words.begin(), words.end(), has_cluster);
}

bool no_consecutive(Chars response, const Arguments&) {
  const std::u32string text = plain(response);
  const std::vector<Chars> words = words_of(text);
  for (size_t i = 0; i + 1 < words.size(); ++i)
    if (words[i][0] == words[i + 1][0]) return false;
  return true;
}

// Ten, of five characters or more; the same one may stand again.
bool palindrome(Chars response, const Arguments&) {
  const std::u32string text = lowered(without_marks(response));
  const std::vector<Chars> words = words_of(text);
  return std::count_if(words.begin(), words.end(), [](Chars word) {
           return word.size() >= 5 && std::equal(word.begin(), word.end(), word.rbegin());
         }) >= 10;
}

// Every word's length is one, below 100.
bool prime_lengths(Chars response, const Arguments&) {
  const std::u32string text = without_marks(response);
  const std::vector<Chars> words = words_of(text);
  return std::all_of(words.begin(), words.end(),
                     [](Chars word) { return word.size() < 100 && is_prime(word.size()); });
}

bool repeats(Chars response, const Arguments& arguments) {
  const std::u32string text = plain(response);
  std::map<Chars, int64_t> count;
  for (const Chars word : words_of(text))
    if (++count[word] > arguments.number("small_n")) return false;
  return true;
}

// One line with at most three different ones.
bool vowel(Chars response, const Arguments&) {
  const Chars text = stripped(response);
  if (contains(text, U'\n')) return false;
  std::set<char32_t> found;
  for (const char32_t c : lowered(text))
    if (contains(Chars(U"aeiou"), c)) found.insert(c);
  return found.size() <= 3;
}

}  // namespace amalgam::rewards::checks
