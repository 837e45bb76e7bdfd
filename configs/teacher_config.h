// [[teacher]]: a model that the student follows beside the run's own specialists.
#pragma once
#include "configs/schema.h"

namespace amalgam::configs {

struct TeacherConfig {
  std::string name;
  Path path;

  template <class V>
  void visit(V& v) {
    v.value("name", name,
            "lower-case letters, digits and _: what `distill.teachers` and a row's "
            "extra_info.teachers call it; no domain's name");
    v.value("path", path,
            "Hugging Face directory of a model with the student's tokenizer; any depth, width and "
            "precision");
  }

  std::optional<Problem> problem() const {
    if (!is_identifier(name))
      return Problem{"name", "'" + name + "' must be made of lower-case letters, digits and _"};
    if (path.empty()) return Problem{"path", "teacher '" + name + "' has none; give its directory"};
    return std::nullopt;
  }
};

}  // namespace amalgam::configs
