// The command line: `amalgam COMMAND …`. The commands are listed in cli.cc, one line each.
#pragma once
#include <iosfwd>

namespace amalgam::pipeline {

// Parses, runs the command and returns its exit status. Help, the version and the config reference
// go to `out`. Throws Error with one line for a wrong command line and for what the command throws.
int run_cli(int argc, const char* const* argv, std::ostream& out);

}  // namespace amalgam::pipeline
