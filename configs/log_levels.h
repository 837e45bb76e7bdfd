// Of what the log says how much: "info,sandbox=debug".
#pragma once
#include <array>
#include <string>
#include <vector>

namespace amalgam::log {

enum class Level { kDebug, kInfo, kWarning, kError, kCritical };
std::vector<std::string> names_of(Level);

// What a line is about.
enum class Part { kRun, kData, kRollout, kSandbox, kReward, kTool, kLearn };
std::vector<std::string> names_of(Part);
constexpr size_t kNumParts = 7;

class Levels {
 public:
  Levels() { least_.fill(Level::kInfo); }
  // A level for all parts, PART=LEVEL for one, several with commas between. Throws Error.
  explicit Levels(const std::string& text);

  bool shows(Part part, Level level) const { return level >= least_[static_cast<size_t>(part)]; }

 private:
  std::array<Level, kNumParts> least_;
};

}  // namespace amalgam::log
