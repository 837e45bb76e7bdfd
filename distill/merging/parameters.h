// A MergeSpec's parameters as a method asks for them: each is checked when it is taken, and what
// nobody took is refused.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "distill/merging/merge_spec.h"

namespace amalgam::distill {

class Parameters {
 public:
  explicit Parameters(const MergeSpec& spec) : spec_(spec) {}

  std::vector<double> weights();                 // finite
  void no_weights();                             // this reading has none: all must be 1
  std::vector<double> density(double standard);  // [models], above 0 to 1
  // The same, or 1 - drop_rate where that is given.
  std::vector<double> density_or_drop_rate(double standard);
  double drop_rate(double standard);  // 0 to below 1
  double lambda();                    // 1 if absent
  double gamma(double standard);      // 0 to below 1
  double epsilon(double standard);    // 0 to below 1
  double t();                         // must be given
  bool normalize(bool standard);
  Rescale rescale(Rescale standard);
  Vote vote(Vote standard);
  void seed() { used_.insert("seed"); }
  // Throws Error for what is given and was not taken.
  void finish() const;

  [[noreturn]] void fail(const std::string& what) const;  // "ties (reading peft): …"

 private:
  void take(const char* name) { used_.insert(name); }
  double in_range(const char* name, double value, double low, double high) const;

  const MergeSpec& spec_;
  std::set<std::string> used_;
};

}  // namespace amalgam::distill
