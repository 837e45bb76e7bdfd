#include "configs/node.h"

namespace amalgam::configs {

std::string Node::origin() const {
  return line > 0 ? source->name + ":" + std::to_string(line) : source->name;
}

std::string Node::kind() const {
  static const char* const kKinds[] = {"a boolean", "a whole number", "a number",
                                       "a string",  "a list",         "a table"};
  return kKinds[value.index()];
}

const Node* Node::find(const std::string& key) const {
  const Table* table = get<Table>();
  if (!table) return nullptr;
  for (const auto& [name, node] : *table) {
    if (name == key) return &node;
  }
  return nullptr;
}

Node* Node::find(const std::string& key) {
  return const_cast<Node*>(static_cast<const Node*>(this)->find(key));
}

}  // namespace amalgam::configs
