#include "rewards/math/final_answer.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "rewards/math/boxes.h"
#include "rewards/math/exact.h"
#include "rewards/math/last_number.h"
#include "rewards/math/last_of.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kTailBytes = 2000;  // of a text without a marker that are looked at
constexpr size_t kLineBytes = 60000;

bool is_space_char(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space_char(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space_char(text.back())) text.remove_suffix(1);
  return text;
}

bool equals_ignoring_case(std::string_view text, size_t at, std::string_view lower) {
  if (at + lower.size() > text.size()) return false;
  for (size_t i = 0; i < lower.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(text[at + i])) != lower[i]) return false;
  return true;
}

// Where what follows "answer" at `at` begins, if that is a marker; npos otherwise.
size_t behind_marker(std::string_view text, size_t at) {
  if (at > 0 && text[at - 1] == '/') return std::string_view::npos;  // </answer>
  size_t i = at + 6;
  const auto skip = [&](std::string_view any) {
    while (i < text.size() && any.find(text[i]) != std::string_view::npos) ++i;
  };
  if (i < text.size() && (text[i] == 's' || text[i] == 'S')) ++i;
  if (i < text.size() && text[i] == '>') return i + 1;
  const size_t word_end = i;
  skip("* \t");
  if (i < text.size() && (text[i] == ':' || text[i] == '=')) {
    ++i;
  } else if (i > word_end &&
             (equals_ignoring_case(text, i, "is") || equals_ignoring_case(text, i, "are"))) {
    i += equals_ignoring_case(text, i, "is") ? 2 : 3;
    if (i < text.size() && std::isalpha(static_cast<unsigned char>(text[i])))
      return std::string_view::npos;
  } else if (i < text.size() && text[i] == '\n' && at >= 6 &&
             equals_ignoring_case(text, at - 6, "final ")) {
    // A heading
  } else {
    return std::string_view::npos;
  }
  skip(": *\t\n\r");
  return i;
}

// Where the answer after the last marker begins; npos: there is no marker.
size_t answer_begin(std::string_view text) {
  // The last "####" with something behind it.
  size_t hashes = last_of(text, '#');
  if (hashes != std::string_view::npos) hashes = text.rfind("####");
  constexpr int kMaxEmpty = 16;
  for (int i = 0; hashes != std::string_view::npos && is_blank(text.substr(hashes + 4)); ++i) {
    const size_t other = text.find_last_not_of("# \t\r\n", hashes);
    hashes = i == kMaxEmpty || other == std::string_view::npos ? other : text.rfind("####", other);
    if (i == kMaxEmpty) return std::string_view::npos;
  }
  const size_t earliest = hashes == std::string_view::npos ? 0 : hashes + 4;
  size_t lower = last_of(text, 'w'), upper = last_of(text, 'W');
  for (;;) {
    const bool none_lower = lower == std::string_view::npos,
               none_upper = upper == std::string_view::npos;
    if (none_lower && none_upper) break;
    const size_t i = none_lower ? upper : none_upper ? lower : std::max(lower, upper);
    if (i < earliest + 3) break;
    (text[i] == 'w' ? lower : upper) = last_of(text, text[i], i);
    if (!equals_ignoring_case(text, i - 3, "answer")) continue;
    const size_t begin = behind_marker(text, i - 3);
    if (begin == std::string_view::npos) continue;
    const size_t tail = std::min<size_t>(text.size() - std::min(begin, text.size()), 400);
    if (begin < text.size() && !is_blank(text.substr(begin, tail))) return begin;
  }
  return hashes == std::string_view::npos ? hashes : earliest;
}

struct Delimiters {
  std::string_view open, close;
};
constexpr Delimiters kDelimiters[] = {{"$$", "$$"}, {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"}};

// The formula that begins at `at` and where it ends; an empty one: none begins there.
std::string_view formula_at(std::string_view text, size_t at, size_t* behind) {
  for (const Delimiters& d : kDelimiters) {
    if (text.substr(at, d.open.size()) != d.open) continue;
    size_t close = at + d.open.size();
    while ((close = text.find(d.close, close)) != std::string_view::npos &&
           text[close - 1] == '\\' && d.close[0] == '$')
      ++close;
    if (close == std::string_view::npos) return {};
    *behind = close + d.close.size();
    return text.substr(at + d.open.size(), close - at - d.open.size());
  }
  return {};
}

// The last formula of a text and what follows it.
std::optional<std::pair<std::string_view, std::string_view>> last_formula(std::string_view text) {
  std::optional<std::pair<std::string_view, std::string_view>> last;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == '$') {
      i += 2;
      continue;
    }
    size_t behind = 0;
    const std::string_view formula =
        text[i] == '$' || text[i] == '\\' ? formula_at(text, i, &behind) : std::string_view();
    if (behind > 0) {
      if (!trimmed(formula).empty()) last = {formula, text.substr(behind)};
      i = behind;
    } else {
      ++i;
    }
  }
  return last;
}

