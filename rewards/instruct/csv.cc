#include "rewards/instruct/csv.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kValueLimit = 131072;

enum class CsvState { kRow, kValue, kPlain, kQuoted, kQuoteInQuoted, kLineEnd };

class CsvReader {
 public:
  // False: the text is not readable.
  bool line(Chars text) {
    for (const char32_t c : text)
      if (!take(c)) return false;
    return end_line();
  }
  std::vector<CsvRow> finish() && {
    if (state_ == CsvState::kQuoted || !value_.empty()) {
      end_value();
      end_row();
    }
    return std::move(rows_);
  }

 private:
  void end_value() {
    row_.push_back(std::move(value_));
    value_.clear();
  }
  void end_row() {
    rows_.push_back(std::move(row_));
    row_.clear();
    state_ = CsvState::kRow;
  }

  bool take(char32_t c) {
    const bool breaks = c == '\n' || c == '\r';
    switch (state_) {
      case CsvState::kLineEnd:
        return breaks;
      case CsvState::kQuoted:
        if (c == '"') {
          state_ = CsvState::kQuoteInQuoted;
          return true;
        }
        value_.push_back(c);
        return value_.size() <= kValueLimit;
      case CsvState::kRow:
        if (breaks) {
          state_ = CsvState::kLineEnd;
          return true;
        }
        [[fallthrough]];
      case CsvState::kValue:
        if (c == '"') {
          state_ = CsvState::kQuoted;
          return true;
        }
        break;
      case CsvState::kQuoteInQuoted:
        if (c == '"') {
          value_.push_back(c);
          state_ = CsvState::kQuoted;
          return value_.size() <= kValueLimit;
        }
        break;
      case CsvState::kPlain:
        break;
    }
    if (breaks || c == ',') {
      end_value();
      state_ = breaks ? CsvState::kLineEnd : CsvState::kValue;
      return true;
    }
    value_.push_back(c);
    state_ = CsvState::kPlain;
    return value_.size() <= kValueLimit;
  }

  bool end_line() {
    if (state_ == CsvState::kQuoted) return true;  // goes on in the next line
    if (state_ != CsvState::kRow && state_ != CsvState::kLineEnd) end_value();
    end_row();
    return true;
  }

  CsvState state_ = CsvState::kRow;
  std::u32string value_;
  CsvRow row_;
  std::vector<CsvRow> rows_;
};

}  // namespace

std::optional<std::vector<CsvRow>> csv_rows(Chars text) {
  CsvReader reader;
  while (!text.empty()) {
    const size_t size = std::min(text.find(U'\n'), text.size() - 1) + 1;
    if (!reader.line(text.substr(0, size))) return std::nullopt;
    text.remove_prefix(size);
  }
  return std::move(reader).finish();
}

}  // namespace amalgam::rewards
