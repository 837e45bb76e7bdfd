#include "rewards/instruct/checks.h"
#include "rewards/instruct/csv.h"

namespace amalgam::rewards::checks {
namespace {

// The value of a decimal digit of any script: tens of them stand together in order.
int digit_value(char32_t c) {
  char32_t first = c;
  while (first > 0 && is(first - 1, kDecimal)) --first;
  return static_cast<int>((c - first) % 10);
}

// A number of size digits at the head of text, which is taken away; -1: there is none.
int take_number(Chars& text, size_t size) {
  if (text.size() < size) return -1;
  int value = 0;
  for (size_t i = 0; i < size; ++i) {
    if (!is(text[i], kDecimal)) return -1;
    value = value * 10 + digit_value(text[i]);
  }
  text.remove_prefix(size);
  return value;
}

bool take_dash(Chars& text) {
  if (!text.starts_with(U'-')) return false;
  text.remove_prefix(1);
  return true;
}

// YYYY-MM-DD of Napoleon's years; a month or day of 00 passes, and the 29th of any February.
bool is_date(Chars text) {
  const int year = take_number(text, 4);
  const int month = take_dash(text) ? take_number(text, 2) : -1;
  const int day = take_dash(text) ? take_number(text, 2) : -1;
  if (month < 0 || day < 0 || !text.empty()) return false;
  if (year < 1769 || year > 1821 || month > 12) return false;
  const bool has_30 = month == 4 || month == 6 || month == 9 || month == 11;
  const int days = month == 0 ? 99 : month == 2 ? 29 : has_30 ? 30 : 31;
  return day <= days;
}

}  // namespace

bool csv_city(Chars response, const Arguments&) {
  const auto rows = csv_rows(response);
  if (!rows || rows->size() != 8 ||
      rows->front() != CsvRow{U"ID", U"Country", U"City", U"Year", U"Count"})
    return false;
  for (const CsvRow& row : *rows)
    if (row.size() != 5) return false;
  return true;
}

bool date_format_list(Chars response, const Arguments&) {
  for (const Chars part : split_at(stripped(response), U","))
    if (!is_date(stripped(part))) return false;
  return true;
}

// The numbers in the answer are the multiples of 7 from 14 to 50.
bool multiples(Chars response, const Arguments&) {
  std::vector<Chars> numbers;
  for (size_t i = 0; i < response.size();) {
    const size_t begin = i;
    while (i < response.size() && is(response[i], kDecimal)) ++i;
    if (i > begin) {
      numbers.push_back(response.substr(begin, i - begin));
    } else {
      ++i;
    }
  }
  return numbers == std::vector<Chars>{U"14", U"21", U"28", U"35", U"42", U"49"};
}

}  // namespace amalgam::rewards::checks
