// The function substrate: one call of Python in a sandbox that was started before it was needed.
// A pool keeps containers in which an interpreter already waits for its program; each serves
// exactly one call and is thrown away, and a thread in the background starts the next one. A call
// so costs neither the making of a sandbox nor the start of an interpreter.
//
// The interpreter is what `/usr/bin/python3 -S -B` starts in a container: the same fixed
// environment, hash seed, address layout and limits, so that a call gives what the same command
// gives there (but for a recursion that ends some frames earlier, and its name in `ps`). Its peak
// memory includes the interpreter, its CPU time does not include the start.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

// The arguments of a call, for Sandbox::exec: {"/usr/bin/python3", "-S", "-B", rest…}, where rest
// is "-c", code, arguments… or a file of the sandbox and arguments…
std::vector<std::string> python_call(std::vector<std::string> rest);

// A sandbox for one exec. Another command than a python_call, or one with an environment or working
// directory of its own, is run in the same container at the price of its start. A second exec is
// kDenied. Files can be put before it and read after it.
std::unique_ptr<Sandbox> create_function(const Limits& limits, std::string* error);

// How many sandboxes wait for calls with these limits. The first create_function or warm_functions
// with new limits opens their pool; the least recently used of more than four pools is closed.
int num_warm_functions(const Limits& limits);
// Opens the pool and waits until it is full. False when it is not by the deadline.
bool warm_functions(const Limits& limits, double deadline_seconds);
inline constexpr int kWarmFunctions = 8;

}  // namespace amalgam::sandbox
