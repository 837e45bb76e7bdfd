// CHECK: an invariant of our own code. Prints both values and aborts, in every build.
#pragma once
#include <cstdlib>
#include <iostream>

namespace amalgam {

template <class A, class B>
[[noreturn]] void check_failed(const char* file, int line, const char* text, const A& a,
                               const B& b) {
  std::cerr << file << ":" << line << ": CHECK failed: " << text << " (" << a << " vs " << b << ")"
            << std::endl;
  std::abort();
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
