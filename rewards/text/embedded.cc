#include "rewards/text/embedded.h"

// AMALGAM_REWARDS: the folder's path, from the build.
#define AMALGAM_EMBED(name, path)                                                \
  asm(".section .rodata\n"                                                       \
      "amalgam_" #name                                                           \
      "_begin:\n"                                                                \
      ".incbin \"" AMALGAM_REWARDS "/" path                                      \
      "\"\n"                                                                     \
      "amalgam_" #name                                                           \
      "_end:\n"                                                                  \
      ".text\n");                                                                \
  extern "C" const char amalgam_##name##_begin[], amalgam_##name##_end[];        \
  namespace amalgam::rewards {                                                   \
  std::string_view name() {                                                      \
    return {amalgam_##name##_begin,                                              \
            static_cast<size_t>(amalgam_##name##_end - amalgam_##name##_begin)}; \
  }                                                                              \
  }

AMALGAM_EMBED(unicode_table, "text/data/unicode.txt")
AMALGAM_EMBED(punkt_model, "sentences/data/punkt_english.txt")
AMALGAM_EMBED(language_profiles, "language/data/profiles.z")
