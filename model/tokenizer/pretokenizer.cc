#include "model/tokenizer/pretokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <limits>

#include "configs/error.h"
#include "configs/printable.h"
#include "configs/utf8.h"
#include "model/tokenizer/split_pattern.h"

namespace amalgam::model {
namespace {

template <auto kFree>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using Code = std::unique_ptr<pcre2_code, Deleter<pcre2_code_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Deleter<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Deleter<pcre2_match_context_free>>;

std::string message_of(int error) {
  unsigned char text[256];
  pcre2_get_error_message(error, text, sizeof(text));
  return reinterpret_cast<const char*>(text);
}

Code compile(const std::string& pattern, const std::string& origin) {
  const std::string translated = pcre2_pattern(pattern);
  int error = 0;
  size_t offset = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                          PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr));
  if (!code) {
    throw Error(origin + ": the pre-tokenizer pattern '" + printable(pattern) +
                "' cannot be compiled: " + message_of(error));
  }
  // Where the platform forbids JIT code, pcre2_match interprets: slower, same result.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return code;
}

}  // namespace

struct Pretokenizer::Impl {
  std::vector<Code> codes;
  MatchContext context;

  // Splits `text` by patterns level, level + 1, …; one MatchData per level.
  void split(std::string_view text, size_t level, const std::vector<MatchData>& match_data,
             const std::function<void(std::string_view)>& word) const {
    if (level == codes.size()) {
      word(text);
      return;
    }
    size_t done = 0;    // text before it has been emitted
    size_t search = 0;  // the next match starts here or later
    while (search < text.size()) {
      const int found =
          pcre2_match(codes[level].get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                      search, PCRE2_NO_UTF_CHECK, match_data[level].get(), context.get());
      if (found == PCRE2_ERROR_NOMATCH) break;
      if (found < 0) throw Error("tokenizer: splitting the text failed: " + message_of(found));
      const size_t* span = pcre2_get_ovector_pointer(match_data[level].get());
      const size_t begin = span[0], end = span[1];
      if (begin == end) {  // an empty match splits nothing; look on from the next character
        search = end + 1;
        while (search < text.size() && continues_utf8(text[search])) ++search;
        continue;
      }
      if (begin > done) split(text.substr(done, begin - done), level + 1, match_data, word);
      split(text.substr(begin, end - begin), level + 1, match_data, word);
      done = search = end;
    }
    if (done < text.size()) split(text.substr(done), level + 1, match_data, word);
  }
};

Pretokenizer::Pretokenizer(const std::vector<std::string>& patterns, const std::string& origin)
    : impl_(std::make_unique<Impl>()) {
  for (const std::string& pattern : patterns) impl_->codes.push_back(compile(pattern, origin));
  impl_->context.reset(pcre2_match_context_create(nullptr));
  // The default limit on backtracking would reject very long runs of white space.
  pcre2_set_match_limit(impl_->context.get(), std::numeric_limits<uint32_t>::max());
}

Pretokenizer::~Pretokenizer() = default;
Pretokenizer::Pretokenizer(Pretokenizer&&) noexcept = default;
Pretokenizer& Pretokenizer::operator=(Pretokenizer&&) noexcept = default;

void Pretokenizer::split(std::string_view text,
                         const std::function<void(std::string_view)>& word) const {
  if (text.empty()) return;
  std::vector<MatchData> match_data;
  for (const Code& code : impl_->codes) {
    match_data.emplace_back(pcre2_match_data_create_from_pattern(code.get(), nullptr));
  }
  impl_->split(text, 0, match_data, word);
}

}  // namespace amalgam::model
