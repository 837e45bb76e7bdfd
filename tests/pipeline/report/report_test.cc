#include "pipeline/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "configs/error.h"
#include "configs/load.h"
#include "pipeline/report/charts.h"
#include "pipeline/report/sections.h"
#include "pipeline/run_store/text_format.h"
#include "pipeline/run_store/trajectory_log.h"
#include "proto/append_file.h"
#include "proto/trajectory.pb.h"
#include "tests/error_of.h"
#include "tests/pipeline/fake_run.h"
#include "tests/pipeline/sandbox_commands/limits.h"
#include "tests/temp_dir.h"

namespace amalgam::pipeline {
namespace {

using tests::error_of;

using testing::ElementsAre;
using testing::HasSubstr;

size_t count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
  return n;
}

// Rather than HasSubstr: a failure should not print the page.
bool has(const std::string& html, const std::string& what) {
  return html.find(what) != std::string::npos;
}

// The page's own markup, by a reader that knows tags only: every < must open a tag of this list,
// every tag must be closed in order.
void expect_well_formed(const std::string& html) {
  const std::vector<std::string> voids = {"meta", "path", "circle", "!doctype"};
  std::vector<std::string> open;
  for (size_t at = 0; (at = html.find('<', at)) != std::string::npos;) {
    const size_t end = html.find('>', at);
    ASSERT_NE(end, std::string::npos);
    const bool closing = html[at + 1] == '/';
    const size_t name_begin = at + 1 + closing;
    const std::string name =
        html.substr(name_begin, html.find_first_of(" >/", name_begin) - name_begin);
    if (closing) {
      ASSERT_FALSE(open.empty()) << name;
      ASSERT_EQ(open.back(), name) << html.substr(at > 200 ? at - 200 : 0, 220);
      open.pop_back();
    } else if (std::find(voids.begin(), voids.end(), name) == voids.end()) {
      open.push_back(name);
    }
    at = end;
    if (!closing && (name == "style" || name == "script")) at = html.find("</" + name, at);
  }
  EXPECT_TRUE(open.empty());
}

class ReportTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new TempDir;
    write_fake_run(dir_->path());
    results_ = new Results(write_report(dir_->path(), fake_token_text));
    html_ = new std::string(proto::read_file(*dir_ / "report.html"));
  }
  static void TearDownTestSuite() {
    delete html_;
    delete results_;
    delete dir_;
  }
  static inline TempDir* dir_ = nullptr;
  static inline Results* results_ = nullptr;
  static inline std::string* html_ = nullptr;
};

TEST_F(ReportTest, IsSelfContainedAndWellFormed) {
  for (const char* loads : {"http://", "https://", "src=\"", "@import", "url(", "<link", "<iframe"})
    EXPECT_FALSE(has(*html_, loads));
  EXPECT_TRUE(has(*html_, "default-src 'none'"));
  expect_well_formed(*html_);
}

TEST_F(ReportTest, HostileTextStaysText) {
  // Present, so that the next checks mean something, and only in escaped form.
  EXPECT_GE(count(*html_, "document.title=&#39;owned&#39;"), 8u);
  EXPECT_FALSE(has(*html_, "document.title='owned'"));
  EXPECT_EQ(count(*html_, "<script"), 1u);  // the page's own, with its nonce
  EXPECT_EQ(count(*html_, "<img"), 0u);
  EXPECT_EQ(count(*html_, "<!--"), 0u);
  EXPECT_TRUE(has(*html_, "\\xFF\\xFE\\xE2\\x80 ␀␛[31"));
  EXPECT_TRUE(has(*html_, "⟨U+202E⟩reversed"));
  EXPECT_TRUE(has(*html_, "&amp;lt;b&amp;gt; &amp;amp;"));
}

TEST_F(ReportTest, EveryReportHasItsOwnNonce) {
  const auto nonce = [](const std::string& html) {
    return html.substr(html.find("<script nonce=\"") + 15, 32);
  };
  write_report(dir_->path(), fake_token_text);
  const std::string again = proto::read_file(*dir_ / "report.html");
  EXPECT_NE(nonce(*html_), nonce(again));
  EXPECT_TRUE(has(again, "script-src 'nonce-" + nonce(again) + "'"));
}

