// Matrices and vectors.
#pragma once
#include "rewards/math/node.h"

namespace amalgam::rewards {

// Whether a tree is a matrix, a number times one, ⟨1,2,3⟩, or 3i + 4j with bold letters.
bool is_vector(const Node& node);

// Entry by entry. A column, ⟨1,2⟩, (1,2) and i + 2j are one vector.
bool same_matrices(const Node& a, const Node& b, bool (*same)(const Node&, const Node&));

}  // namespace amalgam::rewards
