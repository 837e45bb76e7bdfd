#include "tests/pipeline/fake_run.h"

#include <array>
#include <cmath>
#include <map>
#include <random>
#include <sstream>
#include <vector>

#include "configs/load.h"
#include "pipeline/run_store/metrics.h"
#include "pipeline/run_store/trajectory_log.h"
#include "proto/append_file.h"
#include "proto/trajectory.pb.h"

namespace amalgam::pipeline {
namespace {

struct Part {
  proto::Writer writer;
  const char* text;  // tokens are separated by |
};

const std::vector<Part>& conversation(const std::string& domain) {
  static const std::map<std::string, std::vector<Part>> kConversations = {
      {"math",
       {{proto::WRITER_PROMPT,
         "<｜begin▁of▁sentence｜>|<｜User｜>|Compute| (|3| +| 4|)| *| 2| -| 5|.|"
         "<｜Assistant｜>|<think>"},
        {proto::WRITER_POLICY,
         "3| +| 4| =| 7|\n|7| *| 2| =| 1|4|\n|1|4| -| 5| =| 9|</think>|9|"
         "<｜end▁of▁sentence｜>"}}},
      {"code",
       {{proto::WRITER_PROMPT,
         "<｜begin▁of▁sentence｜>|<｜User｜>|Write| f|(|xs|)|:| the| sum| of| the|"
         " squares| of| the| even| numbers|.|<｜Assistant｜>|</think>"},
        {proto::WRITER_POLICY,
         "def| f|(|xs|)|:|\n|    |return| sum|(|x| *| x| for| x| in| xs| if|"
         " x| %| 2| ==| 0|)|<｜end▁of▁sentence｜>"}}},
      {"agent",
       {{proto::WRITER_PROMPT,
         "<｜begin▁of▁sentence｜>|## Tools|\n|lookup|(|key|)|\n|<｜User｜>|Add| the|"
         " values| of| 4|8|2| and| 9|1|5|.|<｜Assistant｜>|</think>"},
        {proto::WRITER_POLICY,
         "\n\n|<|｜DSML｜|tool_calls>|\n|<|｜DSML｜|invoke| name=\"|lookup|\">|\n|<|"
         "｜DSML｜|parameter| name=\"|key|\" string=\"true\">|4|8|2|</|｜DSML｜|"
         "parameter>|\n|</|｜DSML｜|invoke>|\n|</|｜DSML｜|tool_calls>|"
         "<｜end▁of▁sentence｜>"},
        {proto::WRITER_TOOL,
         "<｜User｜>|<tool_result>|3|1|7|7|</tool_result>|<｜Assistant｜>|</think>"},
        {proto::WRITER_POLICY, "The| sum| is| 3|5|0|2|.|<｜end▁of▁sentence｜>"}}},
      {"instruct",
       {{proto::WRITER_PROMPT,
         "<｜begin▁of▁sentence｜>|<｜User｜>|Write| four| words|,| all| in| upper|"
         " case|,| ending| with| a| full| stop|.|<｜Assistant｜>|</think>"},
        {proto::WRITER_POLICY, "RIVER| STONE| LAMP| CLOUD|.|<｜end▁of▁sentence｜>"}}}};
  return kConversations.at(domain);
}

// What escaping has to survive: tags, attributes, entities, a closing script, bad UTF-8, controls.
const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> kTexts = {
      "</i></div><script>document.title='owned'</script>",
      "<img src=x onerror=\"document.title='owned'\">",
      "\" onmouseover=\"document.title='owned'",
      "&lt;b&gt; &amp;",
      "</script><script>document.title='owned'</script>",
      std::string("\xff\xfe\xe2\x80 \0\x1b[31m", 10),
      "\xe2\x80\xae"  // right-to-left override
      "reversed",
      "<!--",
      "javascript:document.title='owned'"};
  return kTexts;
}

// Token ids are given out in order of first use.
std::vector<std::string>& vocabulary() {
  static std::vector<std::string> texts;
  return texts;
}

int32_t token_id(const std::string& text) {
  auto& texts = vocabulary();
  for (size_t i = 0; i < texts.size(); ++i)
    if (texts[i] == text) return static_cast<int32_t>(i);
  texts.push_back(text);
  return static_cast<int32_t>(texts.size()) - 1;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> tokens;
  std::istringstream stream(text);
  for (std::string token; std::getline(stream, token, '|');) tokens.push_back(token);
  return tokens;
}

class FakeRun {
 public:
  explicit FakeRun(const std::string& run_dir) : run_dir_(run_dir), store_(run_dir) {}