// The first sentence: up to a full stop that ends it, or to words that begin an explanation.
std::string_view first_sentence(std::string_view text) {
  constexpr std::string_view kExplanations[] = {
      ", as ",     ", since ", ", because ", ", which ", ", so ",     ", where ", ", not ",
      " because ", " since ",  ", when ",    ", for ",   ", and so ", ", but ",   ", with "};
  size_t end = text.size();
  for (const std::string_view words : kExplanations) end = std::min(end, text.find(words));
  for (size_t i = 0; i + 1 < end; ++i) {
    if (text[i] == '.' && is_space_char(text[i + 1])) {
      size_t next = i + 1;
      while (next < text.size() && is_space_char(text[next])) ++next;
      if (next == text.size() || std::isupper(static_cast<unsigned char>(text[next]))) end = i;
    } else if (text[i] == '(' && i > 0 && text[i - 1] == ' ' &&
               std::islower(static_cast<unsigned char>(text[i + 1])) && i + 4 < text.size() &&
               std::islower(static_cast<unsigned char>(text[i + 2])) &&
               std::islower(static_cast<unsigned char>(text[i + 3]))) {
      end = i;  // "1024 (checked)"
    }
  }
  return trimmed(text.substr(0, end));
}

bool has_text_inside(const Node& node) {
  return node.is(Kind::kText) || std::any_of(node.args.begin(), node.args.end(), has_text_inside);
}

// A formula, a list of them, or words alone: not a sentence with a number in it.
bool is_answer(const Reading& reading) {
  if (date_of(reading.words) || time_of(reading.words)) return true;
  if (!reading.tree) return false;
  const Node& tree = *reading.tree;
  if (tree.is(Kind::kList))
    return std::none_of(tree.args.begin(), tree.args.end(),
                        [](const Node& item) {
                          return has_text_inside(item) && !item.is(Kind::kRelation);
                        }) ||
           std::all_of(tree.args.begin(), tree.args.end(),
                       [](const Node& item) { return item.is(Kind::kText); });
  return true;
}

// "8-5", "17*3": arithmetic that nobody did. As an answer without any marker it would let the
// question's own words be rewarded.
bool is_undone_arithmetic(const Node& node) {
  if (!node.is(Kind::kSum) && !node.is(Kind::kProduct) && !node.is(Kind::kPower)) return false;
  if (!exact_value(node)) return false;
  const auto is_number = [](const Node& n) { return n.is(Kind::kNumber); };
  if (node.is(Kind::kProduct) && node.args.size() == 2 && is_number(node.args[0]) &&
      (is_number(node.args[1]) ? node.args[0] == number(-1)
                               : node.args[1].is(Kind::kPower) && is_number(node.args[1].args[0])))
    return false;  // a fraction
  return true;
}

std::optional<Reading> read_number_of(std::string_view text) {
  const auto number = last_number(text);
  if (!number) return std::nullopt;
  return read(*number);
}

bool denies(std::string_view text) {
  for (size_t i = 0; i + 3 <= text.size(); ++i) {
    if (!equals_ignoring_case(text, i, "not")) continue;
    const bool begins = i == 0 || !std::isalpha(static_cast<unsigned char>(text[i - 1]));
    if (begins && (i + 3 == text.size() || !std::isalpha(static_cast<unsigned char>(text[i + 3]))))
      return true;
  }
  return false;
}

std::optional<Reading> read_marked(std::string_view tail) {
  size_t behind = 0;
  const std::string_view formula = formula_at(tail, 0, &behind);
  if (behind > 0 && trimmed(formula).empty()) return std::nullopt;
  std::string_view line = tail;
  if (behind == 0 || tail.substr(0, behind).find('\n') == std::string_view::npos)
    line = tail.substr(0, tail.find('\n'));
  line = line.substr(0, line.find("</answer>"));
  const std::string_view sentence = first_sentence(line);
  Reading whole = read(sentence);
  if (is_answer(whole)) return whole;
  if (behind > 0 && !denies(sentence.substr(std::min(behind, sentence.size())))) {
    // "$15$, which …": another formula behind the first one would be a list, read above.
    Reading first = read(formula);
    const auto last = last_formula(sentence);
    const bool only = !last || last->first.data() == formula.data();
    if (first.tree && only) return first;
  }
  if (denies(sentence)) return whole;
  if (has_one_number(sentence))
    if (auto number = read_number_of(sentence)) return number;
  return whole;
}

