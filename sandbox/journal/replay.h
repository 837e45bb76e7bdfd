// What can be asked of a journal: does the session come out the same again, and which call made a
// file what it is?
#pragma once
#include <string>
#include <vector>

#include "sandbox/journal/journal.h"

namespace amalgam::sandbox {

struct ReplayDifference {
  size_t call = 0;   // its place in the journal, from 0
  std::string what;  // one line
};

struct Replay {
  size_t num_calls = 0;    // made again
  size_t num_skipped = 0;  // had failed for no reason of theirs, and changed nothing
  std::vector<ReplayDifference> differences;
};

// Makes all calls again in a new sandbox and compares outcome, exit code, output, the file read,
// and what each call changed in the file tree. content.image needs its store. Error when no sandbox
// can be made or it breaks.
Replay replay(const JournalContent& content);

struct FileOrigin {
  size_t call = 0;  // its place in the journal, from 0
  std::string path;
  unsigned mode = 0;  // as TopChange
  size_t num_bytes = 0;
};

// Every change of every call, in order; of `path` and what is below it only, unless it is empty.
// Paths are those of the top: below the root on an image, else below /work.
std::vector<FileOrigin> provenance(const JournalContent& content, const std::string& path);

}  // namespace amalgam::sandbox
