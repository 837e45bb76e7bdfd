#include "rewards/math/boxes.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>
#include <string>

#include "rewards/math/ascii.h"
#include "rewards/math/last_of.h"
#include "rewards/math/words.h"

namespace amalgam::rewards {
namespace {

constexpr int kMaxBoxes = 64;  // that are looked at

struct Box {
  size_t begin = 0, end = 0;  // of the whole command
  std::string_view content;
};

bool is_name_char(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

// The place behind the brace that closes the one at `open`; npos: there is none.
size_t behind_braces(std::string_view text, size_t open) {
  int depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

// The box whose backslash stands at `at`; last_brace: the place of the text's last '}'.
std::optional<Box> box_at(std::string_view text, size_t at, size_t last_brace) {
  constexpr std::string_view kNames[] = {"boxed", "fbox", "framebox"};
  size_t i = at + 1;
  while (i < text.size() && is_name_char(text[i])) ++i;
  const std::string_view name = text.substr(at + 1, i - at - 1);
  if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames))
    return std::nullopt;
  while (i < text.size() && text[i] == ' ') ++i;
  Box box{at, text.size(), {}};
  if (i < text.size() && text[i] == '{') {
    size_t end = std::string_view::npos;
    if (last_brace != std::string_view::npos && last_brace > i) end = behind_braces(text, i);
    if (end == std::string_view::npos) {
      const size_t line = std::min(text.find('\n', i), text.size());
      box.end = line;
      box.content = text.substr(i + 1, line - i - 1);
    } else {
      box.end = end;
      box.content = text.substr(i + 1, end - i - 2);
    }
    return box;
  }
  // "\boxed 7", "\boxed \frac{2}{3}"
  size_t end = i;
  if (end < text.size() && text[end] == '\\') {
    ++end;
    while (end < text.size() && is_name_char(text[end])) ++end;
    while (end < text.size() && text[end] == '{') {
      const size_t behind = behind_braces(text, end);
      if (behind == std::string_view::npos) break;
      end = behind;
    }
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;  // \frac23
  } else {
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) ||
                                 text[end] == '.' || text[end] == '-'))
      ++end;
    while (end > i && text[end - 1] == '.') --end;
  }
  box.end = end;
  box.content = text.substr(i, end - i);
  return box;
}

// Without the "x =" or "x_1 =" at the end of a text.
std::string_view without_label(std::string_view words) {
  const auto drop_spaces = [&] {
    while (!words.empty() && (words.back() == ' ' || words.back() == '&')) words.remove_suffix(1);
  };
  drop_spaces();
  if (words.empty() || words.back() != '=') return words;
  words.remove_suffix(1);
  drop_spaces();
  constexpr std::string_view kOfNames = "_{}'\\()";
  while (!words.empty() && (std::isalnum(static_cast<unsigned char>(words.back())) ||
                            kOfNames.find(words.back()) != std::string_view::npos))
    words.remove_suffix(1);
  return words;
}

// What may stand between two boxes of one list: a comma, "and", "or", "or maybe", also with a
// list's dash or number and the name of what the second box is.
bool joins(std::string_view between) {
  constexpr size_t kMaxBytes = 80;
  constexpr std::string_view kJoiners[] = {",", ";", "and", "or", "\\lor", "\\vee", "\\land"};
  constexpr std::string_view kOthers[] = {"maybe",  "perhaps", "possibly", "else", "also",
                                          "either", "both",    "-",        "/",    "&"};
  if (between.size() > kMaxBytes) return false;
  const std::string text = words_of(to_ascii(between));
  const std::string_view words = without_label(text);
  bool joined = false;
  for (size_t i = 0; i < words.size();) {
    const char c = words[i];
    size_t end = i + 1;
    if (c == ' ' || c == '{' || c == '}' || (c == '\\' && words.substr(i, 2) == "\\\\")) {
      i = end + (c == '\\');
      continue;
    }
    if (c == '\\' || is_name_char(c)) {
      while (end < words.size() && is_name_char(words[end])) ++end;
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      while (end < words.size() && std::isdigit(static_cast<unsigned char>(words[end]))) ++end;
      // words_of() has dropped a full stop at the end.
      if (end < words.size() && words[end] != '.' && words[end] != ')') return false;
      i = end + 1;
      continue;
    }
    const std::string_view word = words.substr(i, end - i);
    const auto is_word = [&](std::string_view other) { return other == word; };
    if (std::any_of(std::begin(kJoiners), std::end(kJoiners), is_word))
      joined = true;
    else if (std::none_of(std::begin(kOthers), std::end(kOthers), is_word))
      return false;
    i = end;
  }
  return joined;
}

}  // namespace

bool is_blank(std::string_view content) {
  constexpr size_t kMaxBytes = 400;
  if (content.size() > kMaxBytes) return false;
  const std::string words = words_of(content);
  std::string rest;
  for (size_t i = 0; i < words.size(); ++i) {
    const char c = words[i];
    if (c == '\\') {
      if (i + 1 < words.size() && (words[i + 1] == '{' || words[i + 1] == '}'))
        return false;  // \{\}
      // \ldots, \boxed inside: nothing by themselves.
      size_t end = i + 1;
      while (end < words.size() && is_name_char(words[end])) ++end;
      const std::string_view name = std::string_view(words).substr(i + 1, end - i - 1);
      if (name != "ldots" && name != "dots" && name != "cdots" && name != "boxed" &&
          name != "square" && name != "phantom" && !name.empty())
        return false;
      i = std::max(end - 1, i);
    } else if (c != ' ' && c != '{' && c != '}' && c != '.' && c != '_') {
      rest += c;
    }
  }
  return rest.empty() || rest == "answer" || rest == "youranswer" || rest == "finalanswer" ||
         rest == "yourfinalanswer";
}

Boxes last_boxes(std::string_view text) {
  Boxes boxes;
  const size_t last_brace = last_of(text, '}');
  std::optional<Box> next;  // the box that follows in the list
  size_t at = text.size();
  for (int looked_at = 0; at > 0 && looked_at < kMaxBoxes;) {
    at = last_of(text, '\\', at);
    if (at == std::string_view::npos) break;
    const auto box = box_at(text, at, last_brace);
    if (!box) continue;
    ++looked_at;
    boxes.any = true;
    if (next) {
      if (box->end > next->begin || !joins(text.substr(box->end, next->begin - box->end))) break;
    }
    if (is_blank(box->content)) {
      if (next) break;
      continue;
    }
    boxes.contents.insert(boxes.contents.begin(), box->content);
    next = box;
  }
  return boxes;
}

}  // namespace amalgam::rewards
