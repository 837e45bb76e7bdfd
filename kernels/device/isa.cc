#include "kernels/device/isa.h"

#include <hwy/highway.h>
#include <hwy/targets.h>

#include "configs/error.h"

namespace amalgam::kernels {

void select_isa(const std::string& name) {
  hwy::DisableTargets(0);
  if (name == "avx2") {
    hwy::DisableTargets(HWY_AVX3);
  } else if (name == "avx512") {
    if (!(hwy::SupportedTargets() & HWY_AVX3))
      throw Error("this machine has no AVX-512; use --isa avx2 or auto (the results are the same)");
  } else if (name != "auto") {
    throw Error("isa is auto, avx2 or avx512, not '" + name + "'");
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace amalgam::kernels
