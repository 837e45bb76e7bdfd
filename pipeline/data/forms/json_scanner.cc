#include "pipeline/data/forms/json_scanner.h"

#include <charconv>
#include <cmath>

namespace amalgam::pipeline {
namespace {

constexpr size_t kMaxDepth = 1000;  // of the fast parser's too

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool fits(const std::string& number) {
  const char* end = number.data() + number.size();
  if (number.find_first_of(".eE") != number.npos) {
    double value = 0;
    const auto result = std::from_chars(number.data(), end, value);
    if (result.ec == std::errc()) return std::isfinite(value);
    // Out of range both ways: too small is 0.
    const size_t e = number.find_first_of("eE");
    return e != number.npos && number[e + 1] == '-';
  }
  int64_t low = 0;
  uint64_t high = 0;
  return std::from_chars(number.data(), end, low).ec == std::errc() ||
         (number[0] != '-' && std::from_chars(number.data(), end, high).ec == std::errc());
}

}  // namespace

size_t JsonScanner::plain_prefix(std::string_view text) const {
  if (state_ != State::kString || after_high_ || (is_key_ && depth() == 1)) return 0;
  size_t n = 0;
  while (n < text.size() && text[n] != '"' && text[n] != '\\' &&
         static_cast<unsigned char>(text[n]) >= 0x20)
    ++n;
  return n;
}

void JsonScanner::value_ended() { state_ = open_.empty() ? State::kDone : State::kAfterValue; }

bool JsonScanner::begin_value(char c) {
  if (depth() == 2 && open_[0] == '{' && open_[1] == '[' && c == '{' &&
      state_ == State::kFirstElement)
    keys_of_rows_.push_back(keys_.back());
  if (c == '{' || c == '[') {
    if (depth() >= kMaxDepth) return false;
    open_ += c;
    state_ = c == '{' ? State::kFirstKey : State::kFirstElement;
    return true;
  }
  if (c == '"') {
    is_key_ = false;
    state_ = State::kString;
    return true;
  }
  if (c == '-' || is_digit(c)) {
    number_ = c;
    state_ = c == '-' ? State::kMinus : c == '0' ? State::kZero : State::kInteger;
    return true;
  }
  for (const std::string_view literal : {"true", "false", "null"})
    if (c == literal[0]) {
      literal_rest_ = literal.substr(1);
      state_ = State::kLiteral;
      return true;
    }
  return false;
}

bool JsonScanner::end_container(char open) {
  if (open_.empty() || open_.back() != open) return false;
  open_.pop_back();
  value_ended();
  return true;
}

bool JsonScanner::after_value(char c) {
  if (is_json_space(c)) return true;
  if (c == '}') return end_container('{');
  if (c == ']') return end_container('[');
  if (c != ',' || open_.empty()) return false;
  state_ = open_.back() == '{' ? State::kKey : State::kValue;
  return true;
}

bool JsonScanner::in_string_step(char c) {
  if (after_high_ && c != '\\') after_high_ = false, has_lone_surrogate_ = true;
  if (static_cast<unsigned char>(c) < 0x20) return false;
  if (is_key_ && depth() == 1 && c != '"') key_ += c;
  if (c == '\\') {
    state_ = State::kEscape;
  } else if (c == '"') {
    if (is_key_) {
      state_ = State::kColon;
      if (depth() == 1) keys_.push_back(key_);
    } else {
      value_ended();
    }
  }
  return true;
}

bool JsonScanner::escape(char c) {
  if (is_key_ && depth() == 1) key_ += c;
  if (c == 'u') {
    hex_digits_ = 0, code_ = 0;
    state_ = State::kHex;
    return true;
  }
  if (after_high_) after_high_ = false, has_lone_surrogate_ = true;
  state_ = State::kString;
  return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
}

bool JsonScanner::hex(char c) {
  const int digit = is_digit(c)            ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
  if (digit < 0) return false;
  if (is_key_ && depth() == 1) key_ += c;
  code_ = code_ * 16 + static_cast<uint32_t>(digit);
  if (++hex_digits_ < 4) return true;
  state_ = State::kString;
  const bool is_high = code_ >= 0xD800 && code_ < 0xDC00;
  const bool is_low = code_ >= 0xDC00 && code_ < 0xE000;
  if (after_high_ != is_low) has_lone_surrogate_ = true;
  after_high_ = is_high;
  return true;
}

void JsonScanner::end_number() {
  if (bad_number_.empty() && !fits(number_)) bad_number_ = number_;
  value_ended();
}

bool JsonScanner::step(char c) {
  const auto number_goes_on = [&](State next) {
    number_ += c;
    state_ = next;
    return true;
  };
  const auto number_ends = [&] {
    end_number();
    return after_value(c);
  };
  const bool is_e = c == 'e' || c == 'E';
  switch (state_) {
    case State::kString:
      return in_string_step(c);
    case State::kEscape:
      return escape(c);
    case State::kHex:
      return hex(c);
    case State::kFirstElement:
      if (c == ']') return end_container('[');
      [[fallthrough]];
    case State::kValue:
      return is_json_space(c) || begin_value(c);
    case State::kFirstKey:
      if (c == '}') return end_container('{');
      [[fallthrough]];
    case State::kKey:
      if (is_json_space(c)) return true;
      is_key_ = true;
      key_.clear();
      state_ = State::kString;
      return c == '"';
    case State::kColon:
      if (is_json_space(c)) return true;
      state_ = State::kValue;
      return c == ':';
    case State::kAfterValue:
      return after_value(c);
    case State::kDone:
      return is_json_space(c);
    case State::kLiteral:
      if (c != literal_rest_[0]) return false;
      literal_rest_.remove_prefix(1);
      if (literal_rest_.empty()) value_ended();
      return true;
    case State::kMinus:
      return is_digit(c) && number_goes_on(c == '0' ? State::kZero : State::kInteger);
    case State::kZero:
    case State::kInteger:
      if (is_digit(c)) return state_ == State::kInteger && number_goes_on(state_);
      if (c == '.') return number_goes_on(State::kPoint);
      return is_e ? number_goes_on(State::kExponent) : number_ends();
    case State::kPoint:
      return is_digit(c) && number_goes_on(State::kFraction);
    case State::kFraction:
      if (is_digit(c)) return number_goes_on(state_);
      return is_e ? number_goes_on(State::kExponent) : number_ends();
    case State::kExponent:
      if (c == '+' || c == '-') return number_goes_on(State::kExponentSign);
      [[fallthrough]];
    case State::kExponentSign:
      return is_digit(c) && number_goes_on(State::kExponentDigits);
    case State::kExponentDigits:
      return is_digit(c) ? number_goes_on(state_) : number_ends();
  }
  return false;
}

bool JsonScanner::finish() {
  if (state_ == State::kZero || state_ == State::kInteger || state_ == State::kFraction ||
      state_ == State::kExponentDigits)
    end_number();
  return state_ == State::kDone;
}

}  // namespace amalgam::pipeline
