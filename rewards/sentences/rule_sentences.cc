#include "rewards/sentences/rule_sentences.h"

#include <algorithm>
#include <initializer_list>

#include "rewards/sentences/rewriter.h"

namespace amalgam::rewards {
namespace {

// Stand for a period that ends no sentence, and for the end of one. No text has them: they are no
// characters.
constexpr char32_t kPeriod = 0x110000, kEnd = 0x110001;

constexpr Chars kBeginnings[] = {U"Mr",      U"Mrs",     U"Ms",   U"Dr",    U"Prof",      U"Capt",
                                 U"Cpt",     U"Lt",      U"He\1", U"She\1", U"It\1",      U"They\1",
                                 U"Their\1", U"Our\1",   U"We\1", U"But\1", U"However\1", U"That\1",
                                 U"This\1",  U"Wherever"};  // \1: any space

bool is_ascii_letter(char32_t c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_ascii_capital(char32_t c) { return c >= 'A' && c <= 'Z'; }
bool is_ascii_digit(char32_t c) { return c >= '0' && c <= '9'; }

// A text on its way through the rules, in their order; what one rule takes it takes once.
class Splitter : Rewriter {
 public:
  explicit Splitter(Chars text) {
    text_.reserve(text.size() + 3);
    text_ += U" ";
    for (const char32_t c : text) text_.push_back(c == '\n' ? U' ' : c);
    text_ += U"  ";
    replace(U"<prd>", Chars(&kPeriod, 1));
    replace(U"<stop>", Chars(&kEnd, 1));
  }

  std::vector<std::u32string> sentences() && {
    if (text_.find(U'.') != kNoChar) periods();
    quotes();
    const std::u32string marked = ends();
    std::vector<std::u32string> sentences;
    for (const Chars part : split_at(marked, Chars(&kEnd, 1)))
      sentences.emplace_back(stripped(part));
    if (sentences.back().empty()) sentences.pop_back();
    return sentences;
  }

 private:
  char32_t at(size_t i) const { return i < text_.size() ? text_[i] : U'\0'; }
  bool letter_and_period(size_t i) const { return is_ascii_letter(at(i)) && at(i + 1) == '.'; }
  // The size of the first of these words that stands at i with a period behind it; 0: none.
  size_t word_and_period(size_t i, std::initializer_list<Chars> words) const {
    for (const Chars word : words)
      if (Chars(text_).substr(i).starts_with(word) && at(i + word.size()) == '.')
        return word.size();
    return 0;
  }
  size_t beginning(size_t i) const {
    for (const Chars word : kBeginnings) {
      const bool then_space = word.back() == U'\1';
      const Chars letters = word.substr(0, word.size() - then_space);
      if (Chars(text_).substr(i).starts_with(letters) &&
          (!then_space || is(at(i + letters.size()), kSpace)))
        return word.size();
    }
    return 0;
  }

  void replace(Chars from, Chars to) {
    if (text_.find(from) != kNoChar) text_ = replaced(text_, from, to);
  }
  // Copies [i, i + size) with its periods as kPeriod.
  size_t keep(size_t i, size_t size) {
    for (size_t k = i; k < i + size; ++k) out_.push_back(text_[k] == '.' ? kPeriod : text_[k]);
    return size;
  }
  // Copies size characters, then an end instead of the space behind them, a space and the beginning
  // of a sentence.
  size_t break_after(size_t i, size_t size, size_t next) {
    out_.append(text_, i, size);
    out_.push_back(kEnd);
    out_.push_back(' ');
    out_.append(text_, i + size + 1, next);
    return size + 1 + next;
  }

  void periods() {
    rewrite([&](size_t i) -> size_t {
      const size_t title = word_and_period(i, {U"Mr", U"St", U"Mrs", U"Ms", U"Dr"});
      return title ? keep(i, title + 1) : 0;
    });
    rewrite([&](size_t i) -> size_t {
      if (text_[i] != '.') return 0;
      for (const Chars site : {Chars(U"com"), Chars(U"net"), Chars(U"org"), Chars(U"io"),
                               Chars(U"gov"), Chars(U"edu"), Chars(U"me")})
        if (Chars(text_).substr(i + 1).starts_with(site)) return keep(i, 1 + site.size());
      return 0;
    });
    rewrite([&](size_t i) -> size_t {
      return is_ascii_digit(text_[i]) && at(i + 1) == '.' && is_ascii_digit(at(i + 2)) ? keep(i, 3)
                                                                                       : 0;
    });
    rewrite([&](size_t i) -> size_t {
      size_t end = i;
      while (at(end) == '.') ++end;
      if (end - i < 2) return 0;
      keep(i, end - i);
      out_.push_back(kEnd);
      return end - i;
    });
    replace(U"Ph.D.", std::u32string{U'P', U'h', kPeriod, U'D', kPeriod});
    initials();
    companies();
    rewrite([&](size_t i) -> size_t {
      return text_[i] == ' ' && letter_and_period(i + 1) ? keep(i, 3) : 0;
    });
  }

  void initials() {
    rewrite([&](size_t i) -> size_t {
      if (!is(text_[i], kSpace) || !letter_and_period(i + 1) || at(i + 3) != ' ') return 0;
      out_.push_back(' ');
      keep(i + 1, 3);
      return 4;
    });
    rewrite([&](size_t i) -> size_t {  // A.B. or A.B.C. before a beginning
      const auto capital = [&](size_t k) { return is_ascii_capital(at(k)) && at(k + 1) == '.'; };
      if (!capital(i) || !capital(i + 2)) return 0;
      for (const size_t size : {capital(i + 4) ? 6 : 4, 4}) {
        const size_t next = at(i + size) == ' ' ? beginning(i + size + 1) : 0;
        if (next) return break_after(i, size, next);
      }
      return 0;
    });
    for (const size_t letters : {3, 2})
      rewrite([&](size_t i) -> size_t {
        for (size_t k = 0; k < letters; ++k)
          if (!letter_and_period(i + 2 * k)) return 0;
        return keep(i, 2 * letters);
      });
  }

  void companies() {
    const auto company = [&](size_t i) -> size_t {
      return text_[i] == ' ' ? word_and_period(i + 1, {U"Inc", U"Ltd", U"Jr", U"Sr", U"Co"}) : 0;
    };
    rewrite([&](size_t i) -> size_t {
      const size_t size = company(i);
      if (size == 0 || at(i + size + 2) != ' ') return 0;
      const size_t next = beginning(i + size + 3);
      if (next == 0) return 0;
      // Without its period.
      out_.append(text_, i, size + 1);
      out_.push_back(kEnd);
      out_.push_back(' ');
      out_.append(text_, i + size + 3, next);
      return size + 3 + next;
    });
    rewrite([&](size_t i) -> size_t {
      const size_t size = company(i);
      return size ? keep(i, size + 2) : 0;
    });
  }

  // A quote that closes behind a mark moves before it.
  void quotes() {
    replace(U".\u201d", U"\u201d.");
    replace(U".\"", U"\".");
    replace(U"!\"", U"\"!");
    replace(U"?\"", U"\"?");
  }

  std::u32string ends() const {
    std::u32string marked;
    marked.reserve(text_.size() + 16);
    for (const char32_t c : text_) {
      marked.push_back(c == kPeriod ? U'.' : c);
      if (c == '.' || c == '?' || c == '!') marked.push_back(kEnd);
    }
    return marked;
  }
};

}  // namespace

std::vector<std::u32string> rule_sentences(Chars text) { return Splitter(text).sentences(); }

}  // namespace amalgam::rewards
