#include "rollout/tools.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "configs/error.h"
#include "rollout/calculator.h"

namespace amalgam::rollout {
namespace {

using nlohmann::json;
using Status = ToolResult::Status;

const char* const kStore = "kv.txt";  // "key value" lines
constexpr size_t kMaxResultBytes = 512;
constexpr size_t kMaxWordBytes = 64;

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-';
}

bool is_key(const std::string& text) {
  return !text.empty() && text.size() <= kMaxWordBytes &&
         std::all_of(text.begin(), text.end(), is_plain);
}

bool is_file_name(const std::string& text) {
  return !text.empty() && text.size() <= kMaxWordBytes && is_plain(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_plain(c) || c == '.'; });
}

ToolResult ok(std::string text) { return {Status::kOk, std::move(text), ""}; }
ToolResult tool_error(const std::string& what) {
  return {Status::kToolError, "error: " + what, ""};
}
ToolResult sandbox_failed(const std::string& detail) {
  return {Status::kSandboxFailed, "", detail};
}

// The parameter that each tool takes; null for an unknown tool.
const char* parameter_of(const std::string& tool) {
  if (tool == "calculator") return "expression";
  if (tool == "lookup") return "key";
  if (tool == "search") return "word";
  return nullptr;
}

// False unless the arguments are an object with just this parameter.
bool read_argument(const std::string& arguments, const std::string& parameter, std::string* value) {
  const json object = json::parse(arguments, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || object.size() != 1 || !object.contains(parameter)) return false;
  const json& argument = object[parameter];
  if (argument.is_string())
    *value = argument.get<std::string>();
  else if (argument.is_number_integer())
    *value = argument.dump();
  else
    return false;
  return true;
}

// Shortened to the limit between two characters; without the last line break.
std::string result_text(std::string text) {
  if (text.size() > kMaxResultBytes) {
    size_t end = kMaxResultBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text.resize(end);
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::map<std::string, std::string> read_files(const std::string& extra_info) {
  std::map<std::string, std::string> files;
  if (extra_info.empty()) return files;
  const json info = json::parse(extra_info, nullptr, /*allow_exceptions=*/false);
  const std::string where = "extra_info: ";
  if (!info.is_object()) throw Error(where + "not a JSON object");
  const json world = info.value("sandbox", json::object());
  if (!world.is_object()) throw Error(where + "sandbox must be {\"kv\": {…}, \"files\": {…}}");
  const json kv = world.value("kv", json::object()), texts = world.value("files", json::object());
  if (!kv.is_object() || !texts.is_object())
    throw Error(where + "sandbox.kv and sandbox.files must be objects of strings");
  for (const auto& [key, value] : kv.items()) {
    if (!is_key(key) || !value.is_string() ||
        value.get<std::string>().find('\n') != std::string::npos)
      throw Error(where + "sandbox.kv: cannot store \"" + key +
                  "\" (keys of letters and digits, "
                  "values of one line)");
    files[kStore] += key + " " + value.get<std::string>() + "\n";
  }
  for (const auto& [name, text] : texts.items()) {
    if (!is_file_name(name) || name == kStore || !text.is_string())
      throw Error(where + "sandbox.files: cannot store \"" + name + "\"");
    files[name] = text.get<std::string>();
  }
  return files;
}

}  // namespace

ToolSession::ToolSession(const std::string& extra_info, ToolOptions options)
    : options_(std::move(options)), files_(read_files(extra_info)) {}

ToolResult ToolSession::call(const std::string& name, const std::string& arguments) {
  const char* parameter = parameter_of(name);
  if (!parameter) return tool_error("no such tool; use calculator, lookup or search");
  std::string value;
  if (!read_argument(arguments, parameter, &value))
    return tool_error(name + " takes one string, " + parameter);
  if (name == "lookup") return lookup(value);
  if (name == "search") return search(value);
  const Calculation calculation = calculate(value);
  return calculation.ok ? ok(calculation.text) : tool_error(calculation.text);
}

ToolResult ToolSession::lookup(const std::string& key) {
  if (!is_key(key)) return tool_error("a key has only letters and digits");
  if (!files_.count(kStore)) return ok("not found");
  ToolResult result = grep({"-m1", "-e", "^" + key + " ", "--", std::string("/work/") + kStore});
  if (result.status == Status::kOk && result.text != "not found")
    result.text.erase(0, key.size() + 1);
  return result;
}

ToolResult ToolSession::search(const std::string& word) {
  if (word.empty() || word.size() > kMaxWordBytes || word.find('\n') != std::string::npos ||
      word.find('\0') != std::string::npos)
    return tool_error("search takes one short word");
  std::vector<std::string> arguments = {"-hwF", "-e", word, "--"};
  for (const auto& [name, text] : files_)
    if (name != kStore) arguments.push_back("/work/" + name);
  if (arguments.back() == "--") return ok("not found");
  return grep(std::move(arguments));
}

ToolResult ToolSession::grep(std::vector<std::string> arguments) {
  std::string error;
  if (!make_ready(&error)) return sandbox_failed(error);
  arguments.insert(arguments.begin(), {"/usr/bin/grep", "-a"});
  const sandbox::Result result = sandbox_->exec({std::move(arguments), ""});
  switch (result.outcome) {
    case sandbox::Outcome::kSandboxFailed:
    case sandbox::Outcome::kCancelled:
      sandbox_.reset();
      return sandbox_failed(result.detail);
    case sandbox::Outcome::kOk:
      return ok(result_text(result.out));
    case sandbox::Outcome::kExit:
    case sandbox::Outcome::kSignal:
      if (result.exit_code == 1) return ok("not found");
      // The arguments are ours and the files exist: grep can only be missing or broken.
      sandbox_.reset();
      return sandbox_failed("grep: exit code " + std::to_string(result.exit_code) + " " +
                            result_text(result.err));
    default:
      return tool_error(sandbox::to_string(result.outcome));
  }
}

bool ToolSession::make_ready(std::string* error) {
  if (sandbox_) return true;
  auto fresh = options_.make_sandbox(options_.limits, error);
  if (!fresh) return false;
  for (const auto& [name, text] : files_) {
    const sandbox::Result put = fresh->put_file(name, text);
    if (put.outcome != sandbox::Outcome::kOk) {
      *error = "cannot put " + name + " into the sandbox: " + put.detail + put.err;
      return false;
    }
  }
  sandbox_ = std::move(fresh);
  return true;
}

}  // namespace amalgam::rollout
