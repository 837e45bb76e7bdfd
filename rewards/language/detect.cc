#include "rewards/language/detect.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <vector>

#include "rewards/language/profiles.h"

namespace amalgam::rewards {
namespace {

// langdetect's own constants.
constexpr size_t kTextLimit = 10000;  // characters
constexpr int kTrials = 7, kMostSteps = 1000;
constexpr double kAlpha = 0.5, kAlphaWidth = 0.05, kBase = 10000;
constexpr double kConverged = 0.99999, kLikely = 0.1;
// Ours: where trials do not agree, so many come nearer to what most of its seeds say.
constexpr int kMostTrials = 7 * kTrials;

bool is_ascii_alnum(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool in_url(char32_t c) {
  return is_ascii_alnum(c) || (c < 128 && contains(Chars(U"-_.?&~;+=/#"), c));
}
bool in_domain(char32_t c) { return is_ascii_alnum(c) || c == '-' || c == '_'; }
bool in_mail(char32_t c) { return in_domain(c) || c == '.'; }

template <typename Is>
size_t run_of(Chars text, size_t begin, size_t limit, Is is_one) {
  size_t end = begin;
  while (end < text.size() && end - begin < limit && is_one(text[end])) ++end;
  return end - begin;
}

// https?://[-_.?&~;+=/#0-9A-Za-z]{1,2076} as one space.
std::u32string without_urls(Chars text) {
  std::u32string out;
  for (size_t i = 0; i < text.size();) {
    size_t size = 0;
    if (text[i] == 'h')
      for (const Chars scheme : {Chars(U"http://"), Chars(U"https://")})
        if (text.substr(i).starts_with(scheme)) {
          const size_t rest = run_of(text, i + scheme.size(), 2076, in_url);
          size = rest ? scheme.size() + rest : 0;
        }
    out.push_back(size ? U' ' : text[i]);
    i += std::max<size_t>(size, 1);
  }
  return out;
}

// [-_.0-9A-Za-z]{1,64}@[-_0-9A-Za-z]{1,255}[-_.0-9A-Za-z]{1,255} as one space.
std::u32string without_mails(Chars text) {
  std::u32string out;
  size_t copied = 0;  // characters of text that out stands for
  for (size_t at = 0; (at = text.find(U'@', at)) != kNoChar; ++at) {
    size_t begin = at;
    while (begin > copied && at - begin < 64 && in_mail(text[begin - 1])) --begin;
    const size_t domain = run_of(text, at + 1, 255, in_domain);
    const size_t rest = run_of(text, at + 1 + domain, 255, in_mail);
    // The second part takes the last character of the first if nothing else is left for it.
    if (begin == at || domain == 0 || (rest == 0 && domain < 2)) continue;
    out += text.substr(copied, begin - copied);
    out.push_back(' ');
    copied = at + 1 + domain + rest;
    at = copied - 1;
  }
  out += text.substr(copied);
  return out;
}

std::u32string with_vietnamese_letters(Chars text, const Profiles& profiles) {
  std::u32string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool marked = i + 1 < text.size() && text[i + 1] >= 0x300 && text[i + 1] <= 0x323;
    const char32_t letter = marked ? profiles.with_mark(text[i], text[i + 1]) : U'\0';
    out.push_back(letter ? letter : text[i]);
    i += letter != 0;
  }
  return out;
}

// The first of its characters, runs of spaces as one, and without Latin letters where most are
// others.
std::u32string cleaned(Chars text, const Profiles& profiles) {
  const std::u32string all = with_vietnamese_letters(without_mails(without_urls(text)), profiles);
  std::u32string out;
  size_t latin = 0, others = 0;
  for (size_t i = 0; i < std::min(all.size(), kTextLimit); ++i) {
    if (all[i] == ' ' && i > 0 && all[i - 1] == ' ') continue;
    out.push_back(all[i]);
    latin += all[i] >= 'A' && all[i] <= 'z';
    others += all[i] >= 0x300;
  }
  if (latin * 2 < others) std::erase_if(out, [](char32_t c) { return c >= 'A' && c <= 'z'; });
  return out;
}

// What the profiles count a character as.
char32_t normalized(char32_t c, const Profiles& profiles) {
  if (c < 0x80) return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ? c : U' ';
  if (c < 0x100) return c == 0xA0 || c == 0xAB || c == 0xB0 || c == 0xBB ? U' ' : c;
  if (c == 0x219) return 0x15F;  // Romanian letters with a comma as with a cedilla
  if (c == 0x21B) return 0x163;
  if (c == 0x6CC) return 0x64A;                   // Farsi yeh
  if (c >= 0x1EA0 && c <= 0x1EFF) return 0x1EC3;  // Vietnamese
  if (c >= 0x2000 && c <= 0x206F) return U' ';    // General Punctuation
  if (c >= 0x3040 && c <= 0x309F) return 0x3042;  // Hiragana
  if (c >= 0x30A0 && c <= 0x30FF) return 0x30A2;  // Katakana
  if ((c >= 0x3100 && c <= 0x312F) || (c >= 0x31A0 && c <= 0x31BF)) return 0x3105;  // Bopomofo
  if (c >= 0x4E00 && c <= 0x9FFF) return profiles.representative(c);
  if (c >= 0xAC00 && c <= 0xD7AF) return 0xAC00;  // Hangul
  return c;
}

// The runs of one to three characters that any profile has, not in words in capitals.
std::vector<uint32_t> grams_of(Chars text, const Profiles& profiles) {
  std::vector<uint32_t> grams;
  std::u32string window = U" ";
  bool in_capitals = false;
  for (const char32_t raw : text) {
    const char32_t c = normalized(raw, profiles), last = window.back();
    if (last == ' ') {
      window = U" ";
      in_capitals = false;
    } else if (window.size() >= 3) {
      window.erase(0, 1);
    }
    if (last != ' ' || c != ' ') {
      window.push_back(c);
      if (!is(c, kUpper)) {
        in_capitals = false;
      } else if (is(last, kUpper)) {
        in_capitals = true;
      }
    }
    if (in_capitals) continue;
    for (size_t n = 1; n <= window.size(); ++n) {
      const Chars gram = Chars(window).substr(window.size() - n);
      const uint32_t found = gram == U" " ? Profiles::kNone : profiles.find(gram);
      if (found != Profiles::kNone) grams.push_back(found);
    }
  }
  return grams;
}

// SplitMix64 (Steele, Lea, Flood 2014).
class Stream {
 public:
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  // Nearly normal: the sum of twelve uniform numbers, which needs no function that machines differ
  // in.
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(next() >> 11) * 0x1p-53;
    return sum;
  }

