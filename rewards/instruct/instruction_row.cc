#include "rewards/instruct/instruction_row.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "rewards/instruct/python_literal.h"
#include "rewards/language/detect.h"

namespace amalgam::rewards {
namespace {

using Json = nlohmann::json;

constexpr const char* kIds = "instruction_id_list";
constexpr const char* kOpenInstructIds = "instruction_id";

// What a text holds, as JSON or else as a Python literal; a text that is neither, and any other
// value, stay.
Json unwrapped(Json value) {
  for (int i = 0; i < 3 && value.is_string(); ++i) {  // text of text: more than that nobody writes
    const auto& text = value.get_ref<const std::string&>();
    Json inner = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (inner.is_discarded()) {
      if (const auto written = json_of_python(text))
        inner = Json::parse(*written, nullptr, /*allow_exceptions=*/false);
    }
    if (inner.is_discarded()) break;
    value = std::move(inner);
  }
  return value;
}

std::u32string chars_of(const Json& value) { return decoded(value.get_ref<const std::string&>()); }

bool is_blank(Chars text) { return stripped(text).empty(); }

// A count may come as 3.0: a table with nulls makes numbers of that column floating.
std::optional<int64_t> whole_number(const Json& value) {
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (number >= 0 && number <= 1e15 &&
        number == static_cast<double>(static_cast<int64_t>(number)))
      return static_cast<int64_t>(number);
    return std::nullopt;
  }
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<uint64_t>() > 1'000'000'000'000'000)
    return std::nullopt;
  return value.get<int64_t>();
}

// Throws Error with what the value should be.
Argument argument_of(const Json& value, ArgumentKind kind) {
  switch (kind) {
    case ArgumentKind::kNumber:
    case ArgumentKind::kPosition: {
      const int64_t least = kind == ArgumentKind::kPosition;
      const auto number = whole_number(value);
      if (!number || *number < least)
        throw Error("a whole number of at least " + std::to_string(least));
      return *number;
    }
    case ArgumentKind::kText:
      if (!value.is_string() || is_blank(chars_of(value))) throw Error("a text");
      return chars_of(value);
    case ArgumentKind::kWords: {
      const Json list = unwrapped(value);
      std::vector<std::u32string> words;
      if (list.is_array())
        for (const Json& word : list) {
          if (!word.is_string() || word.get_ref<const std::string&>().empty())
            throw Error("a list of words");
          words.push_back(chars_of(word));
        }
      if (words.empty()) throw Error("a list of words");
      return words;
    }
    case ArgumentKind::kRelation:
      if (value != "less than" && value != "at least") throw Error("\"less than\" or \"at least\"");
      return chars_of(value);
    case ArgumentKind::kLetter:
      if (value.is_string()) {
        const std::u32string letter = chars_of(value);
        if (letter.size() == 1 && lower(letter[0]) >= 'a' && lower(letter[0]) <= 'z') return letter;
      }
      throw Error("a letter of a to z");
    case ArgumentKind::kLanguage:
      if (!value.is_string() || !is_known_language(value.get_ref<const std::string&>()))
        throw Error("a language as ISO 639-1 writes it");
      return chars_of(value);
  }
  throw Error("an argument of a known kind");
}

std::string shortened(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  constexpr size_t kLongest = 80;
  return text.size() <= kLongest ? text : text.substr(0, kLongest) + "...";
}

std::string unknown_id(const std::string& id) {
  std::string known;
  for (const Instruction& instruction : instructions()) {
    if (known.size() > 300) return "unknown id " + shortened(id) + "; known: " + known + ", ...";
    known += (known.empty() ? "" : ", ") + std::string(instruction.id);
  }
  return "unknown id " + shortened(id) + "; known: " + known;
}

// Throws Error with the id and what is wrong.
GivenInstruction instruction_of(const Json& id, const Json& raw_kwargs) {
  if (!id.is_string()) throw Error("an id is not a text");
  const auto& name = id.get_ref<const std::string&>();
  const Instruction* instruction = find_instruction(name);
  if (!instruction) throw Error(unknown_id(name));
  const Json kwargs = unwrapped(raw_kwargs);
  if (!kwargs.is_object() && !kwargs.is_null())
    throw Error(name + ": its kwargs are not an object");
  GivenInstruction given = {instruction, {}};
  for (const Parameter& parameter : instruction->parameters) {
    const std::string key(parameter.name);
    const auto found = kwargs.is_object() ? kwargs.find(key) : kwargs.end();
    if (!kwargs.is_object() || found == kwargs.end() || found->is_null())
      throw Error(name + ": kwargs lack " + key);
    try {
      given.arguments.add(parameter.name, argument_of(*found, parameter.kind));
    } catch (const Error& e) {
      const std::string given_as =
          found->is_structured()
              ? std::string("an ") + found->type_name()
              : shortened(found->dump(-1, ' ', true, Json::error_handler_t::replace));
      throw Error(name + ": " + key + " is " + given_as + ", not " + e.what());
    }
  }
  const auto& holds_at = given.arguments;
  if (name == "length_constraints:nth_paragraph_first_word" &&
      holds_at.number("nth_paragraph") > holds_at.number("num_paragraphs"))
    throw Error(name + ": nth_paragraph is more than num_paragraphs");
  return given;
}

const char* ids_key(const Json& object) {
  if (!object.is_object()) return nullptr;
  for (const char* key : {kIds, kOpenInstructIds})
    if (object.contains(key) && !object[key].is_null()) return key;
  return nullptr;
}

// Appends what one object names.
void add_instructions(const Json& object, std::vector<GivenInstruction>& given) {
  const Json ids = unwrapped(object[ids_key(object)]);
  if (!ids.is_array() || ids.empty()) throw Error("not a list of ids");
  const Json kwargs = object.contains("kwargs") ? unwrapped(object["kwargs"]) : Json();
  if (!kwargs.is_null() && (!kwargs.is_array() || kwargs.size() != ids.size()))
    throw Error("kwargs are not a list of " + std::to_string(ids.size()) +
                " objects, one for each id");
  for (size_t i = 0; i < ids.size(); ++i)
    given.push_back(instruction_of(ids[i], kwargs.is_null() ? Json() : kwargs[i]));
}

// The objects with ids that a value holds: itself, or those of a list.
std::vector<Json> objects_of(Json value) {
  value = unwrapped(std::move(value));
  if (ids_key(value)) return {std::move(value)};
  std::vector<Json> objects;
  if (value.is_array())
    for (const Json& item : value)
      if (Json object = unwrapped(item); ids_key(object)) objects.push_back(std::move(object));
  return objects;
}

bool may_have_ids(const std::string& text) {
  return text.find(kOpenInstructIds) != std::string::npos;
}

std::vector<Json> find_objects(const std::string& ground_truth, const std::string& row) {
  if (may_have_ids(row)) {
    const Json columns = Json::parse(row, nullptr, /*allow_exceptions=*/false);
    if (ids_key(columns)) return {columns};
    if (columns.is_object() && columns.contains("extra_info"))
      if (auto objects = objects_of(columns["extra_info"]); !objects.empty()) return objects;
  }
  if (may_have_ids(ground_truth)) return objects_of(Json(ground_truth));
  return {};
}

}  // namespace

std::optional<InstructionRow> read_instruction_row(const std::string& ground_truth,
                                                   const std::string& row) {
  const std::vector<Json> objects = find_objects(ground_truth, row);
  if (objects.empty()) return std::nullopt;
  InstructionRow out;
  try {
    for (const Json& object : objects) add_instructions(object, out.given);
  } catch (const Error& e) {
    out.problem = std::string(kIds) + ": " + e.what();
  }
  return out;
}

}  // namespace amalgam::rewards
