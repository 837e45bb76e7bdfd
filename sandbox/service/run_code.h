// SandboxFusion's way to ask for a run, so that reward functions written for it (verl's among them)
// find one here: the body of POST /run_code and its answer, as JSON text.
//
// Request: code; language: "python" or "bash"; stdin; run_timeout: wall-clock seconds (10);
// memory_limit_MB: 1 or more; of both at most what `limits` has, and if that is less the message of
// the answer says so; files: {path: base64}, put before the run; fetch_files: [path], read
// after it, together at most limits.disk_bytes. Other keys (compile_timeout) are ignored: nothing
// is compiled. Answer: {"status": "Success" | "Failed" | "SandboxError", "message": "",
// "compile_result": null,
//   "run_result": {"status": "Finished" | "TimeLimitExceeded" | "Error", "execution_time": seconds,
//                  "return_code": n or null, "stdout": "", "stderr": ""} or null,
//   "executor_pod_name": null, "files": {path: base64}, "outcome": our own word (sandbox.h)}
// Success: it ended by itself with exit code 0. SandboxError: our failure, to be asked for again.
#pragma once
#include <string>

#include "sandbox/sandbox.h"

namespace amalgam::sandbox {

struct RunCodeAnswer {
  int http_status = 200;  // 400 for a request that cannot be understood: the body says why
  std::string body;
};

// `limits` are the most that a request gets. Its time limits the CPU time as well. Any thread.
RunCodeAnswer run_code(const std::string& request, const std::string& substrate,
                       const Limits& limits);

}  // namespace amalgam::sandbox
