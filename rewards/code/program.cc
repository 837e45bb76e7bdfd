#include "rewards/code/program.h"

#include <cstdio>
#include <map>
#include <mutex>

#include "rewards/code/test_report.h"
#include "sandbox/function/function.h"

namespace amalgam::rewards {
namespace {

constexpr size_t kVersionDigits = 8;

// Writes sys.hexversion as eight digits, then the code.
constexpr const char* kCompiler = R"python(
import marshal, sys
text = sys.stdin.buffer.read()
code = marshal.dumps(compile(text, "harness", "exec", dont_inherit=True))
sys.stdout.buffer.write(b"%08x" % sys.hexversion + code)
)python";

// Reads three numbers of eight digits: the version, the sizes of code and text; then these.
constexpr const char* kLoader = R"python(
def load_harness():
    import marshal, os, sys
    def read(n):
        data = b""
        while len(data) < n:
            part = os.read(0, n - len(data))
            if not part:
                os._exit(1)
            data += part
        return data
    version, num_code, num_text = int(read(8), 16), int(read(8), 16), int(read(8), 16)
    code, text = read(num_code), read(num_text)
    return marshal.loads(code) if num_code and version == sys.hexversion else text
exec(load_harness())
)python";

std::string eight_digits(size_t n) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%08zx", n);
  return digits;
}

// Version and code; empty when it cannot be compiled here.
std::string compile_text(const std::string& text, const CodeTestOptions& options) {
  std::string error;
  // The limits are those of all else: sandboxes with other ones are not made ahead.
  const auto sandbox = options.make_sandbox(limits_of_all(options), options.image, &error);
  if (!sandbox) return {};
  sandbox::Command command;
  command.argv = sandbox::python_call({"-c", kCompiler});
  command.stdin_text = text;
  const sandbox::Result result = sandbox->exec(command);
  return result.outcome == sandbox::Outcome::kOk && result.out.size() > kVersionDigits ? result.out
                                                                                       : "";
}

std::string compiled_text(const std::string& text, const CodeTestOptions& options) {
  static std::mutex mutex;
  static auto* const texts = new std::map<std::string, std::string>;
  std::string key;
  for (const std::string& layer : options.image.layers) key += layer + ":";
  key += text;
  const std::lock_guard lock(mutex);
  const auto known = texts->find(key);
  if (known != texts->end()) return known->second;
  std::string code = compile_text(text, options);
  if (!code.empty()) (*texts)[key] = code;  // else it is tried again
  return code;
}

}  // namespace

sandbox::Command program_command(const std::string& text, const std::string& request,
                                 const CodeTestOptions& options) {
  const std::string compiled = compiled_text(text, options);
  const bool is_compiled = !compiled.empty();
  sandbox::Command command;
  command.argv = sandbox::python_call({"-c", kLoader});
  std::string& in = command.stdin_text;
  in.reserve(compiled.size() + text.size() + request.size() + 24);
  in += is_compiled ? compiled.substr(0, kVersionDigits) : eight_digits(0);
  in += eight_digits(is_compiled ? compiled.size() - kVersionDigits : 0);
  in += eight_digits(text.size());
  if (is_compiled) in.append(compiled, kVersionDigits);
  in += text;
  in += request;
  return command;
}

}  // namespace amalgam::rewards
