// The rows of a text file: JSON lines, or the elements of one JSON array.
#pragma once
#include <string>

#include "pipeline/data/forms/byte_source.h"
#include "pipeline/data/forms/row_batch.h"

namespace amalgam::pipeline {

enum class TextForm { kEmpty, kLines, kArray };

// Calls sink(line or element, its text) for every row; a line's text may be no JSON, an element's
// is at least grammatical. Lines end at LF. Throws Error, beginning with `path`, for text that is
// neither form, for an array with a syntax error, and for one object over many lines.
TextForm read_text_rows(const std::string& path, ByteSource* source, const RowSink& sink);

}  // namespace amalgam::pipeline
