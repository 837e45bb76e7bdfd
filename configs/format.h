// Config values as TOML text, and ranges as words.
#pragma once
#include <string>
#include <vector>

#include "configs/arguments.h"
#include "configs/effort.h"
#include "configs/generator.h"
#include "configs/names.h"
#include "configs/schema.h"

namespace amalgam::configs {

std::string format_number(double x);  // shortest text that reads back as the same double
std::string format_string(const std::string& text);  // quoted and escaped
std::string describe(Range range);  // "from 0 to 1", "of at least 1", "" for no limit

std::string format_value(bool x);
std::string format_value(int64_t x);
std::string format_value(double x);
std::string format_value(const std::string& x);
std::string format_value(const Path& x);
std::string format_value(const Paths& x);
std::string format_value(const std::vector<double>& x);
std::string format_value(const std::vector<std::string>& x);
std::string format_value(const Weights& x);
inline std::string format_value(const Efforts& x) { return format_value(x.modes); }
inline std::string format_value(const Arguments& x) { return x.toml; }
inline std::string format_value(const Generator& x) { return format_string(x.text()); }
// Of one name the name.
inline std::string format_value(const Names& x) {
  return x.all.size() > 1 ? format_value(x.all)
                          : format_value(x.empty() ? std::string() : x.all[0]);
}
template <class E>
requires std::is_enum_v<E> std::string format_value(E x) { return format_string(name_of(x)); }

}  // namespace amalgam::configs
