#include "pipeline/command_line/byte_size.h"

#include <charconv>
#include <cstring>

#include "configs/error.h"

namespace amalgam::pipeline {

int64_t parse_byte_size(const std::string& text, const std::string& option) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  std::string unit(rest, end);
  int shift = 0;
  if (!unit.empty() && std::strchr("kKmMgG", unit[0])) {
    shift = unit[0] == 'k' || unit[0] == 'K' ? 10 : unit[0] == 'm' || unit[0] == 'M' ? 20 : 30;
    unit.erase(0, 1);
    if (unit == "iB") unit.clear();
  }
  if (unit == "B") unit.clear();
  if (error != std::errc() || !unit.empty() || number < 1 || number > (INT64_MAX >> shift))
    throw Error(option + ": '" + text + "' is not a size; write for example 65536, 64K, 64M or 2G");
  return number << shift;
}

}  // namespace amalgam::pipeline
