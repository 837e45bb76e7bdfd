// A row as a prompt to sample from, and what its answers are scored by.
#pragma once
#include "pipeline/data/forms/row_columns.h"
#include "pipeline/data/forms/understood_row.h"

namespace amalgam::pipeline {

// Fills all but what is passed and ignored.
void understand_prompt_row(RowColumns* columns, UnderstoodRow* out);

}  // namespace amalgam::pipeline