TEST_F(ReportTest, TenSamplesOfEveryDomainWithTheirTokens) {
  EXPECT_EQ(count(*html_, "<details class=\"sample\""), 40u);
  EXPECT_TRUE(has(*html_, "<h3>agent <small>95 trajectories"));
  EXPECT_TRUE(has(*html_, "tool_calls"));
  EXPECT_TRUE(has(*html_,
                  "<div class=\"turn tool\"><span class=\"who\">tool</span><div>"
                  "&lt;│User│&gt;&lt;tool_result&gt;3177"));
  EXPECT_TRUE(has(*html_, "sandbox_failed</span> <span>no reward: no sandbox"));
  EXPECT_TRUE(has(*html_, "weights v"));
}

TEST_F(ReportTest, FailuresOfEachKindAreCounted) {
  EXPECT_TRUE(
      has(*html_, "<th scope=\"row\">rl-code</th><td>sandbox_failed</td><td>4</td><td>1</td>"));
  EXPECT_TRUE(has(*html_, "<th scope=\"row\">rl-math</th><td>not_finite</td><td>2</td><td>0</td>"));
}

// What was not measured is not there: the reward of a sample that nobody scored, the version of
// a finished model's weights, the finish of an episode whose tools failed.
TEST(Report, WhatIsAbsentIsNotShown) {
  const TempDir dir;
  {
    RunStore store(dir.path());
    store.start_stage("eval");
    proto::Trajectory t;
    t.mutable_meta()->set_stage("eval");
    t.mutable_meta()->set_domain("math");
    t.mutable_meta()->set_outcome(proto::OUTCOME_OK);
    TrajectoryLog log(trajectory_log_path(dir.path(), "eval"));
    store.record_trajectories("eval", {t}, log.append({t}));
    EXPECT_FALSE(store.trajectories()[0].reward);
    EXPECT_FALSE(store.trajectories()[0].weights_version);
  }
  write_report(dir.path(), fake_token_text);
  const std::string html = proto::read_file(dir / "report.html");
  EXPECT_TRUE(has(html, "<span>not scored</span>"));
  for (const char* absent : {"weights v", "· finish", "reward <b>", "id=\"failures\""})
    EXPECT_FALSE(has(html, absent)) << absent;
}

TEST_F(ReportTest, SaysWhatTheBaseHasSeen) {
  EXPECT_TRUE(has(*html_, "The base’s data are of mixed quality, on purpose."));
  EXPECT_TRUE(
      has(*html_, "1200 steps on correct answers, then 300 steps in which 45 % of the generated"));
  EXPECT_TRUE(has(*html_, "sampled at T = 1, mean@4"));
  EXPECT_TRUE(has(*html_, "[base.anneal]"));  // the resolved config
}

TEST(Report, OwnExamplesAreNotCalledCorrect) {
  const std::string text =
      "[base]\nanneal.steps = 0\n[[domain]]\nname = \"a\"\ntrain_file = \"t\"\nheldout_file = "
      "\"h\"\nreward_file = \"r.py\"\n";
  const auto statement = [](const std::string& toml) {
    const auto config = configs::parse_run_config(toml, "a.toml");
    return base_statement(&config);
  };
  EXPECT_FALSE(has(statement(text), "Worked examples from files"));
  EXPECT_TRUE(has(statement(text + "sft_file = \"s\"\n"), "worked examples from files"));
  EXPECT_FALSE(has(statement(text + "sft_file = \"s\"\n"), "all correct"));
  const std::string mixed =
      "[data]\ncareless = 0.5\n[base]\nanneal.steps = 9\n[[domain]]\nname = \"m\"\ngenerator = "
      "\"math\"\n" +
      text.substr(text.find("[[domain]]")) + "sft_file = \"s\"\n";
  EXPECT_TRUE(has(statement(mixed), "on purpose"));
  EXPECT_TRUE(has(statement(mixed), "Worked examples from files"));
}

// Hand-computed from the scores in fake_run.cc.
TEST_F(ReportTest, ScoresAndTheirMeans) {
  ASSERT_EQ(results_->domains.size(), 4u);
  EXPECT_EQ(results_->domains[0].domain, "math");
  EXPECT_NEAR(results_->mean.sampled["student"].mean, 0.77,
              1e-12);  // (.793 + .887 + .987 + .413) / 4
  EXPECT_NEAR(results_->mean.greedy["base"].mean, 0.54125, 1e-12);  // (.41 + .185 + 1 + .57) / 4
  // sqrt(.145 * .855 / 150 + .35 * .65 / 75 + .32 * .68 / 150) / 4
  EXPECT_NEAR(results_->mean.sampled["base"].standard_error, 0.0182183, 1e-7);
  EXPECT_TRUE(has(*html_, "<th scope=\"row\">math</th><td>14.5 ± 2.9 %</td>"));
  EXPECT_THAT(results_text(*results_), HasSubstr("79.3 ± 3.3 %"));
  EXPECT_TRUE(
      has(*html_, "<tr class=\"best\"><th scope=\"row\">student</th><td>learning rate 0.001</td>"));
}

