// The names of LaTeX's commands and of plain words, as tokens have them.
#pragma once
#include <string_view>

namespace amalgam::rewards {

// "frac" for \dfrac, "<=" for \leqslant; empty: no such command.
std::string_view name_of_command(std::string_view command);
// "arcsin" for asin; empty: no such word.
std::string_view name_of_word(std::string_view lower_case_word);
// The letter that a command stands for, "epsilon" for \varepsilon; empty: none.
std::string_view letter_of_command(std::string_view command);

enum class CommandUse { kNamed, kUpright, kIgnored, kSpace, kHidden };
// What is done with a command: \text and the like show their content upright, \left and the like
// show nothing, \quad and the like a space; of \color and \phantom the argument is not shown.
CommandUse use_of_command(std::string_view command);

}  // namespace amalgam::rewards
