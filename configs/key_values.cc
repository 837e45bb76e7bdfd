#include "configs/key_values.h"

#include "configs/format.h"

namespace amalgam::configs {
namespace {

// Visitor (schema.h).
class KeyLister {
 public:
  explicit KeyLister(std::string prefix = "") : prefix_(std::move(prefix)) {}

  template <class T>
  void value(const char* key, const T& field, Range, const char*) {
    add(key, format_value(field), false);
  }
  template <class T>
  void value(const char* key, const T& field, const char*) {
    if constexpr (std::is_same_v<T, Path>)
      add(key, field.string(), true);
    else if constexpr (std::is_same_v<T, Paths>)
      all_.push_back({prefix_ + key, field.text(), true, field.strings()});
    else
      add(key, format_value(field), false);
  }
  template <class S>
  void section(const char* key, S& field, const char*) {
    visit(prefix_ + key, field);
  }
  template <class S>
  void section_like(const char* key, S& field, const char*, const char* doc) {
    section(key, field, doc);
  }
  template <class S>
  void tables(const char* key, std::vector<S>& field, S, const char*) {
    for (size_t i = 0; i < field.size(); ++i) {
      std::string name = std::to_string(i);
      if constexpr (requires { std::string(field[i].name); }) name = field[i].name;
      visit(prefix_ + key + "." + name, field[i]);
    }
  }

  std::vector<KeyValue> take() { return std::move(all_); }

 private:
  void add(const char* key, std::string value, bool is_path) {
    all_.push_back({prefix_ + key, std::move(value), is_path});
  }
  template <class S>
  void visit(const std::string& prefix, S& field) {
    KeyLister child(prefix + ".");
    field.visit(child);
    for (KeyValue& k : child.all_) all_.push_back(std::move(k));
  }

  std::string prefix_;
  std::vector<KeyValue> all_;
};

}  // namespace

std::vector<KeyValue> key_values(RunConfig config) {
  KeyLister lister;
  config.visit(lister);
  return lister.take();
}

}  // namespace amalgam::configs
