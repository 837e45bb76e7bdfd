// Reads a tar archive (POSIX ustar and pax, GNU long names; not compressed) into a layer. The
// archive may be hostile: absolute paths, "..", links that lead outside, device nodes, pipes,
// sparse files, sizes beyond the file or the limits, and a bad checksum each stop with one line.
#pragma once
#include <string>

#include "sandbox/layer.h"

namespace amalgam::sandbox {

// Throws Error with one line that names the archive.
void read_tar(const std::string& path, LayerWriter* layer);

}  // namespace amalgam::sandbox
