// Times of the day and dates.
#pragma once
#include <optional>
#include <string_view>

namespace amalgam::rewards {

struct TimeOfDay {
  enum class Half { kUnsaid, kMorning, kAfternoon };
  int hour = 0, minute = 0, second = 0;
  Half half = Half::kUnsaid;
  bool of_24_hours = false;  // "15:30", "07:45", "0:15"
};
struct Date {
  int year = 0;  // 0: not said
  int month = 0, day = 0;
  bool operator==(const Date&) const = default;
};

// Of a whole text in words() (words.h): "3:30 p.m.", "07:45", "12 o'clock", "noon".
std::optional<TimeOfDay> time_of(std::string_view words);
// "May 13", "13th of May", "May 18, 2013", "2013-05-18", "5/18/2013".
std::optional<Date> date_of(std::string_view words);

// "3:30" is "3:30 p.m." and "15:30"; "7:45" is "07:45".
bool same_time(const TimeOfDay& a, const TimeOfDay& b);

}  // namespace amalgam::rewards