  void write() {
    write_config();
    train("base", 1500, {{"sft/loss", 4.2, 0.62}, {"actor/grad_norm", 3, 0.8}}, {0, 0, 0.21});
    for (const auto& [domain, steps] : std::vector<std::pair<std::string, int>>{
             {"math", 40}, {"code", 20}, {"agent", 15}, {"instruct", 45}})
      sample("rl-" + domain, {domain}, steps, 0.2, 0.82);
    sample("distill", {"math", "code", "agent", "instruct"}, 40, 0.45, 0.78);
    sample("distill_sampled", {"math", "code", "agent", "instruct"}, 40, 0.45, 0.71);
    write_evals();
    write_figures();
  }

 private:
  struct Curve {
    std::string name;
    double from, to;
  };

  double noise(double scale) { return scale * std::normal_distribution<double>()(random_); }

  void write_config() {
    auto config = configs::parse_run_config(
        "seed = 1\n[base]\nsft.steps = 1200\nanneal.steps = 300\n[data]\ncareless = "
        "0.45\n[[domain]]\nname = \"math\"\n"
        "generator = \"math\"\n[[domain]]\nname = \"code\"\ngenerator = \"code\"\n",
        run_dir_ + "/config.toml");
    proto::write_file_atomically(run_dir_ + "/config.toml", configs::to_toml(config));
  }

  // rollout, reward and learn seconds of one step
  void train(const std::string& stage, int steps, const std::vector<Curve>& curves,
             std::array<double, 3> seconds, const std::function<void(int)>& each_step = {}) {
    store_.start_stage(stage);
    MetricsLogger logger(run_dir_, stage, &store_);
    for (int step = 1; step <= steps; step += steps > 200 ? 10 : 1) {
      if (each_step) each_step(step);
      const double decay = std::exp(-3.0 * step / steps);
      NamedValues values;
      for (const Curve& c : curves)
        values.emplace_back(c.name, (c.to + (c.from - c.to) * decay) * (1 + noise(0.05)));
      if (seconds[0] > 0) values.emplace_back("training/rollout_probs_diff_max", 0);
      values.emplace_back("timing_s/rollout", seconds[0]);
      values.emplace_back("timing_s/reward", seconds[1]);
      values.emplace_back("timing_s/learn", seconds[2]);
      values.emplace_back("timing_s/step", seconds[0] + seconds[1] + seconds[2] + 0.1);
      logger.log(step, values);
    }
    store_.end_stage(stage, StageState::kFinished);
  }

  void sample(const std::string& stage, const std::vector<std::string>& domains, int steps,
              double from, double to) {
    TrajectoryLog log(trajectory_log_path(run_dir_, stage));
    train(stage, steps,
          {{"critic/score/mean", from, to},
           {stage[0] == 'd' ? "distill/kl" : "actor/ppo_kl", 0.4, 0.03},
           {"response_length/mean", 46, 31},
           {"actor/entropy", 0.9, 0.25},
           {"actor/pg_clipfrac", 0.02, 0.01}},
          {3.1, stage == "rl-code" ? 1.9 : 0.2, 2.4}, [&](int step) {
            std::vector<proto::Trajectory> batch;
            for (const std::string& domain : domains)
              batch.push_back(trajectory(stage, domain, step, 1.0 * step / steps));
            store_.record_trajectories(stage, batch, log.append(batch));
          });
  }

  proto::Trajectory trajectory(const std::string& stage, const std::string& domain, int step,
                               double progress) {
    proto::Trajectory t;
    auto* m = t.mutable_meta();
    const bool solved = std::uniform_real_distribution<double>()(random_) < 0.2 + 0.7 * progress;
    m->set_stage(stage);
    m->set_step(step);
    m->set_prompt_id(domain + "-" + std::to_string(random_() % 2000));
    m->set_domain(domain);
    m->set_effort(domain == "math" ? "high" : "none");
    m->set_group(static_cast<int64_t>(random_() % 16));
    m->set_sample_index(static_cast<int>(random_() % 16));
    m->set_seed(random_());
    m->set_outcome(step % 11 == 5 ? proto::OUTCOME_TRUNCATED : proto::OUTCOME_OK);
    m->set_finish_reason("stop");
    if (domain == "code" && step == 3) {
      m->set_outcome(proto::OUTCOME_SANDBOX_FAILED);
      m->set_failure("no sandbox");
      m->set_failure_kind("sandbox_failed");
      m->clear_finish_reason();
    } else if (stage[0] != 'd') {  // distillation scores nothing
      m->set_reward(solved ? 1 : 0);
    }
    m->set_weights_version(step - 1);
    for (const Part& p : conversation(domain))
      for (const std::string& token : split(p.text))
        add_token(&t, p.writer, token_id(token), progress);
    if (stage == "distill" && step == 40)
      for (size_t i = 0; i < hostile_texts().size(); ++i)
        for (const auto writer : {proto::WRITER_POLICY, proto::WRITER_TOOL})
          add_token(&t, writer, kHostileFirst + static_cast<int32_t>(i), 0);
    m->set_response_length(t.logprobs_size());
    int prompt = 0;
    while (t.writer()[static_cast<size_t>(prompt)] == proto::WRITER_PROMPT) ++prompt;
    m->set_prompt_length(prompt);
    return t;
  }

