#include "sandbox/function/function.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string_view>

#include "sandbox/function/function_pool.h"

namespace amalgam::sandbox {
namespace {

// Without a destructor: the pool's thread uses it while the process ends.
constexpr std::string_view kPython[] = {"/usr/bin/python3", "-S", "-B"};

// What the waiting interpreter reads before the program's own stdin; empty for another command.
std::string call_text(const Command& command) {
  const auto& argv = command.argv;
  const size_t first = std::size(kPython);
  if (argv.size() <= first || !std::equal(std::begin(kPython), std::end(kPython), argv.begin()) ||
      !command.environment.empty() || !command.working_directory.empty())
    return {};
  const bool is_code = argv[first] == "-c";
  if (!is_code && (argv[first].empty() || argv[first][0] == '-')) return {};
  if (is_code && argv.size() == first + 1) return {};
  std::string arguments;
  for (size_t i = first; i < argv.size(); ++i) {
    if (is_code && i == first + 1) continue;  // the code itself
    if (argv[i].find('\0') != std::string::npos) return {};
    arguments += argv[i] + '\0';
  }
  const std::string code = is_code ? argv[first + 1] : std::string();
  if (arguments.size() + code.size() > (size_t{1} << 30)) return {};
  char sizes[17];
  std::snprintf(sizes, sizeof sizes, "%08zx%08zx", arguments.size(), code.size());
  return sizes + arguments + code;
}

Result answer(Outcome outcome, const char* message) {
  Result result;
  result.outcome = outcome;
  result.exit_code = 1;
  result.err = message;
  return result;
}

class Function : public Sandbox {
 public:
  explicit Function(std::unique_ptr<Container> container) : container_(std::move(container)) {}

  Result exec(const Command& command) override {
    if (was_called_) return answer(Outcome::kDenied, "a function sandbox serves one call");
    was_called_ = true;
    std::string text = call_text(command);
    if (!text.empty() && container_->has_started())
      return container_->run_started(std::move(text) + command.stdin_text, command);
    container_->drop_started();
    return container_->exec(command);
  }

  Result put_file(const std::string& path, const std::string& content) override {
    return container_->put_file(path, content);
  }

  Result get_file(const std::string& path, std::string* content) override {
    if (was_called_) return container_->get_file(path, content);
    content->clear();
    return answer(Outcome::kExit, "files can be read after the call");
  }

  bool can_stream() const override { return true; }

  bool cancel(double deadline_seconds) override { return container_->cancel(deadline_seconds); }

 private:
  const std::unique_ptr<Container> container_;
  bool was_called_ = false;
};

}  // namespace

std::vector<std::string> python_call(std::vector<std::string> rest) {
  rest.insert(rest.begin(), std::begin(kPython), std::end(kPython));
  return rest;
}

std::unique_ptr<Sandbox> create_function(const Limits& limits, std::string* error) {
  auto container = FunctionPool::instance().take(limits, error);
  return container ? std::make_unique<Function>(std::move(container)) : nullptr;
}

int num_warm_functions(const Limits& limits) { return FunctionPool::instance().num_idle(limits); }

bool warm_functions(const Limits& limits, double deadline_seconds) {
  return FunctionPool::instance().wait_full(limits, deadline_seconds);
}

}  // namespace amalgam::sandbox
