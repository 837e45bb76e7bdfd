#include "rewards/answers/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "configs/error.h"

namespace amalgam::rewards {
namespace {

// Of one search: some milliseconds.
constexpr uint32_t kMaxMatchSteps = 1'000'000, kMaxBacktracks = 10'000, kMaxHeapKib = 16 << 10;

struct Free {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
};

}  // namespace

struct Pattern::Impl {
  std::unique_ptr<pcre2_code, Free> code;
  std::unique_ptr<pcre2_match_context, Free> limits;
};

Pattern::Pattern(const std::string& expression) : impl_(std::make_unique<Impl>()) {
  int error = 0;
  size_t at = 0;
  impl_->code.reset(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &at, nullptr));
  if (!impl_->code) {
    PCRE2_UCHAR text[120] = {};
    pcre2_get_error_message(error, text, sizeof(text));
    throw Error("'" + expression + "' is no regular expression: " +
                reinterpret_cast<const char*>(text) + " at " + std::to_string(at));
  }
  impl_->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(impl_->limits.get(), kMaxMatchSteps);
  pcre2_set_depth_limit(impl_->limits.get(), kMaxBacktracks);
  pcre2_set_heap_limit(impl_->limits.get(), kMaxHeapKib);
}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;

Pattern::Found Pattern::search(std::string_view text, bool whole) const {
  const std::unique_ptr<pcre2_match_data, Free> match(
      pcre2_match_data_create_from_pattern(impl_->code.get(), nullptr));
  const uint32_t options = whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0;
  const int result = pcre2_match(impl_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()),
                                 text.size(), 0, options, match.get(), impl_->limits.get());
  if (result >= 0) return Found::kYes;
  const bool too_costly = result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_DEPTHLIMIT ||
                          result == PCRE2_ERROR_HEAPLIMIT;
  return too_costly ? Found::kTooCostly : Found::kNo;
}

}  // namespace amalgam::rewards
