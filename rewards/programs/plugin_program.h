// The Python program of a child process that calls a user's reward function.
//
// argv: the pid of its owner. It speaks in lines of JSON over the socket that is its stdin: first
// it gets {"path", "function" ("" to find it), "kwargs"} and answers {"form", "python"} or
// {"error"}; then each {"seed", "samples": [{"data_source", "solution", "ground_truth",
// "extra_info", "row"}]} is one call and has the answer {"scores": [{"status", "score" or
// "detail"}]}, one for each sample.
//
// It is two processes. The first guards: it lets the second, which runs the user's code in a
// process group of its own, and all that this has started, live no longer than itself, and ends
// with its owner, also with one that was killed.
#pragma once

namespace amalgam::rewards {

extern const char* const kPluginProgram;

}  // namespace amalgam::rewards
