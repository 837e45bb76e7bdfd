#include "pipeline/report/charts.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "pipeline/run_store/text_format.h"

namespace amalgam::pipeline {
namespace {

constexpr double kWidth = 280, kHeight = 132;
constexpr double kLeft = 40, kRight = 8, kTop = 8, kBottom = 20;
constexpr size_t kMaxPoints = 400;

// Keeps the smallest and the largest of each bucket, in order; non-finite ones as they are gaps.
std::vector<Point> thin(const std::vector<Point>& points) {
  if (points.size() <= kMaxPoints) return points;
  std::vector<Point> kept;
  const size_t num_buckets = kMaxPoints / 2;
  for (size_t i = 0; i < num_buckets; ++i) {
    const auto begin = points.begin() + static_cast<int64_t>(i * points.size() / num_buckets);
    const auto end = points.begin() + static_cast<int64_t>((i + 1) * points.size() / num_buckets);
    const auto gap =
        std::find_if(begin, end, [](const Point& p) { return !std::isfinite(p.value); });
    if (gap != end) {
      kept.push_back(*gap);
      continue;
    }
    const auto [low, high] = std::minmax_element(
        begin, end, [](const Point& a, const Point& b) { return a.value < b.value; });
    kept.push_back(*std::min(low, high));
    if (low != high) kept.push_back(*std::max(low, high));
  }
  return kept;
}

struct Axes {
  double x_low, x_high, y_low, y_high;
  double x(double step) const {
    return kLeft + (step - x_low) / (x_high - x_low) * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    return kHeight - kBottom - (value - y_low) / (y_high - y_low) * (kHeight - kTop - kBottom);
  }
};

std::string path_of(const std::vector<Point>& points, const Axes& axes) {
  std::string path;
  bool pen_down = false;
  for (const Point& p : points) {
    const bool finite = std::isfinite(p.value);
    if (finite)
      path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", axes.x(p.step), axes.y(p.value));
    pen_down = finite;
  }
  return path;
}

std::string color_class(const std::string& name, const std::vector<std::string>& palette) {
  if (name == kRest) return "rest";
  return fmt::format("c{}", std::find(palette.begin(), palette.end(), name) - palette.begin());
}

}  // namespace

std::string colour_class(size_t place) {
  return fmt::format("m{}{}", place % kNumModelColours,
                     place / kNumModelColours % 2 == 1 ? " alt" : "");
}

std::vector<double> axis_ticks(double low, double high) {
  // Values that differ in their last digits alone are one: no step between them could be counted.
  if (!(high - low > 1e-9 * std::max(std::abs(low), std::abs(high)))) {
    const double margin = low == 0 ? 1 : std::abs(low) / 2;
    if (low == 0) return {0, 1};
    low -= margin, high += margin;
  }
  const double rough = (high - low) / 3;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double m : {1.0, 2.0, 2.5, 5.0})
    if (m * power >= rough * 0.999) {
      step = m * power;
      break;
    }
  std::vector<double> ticks;
  for (double k = std::floor(low / step + 1e-9);; ++k) {
    ticks.push_back(k * step);
    if (ticks.back() >= high - 1e-9 * step) return ticks;
  }
}

std::string line_chart(const std::string& title, const std::vector<Point>& points) {
  std::vector<Point> finite;
  std::copy_if(points.begin(), points.end(), std::back_inserter(finite),
               [](const Point& p) { return std::isfinite(p.value); });
  if (finite.empty()) {
    return fmt::format(
        "<figure class=\"chart\"><figcaption>{}</figcaption><p class=\"none\">no finite value"
        "</p></figure>",
        escape_html(title));
  }
  const auto [low, high] =
      std::minmax_element(finite.begin(), finite.end(),
                          [](const Point& a, const Point& b) { return a.value < b.value; });
  const auto ticks = axis_ticks(low->value, high->value);
  const double first = points.front().step, last = points.back().step;
  const Axes axes{first, last > first ? last : first + 1, ticks.front(), ticks.back()};

  std::string grid, data;
  for (const double t : ticks) {
    grid += fmt::format(
        "<path class=\"grid\" d=\"M{} {:.1f}H{}\"/><text class=\"tick\" x=\"{}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{}</text>",
        kLeft, axes.y(t), kWidth - kRight, kLeft - 5, axes.y(t) + 3.5,
        format_number(std::abs(t) < 1e-12 * std::abs(ticks.back()) ? 0 : t));
  }
  const auto shown = thin(points);
  for (const Point& p : shown)
    if (std::isfinite(p.value))
      data += fmt::format("{:.1f},{:.1f},{},{};", axes.x(p.step), axes.y(p.value), p.step,
                          format_number(p.value));
  return fmt::format(
      "<figure class=\"chart\"><figcaption>{0} <b>{1}</b></figcaption>"
      "<svg viewBox=\"0 0 {2} {3}\" role=\"img\" aria-label=\"{0}, last value {1}\" "
      "data-points=\"{4}\">{5}"
      "<text class=\"tick\" x=\"{6}\" y=\"{7}\">{8}</text>"
      "<text class=\"tick\" x=\"{9}\" y=\"{7}\" text-anchor=\"end\">step {10}</text>"
      "<path class=\"line\" d=\"{11}\"/><circle class=\"mark\" cx=\"{12:.1f}\" cy=\"{13:.1f}\" "
      "r=\"2.5\"/></svg></figure>\n",
      escape_html(title), format_number(finite.back().value), kWidth, kHeight, data, grid, kLeft,
      kHeight - 5, first, kWidth - kRight, last, path_of(shown, axes), axes.x(finite.back().step),
      axes.y(finite.back().value));
}

