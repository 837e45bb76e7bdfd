// A regular expression over what a model wrote: PCRE2's syntax, in UTF-8, with limits that no text
// can exceed.
#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace amalgam::rewards {

class Pattern {
 public:
  // Throws Error for an expression that does not compile, with the place of its mistake.
  explicit Pattern(const std::string& expression);
  ~Pattern();
  Pattern(Pattern&&) noexcept;

  enum class Found { kYes, kNo, kTooCostly };
  // whole: of the whole text, else of a part. A text that is no UTF-8 does not match.
  Found search(std::string_view text, bool whole) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace amalgam::rewards
