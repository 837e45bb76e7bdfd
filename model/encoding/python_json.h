// JSON text in exactly the form of Python's json.dumps(json.loads(text), ensure_ascii=False), which
// the published message encoding is defined by: ", " and ": ", keys in order, 1e-05, 1.0, NaN.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::model {

// A string literal with quotes. Bytes that are not UTF-8 become U+FFFD.
std::string python_json_string(std::string_view text);

// Nothing when `text` is no JSON, or nested deeper than 500 levels.
std::optional<std::string> python_json(std::string_view text);

struct JsonMember {
  std::string key;
  bool is_string = false;
  std::string value;  // the string itself, or the JSON text of any other value
};
// The members of a JSON object, in order; of a repeated key the last value at the first place.
// Nothing when `text` is no JSON object.
std::optional<std::vector<JsonMember>> python_json_members(std::string_view text);
// The elements of a JSON array as JSON text.
std::optional<std::vector<std::string>> python_json_elements(std::string_view text);

}  // namespace amalgam::model