TEST_F(ReportTest, ResultsJson) {
  const auto json = nlohmann::json::parse(proto::read_file(*dir_ / "results.json"));
  EXPECT_EQ(json["domains"].size(), 4u);
  EXPECT_EQ(json["domains"]["code"],
            nlohmann::json::parse(R"({"base": 0.35, "specialist": 0.985, "student": 0.887,
                                      "weight_average": 0.72, "sampled_kl": 0.807})"));
  // Steps 10 and 20; of two rates step 10; two coefficients. What a stage began with is none.
  EXPECT_EQ(json["choices"], nlohmann::json::parse(R"({"specialist-agent": 0, "specialist-code": 0,
      "specialist-instruct": 0, "specialist-math": 2, "student": 2, "weight_average": 2,
      "sampled_kl": 0})"));
  EXPECT_EQ(json["rollout_probs_diff_max"], 0.0);
  EXPECT_EQ(json["wall_s"], 2712.0);
  EXPECT_TRUE(json["peak_rss_bytes"].is_number_integer());
  EXPECT_EQ(json["workers"], nlohmann::json::parse(R"([{"pid": 4711, "sampled_tokens": 812345},
                                                       {"pid": 4712, "sampled_tokens": 798101}])"));
  EXPECT_EQ(json["sandbox_failed"], 1);
}

TEST_F(ReportTest, TimeSplitAddsUp) {
  // rl-math: 40 steps of 3.1 + 0.2 + 2.4 + 0.1 s
  EXPECT_TRUE(has(*html_, "3 min 52 s"));
  EXPECT_TRUE(has(*html_, "data-tip=\"rollout 2 min 04 s\""));
  EXPECT_TRUE(has(*html_, "class=\"rest\" style=\"width:"));
}

TEST(Report, AnUnfinishedRunGivesAReport) {
  const TempDir dir;
  {
    RunStore store(dir.path());
    store.start_stage("base");
  }
  const Results results = write_report(dir.path(), fake_token_text);
  EXPECT_TRUE(std::isnan(results.wall_s));
  const auto json = nlohmann::json::parse(results_json(results));
  EXPECT_TRUE(json["rollout_probs_diff_max"].is_null());
  EXPECT_TRUE(json["peak_rss_bytes"].is_null());
  EXPECT_EQ(json["domains"], nlohmann::json::object());
  const std::string html = proto::read_file(dir / "report.html");
  expect_well_formed(html);
  EXPECT_TRUE(has(html, "stage base running"));
  EXPECT_TRUE(has(html, "config.toml is missing"));
}

TEST(Report, NoRunThereIsAClearError) {
  const TempDir dir;
  EXPECT_THAT(error_of([&] { write_report(dir.path(), fake_token_text); }),
              HasSubstr("run.sqlite"));
}

