#include "rewards/judge/judge_template.h"

#include <algorithm>

#include "configs/error.h"
#include "configs/format.h"
#include "configs/printable.h"
#include "rewards/judge/built_in_template.h"
#include "rewards/judge/literal_line.h"

namespace amalgam::rewards {
namespace {

struct Place {
  std::string_view name;
  std::string JudgePrompt::*field;
  bool is_required;
};

std::vector<Place> places_of(VerdictForm form) {
  std::vector<Place> places = {{"question", &JudgePrompt::question, false},
                               {"rubric", &JudgePrompt::rubric, false},
                               {"reference", &JudgePrompt::reference, false}};
  if (form == VerdictForm::kPairwise) {
    places.push_back({"answer_a", &JudgePrompt::answer, true});
    places.push_back({"answer_b", &JudgePrompt::other_answer, true});
  } else {
    places.push_back({"answer", &JudgePrompt::answer, true});
  }
  return places;
}

std::string names_of(const std::vector<Place>& places) {
  std::string names;
  for (size_t i = 0; i < places.size(); ++i) {
    if (i > 0) names += i + 1 < places.size() ? ", " : " and ";
    names += "{" + std::string(places[i].name) + "}";
  }
  return names;
}

constexpr const char* kBraces = "write {{ and }} for braces that are text";

}  // namespace

std::string rubric_lines(const Rubric& rubric, const std::vector<std::string>& special_strings) {
  std::string lines;
  for (const Criterion& criterion : rubric.criteria) {
    if (!lines.empty()) lines += '\n';
    lines += configs::format_number(criterion.weight) + " " +
             literal_line(criterion.text, special_strings);
  }
  return lines;
}

JudgeTemplate JudgeTemplate::built_in(VerdictForm form, int64_t max_points) {
  return parse(built_in_judge_template(form, max_points), "the built-in judge template", form);
}

JudgeTemplate JudgeTemplate::parse(std::string_view text, const std::string& file_name,
                                   VerdictForm form) {
  const std::vector<Place> places = places_of(form);
  JudgeTemplate result;
  const auto error = [&](const std::string& what) {
    return Error(file_name + ":" + std::to_string(std::max(result.lines_.size(), size_t{1})) +
                 ": " + what);
  };
  const auto place_of = [&](std::string_view name) {
    for (const Place& place : places)
      if (place.name == name) return place.field;
    throw error("{" + printable(name) + "} is no place; the places are " + names_of(places) + "; " +
                kBraces);
  };
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    Line& pieces = result.lines_.emplace_back(1);
    while (!line.empty()) {
      const char c = line[0];
      if (c != '{' && c != '}') {
        const std::string_view plain = line.substr(0, line.find_first_of("{}"));
        pieces.back().text += plain;
        line.remove_prefix(plain.size());
      } else if (line.size() > 1 && line[1] == c) {
        pieces.back().text += c;
        line.remove_prefix(2);
      } else if (c == '}') {
        throw error(std::string("a } without its {; ") + kBraces);
      } else {
        const size_t end = line.find('}');
        if (end == line.npos) throw error(std::string("a { that is not closed; ") + kBraces);
        pieces.back().place = place_of(line.substr(1, end - 1));
        pieces.emplace_back();
        line.remove_prefix(end + 1);
      }
    }
  }
  for (const Place& place : places) {
    const bool is_there =
        std::any_of(result.lines_.begin(), result.lines_.end(), [&](const Line& line) {
          return std::any_of(line.begin(), line.end(),
                             [&](const Piece& piece) { return piece.place == place.field; });
        });
    if (place.is_required && !is_there)
      throw error("no place for an answer: add a line with {" + std::string(place.name) + "}");
  }
  return result;
}

bool JudgeTemplate::is_reference_alone(const Line& line) {
  bool has_reference = false;
  for (const Piece& piece : line) {
    if (!piece.place) continue;
    if (piece.place != &JudgePrompt::reference) return false;
    has_reference = true;
  }
  return has_reference;
}

std::string JudgeTemplate::render(const JudgePrompt& prompt) const {
  std::string text;
  bool is_first = true;
  for (const Line& line : lines_) {
    if (prompt.reference.empty() && is_reference_alone(line)) continue;
    if (!is_first) text += '\n';
    is_first = false;
    for (const Piece& piece : line) {
      text += piece.text;
      if (piece.place) text += prompt.*piece.place;
    }
  }
  return text;
}

}  // namespace amalgam::rewards
