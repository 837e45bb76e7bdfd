#include "distill/teachers/teachers.h"

#include <algorithm>
#include <filesystem>

#include "configs/check.h"
#include "configs/clock.h"
#include "configs/error.h"
#include "model/checkpoint/checkpoint.h"

namespace amalgam::distill {

Teachers::Teacher::Teacher(const std::string& first_name, const std::string& dir)
    : name(first_name),
      directory(dir),
      files(dir),
      stored(dir),
      config(model::forward_config(stored)) {
  const model::Weights weights(stored.config());
  for (const model::FloatSource& s : stored.find(weights).floats)
    if (s.name == "head.weight") head = s;
}

Teachers::Teachers(const std::vector<std::pair<std::string, std::string>>& names,
                   model::Network& student, TeacherMemory memory)
    : student_(student), hidden_(std::move(memory.directory), memory.hidden_bytes, student.pool()) {
  std::map<std::string, std::string> first;  // name, by directory
  const auto place = [](const std::string& dir) {
    return std::filesystem::weakly_canonical(dir).string();
  };
  for (const auto& [name, directory] : names) first.emplace(place(directory), name);
  std::map<std::string, std::string> sorted;  // directory, by first name
  for (const auto& [name, directory] : names)
    if (first.at(place(directory)) == name) sorted.emplace(name, directory);
  std::vector<int64_t> bytes;
  for (const auto& [name, directory] : sorted) {
    auto teacher = std::make_unique<Teacher>(name, directory);
    const int64_t vocabulary = teacher->config.vocab_size;
    if (vocabulary != student.config().vocab_size)
      throw Error(directory + ": has " + std::to_string(vocabulary) +
                  " tokens in its vocabulary, the student has " +
                  std::to_string(student.config().vocab_size) +
                  "; teachers and student must share a tokenizer");
    teacher->network = std::make_unique<model::Network>(teacher->config, student.pool(),
                                                        student.numerics(), student.memory());
    bytes.push_back(model::forward_model_bytes(teacher->config));
    model::require_memory(bytes.back() / int64_t{sizeof(float)}, directory);
    teachers_.push_back(std::move(teacher));
  }
  for (const auto& [name, directory] : names) {
    const auto of_first = sorted.find(first.at(place(directory)));
    number_[name] = static_cast<size_t>(std::distance(sorted.begin(), of_first));
  }
  cache_ = std::make_unique<TeacherCache>(
      std::move(bytes), [this](size_t t) { return load(t); }, memory.weights_bytes);
}

model::ForwardModel Teachers::load(size_t number) {
  Teacher& teacher = *teachers_[number];
  teacher.files.check();
  const model::RowReader reader(teacher.stored);
  model::ForwardModel model =
      model::load_forward_model(teacher.stored, reader, student_.numerics());
  teacher.files.check();
  return model;
}

void Teachers::begin(const std::vector<size_t>& teachers) { order_ = cache_->begin(teachers); }

void Teachers::run(const std::function<void(size_t)>& f) {
  const double waited = cache_->waited_seconds();
  for (const size_t teacher : order_) {
    current_model_ = &cache_->next();
    current_ = teacher;
    f(teacher);
  }
  current_model_ = nullptr;
  figures_.wait_s += cache_->waited_seconds() - waited;
}

const float* Teachers::forward(std::span<const int32_t> ids,
                               std::span<const model::SequenceSlice> slices) {
  CHECK(current_model_ != nullptr);
  const auto begin = Clock::now();
  model::Network& network = *teachers_[current_]->network;
  network.arena().reset();
  const model::Var hidden = network.run(current_model_->weights, {ids, slices}, nullptr);
  figures_.forward_s += seconds_since(begin);
  return hidden.v.data;
}

const float* Teachers::kept_head(size_t teacher) const {
  const model::ForwardModel* kept = cache_->find(teacher);
  return kept ? kept->weights.head.data : nullptr;
}

kernels::Head Teachers::whole_head(size_t number) {
  Teacher& teacher = *teachers_[number];
  kernels::Head head{kept_head(number), teacher.config.vocab_size, teacher.config.hidden_size};
  if (head.weight) return head;
  if (whole_head_.size() == 0 || whole_ != number) {
    const auto begin = Clock::now();
    whole_head_ = {};  // one at a time
    teacher.files.check();
    const model::RowReader reader(teacher.stored);
    whole_head_ = TeacherHead(reader, teacher.head).load(student_.pool());
    teacher.files.check();
    whole_ = number;
    figures_.wait_s += seconds_since(begin);
  }
  head.weight = whole_head_.data();
  return head;
}

kernels::Head Teachers::tiled_head(size_t number) {
  Teacher& teacher = *teachers_[number];
  kernels::Head head{kept_head(number), teacher.config.vocab_size, teacher.config.hidden_size};
  if (head.weight) return head;
  if (!teacher.tiles) {
    teacher.files.check();
    teacher.reader = std::make_unique<model::RowReader>(teacher.stored);
    teacher.tiles = std::make_unique<TeacherHead>(*teacher.reader, teacher.head);
  }
  head.stream = teacher.tiles.get();
  return head;
}

TeacherFigures Teachers::end() {
  whole_head_ = {};
  for (const auto& teacher : teachers_) {
    if (!teacher->tiles) continue;
    teacher->files.check();
    figures_.wait_s += teacher->tiles->seconds();
    teacher->tiles.reset(), teacher->reader.reset();
  }
  figures_.weights_bytes = cache_->peak_bytes();
  figures_.hidden_bytes = hidden_.peak_bytes();
  hidden_.clear();
  return std::exchange(figures_, {});
}

}  // namespace amalgam::distill
