// Files that are no rows for this program, told by what their rows hold.
#pragma once
#include <string>

#include "pipeline/data/forms/row_columns.h"
#include "pipeline/data/rows.h"

namespace amalgam::pipeline {

// Throws RefusedRow for preference pairs, step labels, and pictures, films or sounds.
void refuse_by_name(const Value& row, RowUse use);

// Columns of pictures, films and sounds.
bool is_media_column(std::string_view name);

}  // namespace amalgam::pipeline
