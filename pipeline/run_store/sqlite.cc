#include "pipeline/run_store/sqlite.h"

#include <spdlog/fmt/fmt.h>
#include <sqlite3.h>

#include <limits>

#include "configs/check.h"
#include "configs/error.h"

namespace amalgam::pipeline {
namespace {

constexpr int kBusyTimeoutMs = 10'000;

std::string advice(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "the disk is full; free some space, then continue with --resume";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return "make the directory writable or choose another one with --run-dir";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "the file is damaged; restore it from a copy, or start a new run directory";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fmt::format("another process held it for {} s; stop that process",
                         kBusyTimeoutMs / 1000);
    case SQLITE_IOERR:
      return "the disk failed or is full; check it, then continue with --resume";
    default:
      return "the file may have been written by another version of amalgam";
  }
}

}  // namespace

Database::Database(const std::string& path, Access access) : path_(path) {
  const int flags = access == Access::kReadOnly ? SQLITE_OPEN_READONLY
                                                : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (sqlite3_open_v2(path.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) {
    const int code = handle_ ? sqlite3_errcode(handle_) : SQLITE_NOMEM;
    sqlite3_close(handle_);
    throw Error(fmt::format("cannot open {}: {}; {}", path, sqlite3_errstr(code), advice(code)));
  }
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
}

Database::~Database() { sqlite3_close(handle_); }

void Database::run_script(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

void Database::fail() const {
  throw Error(
      fmt::format("{}: {}; {}", path_, sqlite3_errmsg(handle_), advice(sqlite3_errcode(handle_))));
}

void Statement::prepare(std::string_view sql) {
  if (sqlite3_prepare_v2(db_.handle(), sql.data(), static_cast<int>(sql.size()), &handle_,
                         nullptr) != SQLITE_OK)
    db_.fail();
}

Statement::~Statement() { sqlite3_finalize(handle_); }

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) db_.fail();
  return code == SQLITE_ROW;
}

void Statement::reset() { sqlite3_reset(handle_); }

void Statement::bind(int index, int64_t value) {
  CHECK_EQ(sqlite3_bind_int64(handle_, index, value), SQLITE_OK);
}

void Statement::bind(int index, double value) {
  CHECK_EQ(sqlite3_bind_double(handle_, index, value), SQLITE_OK);
}

void Statement::bind(int index, std::string_view value) {
  CHECK_EQ(sqlite3_bind_text64(handle_, index, value.data(), value.size(), SQLITE_TRANSIENT,
                               SQLITE_UTF8),
           SQLITE_OK);
}

void Statement::bind(int index, std::nullptr_t) {
  CHECK_EQ(sqlite3_bind_null(handle_, index), SQLITE_OK);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

double Statement::real(int column) const {
  if (is_null(column)) return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(handle_, column);
}

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(handle_, column);
  return bytes ? std::string(reinterpret_cast<const char*>(bytes),
                             static_cast<size_t>(sqlite3_column_bytes(handle_, column)))
               : std::string();
}

Transaction::~Transaction() {
  // A failed statement may have rolled back already; then there is nothing to undo.
  if (open_ && !sqlite3_get_autocommit(db_.handle()))
    sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace amalgam::pipeline
