#include "rewards/math/calendar.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace amalgam::rewards {
namespace {

constexpr std::string_view kMonths[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
constexpr std::string_view kWeekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
                                          "friday", "saturday", "sunday"};

bool is_figure_char(char c) { return c >= '0' && c <= '9'; }

// Figures, runs of letters, and every other character alone; spaces are gone.
std::vector<std::string_view> pieces_of(std::string_view text) {
  std::vector<std::string_view> pieces;
  constexpr size_t kMaxPieces = 12;
  const auto kind = [](char c) { return is_figure_char(c) ? 1 : c >= 'a' && c <= 'z' ? 2 : 0; };
  for (size_t i = 0; i < text.size() && pieces.size() <= kMaxPieces;) {
    size_t end = i + 1;
    if (kind(text[i]) != 0)
      while (end < text.size() && kind(text[end]) == kind(text[i])) ++end;
    if (text[i] != ' ') pieces.push_back(text.substr(i, end - i));
    i = end;
  }
  return pieces;
}

// −1: no number of at most four figures.
int figures(std::string_view piece) {
  if (piece.empty() || piece.size() > 4 || !is_figure_char(piece[0])) return -1;
  int value = 0;
  for (const char c : piece) value = 10 * value + (c - '0');
  return value;
}

int month_of(std::string_view piece) {
  for (size_t i = 0; i < std::size(kMonths); ++i) {
    const bool short_form = piece == kMonths[i].substr(0, 3) || (i == 8 && piece == "sept");
    if (piece == kMonths[i] || short_form) return static_cast<int>(i) + 1;
  }
  return 0;
}

std::optional<Date> checked(int year, int month, int day) {
  if (month < 1 || month > 12 || day < 1 || day > 31 || year < 0) return std::nullopt;
  return Date{year, month, day};
}

}  // namespace

std::optional<TimeOfDay> time_of(std::string_view words) {
  if (words == "noon" || words == "midnight")
    return TimeOfDay{12, 0, 0,
                     words == "noon" ? TimeOfDay::Half::kAfternoon : TimeOfDay::Half::kMorning};
  std::vector<std::string_view> pieces = pieces_of(words);
  TimeOfDay time;
  size_t at = 0;
  const auto piece = [&](size_t i) { return i < pieces.size() ? pieces[i] : std::string_view(); };
  if (piece(0) == "at") ++at;
  time.hour = figures(piece(at));
  if (time.hour < 0 || piece(at).size() > 2) return std::nullopt;
  time.of_24_hours = time.hour > 12 || time.hour == 0 || piece(at)[0] == '0';
  ++at;
  bool said = false;
  for (int* part : {&time.minute, &time.second}) {
    if (piece(at) != ":") break;
    if (piece(at + 1).size() != 2 || figures(piece(at + 1)) < 0) return std::nullopt;
    *part = figures(piece(at + 1));
    at += 2;
    said = true;
  }
  if (piece(at) == "o" && piece(at + 1) == "'" && piece(at + 2) == "clock") at += 3, said = true;
  std::string half;
  for (; at < pieces.size(); ++at)
    if (pieces[at] != ".") half += pieces[at];
  if (half == "am" || half == "inthemorning") {
    time.half = TimeOfDay::Half::kMorning;
  } else if (half == "pm" || half == "intheafternoon" || half == "intheevening") {
    time.half = TimeOfDay::Half::kAfternoon;
  } else if (!half.empty() || !said) {
    return std::nullopt;
  }
  if (time.hour > 24 || time.minute > 59 || time.second > 59) return std::nullopt;
  return time;
}

bool same_time(const TimeOfDay& a, const TimeOfDay& b) {
  if (a.minute != b.minute || a.second != b.second) return false;
  using Half = TimeOfDay::Half;
  if (a.half == Half::kUnsaid && b.half == Half::kUnsaid) return a.hour == b.hour;
  const auto hour_of_day = [](const TimeOfDay& t) {
    if (t.half == Half::kUnsaid || t.hour > 12) return t.hour;
    return t.hour % 12 + (t.half == Half::kAfternoon ? 12 : 0);
  };
  const bool both_known =
      (a.half != Half::kUnsaid || a.of_24_hours) && (b.half != Half::kUnsaid || b.of_24_hours);
  if (both_known) return hour_of_day(a) % 24 == hour_of_day(b) % 24;
  return a.hour % 12 == b.hour % 12;
}

std::optional<Date> date_of(std::string_view words) {
  std::vector<std::string_view> pieces = pieces_of(words);
  if (pieces.size() < 2 || pieces.size() > 10) return std::nullopt;
  // 2013-05-18, 2013/5/18, 5/18/2013
  if (pieces.size() == 5 && pieces[1] == pieces[3] && (pieces[1] == "-" || pieces[1] == "/")) {
    const int a = figures(pieces[0]), b = figures(pieces[2]), c = figures(pieces[4]);
    if (pieces[0].size() == 4) return checked(a, b, c);
    if (pieces[4].size() == 4 && pieces[1] == "/") return checked(c, a, b);
    return std::nullopt;
  }
  Date date;
  for (const std::string_view piece : pieces) {
    const int value = figures(piece);
    if (const int month = month_of(piece); month > 0 && date.month == 0) {
      date.month = month;
    } else if (value >= 0 && piece.size() <= 2 && date.day == 0) {
      date.day = value;
    } else if (value >= 0 && piece.size() == 4 && date.year == 0) {
      date.year = value;
    } else if (piece != "," && piece != "." && piece != "of" && piece != "the" && piece != "st" &&
               piece != "nd" && piece != "rd" && piece != "th" &&
               std::find(std::begin(kWeekdays), std::end(kWeekdays), piece) ==
                   std::end(kWeekdays)) {
      return std::nullopt;
    }
  }
  return checked(date.year, date.month, date.day);
}

}  // namespace amalgam::rewards