TEST(Report, FullDiskKeepsTheOldReport) {
  const TempDir dir;
  write_fake_run(dir.path());
  proto::write_file_atomically(dir / "report.html", "old");
  {
    const FileSizeLimit limit(50'000);
    EXPECT_THAT(error_of([&] { write_report(dir.path(), fake_token_text); }),
                HasSubstr("report.html"));
  }
  EXPECT_EQ(proto::read_file(dir / "report.html"), "old");
  EXPECT_FALSE(std::filesystem::exists(dir / "report.html.tmp"));
}

// Names from a user's rows and files go into the page too.
TEST(Report, HostileNamesAreEscaped) {
  const TempDir dir;
  const std::string name = "<b onclick=\"x\">'&";
  {
    RunStore store(dir.path());
    store.start_stage(name);
    store.record_metrics(name, 1, {{name, 1}, {"timing_s/" + name, 1}, {"critic/score/mean", 1}});
    store.record_eval({name, "base", name, "mean@" + name, {0.5, 0.1}});
    store.record_sweep({name, name, 1, {1, 1}});
    store.add_worker({1, name, 1, 1});
    proto::Trajectory t;
    t.mutable_meta()->set_stage(name);
    t.mutable_meta()->set_domain(name);
    t.mutable_meta()->set_prompt_id(name);
    t.mutable_meta()->set_effort(name);
    t.mutable_meta()->set_finish_reason(name);
    t.mutable_meta()->set_outcome(proto::OUTCOME_OK);
    t.mutable_meta()->set_failure(name);
    t.mutable_meta()->set_failure_kind(name);
    TrajectoryLog log(trajectory_log_path(dir.path(), "s"));
    const auto offsets = log.append({t});
    store.record_trajectories("s", {t}, offsets);
  }
  proto::write_file_atomically(dir / "config.toml", "# " + name);
  write_report(dir.path(), fake_token_text);
  const std::string html = proto::read_file(dir / "report.html");
  EXPECT_FALSE(has(html, "<b onclick"));
  EXPECT_GE(count(html, "&lt;b onclick=&quot;x&quot;&gt;&#39;&amp;"), 14u);
  expect_well_formed(html);
}

TEST(Report, ANanDifferenceIsNotHidden) {
  const TempDir dir;
  RunStore store(dir.path());
  store.start_stage("rl");
  store.record_metrics("rl", 1, {{kDiffMetric, 0}});
  EXPECT_EQ(collect_results(store).rollout_probs_diff_max, 0);
  store.record_metrics("rl", 2, {{kDiffMetric, 1e-7}});
  EXPECT_EQ(collect_results(store).rollout_probs_diff_max, 1e-7);
  store.record_metrics("rl", 3, {{kDiffMetric, std::nan("")}});
  EXPECT_TRUE(std::isnan(collect_results(store).rollout_probs_diff_max));
}

TEST(Report, SaysHowManyPromptsAMeanIsOf) {
  const TempDir dir;
  {
    RunStore store(dir.path());
    store.start_stage("eval");
    for (const char* model : {"base", "student"})
      for (const char* domain : {"math", "code"}) {
        const std::string stage = evaluation_stage(model, domain, kSampledKind);
        store.record_eval({stage, model, domain, "mean@4", {0.5, 0.1}});
        SetCounts counts{.used = 10, .max_prompt_length = 256};
        if (domain == std::string("math")) counts.too_long = 10;
        if (stage == "eval-student-code-sampled") counts.masked_samples = 3;
        record_set(store, {stage, "test", domain, counts});
      }
  }
  const Results results = write_report(dir.path(), fake_token_text);
  EXPECT_THAT(
      prompt_lines(results),
      ElementsAre("math: 10 of 20 prompts: 10 longer than 256 tokens", "code, base: 10 prompts",
                  "code, student: 10 prompts; 3 of their samples could not be scored"));
  EXPECT_THAT(results_text(results), HasSubstr("\n  math: 10 of 20 prompts: 10 longer than"));
  const auto json = nlohmann::json::parse(proto::read_file(dir / "results.json"));
  EXPECT_EQ(json["prompts"]["math"]["base"], 10);
  EXPECT_EQ(json["left_out"]["math"]["student"], nlohmann::json::parse(R"({"too_long": 10})"));
  EXPECT_EQ(json["left_out"]["code"],
            nlohmann::json::parse(R"({"base": {}, "student": {"masked_samples": 3}})"));
  const std::string html = proto::read_file(dir / "report.html");
  EXPECT_TRUE(has(html, "math: 10 of 20 prompts: 10 longer than 256 tokens"));
  EXPECT_TRUE(has(html,
                  "<th scope=\"row\">eval-student-math-sampled</th><td>math</td><td>test</td>"
                  "<td>10 of 20 prompts: 10 longer than 256 tokens</td>"));
  EXPECT_FALSE(has(html, "<th scope=\"row\">eval-base-code-sampled</th><td>code</td><td>test"));
}

TEST(Report, AMeanNeedsAllDomains) {
  const TempDir dir;
  RunStore store(dir.path());
  store.record_eval({"eval", "base", "math", "mean@4", {0.5, 0.1}});
  store.record_eval({"eval", "base", "code", "mean@4", {0.25, 0.1}});
  store.record_eval({"eval", "student", "math", "mean@4", {0.5, 0.1}});
  const Results results = collect_results(store);
  EXPECT_EQ(DomainScores::of(results.mean.sampled, "base").mean, 0.375);
  EXPECT_TRUE(std::isnan(DomainScores::of(results.mean.sampled, "student").mean));
}

// Per cent only for shares: one reward that is not 0 or 1, and the row is numbers.
TEST(Report, RewardsThatAreNoSharesAreNumbers) {
  const TempDir dir;
  RunStore store(dir.path());
  store.record_eval({"eval", "base", "math", "mean@4", {0.5, 0.1, true}});
  store.record_eval({"eval", "student", "math", "mean@4", {-0.25, 0.1, false}});
  store.record_eval({"eval", "base", "code", "mean@4", {0.25, 0.1, true}});
  store.record_eval({"eval", "student", "code", "mean@4", {1, 0, true}});
  const std::string text = results_text(collect_results(store));
  EXPECT_THAT(text, HasSubstr("0.500 ± 0.100"));
  EXPECT_THAT(text, HasSubstr("-0.250 ± 0.100"));
  EXPECT_THAT(text, HasSubstr("25.0 ± 10.0 %"));
  EXPECT_THAT(text, HasSubstr("0.375"));  // the mean of both is none either
}

TEST(Charts, AxisTicksAreRoundAndEnclose) {
  EXPECT_THAT(axis_ticks(0.03, 0.98), ElementsAre(0, 0.5, 1));
  EXPECT_THAT(axis_ticks(21, 48), ElementsAre(20, 30, 40, 50));
  EXPECT_THAT(axis_ticks(0, 0), ElementsAre(0, 1));
  // The same but for rounding.
  EXPECT_LE(axis_ticks(0.1, 0.1 + 2e-17 * 8).size(), 5U);
  EXPECT_LE(axis_ticks(17.25, std::nextafter(17.25, 18)).size(), 5U);
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{
           {-3, 7}, {1e-9, 2e-9}, {5, 5}, {-5, -5}, {0, 1e12}, {99.9, 100.1}, {0.7, 0.7 + 2e-16}}) {
    const auto ticks = axis_ticks(low, high);
    EXPECT_LE(ticks.front(), low * (low > 0 ? 1 + 1e-9 : 1 - 1e-9));
    EXPECT_GE(ticks.back(), high - 1e-6 * std::abs(high));
    EXPECT_GE(ticks.size(), 2u);
    EXPECT_LE(ticks.size(), 6u);
  }
}

