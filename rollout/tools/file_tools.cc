// read_file, write_file, edit_file and grep. One Python program does them inside the sandbox, as
// the user that the model's own code runs as: what it is tricked into reading or writing there,
// that code could have read or written.
#include <nlohmann/json.hpp>

#include "rollout/tools/builtin_tools.h"

namespace amalgam::rollout {
namespace {

// stdin: {"action", "max_bytes", "arguments"}. Exit code 0: stdout is the result; 3: what is wrong.
const char* const kFileProgram = R"(
import itertools, json, os, re, stat, sys

ROOT = '/work'
request = json.loads(sys.stdin.buffer.read())
arguments, limit = request['arguments'], request['max_bytes']

def say(data, code=0):
    sys.stdout.buffer.write(data if isinstance(data, bytes) else data.encode(errors='replace'))
    sys.stdout.buffer.flush()
    os._exit(code)

def fail(what):
    say(what, 3)

def resolve(path):
    real = os.path.realpath(os.path.join(ROOT, path))
    if real != ROOT and not real.startswith(ROOT + '/'):
        fail(f'{path} is outside of {ROOT}')
    return real

def regular(path):
    """The real path of a file that is there."""
    real = resolve(path)
    if not os.path.exists(real):
        fail(f'there is no file {path}')
    if not stat.S_ISREG(os.stat(real).st_mode):
        fail(f'{path} is a folder' if os.path.isdir(real) else f'{path} is not a regular file')
    return real

def read(path):
    with open(regular(path), 'rb') as file:
        return file.read()

def write(path, data):
    real = resolve(path)
    if os.path.lexists(real):
        regular(path)
    os.makedirs(os.path.dirname(real), exist_ok=True)
    with open(real, 'wb') as file:
        file.write(data)

def read_file(path, first_line=1, num_lines=None):
    if first_line < 1 or (num_lines is not None and num_lines < 0):
        fail('lines are counted from 1')
    parts, size = [], 0
    with open(regular(path), 'rb') as file:
        end = None if num_lines is None else first_line - 1 + num_lines
        for line in itertools.islice(file, first_line - 1, end):
            parts.append(line)
            size += len(line)
            if size > limit:
                note = f'\n(cut after {limit} bytes; read on with first_line)'.encode()
                say(b''.join(parts)[:limit - len(note)] + note)
    say(b''.join(parts))

def write_file(path, content):
    data = content.encode(errors='replace')
    write(path, data)
    say(f'wrote {len(data)} bytes to {path}')

def edit_file(path, old_str, new_str):
    data = read(path)
    old, new = old_str.encode(errors='replace'), new_str.encode(errors='replace')
    if not old:
        fail('old_str is empty')
    at = data.find(old)
    if at < 0:
        fail(f'old_str is not in {path}')
    if data.find(old, at + 1) >= 0:
        fail(f'old_str is more than once in {path}; give more of the text around it')
    write(path, data[:at] + new + data[at + len(old):])
    say(f'edited {path}')

def files_below(path):
    real = resolve(path)
    if not os.path.isdir(real):
        yield path, regular(path)
        return
    for folder, folders, names in os.walk(real):
        folders.sort()
        for name in sorted(names):
            file = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(file).st_mode):
                yield os.path.relpath(file, ROOT), file

def grep(pattern, path='.'):
    try:
        matcher = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        fail(f'bad pattern: {error}')
    out = []
    size = 0
    for name, file in files_below(path):
        with open(file, encoding='utf-8', errors='replace', newline='\n') as lines:
            for number, line in enumerate(lines, 1):
                line = line.rstrip('\n')
                if matcher.search(line):
                    out.append(f'{name}:{number}:{line}')
                    size += len(out[-1].encode(errors='replace')) + 1
                    if size > limit:
                        note = '\n(more lines match; use a narrower pattern)'.encode()
                        text = '\n'.join(out).encode(errors='replace')
                        say(text[:limit - len(note)] + note)
    say('\n'.join(out) if out else 'not found')

try:
    globals()[request['action']](**arguments)
except OSError as error:
    fail(f'{os.strerror(error.errno)}: {error.filename}' if error.filename else str(error))
except (ValueError, UnicodeError) as error:  # such as a NUL byte in a path
    fail(str(error))
)";

ToolResult run_file_program(const std::string& action, const ToolArguments& arguments,
                            const ToolContext& context) {
  const nlohmann::json request = {{"action", action},
                                  {"max_bytes", context.max_file_bytes},
                                  {"arguments", nlohmann::json::parse(arguments.json)}};
  const sandbox::Result result = context.sandbox.exec(
      {{"/usr/bin/python3", "-I", "-S", "-B", "-c", kFileProgram}, request.dump()});
  if (result.outcome == sandbox::Outcome::kOk) return tool_ok(result.out);
  if (result.outcome == sandbox::Outcome::kExit && result.exit_code == 3)
    return tool_error(result.out);
  // 126, 127: it could not be run, and is none of the model's.
  if (result.outcome == sandbox::Outcome::kExit && result.exit_code >= 126) {
    context.sandbox.give_up();
    return tool_sandbox_failed("python3: " + shorten(result.err, 512));
  }
  return command_result(result);
}

Tool file_tool(const std::string& name, const std::string& description,
               std::vector<ToolParameter> parameters, ToolEffect effect) {
  return {.name = name,
          .description = description,
          .parameters = std::move(parameters),
          .effect = effect,
          .call = [name](const ToolArguments& arguments, const ToolContext& context) {
            return run_file_program(name, arguments, context);
          }};
}

}  // namespace

Tool read_file_tool() {
  return file_tool("read_file", "Gives the text of a file, or some of its lines.",
                   {{"path", "string"},
                    {"first_line", "integer", "counted from 1", false},
                    {"num_lines", "integer", "", false}},
                   ToolEffect::kNone);
}

Tool write_file_tool() {
  return file_tool("write_file", "Writes a file; what it held before is lost.",
                   {{"path", "string"}, {"content", "string"}}, ToolEffect::kChangesFiles);
}

Tool edit_file_tool() {
  return file_tool("edit_file", "Replaces a text that is exactly once in a file.",
                   {{"path", "string"}, {"old_str", "string"}, {"new_str", "string"}},
                   ToolEffect::kChangesFiles);
}

Tool grep_tool() {
  return file_tool(
      "grep",
      "Gives the lines that match a Python regular expression, as path:line:text, in a "
      "file or in all files of a folder.",
      {{"pattern", "string"}, {"path", "string", "without it: all files", false}},
      ToolEffect::kNone);
}

}  // namespace amalgam::rollout
