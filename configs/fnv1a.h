// The hash FNV-1a, 64 bits. Values of it are in files and decide random streams: they never change.
#pragma once
#include <cstdint>
#include <string_view>

namespace amalgam {

inline constexpr uint64_t kFnv1aStart = 0xcbf29ce484222325;

// `hash`: of what came before `bytes`.
constexpr uint64_t fnv1a(std::string_view bytes, uint64_t hash = kFnv1aStart) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace amalgam
