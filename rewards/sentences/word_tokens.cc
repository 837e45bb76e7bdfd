#include "rewards/sentences/word_tokens.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "rewards/sentences/punkt.h"
#include "rewards/sentences/rewriter.h"

namespace amalgam::rewards {
namespace {

// One sentence on its way through the rules, each of which reads all of it and writes it anew. The
// order of the rules is theirs, and some see the spaces that others put there.
class Treebank : Rewriter {
 public:
  explicit Treebank(Chars sentence) {
    text_ = sentence;
    for (const char32_t c : sentence) note(c);
  }

  std::vector<std::u32string> tokens() && {
    opening_quotes();
    marks();
    // An extra space makes both ends look like any other place.
    text_.insert(0, 1, ' ');
    text_.push_back(' ');
    closing_quotes();
    contractions();
    std::vector<std::u32string> tokens;
    for (const Chars word : words_of(text_)) tokens.emplace_back(word);
    return tokens;
  }

 private:
  bool is_word(size_t i) const { return i < text_.size() && is(text_[i], kRegexWord); }
  void note(char32_t c) {
    if (c < seen_.size()) seen_[c] = true;
    has_others_ |= c >= seen_.size();
  }
  bool has(char c) const { return seen_[static_cast<size_t>(c)]; }

  size_t pad(size_t i, size_t size) {
    out_.push_back(' ');
    out_.append(text_, i, size);
    out_.push_back(' ');
    return size;
  }
  size_t put(Chars to, size_t taken) {
    out_ += to;
    return taken;
  }
  // Spaces around each of these characters.
  void pad_each(Chars of) {
    if (text_.find_first_of(of) == kNoChar) return;
    rewrite([&](size_t i) { return contains(of, text_[i]) ? pad(i, 1) : 0; });
  }
  // The length of the run of equal characters at i.
  size_t run(size_t i) const {
    size_t end = i;
    while (end < text_.size() && text_[end] == text_[i]) ++end;
    return end - i;
  }

  void opening_quotes() {
    if (has('`') || has_others_)
      rewrite([&](size_t i) -> size_t {
        if (text_[i] == '`') return pad(i, run(i));
        return contains(Chars(U"\u00ab\u201c\u2018\u201e"), text_[i]) ? pad(i, 1) : 0;
      });
    if (has('"')) {
      if (text_.starts_with('"')) text_.replace(0, 1, U"``");
      note('`');
    }
    if (has('`'))
      rewrite(
          [&](size_t i) -> size_t { return Chars(text_).substr(i, 2) == U"``" ? pad(i, 2) : 0; });
    if (has('"') || has('\''))
      rewrite([&](size_t i) -> size_t {
        if (!contains(Chars(U" ([{<"), text_[i])) return 0;
        const Chars after = Chars(text_).substr(i + 1);
        const size_t quote = after.starts_with(U'"') ? 1 : after.starts_with(U"''") ? 2 : 0;
        if (quote == 0) return 0;
        out_.push_back(text_[i]);
        note('`');
        return put(U" `` ", 1 + quote);
      });
    if (has('\''))
      rewrite([&](size_t i) -> size_t {
        if (text_[i] != '\'' || !is_word(i + 1) || (i > 0 && is_word(i - 1)) || is_clitic(i + 1))
          return 0;
        return put(U"' ", 1);
      });
  }

  // re, ve, ll, m, t, s, d or n as a whole word, in any case.
  bool is_clitic(size_t i) const {
    for (const Chars clitic : {Chars(U"re"), Chars(U"ve"), Chars(U"ll"), Chars(U"m"), Chars(U"t"),
                               Chars(U"s"), Chars(U"d"), Chars(U"n")})
      if (same_letters(i, clitic) && !is_word(i + clitic.size())) return true;
    return false;
  }
  bool same_letters(size_t i, Chars small) const {
    if (i + small.size() > text_.size()) return false;
    for (size_t k = 0; k < small.size(); ++k)
      if (fold(text_[i + k]) != fold(small[k])) return false;
    return true;
  }

  // The last period, if only closing characters of this set and spaces follow: apart from the word
  // before it.
  void final_period(Chars closers, bool apart_from_closers) {
    const size_t dot = text_.rfind(U'.');
    if (dot == kNoChar || dot == 0 || text_[dot - 1] == '.') return;
    size_t end = dot + 1;
    while (end < text_.size() && contains(closers, text_[end])) ++end;
    for (size_t i = end; i < text_.size(); ++i)
      if (!is(text_[i], kRegexSpace)) return;
    const std::u32string close = text_.substr(dot + 1, end - dot - 1);
    text_.resize(dot);
    text_ += apart_from_closers ? U" . " : U" .";
    text_ += close;
    text_.push_back(' ');
  }

