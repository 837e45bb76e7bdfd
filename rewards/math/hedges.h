// Words that make a number beside them no answer.
#pragma once
#include <string_view>

namespace amalgam::rewards {

// Whether the words say a bound, a negation, an alternative, or what is done with a number: "at
// least", "is not", "or", "a multiple of", "squared".
bool hedges(std::string_view text);

// The same of the few words before `at` and of those right behind `end`.
bool is_hedged(std::string_view text, size_t at, size_t end);

// Whether nothing but words, numbers, their units and punctuation stands here: no operator,
// relation or command that would make another value of a number.
bool is_prose(std::string_view text);

}  // namespace amalgam::rewards
