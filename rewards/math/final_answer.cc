#include "rewards/math/final_answer.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "rewards/math/boxes.h"
#include "rewards/math/emphasis.h"
#include "rewards/math/exact.h"
#include "rewards/math/hedges.h"
#include "rewards/math/last_number.h"
#include "rewards/math/last_of.h"
#include "rewards/math/sentence.h"
#include "rewards/math/words.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kTailBytes = 2000;  // of a text without a marker that are looked at
constexpr size_t kLineBytes = 60000;

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

bool has_text_inside(const Node& node) {
  return node.is(Kind::kText) || std::any_of(node.args.begin(), node.args.end(), has_text_inside);
}

// A formula, a list of them, or words alone: not a sentence with a number in it.
bool is_answer(const Reading& reading) {
  if (date_of(reading.words) || time_of(reading.words) || choice_of(reading.ascii)) return true;
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

bool is_acceptable(const Reading& reading) {
  return is_answer(reading) && !(reading.tree && is_undone_arithmetic(*reading.tree));
}

std::optional<Reading> read_number_of(std::string_view text) {
  const auto number = last_number(text);
  if (!number) return std::nullopt;
  return read(*number);
}

// Of a sentence that is no answer as a whole: what its first `size` bytes say, if the rest does not
// change that.
std::optional<Reading> read_front(std::string_view sentence, size_t size, std::string_view front) {
  const std::string_view rest = sentence.substr(std::min(size, sentence.size()));
  if (hedges(rest)) return std::nullopt;
  Reading first = read(front);
  if (first.tree && is_answer(first)) return first;
  // Nobody can read it, but there is nothing else.
  if (rest.find_first_not_of(" .,;!\"`") == std::string_view::npos) {
    if (is_prose(front) && has_one_number(front) && !hedges(front)) return read_number_of(front);
    return first;
  }
  return std::nullopt;
}

std::optional<Reading> read_marked(std::string_view tail) {
  size_t behind = 0;
  const std::string_view formula = formula_at(tail, 0, &behind);
  if (behind > 0 && trimmed(formula).empty()) return std::nullopt;
  std::string_view line = tail.substr(0, tail.find('\n', behind));
  for (const std::string_view end : {"</", "<|"}) line = line.substr(0, line.find(end, behind));
  size_t span_end = 0;
  std::string plain = without_emphasis(line, &span_end);
  for (const std::string_view minus : {"minus ", "negative "})
    if (equals_ignoring_case(plain, 0, minus)) plain.replace(0, minus.size(), "-");
  const std::string_view sentence = first_sentence(plain);
  Reading whole = read(sentence);
  if (is_answer(whole)) return whole;
  if (behind > 0 && plain.starts_with(tail.substr(0, behind))) {
    // "$15$, which …": another formula behind the first one would be a list, read above.
    const auto last = last_formula(sentence);
    if (!last || last->first.size() + last->second.size() + 1 >= sentence.size() - 1)
      if (auto first = read_front(sentence, behind, formula)) return first;
  }
  if (span_end > 0 && span_end < sentence.size() && !last_number(sentence.substr(span_end)))
    if (auto first = read_front(sentence, span_end, sentence.substr(0, span_end))) return first;
  // "we find that the area is $25\pi$", "the chance of red or blue is 1/2"
  const std::string_view said = behind_copula(sentence);
  if (hedges(last_number(said) ? said : sentence)) return whole;
  const std::string_view subject = sentence.substr(0, sentence.size() - said.size());
  if (!subject.empty() && !last_number(subject)) {
    Reading value = read(said);
    if (is_acceptable(value)) return value;
  }
  if (is_prose(sentence) && has_one_number(sentence))
    if (auto number = read_number_of(sentence)) return number;
  return whole;
}

// Whether its last number is no answer.
bool has_hedged_number(std::string_view sentence) {
  constexpr std::string_view kFigures = "0123456789.,/", kAround = "$\\({[*-+ ";
  const size_t last = sentence.find_last_of("0123456789");
  size_t at = last;
  while (at != std::string_view::npos && at > 0 &&
         kFigures.find(sentence[at - 1]) != std::string_view::npos)
    --at;
  if (at == std::string_view::npos) return hedges(sentence);
  size_t begin = at;
  while (begin > 0 && kAround.find(sentence[begin - 1]) != std::string_view::npos) --begin;
  const std::string_view before = sentence.substr(0, begin);
  return is_hedged(sentence, begin, last + 1) || before.find(" between ") != before.npos ||
         before.ends_with("<") || before.ends_with(">");
}

std::optional<Reading> read_unmarked(std::string_view text) {
  // "There are 11 values, not 12."
  const size_t denial = text.rfind(", not ");
  const bool at_end = denial != std::string_view::npos && denial > 0 &&
                      text.find_first_of(".\n", denial) >= text.size() - 1;
  const std::string_view tail = at_end ? text.substr(0, denial) : text;
  if (const auto formula = last_formula(tail)) {
    if (!last_number(formula->second)) {
      // "The solutions are $x=2$ and $x=3$."
      if (Reading reading = read(last_clause(last_sentence(tail)));
          reading.tree && reading.tree->is(Kind::kList) && is_answer(reading))
        return reading;
      const auto place = [&](std::string_view part) {
        return static_cast<size_t>(part.data() - tail.data());
      };
      if (is_hedged(tail, place(formula->first) - 1, place(formula->second))) return std::nullopt;
      if (Reading reading = read(formula->first);
          reading.tree || (!is_prose(formula->first) && formula->first[0] != '^'))
        return reading;
    }
  }
  const size_t bold_end = tail.rfind("**");
  const size_t bold = bold_end == std::string_view::npos || bold_end < 3
                          ? bold_end
                          : tail.rfind("**", bold_end - 1);
  if (bold != std::string_view::npos && bold + 2 < bold_end &&
      !last_number(tail.substr(bold_end))) {
    if (is_hedged(tail, bold, bold_end + 2)) return std::nullopt;
    Reading reading = read(tail.substr(bold + 2, bold_end - bold - 2));
    if (is_acceptable(reading)) return reading;
  }
  const std::string_view line = trimmed(tail.substr(tail.rfind('\n') + 1));
  constexpr size_t kMaxFormula = 300;
  if (line.size() <= kMaxFormula) {
    Reading whole = read(line);
    if (is_acceptable(whole)) return whole;
    const std::string_view clause = last_clause(last_sentence(line));
    if (clause.size() < line.size() &&
        !is_hedged(line, static_cast<size_t>(clause.data() - line.data()), line.size())) {
      Reading last = read(clause);
      if (is_acceptable(last)) return last;
    }
  }
  if (const std::string_view sentence = last_sentence(tail); !has_hedged_number(sentence))
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
