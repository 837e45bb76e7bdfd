#include "pipeline/command_line/manual.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "configs/format.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

// For roff: a minus that can be copied, no control lines.
std::string roff(const std::string& text) {
  std::istringstream lines(replaced(replaced(text, "\\", "\\e"), "-", "\\-"));
  std::string escaped;
  for (std::string line; std::getline(lines, line);) {
    if (!escaped.empty()) escaped += '\n';
    escaped += line.starts_with('.') || line.starts_with('\'') ? "\\&" + line : line;
  }
  return escaped;
}

bool is_positional(const OptionPage& option) { return option.names[0][0] != '-'; }

// "amalgam-sandbox-run".
std::string page_name(const CommandPage& command) {
  return command.name.empty() ? "amalgam" : "amalgam-" + replaced(command.name, " ", "-");
}

std::string man_option(const OptionPage& option) {
  std::string names;
  for (const std::string& name : option.names) {
    if (!names.empty()) names += ", ";
    names += is_positional(option) ? "\\fI" + roff(name) + "\\fR" : "\\fB" + roff(name) + "\\fR";
  }
  if (!is_positional(option) && !option.value.empty()) names += " \\fI" + option.value + "\\fR";
  std::string text = ".TP\n" + names + "\n" + roff(option.doc);
  if (option.is_required) text += " (required)";
  if (!option.standard.empty()) text += " (default: " + roff(option.standard) + ")";
  if (option.is_list) text += is_positional(option) ? "; any number" : "; once for each";
  return text + "\n";
}

std::string man_page(const CommandPage& command, const std::vector<CommandPage>& all,
                     const std::string& version) {
  const std::string page = page_name(command);
  std::string text = fmt::format(".TH {} 1 \"\" \"amalgam {}\" \"Amalgam\"\n", page, version);
  text += fmt::format(".SH NAME\n{} \\- {}\n.SH SYNOPSIS\n.B amalgam", roff(page),
                      roff(command.summary));
  if (!command.name.empty()) text += " " + roff(command.name);
  text += "\n";
  for (const OptionPage& o : command.options)
    if (is_positional(o))
      text += fmt::format("{}\\fI{}\\fR{}{}\n", o.is_required ? "" : "[", roff(o.names[0]),
                          o.is_list ? " ..." : "", o.is_required ? "" : "]");
    else if (o.is_required)
      text += fmt::format("\\fB{}\\fR \\fI{}\\fR\n", roff(o.names[0]), o.value);
  text += command.name.empty() ? "\\fICOMMAND\\fR [...]\n" : "[\\fIoptions\\fR]\n";
  if (!command.options.empty()) {
    text += ".SH OPTIONS\n";
    for (const OptionPage& o : command.options) text += man_option(o);
  }
  if (command.name.empty()) {
    text += ".SH COMMANDS\n";
    for (const CommandPage& c : all)
      if (!c.name.empty()) text += ".TP\n\\fB" + roff(c.name) + "\\fR\n" + roff(c.summary) + "\n";
  }
  if (!command.examples.empty()) text += ".SH EXAMPLES\n.nf\n" + roff(command.examples) + "\n.fi\n";
  text += ".SH SEE ALSO\n";
  text += command.name.empty()
              ? "\\fBman amalgam\\-\\fICOMMAND\\fR; the folder doc of the package.\n"
              : "\\fBamalgam\\fR(1)\n";
  return text;
}

// First words of the commands, and the second ones of families.
std::vector<std::pair<std::string, std::string>> words_after(const std::string& family,
                                                             const std::vector<CommandPage>& all) {
  std::vector<std::pair<std::string, std::string>> words;  // with a summary
  for (const CommandPage& c : all) {
    const bool inside = family.empty() ? !c.name.empty() : c.name.starts_with(family + " ");
    const std::string rest = family.empty() ? c.name
                             : inside       ? c.name.substr(family.size() + 1)
                                            : "";
    if (inside && !rest.empty() && rest.find(' ') == std::string::npos)
      words.emplace_back(rest, c.summary);
  }
  return words;
}

std::string long_names(const CommandPage& command) {
  std::string names;
  for (const OptionPage& o : command.options)
    for (const std::string& name : o.names)
      if (name[0] == '-') names += (names.empty() ? "" : " ") + name;
  return names + (names.empty() ? "--help" : " --help");
}

bool is_family(const CommandPage& command, const std::vector<CommandPage>& all) {
  return !command.name.empty() && !words_after(command.name, all).empty();
}

// "|sandbox run|sandbox shell|": commands of two words.
std::string two_words(const std::vector<CommandPage>& all) {
  std::string text = "|";
  for (const CommandPage& c : all)
    if (c.name.find(' ') != std::string::npos) text += c.name + "|";
  return text;
}

