// Cuts text into the words that BPE works on: a sequence of regular expressions, each splitting the
// pieces of the one before into matches and the gaps between them (tokenizer.json: "Split",
// "Isolated"). A later pattern sees one piece at a time, so look-ahead stops at the piece's end.
//
// Const use is thread-safe.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::model {

class Pretokenizer {
 public:
  // Patterns in the syntax of tokenizer.json (Oniguruma's; the shared subset with PCRE2). Throws
  // Error naming `origin` and the pattern that does not compile. No pattern: the whole text is one
  // word.
  Pretokenizer(const std::vector<std::string>& patterns, const std::string& origin);
  ~Pretokenizer();
  Pretokenizer(Pretokenizer&&) noexcept;
  Pretokenizer& operator=(Pretokenizer&&) noexcept;

  // Calls `word` for each non-empty word, in order; together they are `text`, which must be valid
  // UTF-8. The views point into `text`.
  void split(std::string_view text, const std::function<void(std::string_view)>& word) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace amalgam::model
