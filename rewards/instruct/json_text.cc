#include "rewards/instruct/json_text.h"

#include <algorithm>
#include <vector>

namespace amalgam::rewards {
namespace {

bool is_ascii_digit(char32_t c) { return c >= '0' && c <= '9'; }

// Walks along a text; the take_ functions say whether what they name stood there, and then stand
// behind it.
class JsonText {
 public:
  explicit JsonText(Chars text) : rest_(text) {}

  // Without recursion: open_ holds the brackets around this place.
  bool is_value() {
    for (bool value_next = true;;) {
      spaces();
      if (value_next) {
        if (take(U"[")) {
          open_.push_back(']');
          spaces();
          value_next = !rest_.starts_with(U']');
          continue;
        }
        if (take(U"{")) {
          open_.push_back('}');
          spaces();
          value_next = !rest_.starts_with(U'}');
          if (value_next && !take_key()) return false;
          continue;
        }
        if (!take_scalar()) return false;
        value_next = false;
        continue;
      }
      if (open_.empty()) return rest_.empty();
      if (take(U",")) {
        spaces();
        if (open_.back() == '}' && !take_key()) return false;
        value_next = true;
      } else if (rest_.starts_with(open_.back())) {
        rest_.remove_prefix(1);
        open_.pop_back();
      } else {
        return false;
      }
    }
  }

 private:
  void spaces() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(U" \t\n\r"), rest_.size()));
  }
  bool take(Chars word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool take_digits() {
    size_t n = 0;
    while (n < rest_.size() && is_ascii_digit(rest_[n])) ++n;
    rest_.remove_prefix(n);
    return n > 0;
  }
  bool take_key() {
    if (!take_string()) return false;
    spaces();
    return take(U":");
  }
  bool take_scalar() {
    if (rest_.starts_with(U'"')) return take_string();
    return take(U"true") || take(U"false") || take(U"null") || take_number();
  }
  bool take_number() {
    take(U"-");
    if (!take(U"0") && !take_digits()) return false;
    if (take(U".") && !take_digits()) return false;
    if (!take(U"e") && !take(U"E")) return true;
    if (!take(U"+")) take(U"-");
    return take_digits();
  }
  bool take_string() {
    if (!take(U"\"")) return false;
    while (!rest_.empty() && rest_[0] >= ' ') {
      if (take(U"\"")) return true;
      if (!take(U"\\")) {
        rest_.remove_prefix(1);
      } else if (take(U"u")) {
        for (int i = 0; i < 4; ++i) {
          if (rest_.empty() || !contains(Chars(U"0123456789abcdefABCDEF"), rest_[0])) return false;
          rest_.remove_prefix(1);
        }
      } else {
        if (rest_.empty() || !contains(Chars(U"\"\\/bfnrt"), rest_[0])) return false;
        rest_.remove_prefix(1);
      }
    }
    return false;
  }

  Chars rest_;
  std::vector<char32_t> open_;
};

}  // namespace

bool is_json(Chars text) { return JsonText(text).is_value(); }

}  // namespace amalgam::rewards
