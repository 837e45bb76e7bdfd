// Tables of values that commas separate.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "rewards/text/chars.h"

namespace amalgam::rewards {

using CsvRow = std::vector<std::u32string>;

// As Python's csv.reader: a quoted value may hold commas, ends of lines and "" for a quote; an
// empty line is a row without values. Nothing where it raises: a carriage return within a line, a
// value longer than 131072.
std::optional<std::vector<CsvRow>> csv_rows(Chars text);

}  // namespace amalgam::rewards
