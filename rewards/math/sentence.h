// Parts of what a solution says: its formulas, sentences and clauses.
#pragma once
#include <optional>
#include <string_view>
#include <utility>

namespace amalgam::rewards {

// Without spaces at both ends.
std::string_view trimmed(std::string_view text);

// The formula between dollars and the like that begins at `at`, and where it ends; *behind is left
// alone if none begins there.
std::string_view formula_at(std::string_view text, size_t at, size_t* behind);
// The last formula of a text and what follows it.
std::optional<std::pair<std::string_view, std::string_view>> last_formula(std::string_view text);

// Up to a full stop that ends it, or to words that begin an explanation.
std::string_view first_sentence(std::string_view text);
std::string_view last_sentence(std::string_view text);

// What follows the last "is", "are", "equals" or ":" of a sentence.
std::string_view last_clause(std::string_view sentence);
// What follows the last "is", "are" or ":"; all of it if there is none.
std::string_view behind_copula(std::string_view sentence);

}  // namespace amalgam::rewards
