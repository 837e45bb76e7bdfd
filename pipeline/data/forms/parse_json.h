// The strict JSON of data files: RFC 8259, UTF-8, no key twice in an object, integers of 64 bits,
// floats within double.
#pragma once
#include <string>
#include <string_view>

#include "pipeline/data/forms/value.h"

namespace amalgam::pipeline {

enum class JsonFault {
  kNone,
  kSyntax,     // also deeper than 1,000 levels
  kSurrogate,  // half a pair: text that no UTF-8 can hold
  kUtf8,
  kTwice,  // a key in one object
  kNumber
};

struct JsonResult {
  JsonFault fault = JsonFault::kNone;
  std::string why;  // "not JSON (byte 17)", "the key \"a\" stands twice in one object", …
  Value value;      // without a fault
};

// By any thread.
JsonResult parse_json(std::string_view text);

}  // namespace amalgam::pipeline
