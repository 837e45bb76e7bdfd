#include "rewards/math/token_names.h"

#include <algorithm>
#include <iterator>

namespace amalgam::rewards {
namespace {

// A command, or a word of plain text, and the name that it stands for.
struct Name {
  std::string_view spelling, name;
};

constexpr Name kCommands[] = {
    {"frac", "frac"},
    {"dfrac", "frac"},
    {"tfrac", "frac"},
    {"cfrac", "frac"},
    {"binom", "binom"},
    {"dbinom", "binom"},
    {"tbinom", "binom"},
    {"sqrt", "sqrt"},
    {"over", "over"},
    {"choose", "choose"},
    {"cdot", "*"},
    {"times", "*"},
    {"ast", "*"},
    {"div", "/"},
    {"pm", "pm"},
    {"mp", "mp"},
    {"le", "<="},
    {"leq", "<="},
    {"leqslant", "<="},
    {"leqq", "<="},
    {"ge", ">="},
    {"geq", ">="},
    {"geqslant", ">="},
    {"geqq", ">="},
    {"lt", "<"},
    {"gt", ">"},
    {"ne", "!="},
    {"neq", "!="},
    {"in", "in"},
    {"cup", "cup"},
    {"bigcup", "cup"},
    {"cap", "cap"},
    {"setminus", "setminus"},
    {"backslash", "setminus"},
    {"smallsetminus", "setminus"},
    {"emptyset", "emptyset"},
    {"varnothing", "emptyset"},
    {"infty", "infinity"},
    {"pi", "pi"},
    {"sin", "sin"},
    {"cos", "cos"},
    {"tan", "tan"},
    {"cot", "cot"},
    {"sec", "sec"},
    {"csc", "csc"},
    {"arcsin", "arcsin"},
    {"arccos", "arccos"},
    {"arctan", "arctan"},
    {"sinh", "sinh"},
    {"cosh", "cosh"},
    {"tanh", "tanh"},
    {"ln", "ln"},
    {"log", "log"},
    {"lg", "lg"},
    {"exp", "exp"},
    {"gcd", "gcd"},
    {"min", "min"},
    {"max", "max"},
    {"lfloor", "lfloor"},
    {"rfloor", "rfloor"},
    {"lceil", "lceil"},
    {"rceil", "rceil"},
    {"langle", "langle"},
    {"rangle", "rangle"},
    {"lvert", "|"},
    {"rvert", "|"},
    {"vert", "|"},
    {"mid", "|"},
    {"lbrace", "\\{"},
    {"rbrace", "\\}"},
    {"circ", "circ"},
    {"degree", "degree"},
    {"colon", ":"},
    {"approx", "approx"},
    {"simeq", "approx"},
    {"land", "land"},
    {"wedge", "land"},
    {"lor", "lor"},
    {"vee", "lor"},
    {"begin", "begin"},
    {"end", "end"},
    {"prime", "'"},
    {"sum", "sum"},
    {"prod", "prod"},
    {"bmod", "bmod"},
    {"lbrack", "["},
    {"rbrack", "]"},
};

constexpr Name kPlainWords[] = {
    {"sqrt", "sqrt"},     {"pi", "pi"},         {"sin", "sin"},       {"cos", "cos"},
    {"tan", "tan"},       {"cot", "cot"},       {"sec", "sec"},       {"csc", "csc"},
    {"arcsin", "arcsin"}, {"arccos", "arccos"}, {"arctan", "arctan"}, {"asin", "arcsin"},
    {"acos", "arccos"},   {"atan", "arctan"},   {"sinh", "sinh"},     {"cosh", "cosh"},
    {"tanh", "tanh"},     {"ln", "ln"},         {"log", "log"},       {"lg", "lg"},
    {"exp", "exp"},       {"abs", "abs"},       {"floor", "floor"},   {"ceil", "ceil"},
    {"gcd", "gcd"},       {"lcm", "lcm"},       {"min", "min"},       {"max", "max"},
    {"binom", "binom"},   {"and", "and"},       {"or", "or"},         {"infinity", "infinity"},
    {"inf", "infinity"},  {"oo", "infinity"},   {"choose", "choose"}, {"to", "to"},
    {"union", "cup"},     {"in", "in"},         {"mod", "mod"},
};

constexpr std::string_view kUprightCommands[] = {
    "text",       "textbf",    "textit",   "textrm", "mbox",         "hbox",       "mathrm",
    "mathit",     "mathbf",    "mathsf",   "mathtt", "operatorname", "textnormal", "emph",
    "boldsymbol", "bm",        "textsf",   "texttt", "mathbb",       "mathcal",    "pmb",
    "bold",       "underline", "overline", "vec",    "hat",          "mathbin",    "mathop",
    "ensuremath", "num",       "fbox",     "boxed",  "framebox",
};

constexpr std::string_view kIgnoredCommands[] = {
    "left",          "right",  "big",          "Big",       "bigg",        "Bigg",
    "bigl",          "bigr",   "Bigl",         "Bigr",      "biggl",       "biggr",
    "Biggl",         "Biggr",  "displaystyle", "textstyle", "scriptstyle", "limits",
    "nolimits",      "rm",     "bf",           "it",        "sf",          "tt",
    "displaylimits", "middle", "large",        "Large",     "normalsize",
};

constexpr std::string_view kSpaceCommands[] = {"quad",  "qquad",    "thinspace",
                                               "space", "enspace",  "hspace",
                                               "hskip", "medspace", "nobreakspace"};

template <size_t n>
bool is_one_of(std::string_view word, const std::string_view (&list)[n]) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

template <size_t n>
std::string_view name_in(std::string_view word, const Name (&list)[n]) {
  for (const Name& entry : list)
    if (entry.spelling == word) return entry.name;
  return {};
}

}  // namespace

std::string_view name_of_command(std::string_view command) { return name_in(command, kCommands); }

std::string_view name_of_word(std::string_view word) { return name_in(word, kPlainWords); }

std::string_view letter_of_command(std::string_view command) {
  constexpr std::string_view kLetters[] = {
      "alpha", "beta",     "gamma", "delta",    "epsilon", "varepsilon", "zeta",  "eta",
      "theta", "vartheta", "iota",  "kappa",    "lambda",  "mu",         "nu",    "xi",
      "rho",   "sigma",    "tau",   "phi",      "varphi",  "chi",        "psi",   "omega",
      "Gamma", "Delta",    "Theta", "Lambda",   "Xi",      "Pi",         "Sigma", "Phi",
      "Psi",   "Omega",    "angle", "triangle", "ell"};
  if (!is_one_of(command, kLetters)) return {};
  if (command.starts_with("var")) command.remove_prefix(3);
  return command;
}

CommandUse use_of_command(std::string_view command) {
  constexpr std::string_view kHidden[] = {"color", "textcolor", "phantom", "hphantom", "vphantom"};
  if (is_one_of(command, kSpaceCommands)) return CommandUse::kSpace;
  if (is_one_of(command, kHidden)) return CommandUse::kHidden;
  if (is_one_of(command, kIgnoredCommands)) return CommandUse::kIgnored;
  if (is_one_of(command, kUprightCommands)) return CommandUse::kUpright;
  return CommandUse::kNamed;
}

}  // namespace amalgam::rewards
