#include "rewards/instruct/arguments.h"

#include "configs/check.h"

namespace amalgam::rewards {

const Argument& Arguments::get(std::string_view name) const {
  for (const auto& [own, value] : all_)
    if (own == name) return value;
  CHECK(false);  // the table of instructions lists every name that its function reads
  return all_.front().second;
}

bool Arguments::compares(size_t count, std::string_view relation, std::string_view than) const {
  const int64_t limit = number(than), n = static_cast<int64_t>(count);
  return text(relation) == U"less than" ? n < limit : n >= limit;
}

}  // namespace amalgam::rewards
