// What the parser knows of all commands, as manual pages and as completions for shells.
#pragma once
#include <string>
#include <vector>

#include "pipeline/command_line/options.h"

namespace amalgam::pipeline {

struct OptionPage {
  std::vector<std::string> names;  // "-o", "--out"; of a positional argument "config"
  std::string doc, value;          // value: what the option takes, "TEXT"; empty for a flag
  std::string standard;            // what it is when it is not given; empty: nothing
  bool is_required = false, is_list = false;
};

struct CommandPage {
  std::string name;  // "rl", "sandbox run"; empty: the program
  std::string summary, examples;
  std::vector<OptionPage> options;
};

// Collects what a command describes.
class OptionPages final : public OptionSet {
 public:
  std::vector<OptionPage> take() { return std::move(pages_); }
  void flag(const std::string& names, bool& field, const std::string& doc) override;
  void option(const std::string& names, std::string& field, const std::string& doc,
              Need need) override;
  void option(const std::string& names, int64_t& field, const std::string& doc, Need need) override;
  void option(const std::string& names, double& field, const std::string& doc, Need need) override;
  void option(const std::string& names, std::vector<std::string>& field, const std::string& doc,
              Need need) override;
  void option_or_bare(const std::string& names, std::string& field, const std::string& bare,
                      const std::string& doc) override;

 private:
  void add(const std::string& names, const std::string& value, const std::string& standard,
           const std::string& doc, Need need, bool is_list = false);
  std::vector<OptionPage> pages_;
};

// Writes man1/amalgam.1 and man1/amalgam-COMMAND.1 for man(1), bash/amalgam and zsh/_amalgam for
// completion, below `dir`. The first command is the program itself. Throws Error.
void write_manual(const std::vector<CommandPage>& commands, const std::string& version,
                  const std::string& dir);

}  // namespace amalgam::pipeline
