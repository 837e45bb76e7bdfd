// Charts of the report as HTML fragments. They need no script to be seen; the page's script only
// adds the read-out under the pointer.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "pipeline/run_store/run_store.h"

namespace amalgam::pipeline {

struct Point {
  double step = 0;
  double value = 0;  // NaN and infinity leave a gap
};

// One series over steps, as SVG. Long series are thinned so that every extreme stays visible.
std::string line_chart(const std::string& title, const std::vector<Point>& points);

inline constexpr size_t kNumModelColours = 10;  // .m0 … .m9 of the page
// "m3", and from the eleventh on "m3 alt": the same colours, hollow.
std::string colour_class(size_t place);

// One point with its standard errors (NaN: unknown). `tip` is shown under the pointer.
struct XyPoint {
  double x = 0, y = 0, x_error = 0, y_error = 0;
  std::string label = {}, tip = {};
};
struct XySeries {
  std::string name;
  std::vector<XyPoint> points;       // joined by a line; finite
  std::optional<size_t> place = {};  // of its colour; none: its own among the series
};
// Shares against a quantity from 0: the y axis is 0 … 1 where all points are in it. Series are
// coloured as models are. At least one point.
std::string xy_chart(const std::string& title, const std::string& x_name,
                     const std::vector<XySeries>& series);

// Round axis marks that enclose [low, high], at least two.
std::vector<double> axis_ticks(double low, double high);

// A horizontal bar whose whole width stands for `full`: parts as (name, amount), each coloured by
// the place of its name in `palette`; kRest is grey.
inline constexpr const char* kRest = "other";
std::string stacked_bar(const NamedValues& parts, double full,
                        const std::vector<std::string>& palette);
std::string stacked_bar_legend(const std::vector<std::string>& palette);

}  // namespace amalgam::pipeline
