#include "rewards/sentences/punkt_model.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "configs/check.h"
#include "rewards/text/embedded.h"

namespace amalgam::rewards {
namespace {

// Views of the embedded text, each list sorted by its bytes.
struct PunktModel {
  std::vector<std::string_view> abbreviations, collocations, starters;
  std::vector<std::pair<std::string_view, uint8_t>> contexts;
};

PunktModel read_punkt_model() {
  PunktModel model;
  std::string_view rest = punkt_model();
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with('#')) continue;
    CHECK(line.size() > 2 && line[1] == '\t');
    const std::string_view entry = line.substr(2);
    if (line[0] == 'a') model.abbreviations.push_back(entry);
    if (line[0] == 'c') model.collocations.push_back(entry);
    if (line[0] == 's') model.starters.push_back(entry);
    if (line[0] == 'o') {
      const size_t tab = entry.rfind('\t');
      uint8_t bits = 0;
      std::from_chars(entry.data() + tab + 1, entry.data() + entry.size(), bits);
      model.contexts.emplace_back(entry.substr(0, tab), bits);
    }
  }
  std::sort(model.contexts.begin(), model.contexts.end());
  return model;
}

const PunktModel& model() {
  static const PunktModel read = read_punkt_model();
  return read;
}

bool holds(const std::vector<std::string_view>& sorted, const std::string& entry) {
  return std::binary_search(sorted.begin(), sorted.end(), std::string_view(entry));
}

}  // namespace

bool is_abbreviation(Chars type) { return holds(model().abbreviations, encoded(type)); }
bool is_collocation(Chars first, Chars second) {
  return holds(model().collocations, encoded(first) + "\t" + encoded(second));
}
bool starts_sentences(Chars type) { return holds(model().starters, encoded(type)); }

uint8_t seen(Chars type) {
  const std::string word = encoded(type);
  const auto& all = model().contexts;
  const auto found =
      std::lower_bound(all.begin(), all.end(), std::pair<std::string_view, uint8_t>(word, 0));
  return found != all.end() && found->first == word ? found->second : 0;
}

}  // namespace amalgam::rewards
