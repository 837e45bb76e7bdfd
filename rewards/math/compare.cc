#include "rewards/math/compare.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "configs/utf8.h"
#include "rewards/math/ascii.h"
#include "rewards/math/based.h"
#include "rewards/math/equality.h"
#include "rewards/math/parser.h"
#include "rewards/math/same_node.h"
#include "rewards/math/spelling.h"
#include "rewards/math/words.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kMaxParsedBytes = 60000;
constexpr size_t kMaxFormulaBytes = 2500;
constexpr size_t kMaxWordsBytes = 2000;

bool has_comma_between_figures(std::string_view text) {
  for (size_t i = 1; i + 1 < text.size(); ++i)
    if (text[i] == ',' && std::isdigit(static_cast<unsigned char>(text[i - 1])) &&
        std::isdigit(static_cast<unsigned char>(text[i + 1])))
      return true;
  return false;
}

// The last "=" outside brackets, if there is no other relation there.
size_t last_equals(std::string_view text) {
  size_t found = std::string_view::npos;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '(' || c == '{' || c == '[') ++depth;
    if (c == ')' || c == '}' || c == ']') --depth;
    if (depth > 0) continue;
    if (c == '<' || c == '>' || c == '!' || c == ',' || c == ';') return std::string_view::npos;
    if (c == '\\' && i + 2 < text.size())
      for (const std::string_view other : {"le", "ge", "ne", "in", "lt", "gt", "no", "ap", "eq"})
        if (text.substr(i + 1, 2) == other && text.substr(i + 1, 4) != "left")
          return std::string_view::npos;
    if (c == '=') found = i;
  }
  return found;
}

// ]0,1[ is (0,1), if these are the only brackets.
std::string with_usual_brackets(std::string_view ascii) {
  std::string text(ascii);
  const size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  if (first == std::string::npos || last <= first) return text;
  const bool opens = text[first] == ']', closes = text[last] == '[';
  if (!opens && !closes) return text;
  if (std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == ']'; }) !=
      1 + (text[last] == '[' || text[last] == ']'))
    return text;
  if (opens) text[first] = '(';
  if (closes) text[last] = ')';
  return text;
}

std::optional<Node> tree_of(std::string_view ascii, std::string_view words, Commas commas) {
  if (auto based = based_number(words)) return based;
  if (const auto value = number_in_words(words)) return number(*value);
  if (words == "empty set" || words == "the empty set") return Node{Kind::kSet};
  if (words == "positive infinity") return Node{Kind::kConstant, "inf", {}};
  if (words == "negative infinity") return negative(Node{Kind::kConstant, "inf", {}});
  if (is_all_real_numbers(words)) return Node{Kind::kNamedSet, "R", {}};
  if (const auto said = behind_choice(ascii)) return parse_answer(*said, commas);
  const std::string usual = with_usual_brackets(ascii);
  if (auto tree = parse_answer(usual, commas)) return tree;
  if (commas == Commas::kGroupThousands && has_comma_between_figures(ascii))
    if (auto tree = parse_answer(usual, Commas::kGroupEverywhere)) return tree;  // \sqrt{(1,225)}
  // "P(A \cap B) = 1/4", "\lim_{x \to 0} f(x) = 2": a name that is no formula.
  const size_t equals = last_equals(ascii);
  if (equals == std::string_view::npos) return std::nullopt;
  auto value = parse_answer(ascii.substr(equals + 1), commas);
  if (!value || value->is(Kind::kText)) return std::nullopt;
  Node name{Kind::kText, std::string(ascii.substr(0, equals)), {}};
  return Node{Kind::kRelation, "=", {std::move(name), std::move(*value)}};
}

// Without the braces that hold one token: a_{k} is a_k.
std::optional<std::vector<Token>> unbraced_tokens(std::string_view text) {
  auto tokens = tokens_of(text, Commas::kSeparate);
  if (!tokens) return std::nullopt;
  std::vector<Token> plain;
  for (Token& token : *tokens) {
    const size_t n = plain.size();
    if (token.is("}") && n >= 2 && plain[n - 2].is("{")) {
      plain[n - 2] = std::move(plain[n - 1]);
      plain.pop_back();
    } else {
      plain.push_back(std::move(token));
    }
  }
  return plain;
}