std::string_view last_sentence(std::string_view text) {
  text = trimmed(text);
  size_t begin = text.size();
  while (begin > 0 && text[begin - 1] != '\n' &&
         !(text[begin - 1] == '.' && begin < text.size() && is_space_char(text[begin])))
    --begin;
  return trimmed(text.substr(begin));
}

// What follows the last "is", "are", "equals", "=" or ":" of a sentence.
std::string_view last_clause(std::string_view sentence) {
  size_t begin = 0;
  for (const std::string_view word : {" is ", " are ", " equals ", " be ", ": ", " at "}) {
    const size_t at = sentence.rfind(word);
    if (at != std::string_view::npos) begin = std::max(begin, at + word.size());
  }
  return trimmed(sentence.substr(begin));
}

std::optional<Reading> read_unmarked(std::string_view text) {
  // "There are 11 values, not 12."
  const size_t denial = text.rfind(", not ");
  const bool at_end = denial != std::string_view::npos && denial > 0 &&
                      text.find_first_of(".\n", denial) >= text.size() - 1;
  const std::string_view tail = at_end ? text.substr(0, denial) : text;
  const auto acceptable = [](const Reading& reading) {
    return is_answer(reading) && !(reading.tree && is_undone_arithmetic(*reading.tree));
  };
  if (const auto formula = last_formula(tail)) {
    if (!last_number(formula->second)) {
      // "The solutions are $x=2$ and $x=3$."
      if (Reading reading = read(last_clause(last_sentence(tail)));
          reading.tree && reading.tree->is(Kind::kList) && is_answer(reading))
        return reading;
      if (Reading reading = read(formula->first); reading.tree) return reading;
    }
  }
  const size_t bold_end = tail.rfind("**");
  const size_t bold = bold_end == std::string_view::npos || bold_end < 3
                          ? bold_end
                          : tail.rfind("**", bold_end - 1);
  if (bold != std::string_view::npos && bold + 2 < bold_end &&
      !last_number(tail.substr(bold_end))) {
    Reading reading = read(tail.substr(bold + 2, bold_end - bold - 2));
    if (acceptable(reading)) return reading;
  }
  const std::string_view line = trimmed(tail.substr(tail.rfind('\n') + 1));
  constexpr size_t kMaxFormula = 300;
  if (line.size() <= kMaxFormula) {
    Reading whole = read(line);
    if (acceptable(whole)) return whole;
    const std::string_view clause = last_clause(last_sentence(line));
    Reading last = read(clause);
    if (clause.size() < line.size() && acceptable(last)) return last;
  }
  if (!denies(last_sentence(tail)))
    if (auto number = read_number_of(tail)) return number;
  Reading words = read(line);
  if (words.words.empty()) return std::nullopt;
  return words;
}

}  // namespace

FinalAnswer find_answer(std::string_view solution) {
  FinalAnswer found;
  Boxes boxes = last_boxes(solution);
  if (!boxes.contents.empty()) {
    found.where = FinalAnswer::Where::kBoxes;
    found.texts = std::move(boxes.contents);
    return found;
  }
  const size_t begin = answer_begin(solution);
  if (begin != std::string_view::npos) {
    const std::string_view tail = trimmed(solution.substr(begin, kLineBytes));
    if (!tail.empty() && !is_blank(tail.substr(0, 400))) {
      found.where = FinalAnswer::Where::kMarker;
      found.texts = {tail};
    }
    return found;
  }
  if (boxes.any) return found;
  const size_t size = std::min(solution.size(), kTailBytes);
  const std::string_view tail = trimmed(solution.substr(solution.size() - size));
  if (tail.empty()) return found;
  found.where = FinalAnswer::Where::kUnmarked;
  found.texts = {tail};
  return found;
}

std::optional<Reading> read_answer(const FinalAnswer& found) {
  switch (found.where) {
    case FinalAnswer::Where::kNowhere:
      return std::nullopt;
    case FinalAnswer::Where::kBoxes:
      if (found.texts.size() > 1) return read_list(found.texts);
      return read(found.texts[0]);
    case FinalAnswer::Where::kMarker:
      return read_marked(found.texts[0]);
    case FinalAnswer::Where::kUnmarked:
      return read_unmarked(found.texts[0]);
  }
  return std::nullopt;
}

}  // namespace amalgam::rewards
