// Numbers and hostile text for people's eyes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/run_store/score.h"

namespace amalgam::pipeline {

// Safe as HTML text and inside a quoted attribute. Model output is hostile and need not be text:
// bytes that are not UTF-8 become \xE2, control characters visible signs (␀, but newline and tab
// stay), and characters that reorder or hide text ⟨U+202E⟩.
std::string escape_html(std::string_view text);
// The same signs for a terminal.
std::string terminal_text(std::string_view text);

// All of these give "–" for NaN.
// Of a share "78.3 ± 2.1 %", of other rewards "0.783 ± 0.021"; without the error where it is NaN.
std::string format_score(const Score& score);
std::string format_number(double value);      // four significant digits
std::string format_count(double value);       // 1,234,567
std::string format_duration(double seconds);  // "1 h 02 min", "3 min 20 s", "4.2 s"
std::string format_bytes(double bytes);       // "1.5 GiB"
std::string format_si(double value);          // four significant digits: "13.27 G"

}  // namespace amalgam::pipeline
