// The tools of one conversation: calculator(expression), lookup(key), search(word). Lookup and
// search read files in a sandbox of the conversation's own, made at the first call that needs it
// and kept.
//
// A ToolSession is used by one thread at a time; different ones are independent.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sandbox/sandbox.h"

namespace amalgam::rollout {

struct ToolResult {
  enum class Status {
    kOk,
    kToolError,     // unknown tool, bad arguments: the text says so to the model
    kSandboxFailed  // the infrastructure's fault: nothing for the model; the caller may call again
  };
  Status status = Status::kSandboxFailed;
  std::string text;    // goes back to the model
  std::string detail;  // kSandboxFailed: one line that says what failed
};

struct ToolOptions {
  sandbox::Limits limits;
  std::function<std::unique_ptr<sandbox::Sandbox>(const sandbox::Limits&, std::string* error)>
      make_sandbox = sandbox::create_container;
};

class ToolSession {
 public:
  // extra_info: JSON text of an object whose optional "sandbox" is {"kv": {key: value}, "files":
  // {name: text}}; empty text stands for none. Throws Error if it is something else, if a key or
  // name is not of letters, digits, _ and -, or if a value holds a line break (names may also have
  // dots inside).
  explicit ToolSession(const std::string& extra_info, ToolOptions options = {});

  // arguments: JSON text of an object with the tool's argument as a string (an integer will do).
  //   calculator  the value (rollout/calculator.h)
  //   lookup      the value of a key, or "not found"
  //   search      the lines of all files that hold the word, files by name, or "not found"
  // Results are at most 512 bytes long. After kSandboxFailed the next call makes a fresh sandbox.
  ToolResult call(const std::string& name, const std::string& arguments);

 private:
  ToolResult lookup(const std::string& key);
  ToolResult search(const std::string& word);
  ToolResult grep(std::vector<std::string> arguments);
  bool make_ready(std::string* error);

  ToolOptions options_;
  std::map<std::string, std::string> files_;  // name → content; the key-value store is one of them
  std::unique_ptr<sandbox::Sandbox> sandbox_;
};

}  // namespace amalgam::rollout
