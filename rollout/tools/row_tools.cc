// calculator, lookup and search: the tools of rows that describe their tools themselves.
#include "rollout/tools/builtin_tools.h"
#include "rollout/tools/calculator.h"
#include "rollout/tools/row_world.h"

namespace amalgam::rollout {
namespace {

constexpr size_t kMaxWordBytes = 64;

ToolResult grep(std::vector<std::string> arguments, ToolSandbox& sandbox) {
  arguments.insert(arguments.begin(), {"/usr/bin/grep", "-a"});
  const sandbox::Result result = sandbox.exec({std::move(arguments)});
  if (!sandbox::has_exited(result.outcome) && result.outcome != sandbox::Outcome::kSignal)
    return bad_end(result);
  if (result.outcome == sandbox::Outcome::kOk)
    return tool_ok(without_final_line_breaks(result.out));
  if (result.exit_code == 1) return tool_ok("not found");
  // Code 2: a file that an earlier call removed, or made something else. If none could do so, or
  // with another code, grep is missing or broken.
  if (result.exit_code == 2 && sandbox.files_may_change())
    return tool_error("a file cannot be read");
  sandbox.give_up();
  return tool_sandbox_failed("grep: exit code " + std::to_string(result.exit_code) + " " +
                             shorten(result.err, 512));
}

ToolResult lookup(const ToolArguments& arguments, const ToolContext& context) {
  const std::string& key = arguments.values.at("key");
  if (!is_store_key(key)) return tool_error("a key has only letters and digits");
  if (!context.sandbox.files().count(kStoreFile)) return tool_ok("not found");
  ToolResult result = grep({"-m1", "-e", "^" + key + " ", "--", std::string("/work/") + kStoreFile},
                           context.sandbox);
  if (result.status == ToolResult::Status::kOk && result.text != "not found")
    result.text.erase(0, key.size() + 1);
  return result;
}

ToolResult search(const ToolArguments& arguments, const ToolContext& context) {
  const std::string& word = arguments.values.at("word");
  if (word.empty() || word.size() > kMaxWordBytes || word.find('\n') != std::string::npos ||
      word.find('\0') != std::string::npos)
    return tool_error("search takes one short word");
  std::vector<std::string> command = {"-hwF", "-e", word, "--"};
  for (const auto& [name, text] : context.sandbox.files())
    if (name != kStoreFile) command.push_back("/work/" + name);
  if (command.back() == "--") return tool_ok("not found");
  return grep(std::move(command), context.sandbox);
}

ToolResult calculator(const ToolArguments& arguments, const ToolContext&) {
  const Calculation c = calculate(arguments.values.at("expression"));
  return c.ok ? tool_ok(c.text) : tool_error(c.text);
}

}  // namespace

Tool calculator_tool() {
  return {.name = "calculator",
          .description = "Computes + - * / and parentheses over decimal numbers, exactly.",
          .parameters = {{"expression", "string"}},
          .call = calculator};
}

Tool lookup_tool(const std::string& name) {
  return {.name = name,
          .description = "Gives the value stored under a key, or \"not found\".",
          .parameters = {{"key", "string"}},
          .call = lookup};
}

Tool search_tool() {
  return {.name = "search",
          .description = "Gives the lines of the notes that hold a word, or \"not found\".",
          .parameters = {{"word", "string"}},
          .call = search};
}

}  // namespace amalgam::rollout
