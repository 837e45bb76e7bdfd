// The Python program that reads parquet and Arrow files for us.
#pragma once

namespace amalgam::pipeline {

// Run as `python3 -c PROGRAM KIND PATH…` with KIND parquet, file or stream, the paths of one row
// after the other. Writes to its standard output one line each:
//     N12      so many rows will come of the next path; where that is known
//     R{…}     a row as JSON, without null members and NaN
//     Ewhat    the file cannot be read; the last line
//     M        there is no pyarrow; the last line
//     .        the last line, all is well
extern const char* const kArrowProgram;

}  // namespace amalgam::pipeline
