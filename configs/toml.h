// TOML text in, Node tree out. The only user of toml++ (a slow header).
#pragma once
#include <memory>
#include <string>

#include "configs/node.h"

namespace amalgam::configs {

// A whole document, as a table. Throws Error "file:line: what is wrong" for bad syntax and for
// dates, which no config key takes.
Node parse_toml(const std::string& text, std::shared_ptr<const Source> source);

// One value of an override: TOML if it parses as such (1e-3, true, [1, 2], {a = 1}, "x"), otherwise
// the text itself as a string, so that isa=avx2 needs no quotes.
Node parse_toml_value(const std::string& text, std::shared_ptr<const Source> source);

}  // namespace amalgam::configs
