#include "pipeline/data/forms/form_report.h"

#include <algorithm>

#include "configs/utf8.h"
#include "pipeline/data/forms/row_columns.h"

namespace amalgam::pipeline {
namespace {

void add_name(const std::string& name, std::vector<std::string>* names) {
  if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
}

Value list_of(const std::vector<std::string>& names) {
  Value::Array list;
  for (const std::string& name : names) list.push_back(Value(name));
  return Value(std::move(list));
}

}  // namespace

void FormReport::Known::add(const Known& other, size_t num_kept) {
  for (const auto& [field, paths] : other.understood)
    for (const std::string& path : paths) add_name(path, &understood[field]);
  for (const std::string& name : other.passed) add_name(name, &passed);
  for (const std::string& name : other.ignored) add_name(name, &ignored);
  for (size_t i = 0; i < other.shown.size(); ++i) {
    const auto at = std::upper_bound(orders.begin(), orders.end(), other.orders[i]);
    shown.insert(shown.begin() + (at - orders.begin()), other.shown[i]);
    orders.insert(at, other.orders[i]);
  }
  if (shown.size() > num_kept) shown.resize(num_kept), orders.resize(num_kept);
}

void FormReport::add(ReadRow&& row) {
  ++num_rows_;
  if (files_.empty() || files_.back() != *row.file) files_.push_back(*row.file);
  if (!row.problem.empty()) {
    bad_.push_back({*row.file, row.number, std::move(row.problem)});
    bad_files_.push_back(static_cast<int64_t>(files_.size()) - 1);
    return;
  }
  UnderstoodRow& u = row.understood;
  Known& known = u.lacks_truth ? without_truth_ : good_;
  if (u.lacks_truth) lack_truth_.emplace_back(files_.size() - 1, row.number);
  for (const auto& [field, path] : u.understood) add_name(path, &known.understood[field]);
  for (const std::string& name : u.passed) add_name(name, &known.passed);
  for (const std::string& name : u.ignored) add_name(name, &known.ignored);
  if (known.shown.size() < num_shown_) {
    known.shown.emplace_back(row.where(), std::move(u));
    known.orders.push_back(num_rows_);
  }
}

void FormReport::finish(const ReadSummary& summary) {
  if (!summary.needs_truth) {
    good_.add(without_truth_, num_shown_);
    return;
  }
  std::vector<Bad> all;
  size_t next = 0;  // of bad_
  for (const auto& [file, number] : lack_truth_) {
    while (next < bad_.size() && std::pair(static_cast<size_t>(bad_files_[next]),
                                           bad_[next].number) < std::pair(file, number))
      all.push_back(std::move(bad_[next++]));
    all.push_back({files_[file], number, kNoTruth});
  }
  while (next < bad_.size()) all.push_back(std::move(bad_[next++]));
  bad_ = std::move(all);
}

void FormReport::refuse(const std::string& why) {
  num_rows_ = 0;
  good_ = {}, without_truth_ = {};
  bad_.clear();
  refusal_ = why;
}

// A column that is understood in some rows is in no other list.
std::vector<std::string> FormReport::unused(const std::vector<std::string>& columns) const {
  std::vector<std::string> names;
  for (const std::string& name : columns) {
    const bool is_understood =
        std::any_of(good_.understood.begin(), good_.understood.end(), [&](const auto& field) {
          return std::any_of(field.second.begin(), field.second.end(),
                             [&](const std::string& path) { return is_of_column(path, name); });
        });
    if (!is_understood) names.push_back(name);
  }
  return names;
}

std::vector<std::string> FormReport::passed() const { return unused(good_.passed); }
std::vector<std::string> FormReport::ignored() const { return unused(good_.ignored); }

std::string FormReport::to_json(bool is_single) const {
  Value fields{Value::Object()};
  for (const auto& [field, paths] : understood())
    fields.add(field, paths.size() == 1 ? Value(paths[0]) : list_of(paths));
  Value::Array places, why;
  for (const Bad& bad : bad_) {
    places.push_back(is_single ? Value(bad.number) : Value(bad.where()));
    why.push_back(Value(bad.why));
  }
  if (!refusal_.empty()) why.push_back(Value(refusal_));
  Value report{Value::Object()};
  report.add("ok", Value(ok()));
  report.add("rows", Value(num_rows_));
  report.add("understood", std::move(fields));
  report.add("passed", list_of(passed()));
  report.add("ignored", list_of(ignored()));
  report.add("bad", Value(std::move(places)));
  report.add("why", Value(std::move(why)));
  report.add("first",
             good_.shown.empty() ? Value(Value::Object()) : shown_row(good_.shown[0].second));
  return replace_invalid_utf8(report.dump());  // names of files may hold any bytes
}

}  // namespace amalgam::pipeline
