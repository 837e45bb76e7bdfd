#include "tests/loss_vectors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/paths.h"

namespace amalgam::tests {
namespace {

// One line for each field that is not as expected.
std::vector<std::string> differences(const Json& c, const Json& tolerance,
                                     const Computed& computed) {
  std::vector<std::string> lines;
  const double rtol = c.value("rtol", tolerance.at("rtol").get<double>());
  const double atol = c.value("atol", tolerance.at("atol").get<double>());
  for (const auto& [field, value] : c.at("expected").items()) {
    if (field.starts_with("peer_")) continue;  // where the peer is known to differ
    std::vector<double> want;
    flatten(value, want);
    const auto it = computed.fields.find(field);
    if (it == computed.fields.end() || it->second.size() != want.size()) {
      lines.push_back(field + ": not computed, or of another size");
      continue;
    }
    double largest = 0;
    for (const double x : want) largest = std::max(largest, std::abs(x));
    for (size_t i = 0; i < want.size(); ++i) {
      const double allowed = computed.in_f32 ? 1e-5 * largest : atol + rtol * std::abs(want[i]);
      if (std::abs(it->second[i] - want[i]) <= allowed) continue;  // a NaN goes on
      std::ostringstream line;
      line.precision(17);
      line << field << '[' << i << "] is " << it->second[i] << ", not " << want[i];
      lines.push_back(line.str());
      break;
    }
  }
  return lines;
}

}  // namespace

void flatten(const Json& x, std::vector<double>& into) {
  if (!x.is_array()) return into.push_back(x.get<double>());
  for (const Json& element : x) flatten(element, into);
}

bool has_only(const Json& config, const std::set<std::string>& keys) {
  for (const auto& [key, value] : config.items())
    if (!keys.count(key)) return false;
  return true;
}

void check_loss_vectors(
    const std::function<bool(const std::string& kind)>& takes,
    const std::function<std::optional<Computed>(const Json& c, const Json& data)>& compute,
    const std::set<std::string>& supported) {
  const char* given = std::getenv("AMALGAM_LOSS_VECTORS");
  const std::string path = given ? given : std::string(kGolden) + "/losses/dev.json";
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  const Json data = Json::parse(file);
  std::map<std::string, int> skipped;
  std::set<std::string> computed_names;
  int num_passed = 0, num_failed = 0, num_skipped = 0;
  for (const Json& c : data.at("cases")) {
    if (!takes(c.at("kind"))) continue;
    const std::string name = c.at("name");
    std::vector<std::string> lines;
    try {
      const std::optional<Computed> computed = compute(c, data);
      if (!computed) {
        ++skipped[name], ++num_skipped;
        continue;
      }
      lines = differences(c, data.at("tolerance"), *computed);
    } catch (const Json::exception& e) {
      lines.push_back(e.what());
    }
    computed_names.insert(name);
    ++(lines.empty() ? num_passed : num_failed);
    for (const std::string& line : lines)
      ADD_FAILURE() << c.at("id").get<std::string>() << ": " << line;
  }
  for (const auto& [name, count] : skipped) std::printf("SKIPPED %s: %d\n", name.c_str(), count);
  std::printf("LossVectors: %d passed, %d failed, %d skipped\n", num_passed, num_failed,
              num_skipped);
  if (!given || num_skipped > 0) {  // another file need not have these kinds
    EXPECT_GT(num_passed, 0);
  }
  if (!given) {
    EXPECT_EQ(computed_names, supported);
  }
}

}  // namespace amalgam::tests
