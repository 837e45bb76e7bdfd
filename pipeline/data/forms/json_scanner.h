// JSON's grammar (RFC 8259), byte by byte: finds what is wrong with a text, and where the elements
// of an array end, without holding it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace amalgam::pipeline {

class JsonScanner {
 public:
  // The next byte of the text; false when the text cannot be JSON. Nothing may follow a false.
  bool step(char c);
  // How many bytes at the front of `text` change nothing: the plain ones inside a string.
  size_t plain_prefix(std::string_view text) const;
  // At the text's end: whether it was one whole value.
  bool finish();

  bool in_string() const { return state_ >= State::kString; }
  size_t depth() const { return open_.size(); }
  bool is_done() const { return state_ == State::kDone; }  // after a container, string or literal
  // The next byte that is no white space begins a value (or ends an empty array).
  bool awaits_value() const { return state_ == State::kValue || state_ == State::kFirstElement; }

  // Faults within the grammar.
  bool has_lone_surrogate() const { return has_lone_surrogate_; }
  // The first number that is an integer beyond −2^63 … 2^64−1 or a float beyond double.
  const std::string& bad_number() const { return bad_number_; }

  // Of the outermost object: keys (as written) whose value is a list of objects.
  const std::vector<std::string>& keys_of_rows() const { return keys_of_rows_; }
  const std::vector<std::string>& keys() const { return keys_; }

 private:
  enum class State {
    kValue,
    kFirstElement,
    kFirstKey,
    kKey,
    kColon,
    kAfterValue,
    kLiteral,
    kMinus,
    kZero,
    kInteger,
    kPoint,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits,
    kDone,
    kString,  // and those after it: inside a string
    kEscape,
    kHex
  };
  bool begin_value(char c);
  bool end_container(char open);
  bool after_value(char c);
  bool in_string_step(char c);
  bool escape(char c);
  bool hex(char c);
  void end_number();
  void value_ended();

  State state_ = State::kValue;
  std::string open_;               // '{' and '[' that are open
  std::string_view literal_rest_;  // of true, false, null
  std::string number_, key_;
  bool is_key_ = false;  // the string is one
  int hex_digits_ = 0;
  uint32_t code_ = 0;
  bool after_high_ = false;  // a high surrogate that waits for its low one
  bool has_lone_surrogate_ = false;
  std::string bad_number_;
  std::vector<std::string> keys_of_rows_, keys_;
};

constexpr bool is_json_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace amalgam::pipeline
