#include "rewards/math/matrix.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace amalgam::rewards {
namespace {

using Rows = std::vector<std::vector<Node>>;
constexpr size_t kMaxEntries = 400;

bool is_basis_symbol(const Node& node) {
  return node.is(Kind::kSymbol) && node.text.size() == 2 && node.text[0] == '*';
}

bool has_basis(const Node& node) {
  return is_basis_symbol(node) || std::any_of(node.args.begin(), node.args.end(), has_basis);
}

// The coefficient: 1 for this basis vector, 0 for the others.
Node with_basis(const Node& node, const std::string& chosen) {
  if (is_basis_symbol(node)) return number(node.text == chosen ? 1 : 0);
  Node copy{node.kind, node.text, {}};
  for (const Node& arg : node.args) copy.args.push_back(with_basis(arg, chosen));
  return copy;
}

bool contains_symbol(const Node& node, const std::string& symbol) {
  return node.is(Kind::kSymbol, symbol) ||
         std::any_of(node.args.begin(), node.args.end(),
                     [&](const Node& arg) { return contains_symbol(arg, symbol); });
}

std::optional<Rows> rows_of(const Node& node, size_t dimensions) {
  Rows rows;
  if (node.is(Kind::kMatrix)) {
    size_t entries = 0;
    for (const Node& row : node.args) {
      rows.push_back(row.args);
      entries += row.args.size();
      if (row.args.size() != rows[0].size()) return std::nullopt;
    }
    return entries <= kMaxEntries ? std::optional(rows) : std::nullopt;
  }
  if (node.is(Kind::kTuple) && (node.text == "<>" || node.text == "()")) {
    for (const Node& entry : node.args) rows.push_back({entry});
    return rows;
  }
  if (node.is(Kind::kTuple, "[]")) {  // [[1,2],[3,4]]
    for (const Node& row : node.args) {
      if (!row.is(Kind::kTuple, "[]") || row.args.size() != node.args[0].args.size())
        return std::nullopt;
      rows.push_back(row.args);
    }
    return rows;
  }
  if (has_basis(node) && is_expression(node)) {
    for (const char* symbol : {"*i", "*j", "*k"}) {
      if (rows.size() == std::max<size_t>(dimensions, 2) && !contains_symbol(node, symbol)) break;
      rows.push_back({with_basis(node, symbol)});
    }
    return rows;
  }
  if (node.is(Kind::kProduct)) {
    Node factor = number(1);
    const Node* matrix = nullptr;
    for (const Node& arg : node.args) {
      if (!is_vector(arg) && !arg.is(Kind::kTuple)) {
        factor = product(std::move(factor), arg);
      } else if (matrix == nullptr) {
        matrix = &arg;
      } else {
        return std::nullopt;
      }
    }
    auto inner = matrix ? rows_of(*matrix, dimensions) : std::nullopt;
    if (!inner) return std::nullopt;
    for (auto& row : *inner)
      for (Node& entry : row) entry = product(factor, std::move(entry));
    return inner;
  }
  return std::nullopt;
}

}  // namespace

bool is_vector(const Node& node) {
  if (node.is(Kind::kMatrix) || node.is(Kind::kTuple, "<>") || is_basis_symbol(node)) return true;
  if (node.is(Kind::kSum) || node.is(Kind::kProduct))
    return std::any_of(node.args.begin(), node.args.end(), is_vector);
  return false;
}

bool same_matrices(const Node& a, const Node& b, bool (*same)(const Node&, const Node&)) {
  auto rows_a = rows_of(a, 0);
  if (!rows_a) return false;
  const auto rows_b = rows_of(b, rows_a->size());
  if (!rows_b) return false;
  if (has_basis(a)) rows_a = rows_of(a, rows_b->size());
  // A row is what the brackets of a vector hold.
  const auto is_row = [](const Node& node) {
    return node.is(Kind::kMatrix) && node.args.size() == 1;
  };
  if ((is_row(a) && b.is(Kind::kTuple, "<>")) || (is_row(b) && a.is(Kind::kTuple, "<>"))) {
    const std::vector<Node>& row = is_row(a) ? a.args[0].args : b.args[0].args;
    const std::vector<Node>& entries = is_row(a) ? b.args : a.args;
    return std::equal(row.begin(), row.end(), entries.begin(), entries.end(), same);
  }
  if (rows_a->size() != rows_b->size()) return false;
  for (size_t i = 0; i < rows_a->size(); ++i)
    if (!std::equal((*rows_a)[i].begin(), (*rows_a)[i].end(), (*rows_b)[i].begin(),
                    (*rows_b)[i].end(), same))
      return false;
  return true;
}

}  // namespace amalgam::rewards
