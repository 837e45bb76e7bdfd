// A run directory as a finished run of the quickstart leaves it, with invented figures, for the
// tests of the report.
#pragma once
#include <cstdint>
#include <string>

#include "pipeline/report/report.h"

namespace amalgam::pipeline {

// Pieces of a conversation that a hostile model might write; fake_token_text() gives them for ids
// from kHostileFirst on.
inline constexpr int32_t kHostileFirst = 900;

void write_fake_run(const std::string& run_dir);
std::string fake_token_text(int32_t id);

}  // namespace amalgam::pipeline
