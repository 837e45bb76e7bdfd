// A sandbox session that outlives its owner. Every call and result is in a journal (journal.h),
// with the files that the call changed. An owner that was killed opens the journal again and makes
// its calls from the first one on: those that are in the journal are answered from it and nothing
// runs; the next one runs in a new sandbox whose files are put as the journal says. So no command
// runs twice. The one during which the owner died is answered kSandboxFailed; making it again is
// the owner's decision, and a new call.
//
// The same holds when only the sandbox dies: the next call runs in a new one, in the state before
// the call that failed.
#pragma once
#include <memory>
#include <string>

#include "sandbox/journal/journal.h"

namespace amalgam::sandbox {

// What an owner that makes its calls again is told of those that sandbox_failed or were
// interrupted.
enum class FailedCalls {
  kAnswer,  // just that, in their place
  kSkip     // nothing: they left nothing behind, and an owner that makes a failed call again until
            // it has a result finds that result, or makes the call now
};

class JournaledSandbox : public Sandbox {
 public:
  // Of the calls in the journal, those that were there when it was opened.
  virtual size_t num_recorded() const = 0;
  // Whether the last call was refused because the journal has another one in its place.
  virtual bool has_met_another_call() const = 0;
};

// image: without layers, a plain container. Error as for Journal. The sandbox itself is made at the
// first call that needs it; failure to do so is that call's kSandboxFailed. A call that is not the
// one the journal has in its place is answered kSandboxFailed, too. cancel and stdin_fd: see
// Sandbox; a command with stdin_fd cannot be answered again and is refused.
std::unique_ptr<JournaledSandbox> open_journaled(const std::string& path, const Limits& limits,
                                                 const Image& image,
                                                 FailedCalls failed = FailedCalls::kAnswer);

}  // namespace amalgam::sandbox
