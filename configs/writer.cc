#include "configs/writer.h"

#include <algorithm>

namespace amalgam::configs {

void Writer::append(const Writer& child) {
  tables_.insert(tables_.end(), child.tables_.begin(), child.tables_.end());
}

void Writer::drop_values_of(const Writer& base) {
  for (TableText& table : tables_) {
    for (const TableText& same : base.tables_) {
      if (same.path != table.path) continue;
      std::erase_if(table.values, [&](const auto& value) {
        return std::find(same.values.begin(), same.values.end(), value) != same.values.end();
      });
    }
  }
}

std::string Writer::text() const {
  std::string text;
  for (const TableText& table : tables_) {
    if (table.values.empty() && !table.element) continue;
    if (!table.path.empty()) {
      text += (text.empty() ? "" : "\n");
      text += table.element ? "[[" + table.path + "]]\n" : "[" + table.path + "]\n";
    }
    for (const auto& [key, value] : table.values) text += key + " = " + value + "\n";
  }
  return text;
}

}  // namespace amalgam::configs
