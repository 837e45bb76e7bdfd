// The keyword arguments of one instruction, read and checked once.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "rewards/text/chars.h"

namespace amalgam::rewards {

enum class ArgumentKind {
  kNumber,    // a whole number of at least 0
  kPosition,  // of at least 1
  kText,      // with more than spaces
  kWords,     // at least one text, none of them empty
  kRelation,  // "less than" or "at least"
  kLetter,    // one of a to z, in any case
  kLanguage   // a name that rewards/language knows
};

struct Parameter {
  std::string_view name;
  ArgumentKind kind;
};

using Argument = std::variant<int64_t, std::u32string, std::vector<std::u32string>>;

class Arguments {
 public:
  void add(std::string_view name, Argument value) { all_.emplace_back(name, std::move(value)); }

  int64_t number(std::string_view name) const { return std::get<int64_t>(get(name)); }
  Chars text(std::string_view name) const { return std::get<std::u32string>(get(name)); }
  const std::vector<std::u32string>& words(std::string_view name) const {
    return std::get<std::vector<std::u32string>>(get(name));
  }
  // Whether a count stands in the relation to the number that these two name.
  bool compares(size_t count, std::string_view relation, std::string_view than) const;

 private:
  const Argument& get(std::string_view name) const;

  std::vector<std::pair<std::string_view, Argument>> all_;  // the names are the parameters' own
};

}  // namespace amalgam::rewards