std::string bash_completion(const std::vector<CommandPage>& all) {
  std::string text =
      "# Completion of amalgam for bash.\n"
      "_amalgam() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words=\n"
      "  local second=\"$command ${COMP_WORDS[2]}\" two_words='" +
      two_words(all) +
      "'\n"
      "  [[ $COMP_CWORD -gt 2 && $two_words == *\"|$second|\"* ]] && command=$second\n"
      "  [[ $COMP_CWORD -eq 1 ]] && command=\n"
      "  case $command in\n";
  for (const CommandPage& c : all) {
    std::string words;
    for (const auto& [word, summary] : words_after(c.name, all)) words += word + " ";
    text += fmt::format("    '{}') words='{}' ;;\n", c.name, words + long_names(c));
  }
  return text +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "  [[ $word == -* || $COMP_CWORD -eq 1 ]] || COMPREPLY+=($(compgen -f -- \"$word\"))\n"
         "}\n"
         "complete -o filenames -F _amalgam amalgam\n";
}

std::string zsh_text(const std::string& text) {
  std::string one = replaced(text, "'", "’");
  for (const char* special : {"[", "]", ":"})
    one = replaced(one, special, std::string("\\") + special);
  return one;
}

std::string zsh_words(const std::vector<std::pair<std::string, std::string>>& words) {
  std::string text;
  for (const auto& [word, summary] : words) text += " '" + word + ":" + zsh_text(summary) + "'";
  return text;
}

std::string zsh_completion(const std::vector<CommandPage>& all) {
  std::string text =
      "#compdef amalgam\n"
      "# Completion of amalgam for zsh.\n"
      "_amalgam() {\n"
      "  local command=${words[2]}\n"
      "  local -a commands\n"
      "  if (( CURRENT == 2 )); then\n"
      "    commands=(" +
      zsh_words(words_after("", all)) +
      " )\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n";
  text += "  local two_words='" + two_words(all) + "'\n" +
          "  if (( CURRENT > 3 )) && [[ $two_words == *\"|$command ${words[3]}|\"* ]]; then\n"
          "    command=\"$command ${words[3]}\"\n"
          "  fi\n";
  for (const CommandPage& c : all)
    if (is_family(c, all))
      text += fmt::format(
          "  if [[ $command == {0} ]] && (( CURRENT == 3 )); then\n"
          "    commands=({1} )\n"
          "    _describe command commands\n"
          "  fi\n",
          c.name, zsh_words(words_after(c.name, all)));
  text += "  case $command in\n";
  for (const CommandPage& c : all) {
    if (c.name.empty() || c.options.empty()) continue;
    text += "    '" + c.name + "') _arguments";
    for (const OptionPage& o : c.options)
      for (const std::string& name : o.names)
        if (name[0] == '-')
          text += fmt::format(" '{}{}[{}]{}'", o.is_list ? "*" : "", name, zsh_text(o.doc),
                              o.value.empty() ? "" : ":" + o.value + ":_files");
    text += " '*:file:_files' ;;\n";
  }
  return text + "  esac\n}\n_amalgam \"$@\"\n";
}

}  // namespace

void OptionPages::add(const std::string& names, const std::string& value,
                      const std::string& standard, const std::string& doc, Need need,
                      bool is_list) {
  OptionPage page;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) page.names.push_back(name);
  page.doc = doc;
  page.value = value;
  page.standard = standard;
  page.is_required = need == Need::kRequired;
  page.is_list = is_list;
  pages_.push_back(std::move(page));
}

void OptionPages::flag(const std::string& names, bool&, const std::string& doc) {
  add(names, "", "", doc, Need::kOptional);
}

void OptionPages::option(const std::string& names, std::string& field, const std::string& doc,
                         Need need) {
  add(names, "TEXT", field, doc, need);
}

void OptionPages::option(const std::string& names, int64_t& field, const std::string& doc,
                         Need need) {
  add(names, "INT", std::to_string(field), doc, need);
}

void OptionPages::option(const std::string& names, double& field, const std::string& doc,
                         Need need) {
  add(names, "FLOAT", configs::format_number(field), doc, need);
}

void OptionPages::option(const std::string& names, std::vector<std::string>&,
                         const std::string& doc, Need need) {
  add(names, "TEXT", "", doc, need, /*is_list=*/true);
}

void OptionPages::option_or_bare(const std::string& names, std::string&, const std::string&,
                                 const std::string& doc) {
  add(names, "[TEXT]", "", doc, Need::kOptional);
}

void write_manual(const std::vector<CommandPage>& commands, const std::string& version,
                  const std::string& dir) {
  for (const char* folder : {"man1", "bash", "zsh"})
    std::filesystem::create_directories(dir + "/" + folder);
  for (const CommandPage& c : commands)
    proto::write_file_atomically(dir + "/man1/" + page_name(c) + ".1",
                                 man_page(c, commands, version));
  proto::write_file_atomically(dir + "/bash/amalgam", bash_completion(commands));
  proto::write_file_atomically(dir + "/zsh/_amalgam", zsh_completion(commands));
}

}  // namespace amalgam::pipeline