TEST(Charts, GapsBreakTheLineAndSpikesSurviveThinning) {
  const std::string gap = line_chart("x", {{1, 1}, {2, std::nan("")}, {3, 1}, {4, 2}});
  const std::string path = gap.substr(gap.find("class=\"line\" d=\"") + 16);
  EXPECT_EQ(count(path.substr(0, path.find('"')), "M"), 2u);
  EXPECT_EQ(count(path.substr(0, path.find('"')), "L"), 1u);
  std::vector<Point> many;
  for (int i = 0; i < 100'000; ++i) many.push_back({1.0 * i, i == 77'777 ? 1000.0 : 0.0});
  const std::string chart = line_chart("x", many);
  EXPECT_THAT(chart, HasSubstr(",77777,1000;"));
  EXPECT_LT(chart.size(), 40'000u);
  EXPECT_THAT(line_chart("x", {{1, std::nan("")}}), HasSubstr("no finite value"));
}

TEST(TextFormat, EscapesWhatIsNotPlainText) {
  EXPECT_EQ(escape_html("a<b>&\"'\n\t"), "a&lt;b&gt;&amp;&quot;&#39;\n\t");
  EXPECT_EQ(escape_html("ü漢😀"), "ü漢😀");
  EXPECT_EQ(escape_html("\xc0\xaf"), "\\xC0\\xAF");                    // overlong
  EXPECT_EQ(escape_html("\xed\xa0\x80"), "\\xED\\xA0\\x80");           // surrogate
  EXPECT_EQ(escape_html("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(escape_html("\xe6\xbc"), "\\xE6\\xBC");                    // half a character
  EXPECT_EQ(escape_html("\r\x7f"), "␍␡");
  EXPECT_EQ(escape_html("\xc2\x85"), "⟨U+0085⟩");
}

TEST(TextFormat, Numbers) {
  EXPECT_EQ(format_score({0.783, 0.0213, true}), "78.3 ± 2.1 %");
  EXPECT_EQ(format_score({1, kUnknown, true}), "100.0 %");
  EXPECT_EQ(format_score({-6.7, 0.25, false}), "-6.700 ± 0.250");
  EXPECT_EQ(format_score({kUnknown, 0.1, true}), "–");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-123), "-123");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_duration(4.24), "4.2 s");
  EXPECT_EQ(format_duration(200), "3 min 20 s");
  EXPECT_EQ(format_duration(3720), "1 h 02 min");
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1.5 * (1 << 30)), "1.5 GiB");
}

}  // namespace
}  // namespace amalgam::pipeline
