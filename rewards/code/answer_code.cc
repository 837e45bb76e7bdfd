#include "rewards/code/answer_code.h"

#include <string_view>

#include "rewards/score/fence.h"

namespace amalgam::rewards {
namespace {

constexpr std::string_view kMark = "```";
constexpr size_t kNone = std::string_view::npos;

// The length of a tag of Python's at the begin of what follows a mark; 0: there is none.
size_t python_tag(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && (text[n] == ' ' || text[n] == '\t')) ++n;
  const auto takes = [&](std::string_view word) {
    for (size_t i = 0; i < word.size(); ++i)
      if (n + i >= text.size() || (text[n + i] | 0x20) != word[i]) return false;
    n += word.size();
    return true;
  };
  if (!takes("python") && !takes("py")) return 0;
  while (n < text.size() && ((text[n] >= '0' && text[n] <= '9') || text[n] == '.')) ++n;
  const bool ends =
      n == text.size() || text[n] == '\n' || text[n] == '\r' || text[n] == ' ' || text[n] == '\t';
  return ends ? n : 0;
}

}  // namespace

std::string answer_code(const std::string& text) {
  const std::string_view all = text;
  for (size_t mark = all.rfind(kMark); mark != kNone;
       mark = mark == 0 ? kNone : all.rfind(kMark, mark - 1)) {
    const std::string_view rest = all.substr(mark + kMark.size());
    const size_t tag = python_tag(rest);
    if (tag == 0) continue;
    size_t begin = tag;
    while (begin < rest.size() &&
           (rest[begin] == ' ' || rest[begin] == '\t' || rest[begin] == '\r'))
      ++begin;
    if (begin < rest.size() && rest[begin] == '\n') ++begin;
    const size_t end = rest.find(kMark, begin);
    return std::string(rest.substr(begin, end == kNone ? kNone : end - begin));
  }
  return std::string(last_fence(text).value_or(text));
}

}  // namespace amalgam::rewards
