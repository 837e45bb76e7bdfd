// `amalgam sandbox run`: one script in a sandbox.
#pragma once
#include <string>
#include <vector>

#include "pipeline/command_line/options.h"
#include "pipeline/sandbox_commands/limit_options.h"
#include "sandbox/sandbox.h"

namespace amalgam::pipeline {

struct SandboxRunOptions {
  static constexpr const char* kName = "run";
  static constexpr const char* kSummary = "run a script in a sandbox";
  static constexpr const char* kExamples =
      "  amalgam sandbox run script.py\n"
      "  amalgam sandbox run --cpu 2 --memory 64M --json script.py argument\n"
      "  echo 'print(input())' > echo.py; echo hello | amalgam sandbox run echo.py\n"
      "  amalgam sandbox run --substrate function script.py   # standard library only\n"
      "  amalgam sandbox run --substrate microvm script.py    # in a virtual machine\n"
      "  amalgam sandbox build; amalgam sandbox run --image python script.py\n"
      "  amalgam sandbox run --journal session.journal script.py\n"
      "  amalgam sandbox run --detach script.py   # prints an id for `ps`, `logs` and `rm`\n"
      "The script is copied in; standard input is passed through. A file ending in .sh is run by\n"
      "/bin/sh, any other by /usr/bin/python3. Exit status: the script's own (128 + signal after "
      "a\n"
      "fatal signal or when a limit ended it), 124 after a time-out, 125 when the sandbox failed.\n"
      "With --image the script sees the image's files and none of this machine's. With --journal "
      "what\n"
      "it did is kept in the file: the same command again is answered from there and nothing runs, "
      "or,\n"
      "when it was interrupted, runs in a new sandbox. Standard input is read to its end first, "
      "and "
      "not\n"
      "at all from a terminal. See also `amalgam sandbox replay` and `changes`.\n"
      "microvm and vm run it in a virtual machine, whose files are those of the image that\n"
      "`amalgam sandbox build` makes; what the machine boots is made once and kept in --store. "
      "Where "
      "the\n"
      "processor is emulated (`amalgam doctor` tells) programs need 10 to 30 times the CPU time.\n"
      "With --gateway it runs on another host (`amalgam sandbox gateway --help`); with --session "
      "NAME "
      "the\n"
      "gateway keeps what it did, as --journal does here.\n"
      "With --json the outcome is in the object, and the exit status 0 unless the sandbox failed:\n"
      "  {\"outcome\": \"exit\", \"exit_code\": 3, \"stdout\": \"\", \"stderr\": \"\",\n"
      "   \"wall_ms\": 21.5, \"peak_memory_bytes\": 9437184}\n"
      "outcome: ok exit signal timeout memory output_limit disk_limit process_limit denied\n"
      "sandbox_failed cancelled\n";

  std::vector<std::string> program;  // FILE and its arguments
  std::string substrate = "container", image, journal, store, gateway, key, session;
  double timeout = 60, cpu = 0;
  LimitOptions limit;
  bool detach = false, json = false;
  void describe(OptionSet& options);
  sandbox::Limits limits() const;  // throws Error
};

// Prints what the script printed, or with --json one object. Throws Error for bad options and an
// unreadable file.
int run_sandbox_run(const SandboxRunOptions& options);

// As a shell would report it, 124 after a time-out, 125 when the sandbox failed. Says on stderr
// what the status does not.
int exit_status_of(const sandbox::Result& result, const char* command);
// For people.
std::string join_words(const std::vector<std::string>& words);

}  // namespace amalgam::pipeline