// What no reader understands, but for spaces and the like.
bool same_tokens(std::string_view a, std::string_view b) {
  const auto tokens_a = unbraced_tokens(a), tokens_b = unbraced_tokens(b);
  if (!tokens_a || !tokens_b) return a == b;
  return std::equal(
      tokens_a->begin(), tokens_a->end(), tokens_b->begin(), tokens_b->end(),
      [](const Token& x, const Token& y) { return x.type == y.type && x.text == y.text; });
}

// Whether a text says yes, no or perhaps: words of their own.
bool takes_back(std::string_view text) {
  std::string word;
  for (size_t i = 0; i <= text.size(); ++i) {
    const bool is_letter = i < text.size() && std::isalpha(static_cast<unsigned char>(text[i]));
    if (is_letter) {
      word += text[i];
      continue;
    }
    for (const char* other : {"yes", "no", "maybe", "perhaps", "wait", "or", "unless"})
      if (word == other) return true;
    word.clear();
  }
  return false;
}

}  // namespace

Reading read(std::string_view text) {
  Reading reading;
  // A long number may be an answer, a long formula is none.
  if (text.size() > kMaxParsedBytes) return reading;
  const auto digits =
      std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.size() - static_cast<size_t>(digits) > kMaxFormulaBytes) return reading;
  reading.ascii = to_ascii(text);
  const std::string_view ascii = reading.ascii;
  if (ascii.size() <= kMaxWordsBytes) reading.words = words_of(ascii);
  reading.tree = tree_of(ascii, reading.words, Commas::kGroupThousands);
  if (has_comma_between_figures(ascii))
    reading.listed_tree = tree_of(ascii, reading.words, Commas::kSeparate);
  return reading;
}

Reading read_list(const std::vector<std::string_view>& texts) {
  Reading reading;
  reading.is_list = true;
  Node list{Kind::kList, ",", {}};
  for (const std::string_view text : texts) {
    Reading one = read(text);
    if (!reading.ascii.empty()) reading.ascii += ", ", reading.words += ", ";
    reading.ascii += one.ascii;
    reading.words += one.words;
    if (!one.tree) return reading;
    if (one.tree->is(Kind::kList))
      for (Node& item : one.tree->args) list.args.push_back(std::move(item));
    else
      list.args.push_back(std::move(*one.tree));
  }
  reading.tree = std::move(list);
  return reading;
}

bool is_same(const Reading& truth, const Reading& answer) {
  if (answer.ascii.empty()) return false;
  if (!answer.is_list) {
    if (const auto letter = choice_alone(truth.ascii))
      if (const auto chosen = choice_of(answer.ascii)) return *chosen == *letter;
    const auto true_date = date_of(truth.words);
    const auto date = date_of(answer.words);
    if (true_date || date) return true_date && date && *true_date == *date;
    const auto true_time = time_of(truth.words);
    const auto time = time_of(answer.words);
    if (true_time && time) return same_time(*true_time, *time);
    // Words, and what nobody can read: letter by letter.
    const std::string wanted = wording(truth.words), said = wording(answer.words);
    if (!wanted.empty() && wanted == said) {
      // But x is not X.
      const bool of_letters = wanted.size() < 3 && !truth.ascii.starts_with("\\text");
      if (!of_letters || wanted == "no" || truth.ascii == answer.ascii) return true;
    }
    // "Yes, it is." but not "yes, no".
    if (wanted == "yes" || wanted == "no") {
      const size_t end = answer.words.find_first_of(",;.");
      if (end != std::string::npos)
        return answer.words.substr(0, end) == wanted && !takes_back(answer.words.substr(end));
    }
    if (!truth.tree && !answer.tree) return same_tokens(truth.ascii, answer.ascii);
  }
  if (!truth.tree || !answer.tree) return false;
  if (is_same(*truth.tree, *answer.tree)) return true;
  if (!truth.listed_tree) return false;
  return is_same(*truth.listed_tree, answer.listed_tree ? *answer.listed_tree : *answer.tree);
}

std::string spelled(const Reading& reading) {
  if (const auto letter = choice_alone(reading.ascii)) return std::string(1, *letter);
  if (!reading.is_list && (time_of(reading.words) || date_of(reading.words))) return reading.words;
  constexpr size_t kMostBytes = 400;
  std::string text = reading.tree ? spelled(answered(*reading.tree)) : wording(reading.words);
  if (text.empty()) text = reading.words;
  if (text.size() > kMostBytes) text.resize(complete_utf8_prefix(text.substr(0, kMostBytes)));
  return text;
}

}  // namespace amalgam::rewards
