// What an answer is judged by, point by point.
#pragma once
#include "pipeline/data/forms/row_columns.h"

namespace amalgam::pipeline {

// A row's rubric as a list of {"text", "weight"}; null when it has none. Throws BadRow.
Value take_rubric(RowColumns* columns);

}  // namespace amalgam::pipeline
