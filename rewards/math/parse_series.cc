#include <algorithm>
#include <utility>

#include "rewards/math/parsing.h"

namespace amalgam::rewards {
namespace {

long nodes_of(const Node& node) {
  long nodes = 1;
  for (const Node& arg : node.args) nodes += nodes_of(arg);
  return nodes;
}

Node with_value(const Node& node, const Node& index, const Node& value) {
  if (node.kind == index.kind && node.text == index.text) return value;
  Node copy{node.kind, node.text, {}};
  for (const Node& arg : node.args) copy.args.push_back(with_value(arg, index, value));
  return copy;
}

// a_k, whose value at k = 1 is a_1.
bool has_subscript(const Node& node, const std::string& index) {
  if (node.is(Kind::kSymbol)) {
    const size_t behind = node.text.find('_');
    if (behind != std::string::npos && node.text.find(index, behind) != std::string::npos)
      return true;
  }
  return std::any_of(node.args.begin(), node.args.end(),
                     [&](const Node& arg) { return has_subscript(arg, index); });
}

}  // namespace

// \sum_{k=1}^{10} k: few terms, written out; others have no reader.
Node Parser::take_series(bool is_sum) {
  const Level level(this);
  expect("_");
  expect("{");
  const Node index = failed_ ? Node{} : take_primary();
  if (!index.is(Kind::kSymbol) && !index.is(Kind::kConstant, "i")) return fail();
  expect("=");
  const auto first = small_integer(take_term());
  expect("}");
  expect("^");
  const auto last = small_integer(take_argument());
  if (failed_ || !first || !last) return fail();
  const Node term = take_term();
  if (failed_ || !is_expression(term) || has_subscript(term, index.text)) return fail();
  const long terms = *last - *first + 1;
  if (terms < 1 || terms > series_nodes_) return fail();
  series_nodes_ -= terms * nodes_of(term);
  if (series_nodes_ < 0) return fail();
  Node series{is_sum ? Kind::kSum : Kind::kProduct};
  for (long k = 0; k < terms; ++k)
    series.args.push_back(with_value(term, index, number(*first + k)));
  return series;
}

}  // namespace amalgam::rewards
