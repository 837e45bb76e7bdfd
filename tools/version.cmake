# Writes ${OUT}, the definition of configs/version.h.
# cmake -DOUT=… -DVERSION=… -DSOURCE=… -P tools/version.cmake
set(text "${VERSION}")
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=8 HEAD OUTPUT_VARIABLE commit
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(NOT failed)
  string(APPEND text " (${commit})")
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT
     "#include \"configs/version.h\"\n\nnamespace amalgam {\nconst char kVersionAndCommit[] = \"${text}\";\n}  // namespace amalgam\n")