  void marks() {
    if (has('.')) final_period(U"])}>\"' \u00bb\u201d\u2019", true);
    if (has(':') || has(',')) {
      rewrite([&](size_t i) -> size_t {
        if ((text_[i] != ':' && text_[i] != ',') || i + 1 == text_.size() ||
            is(text_[i + 1], kDecimal))
          return 0;
        out_.push_back(' ');
        out_.push_back(text_[i]);
        out_.push_back(' ');
        out_.push_back(text_[i + 1]);
        return 2;
      });
      const size_t last = text_.size() - (text_.ends_with('\n') ? 2 : 1);
      if (last < text_.size() && (text_[last] == ':' || text_[last] == ','))
        text_.replace(last, 1, {' ', text_[last], ' '});
    }
    if (has('.'))
      rewrite([&](size_t i) { return text_[i] == '.' && run(i) >= 2 ? pad(i, run(i)) : 0; });
    pad_each(U";@#$%&");
    if (has_others_) pad_each(U"\u2012\u2013\u2014\u2015");
    if (has('.')) final_period(U"])}>\"'", false);
    pad_each(U"?!");
    if (has('\''))
      rewrite([&](size_t i) -> size_t {
        if (text_[i] == '\'' || Chars(text_).substr(i + 1, 2) != U"' ") return 0;
        out_.push_back(text_[i]);
        return put(U" ' ", 3);
      });
    pad_each(U"*");
    pad_each(U"][(){}<>");
    if (has('-'))
      rewrite(
          [&](size_t i) -> size_t { return Chars(text_).substr(i, 2) == U"--" ? pad(i, 2) : 0; });
  }

  void closing_quotes() {
    if (has_others_) pad_each(U"\u00bb\u201d\u2019");
    if (has('\''))
      rewrite(
          [&](size_t i) -> size_t { return Chars(text_).substr(i, 2) == U"''" ? pad(i, 2) : 0; });
    if (has('"'))
      rewrite([&](size_t i) -> size_t { return text_[i] == '"' ? put(U" '' ", 1) : 0; });
    if (!has('\'')) return;  // the rest is about what stands before a single space
    rewrite([&](size_t i) -> size_t {
      size_t end = i;
      while (end < text_.size() && is(text_[end], kRegexSpace)) ++end;
      return end > i ? put(U" ", end - i) : 0;
    });
    split_ending({U"'s", U"'S", U"'m", U"'M", U"'d", U"'D", U"'"});
    split_ending({U"'ll", U"'LL", U"'re", U"'RE", U"'ve", U"'VE", U"n't", U"N'T"});
  }
  // A space between a word and one of these endings, where a space follows.
  void split_ending(std::initializer_list<Chars> endings) {
    rewrite([&](size_t i) -> size_t {
      if (text_[i] == '\'' || text_[i] == ' ') return 0;
      const Chars after = Chars(text_).substr(i + 1);
      for (const Chars ending : endings) {
        if (!after.starts_with(ending) || after.substr(ending.size(), 1) != U" ") continue;
        out_.push_back(text_[i]);
        out_.push_back(' ');
        out_ += ending;
        return put(U" ", ending.size() + 2);
      }
      return 0;
    });
  }

  // Words that are two: cannot, gimme, 'tis.
  void contractions() {
    struct Pair {
      Chars first, second;
    };
    static constexpr std::array<Pair, 8> kPairs = {{{U"can", U"not"},
                                                    {U"d", U"'ye"},
                                                    {U"gim", U"me"},
                                                    {U"gon", U"na"},
                                                    {U"got", U"ta"},
                                                    {U"lem", U"me"},
                                                    {U"more", U"'n"},
                                                    {U"wan", U"na"}}};
    const auto at_word = [&](size_t k) { return k < text_.size() && is(text_[k], kWord); };
    rewrite([&](size_t i) -> size_t {
      const char32_t first = fold(text_[i]);
      if (!contains(Chars(U"cdglmw"), first) || (i > 0 && at_word(i - 1))) return 0;
      for (const Pair& pair : kPairs) {
        const size_t size = pair.first.size() + pair.second.size();
        if (!same_letters(i, pair.first) || !same_letters(i + pair.first.size(), pair.second))
          continue;
        // wanna must be followed by a space.
        const bool ends = pair.first[0] == 'w'
                              ? i + size < text_.size() && is(text_[i + size], kSpace)
                              : !at_word(i + size);
        if (ends) return split_pair(i, pair.first.size(), size);
      }
      return 0;
    });
    if (!has('\'')) return;
    for (const Chars second : {Chars(U"is"), Chars(U"was")})
      rewrite([&](size_t i) -> size_t {
        const size_t size = 2 + second.size();
        if (text_[i] != ' ' || !same_letters(i + 1, U"'t") || !same_letters(i + 3, second) ||
            at_word(i + 1 + size))
          return 0;
        return 1 + split_pair(i + 1, 2, size);
      });
  }
  size_t split_pair(size_t i, size_t first, size_t size) {
    pad(i, first);
    out_.append(text_, i + first, size - first);
    out_.push_back(' ');
    return size;
  }

  std::array<bool, 128> seen_ =
      {};  // ASCII characters that occur; others only add spaces and quotes
  bool has_others_ = false;
};

}  // namespace

std::vector<std::u32string> word_tokens(Chars text) {
  std::vector<std::u32string> tokens;
  for (const Chars sentence : punkt_sentences(text))
    for (std::u32string& token : Treebank(sentence).tokens()) tokens.push_back(std::move(token));
  return tokens;
}

}  // namespace amalgam::rewards
