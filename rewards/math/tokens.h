// The tokens of an answer: LaTeX and plain text alike.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::rewards {

struct Token {
  enum class Type {
    kEnd,
    kNumber,   // text: digits with at most one point; separators of thousands are gone
    kLetter,   // text: one letter, or the name of a Greek one, or of a bold one ("*i")
    kWord,     // text: a word in lower case that is no product of letters
    kUnit,     // text: a unit as written
    kName,     // text: a function, constant or structure: "frac", "sin", "pi", "{", "("
    kUnknown,  // a command or a character that no reader knows
  };
  Type type = Type::kEnd;
  std::string text = {};
  bool space_before = false;
  bool upright = false;  // inside \text{} or the like

  bool is(std::string_view name) const { return type == Type::kName && text == name; }
};

// How "1,234" reads. Within brackets a comma separates, (1,200) is a pair; but one that no space
// follows groups where others have a space behind them, and wherever kGroupEverywhere says so.
enum class Commas { kGroupThousands, kGroupEverywhere, kSeparate };

// The tokens of an ASCII text (to_ascii()), the last of them kEnd; none if there are more than
// 4,000. \text{…} is its content. Relations are "=", "!=", "<", ">", "<=", ">=", "in"; products
// "*", quotients "/"; spaces, sizes and mathematics delimiters are gone.
std::optional<std::vector<Token>> tokens_of(std::string_view ascii, Commas commas);

}  // namespace amalgam::rewards
