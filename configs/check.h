// CHECK: an invariant of our own code. Prints both values and aborts, in every build.
#pragma once
#include <atomic>
#include <cstdlib>
#include <iostream>

namespace amalgam {

// What the CHECK of this process that failed has printed; null: none has. For who handles SIGABRT.
inline std::atomic<const char*> failed_check{nullptr};

class CheckFailure : public std::streambuf {
 public:
  CheckFailure(const char* file, int line, const char* text) : out(this) {
    setp(text_, text_ + sizeof text_ - 1);
    out << file << ":" << line << ": CHECK failed: " << text << " (";
  }
  [[noreturn]] void abort() {
    std::cerr << text_ << std::endl;
    failed_check = text_;
    std::abort();
  }
  std::ostream out;

 private:
  char text_[1024] = {};
};

template <class A, class B>
[[noreturn]] void check_failed(const char* file, int line, const char* text, const A& a,
                               const B& b) {
  CheckFailure failure(file, line, text);
  failure.out << a << " vs " << b << ")";
  failure.abort();
}

}  // namespace amalgam

#define AMALGAM_CHECK_OP(a, b, op)                                                        \
  do {                                                                                    \
    const auto& check_a_ = (a);                                                           \
    const auto& check_b_ = (b);                                                           \
    if (!(check_a_ op check_b_))                                                          \
      ::amalgam::check_failed(__FILE__, __LINE__, #a " " #op " " #b, check_a_, check_b_); \
  } while (0)
#define CHECK(cond) AMALGAM_CHECK_OP(static_cast<bool>(cond), true, ==)
#define CHECK_EQ(a, b) AMALGAM_CHECK_OP(a, b, ==)
#define CHECK_LE(a, b) AMALGAM_CHECK_OP(a, b, <=)
#define CHECK_LT(a, b) AMALGAM_CHECK_OP(a, b, <)
#define CHECK_GE(a, b) AMALGAM_CHECK_OP(a, b, >=)
