// Which instruction set the kernels run on. It changes no result, only speed.
#pragma once
#include <string>

namespace amalgam::kernels {

// "auto", "avx2" or "avx512"; call before the first kernel. Throws Error if this machine lacks it.
void select_isa(const std::string& name);

}  // namespace amalgam::kernels
