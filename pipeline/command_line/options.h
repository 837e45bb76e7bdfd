// OptionSet: how a command declares its options, without the command-line library's slow header.
// A command is one file pair, pipeline/<command>.h and .cc:
//     struct DoctorOptions {
//       static constexpr const char* kName = "doctor";
//       static constexpr const char* kSummary = "…";   // one line of `amalgam --help`
//       static constexpr const char* kExamples = "…";  // lines below `amalgam doctor --help`
//       std::string dir = ".";
//       void describe(OptionSet& options);             // binds fields to options
//     };
//     int run_doctor(const DoctorOptions& options);    // exit status; throws Error
// and one line in pipeline/cli.cc.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace amalgam::pipeline {

enum class Need { kOptional, kRequired };

// Names are "--seed", "-o,--out", or "config" for a positional argument; a list of strings takes
// all that follow. The field keeps its value when the option is absent, and that value is shown as
// the default. Fields must outlive the parsing.
class OptionSet {
 public:
  virtual ~OptionSet() = default;
  virtual void flag(const std::string& names, bool& field, const std::string& doc) = 0;
  virtual void option(const std::string& names, std::string& field, const std::string& doc,
                      Need need = Need::kOptional) = 0;
  virtual void option(const std::string& names, int64_t& field, const std::string& doc,
                      Need need = Need::kOptional) = 0;
  virtual void option(const std::string& names, double& field, const std::string& doc,
                      Need need = Need::kOptional) = 0;
  virtual void option(const std::string& names, std::vector<std::string>& field,
                      const std::string& doc, Need need = Need::kOptional) = 0;
  // May be given without a value, which then is `bare`.
  virtual void option_or_bare(const std::string& names, std::string& field, const std::string& bare,
                              const std::string& doc) = 0;
};

}  // namespace amalgam::pipeline
