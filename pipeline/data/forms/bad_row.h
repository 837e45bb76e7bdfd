// Why a row cannot be used. Thrown while a row is understood, and caught there: reading goes on
// with the next row.
#pragma once
#include <string>

#include "configs/printable.h"

namespace amalgam::pipeline {

struct BadRow {
  std::string why;  // "column \"prompt\" is empty"
};

inline BadRow bad_column(const std::string& column, const std::string& what) {
  return {"column \"" + printable(column) + "\" " + what};
}

}  // namespace amalgam::pipeline
