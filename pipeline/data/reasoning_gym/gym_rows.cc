#include "pipeline/data/reasoning_gym/gym_rows.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "configs/error.h"
#include "configs/fnv1a.h"
#include "rewards/programs/plugin.h"

namespace amalgam::pipeline {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// A third of what data sets may use (2^32), for the rounds of a split and the entries of a round.
constexpr uint32_t kSeedsOfSplit = 1u << 30, kSeedsOfRound = 1u << 24;
constexpr int kMaxRounds = 20;
// Of one data set: some entries take a second.
constexpr double kLongestDrawSeconds = 24 * 3600;

struct Entry {
  std::string question, answer, json, exact;
  bool has_answer = false;
};

class Drawer {
 public:
  Drawer(const configs::RunConfig& config, const configs::DomainConfig& domain)
      : domain_(domain),
        seed_(static_cast<uint64_t>(config.seed)),
        plugin_(rewards::plugin_options(domain)) {}

  std::vector<Entry> draw(Split split, int round, int64_t count) {
    const json line = {{"task", domain_.generator.data_set},
                       {"config", json::parse(domain_.generator_config.json)},
                       {"size", count},
                       {"seed", gym_seed(seed_, split, round)}};
    const json reply = json::parse(plugin_.request(line.dump(), kLongestDrawSeconds));
    std::vector<Entry> entries;
    for (const json& e : reply.at("entries")) {
      Entry entry{.question = e.at("question").get<std::string>(),
                  .answer = {},
                  .json = e.at("entry").get<std::string>(),
                  .exact = {}};
      entry.has_answer = e.at("answer").is_string();
      if (entry.has_answer) entry.answer = e.at("answer").get<std::string>();
      if (e.at("exact").is_string()) entry.exact = e.at("exact").get<std::string>();
      entries.push_back(std::move(entry));
    }
    return entries;
  }

  Row row(const Entry& entry, Split split, size_t index) const {
    Row row;
    row.data_source = "reasoning_gym/" + domain_.generator.data_set;
    row.ability = row.style = "reasoning_gym";
    row.prompt = ordered_json::array({{{"role", "user"}, {"content", entry.question}}}).dump();
    row.ground_truth = entry.json;
    ordered_json info = {{"index", index}, {"split", to_string(split)}};
    if (!entry.exact.empty()) info["entry"] = ordered_json::parse(entry.exact);
    row.extra_info = info.dump();
    return row;
  }

  // Those of a held-out set, whose questions are not among those that were `seen`.
  RowStore held_out(Split split, int64_t count, std::set<std::string>* seen) {
    RowStore rows;
    for (int round = 0; round < kMaxRounds; ++round)
      for (const Entry& entry : draw(split, round, count)) {
        if (!seen->insert(entry.question).second) continue;
        rows.add(row(entry, split, rows.size()).to_json());
        if (static_cast<int64_t>(rows.size()) == count) return rows;
      }
    throw Error("domain " + domain_.name + ": " + domain_.generator.text() + " makes only " +
                std::to_string(rows.size()) + " " + to_string(split) +
                " questions that are in no earlier set (training, validation, test); ask for "
                "fewer rows than " +
                std::to_string(count) + ", or for more difficult ones in generator_config");
  }

 private:
  const configs::DomainConfig& domain_;
  const uint64_t seed_;
  rewards::Plugin plugin_;
};

Row example(Row row, const Entry& entry) {
  ordered_json messages = ordered_json::parse(row.prompt);
  messages.push_back({{"role", "assistant"}, {"content", entry.answer}});
  row.messages = messages.dump();
  row.prompt.clear();
  return row;
}

GymRows draw(const configs::RunConfig& config, const configs::DomainConfig& domain) {
  const configs::DataConfig& counts = domain.data;
  Drawer drawer(config, domain);
  GymRows rows;
  std::set<std::string> seen;
  const auto entries = drawer.draw(Split::kTrain, 0, std::max(counts.train_rows, counts.sft_rows));
  for (size_t i = 0; i < entries.size(); ++i) {
    seen.insert(entries[i].question);
    const Row row = drawer.row(entries[i], Split::kTrain, i);
    if (static_cast<int64_t>(i) < counts.train_rows) rows.train.add(row.to_json());
    if (static_cast<int64_t>(i) < counts.sft_rows && entries[i].has_answer)
      rows.sft.add(example(row, entries[i]).to_json());
  }
  rows.validation = drawer.held_out(Split::kValidation, counts.validation_rows, &seen);
  rows.test = drawer.held_out(Split::kTest, counts.heldout_rows, &seen);
  return rows;
}

}  // namespace

uint32_t gym_seed(uint64_t run_seed, Split split, int round) {
  const uint32_t begin =
      static_cast<uint32_t>(fnv1a("reasoning_gym " + std::to_string(run_seed))) >> 3;
  return begin + static_cast<uint32_t>(split) * kSeedsOfSplit +
         static_cast<uint32_t>(round) * kSeedsOfRound;
}

GymRows draw_gym_rows(const configs::RunConfig& config, const configs::DomainConfig& domain) {
  static std::mutex mutex;
  static std::map<std::string, GymRows> drawn;  // by all that decides it
  const configs::DataConfig& d = domain.data;
  const json key = {domain.generator.data_set,
                    domain.generator_config.json,
                    config.seed,
                    d.train_rows,
                    d.validation_rows,
                    d.heldout_rows,
                    d.sft_rows,
                    domain.reward.interpreter(),
                    domain.reward.env};
  const std::lock_guard lock(mutex);
  const auto found = drawn.find(key.dump());
  return found != drawn.end() ? found->second : drawn[key.dump()] = draw(config, domain);
}

}  // namespace amalgam::pipeline