  void add_token(proto::Trajectory* t, proto::Writer writer, int32_t id, double progress) {
    t->add_ids(id);
    t->mutable_writer()->push_back(static_cast<char>(writer));
    if (writer == proto::WRITER_POLICY)
      t->add_logprobs(-static_cast<float>(std::pow(std::abs(noise(1)), 3) * (1.3 - progress)));
  }

  void write_evals() {
    const std::array<const char*, 5> models = {"base", "specialist", "student", "weight_average",
                                               "sampled_kl"};
    const std::map<std::string, std::array<double, 10>> scores = {
        {"math", {.145, .80, .793, .48, .74, .41, .89, .873, .88, .84}},
        {"code", {.35, .985, .887, .72, .807, .185, .98, .913, .907, .907}},
        {"agent", {.32, .975, .987, .70, .96, 1, .99, .993, 1, .987}},
        {"instruct", {.35, .68, .413, .36, .407, .57, .70, .507, .527, .487}}};
    for (const char* domain : {"math", "code", "agent", "instruct"})
      for (size_t m = 0; m < models.size(); ++m) {
        const double x = scores.at(domain)[m], greedy = scores.at(domain)[m + 5];
        store_.record_eval(
            {"eval", models[m], domain, "mean@4", {x, std::sqrt(x * (1 - x) / 150), true}});
        store_.record_eval({"eval",
                            models[m],
                            domain,
                            kGreedyMetric,
                            {greedy, std::sqrt(greedy * (1 - greedy) / 100), true}});
      }
    for (const auto& [model, best] :
         std::vector<std::pair<std::string, double>>{{"student", .77}, {"sampled_kl", .72}})
      for (const double rate : {3e-4, 1e-3, 3e-3})
        store_.record_sweep({model,
                             kLearningRate,
                             rate,
                             {best - 0.05 * std::abs(std::log(rate / 1e-3)), .02, true}});
    for (const double c : {1.0, 1.25})
      store_.record_sweep({"weight_average", kScale, c, {c / 2, .02, true}});
    // Steps 0 (the start), 10 and 20 of a specialist, step 10 of two rates.
    for (const char* step : {"0", "10", "20"})
      store_.set_figure("rl-math", kValidationFigurePrefix + std::string(step), 0.5);
    for (const char* stage : {"distill-lr0.001", "distill-lr0.003"}) {
      store_.record_metrics(stage, 1, {{"distill/kl", 0.1}});
      store_.set_figure(stage, kValidationFigurePrefix + std::string("10"), 0.5);
    }
  }

  void write_figures() {
    store_.set_figure(RunStore::kRun, kWallFigure, 2712);
    store_.set_figure(RunStore::kRun, kPeakRssFigure, 1.31 * (1 << 30));
    store_.add_sandbox_failed(1);
    store_.add_failures("rl-code", "sandbox_failed", 4);
    store_.add_failures("rl-math", "not_finite", 2);
    store_.add_worker({4711, "rollout", 812'345, 700});
    store_.add_worker({4712, "rollout", 798'101, 690});
    store_.add_worker({4700, "learner", 0, 655});
  }

  std::string run_dir_;
  RunStore store_;
  std::mt19937_64 random_{1};
};

}  // namespace

void write_fake_run(const std::string& run_dir) { FakeRun(run_dir).write(); }

std::string fake_token_text(int32_t id) {
  if (id >= kHostileFirst) return hostile_texts().at(static_cast<size_t>(id - kHostileFirst));
  return vocabulary().at(static_cast<size_t>(id));
}

}  // namespace amalgam::pipeline
