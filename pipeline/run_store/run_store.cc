#include "pipeline/run_store/run_store.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <type_traits>

#include "configs/check.h"
#include "configs/clock.h"
#include "configs/error.h"
#include "pipeline/run_store/prompt_hash.h"
#include "proto/append_file.h"
#include "proto/trajectory.pb.h"

namespace amalgam::pipeline {
namespace {

constexpr int64_t kSchemaVersion = 3;
constexpr char kFailurePrefix[] = "failures/";
constexpr char kIdentities[] =
    "SELECT name, value FROM identities WHERE stage = ? AND kind = ? ORDER BY name";

constexpr const char* kSchema = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS stages(
  position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed')),
  started_s REAL NOT NULL, finished_s REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS identities(
  stage TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('input', 'output')), name TEXT NOT NULL,
  value TEXT NOT NULL, PRIMARY KEY (stage, kind, name)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS figures(
  stage TEXT NOT NULL, name TEXT NOT NULL, value REAL,
  PRIMARY KEY (stage, name)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metrics(
  stage TEXT NOT NULL, step INTEGER NOT NULL, name TEXT NOT NULL, value REAL,
  PRIMARY KEY (stage, step, name)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS evals(
  position INTEGER PRIMARY KEY, stage TEXT NOT NULL, model TEXT NOT NULL, domain TEXT NOT NULL,
  metric TEXT NOT NULL, value REAL, standard_error REAL, is_share INTEGER NOT NULL,
  UNIQUE (stage, model, domain, metric)) STRICT;
CREATE TABLE IF NOT EXISTS sweeps(
  position INTEGER PRIMARY KEY, model TEXT NOT NULL, parameter TEXT NOT NULL,
  parameter_value REAL NOT NULL, value REAL, standard_error REAL, is_share INTEGER NOT NULL,
  UNIQUE (model, parameter, parameter_value)) STRICT;
CREATE TABLE IF NOT EXISTS trajectories(
  stage TEXT NOT NULL, step INTEGER NOT NULL, log_offset INTEGER NOT NULL, prompt_id TEXT NOT NULL,
  domain TEXT NOT NULL, effort TEXT NOT NULL, prompt_group INTEGER NOT NULL,
  sample_index INTEGER NOT NULL, seed INTEGER NOT NULL, outcome TEXT NOT NULL, reward REAL,
  prompt_length INTEGER NOT NULL, response_length INTEGER NOT NULL, finish_reason TEXT NOT NULL,
  weights_version INTEGER, prompt_hash TEXT NOT NULL, failure_kind TEXT,
  PRIMARY KEY (stage, log_offset)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS workers(
  pid INTEGER NOT NULL, role TEXT NOT NULL, sampled_tokens INTEGER NOT NULL, busy_s REAL NOT NULL,
  PRIMARY KEY (pid, role)) STRICT, WITHOUT ROWID;
PRAGMA user_version = 3;
COMMIT;
)sql";

StageState parse_state(const std::string& text) {
  for (const StageState state : {StageState::kRunning, StageState::kFinished, StageState::kFailed})
    if (text == to_string(state)) return state;
  throw Error("run.sqlite holds the unknown stage state '" + text + "'");
}

TrajectoryRow trajectory_row(const Statement& q) {
  return {q.text(0),
          q.integer(1),
          q.text(2),
          q.text(3),
          q.text(4),
          q.integer(5),
          static_cast<int>(q.integer(6)),
          static_cast<uint64_t>(q.integer(7)),
          q.text(8),
          q.is_null(9) ? std::nullopt : std::optional(q.real(9)),
          static_cast<int>(q.integer(10)),
          static_cast<int>(q.integer(11)),
          q.text(12),
          q.is_null(13) ? std::nullopt : std::optional(q.integer(13)),
          q.text(14),
          q.text(15),
          q.integer(16)};
}

// From three columns on.
Score score_at(const Statement& q, int column) {
  return {q.real(column), q.real(column + 1), q.integer(column + 2) != 0};
}

RecordedInput recorded_input(const Statement& q) { return {q.text(0), q.text(1)}; }

}  // namespace

const char* to_string(StageState state) {
  switch (state) {
    case StageState::kRunning:
      return "running";
    case StageState::kFinished:
      return "finished";
    case StageState::kFailed:
      return "failed";
  }
  return "";
}

template <class RowOf, class... Args>
auto RunStore::select(const char* sql, RowOf row_of, const Args&... args) const {
  const std::lock_guard guard(mutex_);
  std::vector<std::invoke_result_t<RowOf, const Statement&>> rows;
  for (Statement q(*db_, sql, args...); q.step();) rows.push_back(row_of(q));
  return rows;
}

RunStore::RunStore(const std::string& run_dir, Access access) {
  if (access == Access::kReadWrite) proto::create_directories(run_dir);
  const std::string path = run_dir + "/run.sqlite";
  db_ = std::make_unique<Database>(path, access);
  {
    Statement check(*db_, "PRAGMA quick_check(1)");
    if (!check.step() || check.text(0) != "ok")
      throw Error(path + " is damaged (" + check.text(0) +
                  "); restore it from a copy, or start a new run directory");
  }
  Statement version(*db_, "PRAGMA user_version");
  version.step();
  const int64_t found = version.integer(0);
  version.reset();
  if (found != kSchemaVersion && (found != 0 || access == Access::kReadOnly))
    throw Error(
        fmt::format("{} has format {}, this program reads {}; use the version of amalgam "
                    "that wrote it, or start a new run directory",
                    path, found, kSchemaVersion));
  if (access == Access::kReadOnly) return;
  // NORMAL: a commit is in the kernel, not yet on the disk, when it returns; that survives kill -9.
  db_->run("PRAGMA journal_mode = WAL");
  db_->run("PRAGMA synchronous = NORMAL");
  db_->run_script(kSchema);
}

RunStore::~RunStore() = default;

void RunStore::start_stage(const std::string& name) {
  const std::lock_guard guard(mutex_);
  db_->run(
      "INSERT INTO stages(name, state, started_s, finished_s) VALUES (?, 'running', ?, 0) "
      "ON CONFLICT(name) DO UPDATE SET state = 'running', finished_s = 0",
      name, unix_seconds());
}

void RunStore::end_stage(const std::string& name, StageState state) {
  const std::lock_guard guard(mutex_);
  db_->run("UPDATE stages SET state = ?, finished_s = ? WHERE name = ?", to_string(state),
           unix_seconds(), name);
}

std::vector<StageRow> RunStore::stages() const {
  return select("SELECT name, state, started_s, finished_s FROM stages ORDER BY position",
                [](const Statement& q) -> StageRow {
                  return {q.text(0), parse_state(q.text(1)), q.real(2), q.real(3)};
                });
}

void RunStore::record_identity(const std::string& stage, const char* kind,
                               const std::vector<RecordedInput>& all) {
  const std::lock_guard guard(mutex_);
  Transaction transaction(*db_);
  db_->run("DELETE FROM identities WHERE stage = ? AND kind = ?", stage, kind);
  for (const auto& [name, value] : all)
    db_->run("INSERT INTO identities VALUES (?, ?, ?, ?)", stage, kind, name, value);
  transaction.commit();
}

void RunStore::record_inputs(const std::string& stage, const std::vector<RecordedInput>& inputs) {
  record_identity(stage, "input", inputs);
}

void RunStore::record_outputs(const std::string& stage, const std::vector<RecordedInput>& outputs) {
  record_identity(stage, "output", outputs);
}

std::vector<RecordedInput> RunStore::inputs(const std::string& stage) const {
  return select(kIdentities, recorded_input, stage, "input");
}

std::vector<RecordedInput> RunStore::outputs(const std::string& stage) const {
  return select(kIdentities, recorded_input, stage, "output");
}

void RunStore::forget_stage(const std::string& name) {
  const std::lock_guard guard(mutex_);
  Transaction transaction(*db_);
  db_->run("DELETE FROM identities WHERE stage = ?", name);
  db_->run("UPDATE stages SET state = 'running', finished_s = 0 WHERE name = ?", name);
  transaction.commit();
}

void RunStore::set_figure(const std::string& stage, const std::string& name, double value) {
  const std::lock_guard guard(mutex_);
  db_->run("INSERT OR REPLACE INTO figures VALUES (?, ?, ?)", stage, name, value);
}

void RunStore::add_figure(const std::string& stage, const std::string& name, double delta) {
  const std::lock_guard guard(mutex_);
  db_->run(
      "INSERT INTO figures VALUES (?, ?, ?) "
      "ON CONFLICT(stage, name) DO UPDATE SET value = value + excluded.value",
      stage, name, delta);
}

void RunStore::max_figure(const std::string& stage, const std::string& name, double value) {
  const std::lock_guard guard(mutex_);
  db_->run(
      "INSERT INTO figures VALUES (?, ?, ?) "
      "ON CONFLICT(stage, name) DO UPDATE SET value = max(value, excluded.value)",
      stage, name, value);
}

std::optional<double> RunStore::figure(const std::string& stage, const std::string& name) const {
  const std::lock_guard guard(mutex_);
  Statement q(*db_, "SELECT value FROM figures WHERE stage = ? AND name = ?", stage, name);
  if (!q.step()) return std::nullopt;
  return q.real(0);
}

NamedValues RunStore::figures(const std::string& stage) const {
  return select(
      "SELECT name, value FROM figures WHERE stage = ? ORDER BY name",
      [](const Statement& q) { return std::pair(q.text(0), q.real(1)); }, stage);
}

std::vector<FigureRow> RunStore::figures_like(const std::string& pattern) const {
  return select(
      "SELECT stage, name, value FROM figures WHERE name GLOB ? ORDER BY stage, name",
      [](const Statement& q) -> FigureRow {
        return {q.text(0), q.text(1), q.real(2)};
      },
      pattern);
}

int64_t RunStore::sandbox_failed() const {
  return static_cast<int64_t>(figure(kRun, "sandbox_failed").value_or(0));
}

void RunStore::add_failures(const std::string& stage, const std::string& kind, int64_t attempts) {
  add_figure(stage, kFailurePrefix + kind, static_cast<double>(attempts));
}

std::vector<FailureRow> RunStore::failures() const {
  std::map<std::pair<std::string, std::string>, FailureRow> rows;
  const auto row = [&](const std::string& stage, const std::string& kind) -> FailureRow& {
    return rows.try_emplace({stage, kind}, FailureRow{stage, kind}).first->second;
  };
  for (const FigureRow& f : figures_like(std::string(kFailurePrefix) + "*"))
    row(f.stage, f.name.substr(sizeof kFailurePrefix - 1)).num_attempts =
        static_cast<int64_t>(f.value);
  const std::lock_guard guard(mutex_);
  Statement samples(*db_,
                    "SELECT stage, failure_kind, COUNT(*) FROM trajectories WHERE failure_kind IS "
                    "NOT NULL GROUP BY 1, 2");
  while (samples.step()) row(samples.text(0), samples.text(1)).num_samples = samples.integer(2);
  std::vector<FailureRow> all;
  for (const auto& [key, value] : rows) all.push_back(value);
  return all;
}

void RunStore::count_masked(const std::string& stage) {
  const std::lock_guard guard(mutex_);
  db_->run(
      "INSERT OR REPLACE INTO figures SELECT ?1, 'masked_samples', n FROM (SELECT CAST(COUNT(*) AS "
      "REAL) AS n FROM trajectories WHERE stage = ?1 AND failure_kind IS NOT NULL) WHERE n > 0",
      stage);
}

void RunStore::record_metrics(const std::string& stage, int64_t step, const NamedValues& values) {
  const std::lock_guard guard(mutex_);
  Transaction transaction(*db_);
  Statement insert(*db_, "INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, ?)", stage, step);
  for (const auto& [name, value] : values) {
    insert.bind(3, name);
    insert.bind(4, value);
    insert.step();
    insert.reset();
  }
  transaction.commit();
}

std::vector<MetricRow> RunStore::metrics(const std::string& stage) const {
  return select(
      "SELECT step, name, value FROM metrics WHERE stage = ? ORDER BY step, name",
      [](const Statement& q) -> MetricRow {
        return {q.integer(0), q.text(1), q.real(2)};
      },
      stage);
}

std::vector<std::string> RunStore::metric_stages() const {
  return select("SELECT DISTINCT stage FROM metrics ORDER BY 1",
                [](const Statement& q) { return q.text(0); });
}

void RunStore::record_eval(const EvalRow& row) {
  const std::lock_guard guard(mutex_);
  db_->run(
      "INSERT INTO evals(stage, model, domain, metric, value, standard_error, is_share) "
      "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT(stage, model, domain, metric) "
      "DO UPDATE SET value = excluded.value, standard_error = excluded.standard_error, "
      "is_share = excluded.is_share",
      row.stage, row.model, row.domain, row.metric, row.score.mean, row.score.standard_error,
      int64_t{row.score.is_share});
}

std::vector<EvalRow> RunStore::evals() const {
  return select(
      "SELECT stage, model, domain, metric, value, standard_error, is_share FROM evals "
      "ORDER BY position",
      [](const Statement& q) -> EvalRow {
        return {q.text(0), q.text(1), q.text(2), q.text(3), score_at(q, 4)};
      });
}

void RunStore::forget_evals(const std::string& model, const std::string& domain) {
  const std::lock_guard guard(mutex_);
  db_->run("DELETE FROM evals WHERE model = ? AND domain = ?", model, domain);
}

void RunStore::record_sweep(const SweepRow& row) {
  const std::lock_guard guard(mutex_);
  db_->run(
      "INSERT INTO sweeps(model, parameter, parameter_value, value, standard_error, is_share) "
      "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(model, parameter, parameter_value) "
      "DO UPDATE SET value = excluded.value, standard_error = excluded.standard_error, "
      "is_share = excluded.is_share",
      row.model, row.parameter, row.value, row.score.mean, row.score.standard_error,
      int64_t{row.score.is_share});
}

std::vector<SweepRow> RunStore::sweeps() const {
  return select(
      "SELECT model, parameter, parameter_value, value, standard_error, is_share FROM sweeps "
      "ORDER BY position",
      [](const Statement& q) -> SweepRow {
        return {q.text(0), q.text(1), q.real(2), score_at(q, 3)};
      });
}

void RunStore::forget_sweep(const std::string& model) {
  const std::lock_guard guard(mutex_);
  db_->run("DELETE FROM sweeps WHERE model = ?", model);
}

void RunStore::record_trajectories(const std::string& stage,
                                   const std::vector<proto::Trajectory>& batch,
                                   const std::vector<int64_t>& offsets) {
  CHECK_EQ(batch.size(), offsets.size());
  const std::lock_guard guard(mutex_);
  Transaction transaction(*db_);
  // The step's records may have been written again, in fewer bytes.
  if (!offsets.empty())
    db_->run("DELETE FROM trajectories WHERE stage = ? AND log_offset >= ?", stage,
             *std::min_element(offsets.begin(), offsets.end()));
  std::span<const int32_t> prompt;  // that `hash` is of
  std::string hash;
  for (size_t i = 0; i < batch.size(); ++i) {
    const proto::TrajectoryMetadata& m = batch[i].meta();
    CHECK_LE(m.prompt_length(), batch[i].ids_size());
    const std::span<const int32_t> ids(batch[i].ids().data(),
                                       static_cast<size_t>(m.prompt_length()));
    // The samples of a group share their prompt, which may be long.
    if (hash.empty() || !std::equal(ids.begin(), ids.end(), prompt.begin(), prompt.end()))
      prompt = ids, hash = prompt_hash(ids);
    const auto optional = [](bool is_there, auto value) {
      return is_there ? std::optional(value) : std::nullopt;
    };
    db_->run(
        "INSERT OR REPLACE INTO trajectories VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?)",
        stage, int64_t{m.step()}, offsets[i], m.prompt_id(), m.domain(), m.effort(),
        int64_t{m.group()}, m.sample_index(), static_cast<int64_t>(m.seed()),
        proto::Outcome_Name(m.outcome()), optional(m.has_reward(), m.reward()), m.prompt_length(),
        m.response_length(), m.finish_reason(),
        optional(m.has_weights_version(), int64_t{m.weights_version()}), hash,
        optional(!m.failure_kind().empty(), m.failure_kind()));
  }
  transaction.commit();
}

std::vector<TrajectoryRow> RunStore::trajectories(const std::string& domain) const {
  return select(
      "SELECT t.stage, step, prompt_id, domain, effort, prompt_group, sample_index, seed, "
      "outcome, reward, prompt_length, response_length, finish_reason, weights_version, "
      "prompt_hash, failure_kind, log_offset FROM trajectories t LEFT JOIN stages s ON "
      "s.name = t.stage "
      "WHERE (?1 = '' OR domain = ?1) AND log_offset >= 0 ORDER BY s.position, t.stage, step, "
      "log_offset",
      trajectory_row, domain);
}

void RunStore::for_each_trajectory(
    const TrajectoryQuery& query,
    const std::function<void(int64_t offset, double reward)>& visit) const {
  using enum TrajectoryQuery::Order;
  std::string sql =
      "SELECT log_offset, reward FROM trajectories WHERE stage = ?1 AND (?2 = '' OR domain = ?2) "
      "AND log_offset >= 0 AND (?3 IS NULL OR step = ?3)";
  if (query.order == kNewestFirst) sql += " ORDER BY log_offset DESC";
  if (query.order == kWorstFirst) sql += " AND reward IS NOT NULL ORDER BY reward, log_offset";
  if (query.order == kBestFirst) sql += " AND reward IS NOT NULL ORDER BY reward DESC, log_offset";
  const std::lock_guard guard(mutex_);
  for (Statement q(*db_, sql, query.stage, query.domain, query.step); q.step();)
    visit(q.integer(0), q.real(1));
}

std::vector<std::string> RunStore::trajectory_stages() const {
  return select("SELECT DISTINCT stage FROM trajectories WHERE log_offset >= 0 ORDER BY 1",
                [](const Statement& q) { return q.text(0); });
}

bool RunStore::has_reward(const std::string& stage) const {
  return !select(
              "SELECT 1 FROM trajectories WHERE stage = ? AND reward IS NOT NULL LIMIT 1",
              [](const Statement& q) { return q.integer(0); }, stage)
              .empty();
}

void RunStore::forget_offsets(const std::string& stage) {
  const std::lock_guard guard(mutex_);
  db_->run(  // below all that are there, so that no two are the same at any moment
      "UPDATE trajectories SET log_offset = log_offset - (SELECT MAX(log_offset) + 1 - "
      "MIN(0, MIN(log_offset)) FROM trajectories WHERE stage = ?1) WHERE stage = ?1 AND "
      "log_offset >= 0",
      stage);
}

std::vector<std::string> RunStore::domains() const {
  return select("SELECT domain FROM trajectories UNION SELECT domain FROM evals ORDER BY 1",
                [](const Statement& q) { return q.text(0); });
}

void RunStore::add_worker(const WorkerRow& delta) {
  const std::lock_guard guard(mutex_);
  db_->run(
      "INSERT INTO workers VALUES (?, ?, ?, ?) ON CONFLICT(pid, role) DO UPDATE SET "
      "sampled_tokens = sampled_tokens + excluded.sampled_tokens, busy_s = busy_s + "
      "excluded.busy_s",
      delta.pid, delta.role, delta.sampled_tokens, delta.busy_s);
}

std::vector<WorkerRow> RunStore::workers() const {
  return select("SELECT pid, role, sampled_tokens, busy_s FROM workers ORDER BY role, pid",
                [](const Statement& q) -> WorkerRow {
                  return {q.integer(0), q.text(1), q.integer(2), q.real(3)};
                });
}

void RunStore::truncate_after(const std::string& stage, int64_t step) {
  const std::lock_guard guard(mutex_);
  Transaction transaction(*db_);
  db_->run("DELETE FROM metrics WHERE stage = ? AND step > ?", stage, step);
  db_->run("DELETE FROM trajectories WHERE stage = ? AND step > ?", stage, step);
  transaction.commit();
}

void RunStore::forget(const std::string& stage) {
  const std::lock_guard guard(mutex_);
  Transaction transaction(*db_);
  for (const char* table : {"metrics", "trajectories", "figures"})
    db_->run(std::string("DELETE FROM ") + table + " WHERE stage = ?", stage);
  transaction.commit();
}

}  // namespace amalgam::pipeline
