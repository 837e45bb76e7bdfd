// The Python texts that run in sandboxes. They are put together with a newline between them and
// run with -c.
//
// A server reads its request from stdin: eight hexadecimal digits, the length of a line of decimal
// numbers, the line, then the blobs whose lengths end the line. It is not the answer's process: it
// starts one for each test, by fork, and cleans up behind it (processes, /work, /dev/shm). Still it
// shares a sandbox with hostile code, so nothing that it says is believed and nothing that it was
// told is worth stealing.
#pragma once

namespace amalgam::rewards {

extern const char* const kBorderText;        // values to bytes
extern const char* const kBorderReaderText;  // bytes to values
extern const char* const kServerText;        // what both servers share
extern const char* const kPreludeText;       // names that answers use without importing them
extern const char* const kStdinText;         // answers that read stdin and print
extern const char* const kCallText;          // answers whose function is called once a test
extern const char* const kServeText;         // answers whose names are called across the border
extern const char* const kPytestText;        // what tests import as pytest
extern const char* const kEvidenceText;      // who decided a test that passed
extern const char* const kRemoteText;        // what stands for the answer's names in the checker
extern const char* const kCheckText;         // runs test code of a row

}  // namespace amalgam::rewards