 private:
  uint64_t state_ = 0;
};

// Makes the sum 1; gives the largest.
double normalize(std::vector<double>& p) {
  double sum = 0, largest = 0;
  for (const double x : p) sum += x;
  for (double& x : p) largest = std::max(largest, x /= sum);
  return largest;
}

// P(language | random runs): each run multiplies a language's by its share of that run plus alpha /
// 10000.
std::vector<double> trial(const std::vector<uint32_t>& grams, const Profiles& profiles,
                          Stream& stream) {
  const size_t languages = profiles.names().size();
  std::vector<double> p(languages, 1.0 / static_cast<double>(languages));
  const double floor = (kAlpha + stream.normal() * kAlphaWidth) / kBase;
  for (int step = 0;; ++step) {
    const auto shares = profiles.shares(grams[stream.below(grams.size())]);
    auto share = shares.begin();
    for (size_t language = 0; language < languages; ++language) {
      const bool has = share != shares.end() && share->language == language;
      p[language] *= floor + (has ? share->share : 0.0);
      if (has) ++share;
    }
    if (step % 5 == 0 && (normalize(p) > kConverged || step >= kMostSteps)) return p;
  }
}

size_t largest_of(const std::vector<double>& p) {
  return static_cast<size_t>(std::max_element(p.begin(), p.end()) - p.begin());
}

}  // namespace

std::optional<std::string_view> language_of(Chars text) {
  const Profiles& profiles = Profiles::get();
  const std::vector<uint32_t> grams = grams_of(cleaned(text, profiles), profiles);
  if (grams.empty()) return std::nullopt;
  Stream stream;
  std::vector<double> sum(profiles.names().size());
  std::set<size_t> found;
  int trials = 0;
  while (trials < kTrials || (found.size() > 1 && trials < kMostTrials)) {
    const std::vector<double> p = trial(grams, profiles, stream);
    for (size_t k = 0; k < sum.size(); ++k) sum[k] += p[k];
    found.insert(largest_of(p));
    ++trials;
  }
  const size_t best = largest_of(sum);
  if (sum[best] <= kLikely * trials) return "unknown";
  return profiles.names()[best];
}

bool is_known_language(std::string_view name) {
  const auto& names = Profiles::get().names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace amalgam::rewards
