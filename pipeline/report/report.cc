#include "pipeline/report/report.h"

#include <spdlog/fmt/fmt.h>
#include <time.h>

#include <algorithm>
#include <filesystem>

#include "configs/error.h"
#include "configs/load.h"
#include "pipeline/report/page.h"
#include "pipeline/report/sections.h"
#include "pipeline/run_store/text_format.h"
#include "proto/append_file.h"

namespace amalgam::pipeline {
namespace {

std::string section(const char* id, const char* title, const std::string& body) {
  return fmt::format("<section id=\"{0}\"><h2>{1}</h2>\n{2}</section>\n", id, title, body);
}

std::string utc(double seconds) {
  const auto t = static_cast<time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&t, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

std::string run_name(const std::string& run_dir) {
  const auto path = std::filesystem::weakly_canonical(run_dir);
  return path.filename().string();
}

std::string subtitle(const RunStore& store) {
  const auto stages = store.stages();
  if (stages.empty()) return "not started";
  std::string text = "started " + utc(stages.front().started_s);
  for (const StageRow& stage : stages)
    if (stage.state != StageState::kFinished)
      return text + fmt::format(" · stage {} {}", escape_html(stage.name), to_string(stage.state));
  return text + " · finished " + utc(stages.back().finished_s);
}

// None where it is missing or of another version: the rest of the report does not depend on it.
std::optional<configs::RunConfig> load_config(const std::string& run_dir) {
  const std::string path = run_dir + "/config.toml";
  try {
    return configs::parse_run_config(proto::read_file(path), path);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::string config_section(const std::string& run_dir) {
  const std::string path = run_dir + "/config.toml";
  if (!std::filesystem::exists(path))
    return "<p class=\"none\">The run directory holds no config.toml.</p>\n";
  return "<details><summary>config.toml, resolved</summary><pre>" +
         escape_html(proto::read_file(path)) + "</pre></details>\n";
}

std::string base_statement(const configs::RunConfig* config) {
  if (config == nullptr)
    return "<p class=\"statement\"><strong>About the base.</strong> Its data are not known to this "
           "report: config.toml is missing or of another version.</p>\n";
  if (!config->model.path.empty())
    return "<p class=\"statement\"><strong>About the base.</strong> The run starts from a given "
           "model, <code>" +
           escape_html(config->model.path.string()) +
           "</code>; what that model was trained on is not known here.</p>\n";
  const bool has_own = std::any_of(config->domains.begin(), config->domains.end(),
                                   [](const auto& d) { return !d.sft_file.empty(); });
  const bool has_forms = std::any_of(config->domains.begin(), config->domains.end(),
                                     [](const auto& d) { return !d.generator.form.empty(); });
  std::string own =
      has_own ? " Worked examples from files of the user's own are among its data; how good those "
                "are is not known here."
              : "";
  if (has_forms)
    own +=
        " Where prompts ask for a form of the answer, half of the examples are in the other form: "
        "that "
        "the base does not do as it is asked was put there.";
  const bool has_generated = std::any_of(config->domains.begin(), config->domains.end(),
                                         [](const auto& d) { return d.generator.is_built_in(); });
  if (!has_generated && has_own)
    return "<p class=\"statement\"><strong>About the base.</strong> It was trained for this run, "
           "on "
           "worked examples from files of the user's own; how good those are is not known "
           "here.</p>\n";
  double careless = 0;  // the largest share of a domain
  for (const configs::DomainConfig& d : config->domains)
    if (d.generator.is_built_in()) careless = std::max(careless, d.data.careless);
  if (config->base.anneal.steps == 0 || careless == 0)
    return "<p class=\"statement\"><strong>About the base.</strong> It was trained for this run; "
           "the generated answers among its data are all correct." +
           own + "</p>\n";
  return fmt::format(
      "<p class=\"statement\"><strong>The base’s data are of mixed quality, on purpose.</strong> "
      "It "
      "was trained for this run: {} steps on correct answers, then {} steps in which {:.0f} % of "
      "the generated "
      "answers are in a verifiably bad style (no reasoning, a guess instead of a tool call, a "
      "clause "
      "dropped). Real bases have seen careless answers too. So part of every gain over the base is "
      "the removal of habits that were put there, and the base is not the best model that its data "
      "allow.{}</p>\n",
      config->base.sft.steps, config->base.anneal.steps, 100 * careless, own);
}

Results write_report(const std::string& run_dir, const TokenText& token_text) {
  const RunStore store(run_dir, Access::kReadOnly);
  const Results results = collect_results(store);
  const auto config = load_config(run_dir);
  std::string body = fmt::format("<header><h1>{}</h1><p>{}</p></header>\n",
                                 escape_html(run_name(run_dir)), subtitle(store));
  body += figures_section(results);
  body += base_statement(config ? &*config : nullptr);
  body += section("results", "Results", results_section(results, config ? &*config : nullptr));
  if (!results.efforts.empty())
    body += section("efforts", "Reasoning effort", efforts_section(results));
  body += section("stages", "Stages and time", stages_section(store));
  if (const std::string failures = failures_section(store); !failures.empty())
    body += section("failures", "Failures", failures);
  if (const std::string left_out = left_out_section(store); !left_out.empty())
    body += section("left-out", "Rows left out", left_out);
  if (const std::string judges = judges_section(results, store); !judges.empty())
    body += section("judges", "Judges", judges);
  if (const std::string audits = audits_section(run_dir, store, token_text); !audits.empty())
    body += section("audits", "Rewards against an independent check", audits);
  body += section("curves", "Curves", curves_section(store));
  body += section("choices", "Choices made on validation", choices_section(results, store));
  body += section("workers", "Workers", workers_section(store));
  body += section("config", "Configuration", config_section(run_dir));
  body += section("samples", "Sampled trajectories", samples_section(run_dir, store, token_text));
  write_results(run_dir, results);
  proto::write_file_atomically(run_dir + "/report.html", page(escape_html(run_name(run_dir)), body,
                                                              {{"results", "Results"},
                                                               {"stages", "Stages"},
                                                               {"curves", "Curves"},
                                                               {"choices", "Choices"},
                                                               {"workers", "Workers"},
                                                               {"config", "Configuration"},
                                                               {"samples", "Trajectories"}}));
  return results;
}

}  // namespace amalgam::pipeline
