// The Python program of a child process that calls a user's reward functions.
//
// argv: the pid of its owner. It speaks in lines of JSON over the socket that is its stdin: first
// it gets {"path", "source" (of a program of ours, "": the file's), "functions" ([] to find it),
// "weights" ([]: all 1), "kwargs"} and answers {"form", "function", "columns" (that rows must
// have), "python", "package", "files"} or {"error"}; then each {"seed", "samples": [{"data_source",
// "solution", "ground_truth", "extra_info", "row", "completion_ids"}]} is one call and has the
// answer {"scores": [{"status", "score" or "detail"}]}, one for each sample. Other lines are
// answered by a program of ours.
//
// It is two processes. The first guards: it lets the second, which runs the user's code in a
// process group of its own, and all that this has started, live no longer than itself, and ends
// with its owner, also with one that was killed.
#pragma once
#include <string>

namespace amalgam::rewards {

// Its parts: the guard; how functions are found, and what they are given.
extern const char* const kPluginGuard;
extern const char* const kPluginForms;

std::string plugin_program();

}  // namespace amalgam::rewards
