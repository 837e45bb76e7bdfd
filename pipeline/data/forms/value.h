// A JSON value as a row holds it: integers exact, members of objects in their order.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace amalgam::pipeline {

struct Member;

class Value {
 public:
  using Array = std::vector<Value>;
  using Object = std::vector<Member>;

  Value();  // null
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();
  explicit Value(bool);
  explicit Value(int64_t);
  explicit Value(uint64_t);
  explicit Value(double);
  explicit Value(std::string);
  explicit Value(std::string_view);
  explicit Value(const char*);
  explicit Value(Array);
  explicit Value(Object);

  bool is_null() const { return data_.index() == 0; }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_integer() const {
    return std::holds_alternative<int64_t>(data_) || std::holds_alternative<uint64_t>(data_);
  }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(data_); }
  bool is_string() const { return std::holds_alternative<std::string>(data_); }
  bool is_array() const { return std::holds_alternative<Array>(data_); }
  bool is_object() const { return std::holds_alternative<Object>(data_); }
  // A string, list or object without content.
  bool is_empty() const;

  bool boolean() const { return std::get<bool>(data_); }
  double number() const;
  const std::string& text() const { return std::get<std::string>(data_); }
  const Array& array() const { return std::get<Array>(data_); }
  Array& array() { return std::get<Array>(data_); }
  const Object& object() const { return std::get<Object>(data_); }
  Object& object() { return std::get<Object>(data_); }

  // The member of an object; nullptr when it is absent, null, or this is no object.
  const Value* find(std::string_view key) const;
  void add(std::string key, Value value);  // to an object; the key must be new

  std::string dump() const;  // JSON text on one line, as short as it can be

 private:
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> data_;
};

struct Member {
  std::string key;
  Value value;
};

// A string as JSON, in quotes.
std::string quoted_json(std::string_view text);

}  // namespace amalgam::pipeline
