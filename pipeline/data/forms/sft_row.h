// A row as an example to imitate.
#pragma once
#include "pipeline/data/forms/row_columns.h"
#include "pipeline/data/forms/understood_row.h"

namespace amalgam::pipeline {

// Fills all but what is ignored.
void understand_example_row(RowColumns* columns, UnderstoodRow* out);

}  // namespace amalgam::pipeline
