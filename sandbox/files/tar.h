// Reads a tar archive (ustar, pax or GNU; plain, or compressed with gzip, bzip2, xz or zstd) into a
// layer. The archive may be hostile: what LayerWriter refuses (absolute paths, "..", links that
// lead outside, more bytes or entries than the limits), device nodes, pipes and damage each stop
// with one line.
#pragma once
#include <string>

#include "sandbox/files/layer.h"

namespace amalgam::sandbox {

// Throws Error with one line that names the archive.
void read_tar(const std::string& path, LayerWriter* layer);

}  // namespace amalgam::sandbox
