// Files of a run directory are written as proto/append_file.h says.
#pragma once
#include "proto/append_file.h"

namespace amalgam::pipeline {

using proto::AppendFile;
using proto::create_directories;
using proto::file_error;
using proto::read_file;
using proto::write_file_atomically;

}  // namespace amalgam::pipeline
