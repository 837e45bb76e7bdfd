// The rows of parquet and Arrow files, through pyarrow in a Python of the user's.
#pragma once
#include <string>

#include "pipeline/data/forms/file_kind.h"
#include "pipeline/data/forms/row_batch.h"

namespace amalgam::pipeline {

// Calls sink(row from 1, its JSON) for every row, as they come: the memory that is needed does not
// grow with the file; *num_rows becomes their number where that is known before. Null members are
// left out at every depth. `python`: the interpreter's path. Throws Error, beginning with `path`,
// for a file that cannot be read, when there is no pyarrow, and when nothing comes for two minutes;
// Interrupted on Ctrl-C.
void read_arrow_rows(const std::string& path, FileKind kind, const std::string& python,
                     int64_t* num_rows, const RowSink& sink);

}  // namespace amalgam::pipeline