std::string xy_chart(const std::string& title, const std::string& x_name,
                     const std::vector<XySeries>& series) {
  constexpr double kW = 460, kH = 300, kL = 42, kR = 40, kT = 20, kB = 36;
  double x_high = 0, y_low = 0, y_high = 1;
  for (const XySeries& s : series)
    for (const XyPoint& p : s.points) {
      x_high = std::max(x_high, p.x);
      y_low = std::min(y_low, p.y), y_high = std::max(y_high, p.y);
    }
  const auto x_ticks = axis_ticks(0, x_high), y_ticks = axis_ticks(y_low, y_high);
  const auto x_of = [&](double x) {
    return kL + (x - x_ticks.front()) / (x_ticks.back() - x_ticks.front()) * (kW - kL - kR);
  };
  const auto y_of = [&](double y) {
    return kH - kB - (y - y_ticks.front()) / (y_ticks.back() - y_ticks.front()) * (kH - kT - kB);
  };
  std::string grid, data;
  for (const double t : y_ticks)
    grid += fmt::format(
        "<path class=\"grid\" d=\"M{} {:.1f}H{}\"/><text class=\"tick\" x=\"{}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{}</text>",
        kL, y_of(t), kW - kR, kL - 6, y_of(t) + 3.5, format_number(t));
  for (const double t : x_ticks)
    grid += fmt::format(
        "<path class=\"grid\" d=\"M{0:.1f} {1}V{2}\"/><text class=\"tick\" x=\"{0:.1f}\" "
        "y=\"{3}\" text-anchor=\"middle\">{4}</text>",
        x_of(t), kT, kH - kB, kH - kB + 14, format_number(t));
  const auto bar = [&](double x1, double y1, double x2, double y2) {
    return fmt::format("<path class=\"error\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>", x_of(x1),
                       y_of(y1), x_of(x2), y_of(y2));
  };
  for (size_t m = 0; m < series.size(); ++m) {
    std::string path, marks;
    const std::string colour = colour_class(series[m].place.value_or(m));
    for (const XyPoint& p : series[m].points) {
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x_of(p.x), y_of(p.y));
      if (p.x_error > 0) marks += bar(p.x - p.x_error, p.y, p.x + p.x_error, p.y);
      if (p.y_error > 0) marks += bar(p.x, p.y - p.y_error, p.x, p.y + p.y_error);
      marks += fmt::format(
          "<circle class=\"xy-mark{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" data-tip=\"{}\"/>",
          colour.substr(2), x_of(p.x), y_of(p.y), escape_html(p.tip));
      // Below and above in turns: neighbours may be near.
      const bool is_below = (&p - series[m].points.data()) % 2 == 0;
      if (!p.label.empty())
        marks += fmt::format("<text class=\"xy-label\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
                             x_of(p.x) + (is_below ? 7 : -7), y_of(p.y) + (is_below ? 16 : -9),
                             escape_html(p.label));
    }
    data += fmt::format("<g class=\"{}\"><path class=\"xy-line\" d=\"{}\"/>{}</g>",
                        colour.substr(0, 2), path, marks);
  }
  return fmt::format(
      "<figure class=\"chart\"><figcaption>{0}</figcaption><svg viewBox=\"0 0 {1} {2}\" "
      "role=\"img\" "
      "aria-label=\"{0}\">{3}<text class=\"tick\" x=\"{4}\" y=\"{5}\" text-anchor=\"middle\">{6}"
      "</text>{7}</svg></figure>\n",
      escape_html(title), kW, kH, grid, (kL + kW - kR) / 2, kH - 6, escape_html(x_name), data);
}

std::string stacked_bar(const NamedValues& parts, double full,
                        const std::vector<std::string>& palette) {
  std::string html = "<div class=\"bar\">";
  for (const auto& [name, amount] : parts) {
    if (!(amount > 0) || !(full > 0)) continue;
    html += fmt::format("<span class=\"{}\" style=\"width:{:.3f}%\" data-tip=\"{} {}\"></span>",
                        color_class(name, palette), 100 * amount / full, escape_html(name),
                        format_duration(amount));
  }
  return html + "</div>";
}

std::string stacked_bar_legend(const std::vector<std::string>& palette) {
  std::string html = "<p class=\"legend\">";
  for (const std::string& name : palette)
    html += fmt::format("<span><i class=\"{}\"></i>{}</span>", color_class(name, palette),
                        escape_html(name));
  return html + "</p>\n";
}

}  // namespace amalgam::pipeline
