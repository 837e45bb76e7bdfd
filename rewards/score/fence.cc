#include "rewards/score/fence.h"

namespace amalgam::rewards {
namespace {

constexpr std::string_view kMark = "```";
constexpr size_t kNone = std::string_view::npos;

// line_end: of the line that opens the fence. Neither need be found.
std::optional<std::string_view> between(std::string_view text, size_t line_end, size_t close) {
  if (line_end == kNone || close == kNone || line_end > close) return std::nullopt;
  return text.substr(line_end + 1, close - line_end - 1);
}

}  // namespace

std::optional<std::string_view> first_fence(std::string_view text) {
  const size_t line_end = text.find('\n', text.find(kMark));
  return between(text, line_end, text.find(kMark, line_end));
}

std::optional<std::string_view> last_fence(std::string_view text) {
  const size_t close = text.rfind(kMark);
  if (close == kNone || close == 0) return std::nullopt;
  return between(text, text.find('\n', text.rfind(kMark, close - 1)), close);
}

}  // namespace amalgam::rewards
