// A thin SQLite wrapper: a connection, a prepared statement, and errors that say what to do.
// Not thread-safe; RunStore guards it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace amalgam::pipeline {

enum class Access { kReadWrite, kReadOnly };

class Database {
 public:
  // kReadWrite creates the file. Waits at most 10 s for another process's lock, here and later.
  Database(const std::string& path, Access access);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Executes one statement with its ?-parameters and discards rows.
  template <class... Args>
  void run(std::string_view sql, const Args&... args);
  // Executes several statements without parameters.
  void run_script(const char* sql);

  [[noreturn]] void fail() const;  // throws Error for the connection's last error
  sqlite3* handle() const { return handle_; }

 private:
  std::string path_;
  sqlite3* handle_ = nullptr;
};

class Statement {
 public:
  template <class... Args>
  Statement(const Database& db, std::string_view sql, const Args&... args) : db_(db) {
    prepare(sql);
    [[maybe_unused]] int index = 0;
    (bind(++index, args), ...);
  }
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool step();   // true: a row is there
  void reset();  // to execute again with new bind()s

  void bind(int index, int64_t value);
  void bind(int index, int value) { bind(index, int64_t{value}); }
  void bind(int index, double value);  // NaN is stored as NULL and read back as NaN
  void bind(int index, std::string_view value);
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    if (value)
      bind(index, *value);
    else
      bind(index, nullptr);
  }
  void bind(int index, std::nullptr_t);  // NULL

  int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;  // of NULL: empty
  bool is_null(int column) const;

 private:
  void prepare(std::string_view sql);

  const Database& db_;
  sqlite3_stmt* handle_ = nullptr;
};

template <class... Args>
void Database::run(std::string_view sql, const Args&... args) {
  Statement statement(*this, sql, args...);
  while (statement.step()) {
  }
}

// BEGIN IMMEDIATE … COMMIT; rolls back when left by an exception.
class Transaction {
 public:
  explicit Transaction(Database& db) : db_(db) { db_.run("BEGIN IMMEDIATE"); }
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit() {
    db_.run("COMMIT");
    open_ = false;
  }

 private:
  Database& db_;
  bool open_ = true;
};

}  // namespace amalgam::pipeline
