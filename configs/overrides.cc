#include "configs/overrides.h"

#include "configs/error.h"
#include "configs/toml.h"

namespace amalgam::configs {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

const std::string* name_of_element(const Node& element) {
  for (const char* key : {"name", "method", "domain"}) {
    if (const Node* name = element.find(key)) return name->get<std::string>();
  }
  return nullptr;
}

Node* element_named(const std::string& name, const std::string& path, Array* elements) {
  std::string known;
  for (Node& element : *elements) {
    const std::string* own = name_of_element(element);
    if (own && *own == name) return &element;
    if (own) known += (known.empty() ? "" : ", ") + *own;
  }
  throw Error("command line: " + path + " has no element named '" + name + "'" +
              (known.empty() ? "" : "; it has: " + known));
}

// The member `key` of *table, made as an empty table if it is absent.
Node* member(const std::string& key, const std::shared_ptr<const Source>& source, Table* table) {
  for (auto& [name, node] : *table) {
    if (name == key) return &node;
  }
  Node made;
  made.value = Table{};
  made.source = source;
  return &table->emplace_back(key, std::move(made)).second;
}

}  // namespace

void apply_override(const std::string& override_text, Node* root) {
  const size_t equals = override_text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error("command line: '" + override_text + "' is not an override; write key=value");
  }
  const auto source =
      std::make_shared<const Source>(Source{"command line", std::filesystem::current_path()});
  Node* node = root;
  std::string path;
  for (const std::string& key : split(override_text.substr(0, equals), '.')) {
    if (key.empty()) throw Error("command line: '" + override_text + "' has an empty key");
    if (Array* elements = node->get<Array>()) {
      node = element_named(key, path, elements);
    } else if (Table* table = node->get<Table>()) {
      node = member(key, source, table);
    } else {
      throw Error("command line: " + path + " is " + node->kind() + ", so it has no key '" + key +
                  "'");
    }
    path += (path.empty() ? "" : ".") + key;
  }
  *node = parse_toml_value(override_text.substr(equals + 1), source);
}

}  // namespace amalgam::configs
