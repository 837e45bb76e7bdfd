#include "pipeline/data/forms/parse_json.h"

#include <simdjson.h>

#include <cstring>
#include <unordered_set>

#include "configs/printable.h"
#include "configs/utf8.h"
#include "pipeline/data/forms/json_scanner.h"

namespace amalgam::pipeline {
namespace {

namespace dom = simdjson::dom;

JsonResult fault(JsonFault kind, std::string why) {
  JsonResult result;
  result.fault = kind;
  result.why = std::move(why);
  return result;
}

// What is wrong with a text that the fast parser does not take.
JsonResult diagnose(std::string_view text) {
  JsonScanner scanner;
  size_t at = 0;
  while (at < text.size() && scanner.step(text[at])) ++at;
  const bool is_value = at == text.size() && scanner.finish();
  const std::string byte = " (byte " + std::to_string(at + 1) + ")";
  const std::string cut = is_value ? "" : "not JSON" + byte;
  const size_t valid = valid_utf8_prefix(text);
  if (valid < text.size())
    return fault(JsonFault::kUtf8, "not UTF-8 (byte " + std::to_string(valid + 1) + ")" +
                                       (is_value ? "" : " and " + cut));
  if (!is_value) return fault(JsonFault::kSyntax, cut);
  if (scanner.has_lone_surrogate())
    return fault(JsonFault::kSurrogate, "not JSON: half a surrogate pair (\\ud800 … \\udfff)");
  if (!scanner.bad_number().empty())
    return fault(JsonFault::kNumber,
                 "the number " + printable(scanner.bad_number()) +
                     " is outside what is exact: integers from -2^63 to 2^64-1, floats of 64 bits");
  return fault(JsonFault::kSyntax, "not JSON");
}

class Converter {
 public:
  Value convert(dom::element element) {
    switch (element.type()) {
      case dom::element_type::ARRAY:
        return convert_array(element);
      case dom::element_type::OBJECT:
        return convert_object(element);
      case dom::element_type::INT64:
        return Value(int64_t(element));
      case dom::element_type::UINT64:
        return Value(uint64_t(element));
      case dom::element_type::DOUBLE:
        return Value(double(element));
      case dom::element_type::STRING:
        return Value(checked(std::string_view(element)));
      case dom::element_type::BOOL:
        return Value(bool(element));
      case dom::element_type::NULL_VALUE:
        break;
    }
    return Value();
  }

  bool has_surrogate = false;
  std::string twice;  // a key
  bool has_twice = false;

 private:
  // The text was UTF-8, so a surrogate among its bytes was escaped.
  std::string_view checked(std::string_view text) {
    for (const char* p = text.data(); !has_surrogate;) {
      p = static_cast<const char*>(
          std::memchr(p, 0xED, static_cast<size_t>(text.data() + text.size() - p)));
      if (!p) break;
      has_surrogate = static_cast<unsigned char>(p[1]) >= 0xA0;
      ++p;
    }
    return text;
  }

  Value convert_array(dom::array array) {
    Value::Array elements;
    elements.reserve(array.size());
    for (const dom::element element : array) elements.push_back(convert(element));
    return Value(std::move(elements));
  }

  Value convert_object(dom::object object) {
    Value::Object members;
    members.reserve(object.size());
    for (const dom::key_value_pair member : object)
      members.push_back({std::string(checked(member.key)), convert(member.value)});
    find_twice(members);
    return Value(std::move(members));
  }

  void find_twice(const Value::Object& members) {
    constexpr size_t kFew = 24;
    if (members.size() <= kFew) {
      for (size_t i = 1; i < members.size(); ++i)
        for (size_t k = 0; k < i; ++k)
          if (members[i].key == members[k].key) has_twice = true, twice = members[i].key;
      return;
    }
    std::unordered_set<std::string_view> seen;
    for (const Member& member : members)
      if (!seen.insert(member.key).second) has_twice = true, twice = member.key;
  }
};

}  // namespace

JsonResult parse_json(std::string_view text) {
  thread_local dom::parser parser;
  dom::element root;
  // An empty text has no padding to read, and a BOM is for the start of a file alone.
  if (text.empty() || text[0] == '\xEF' || parser.parse(text.data(), text.size()).get(root))
    return diagnose(text);
  Converter converter;
  JsonResult result;
  result.value = converter.convert(root);
  if (converter.has_surrogate) return diagnose(text);
  if (converter.has_twice)
    return fault(JsonFault::kTwice,
                 "the key \"" + printable(converter.twice) + "\" stands twice in one object");
  return result;
}

}  // namespace amalgam::pipeline
