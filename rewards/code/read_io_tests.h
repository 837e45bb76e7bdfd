// Rows whose tests are inputs and outputs, of a program or of a function.
#pragma once
#include <string>

#include "rewards/code/test_suite.h"

namespace amalgam::rewards {

// Each adds what it understands to the suite and says whether it is of the form. Values are moved
// from. A form may hold no test at all.

// {"inputs": […], "outputs": […], "fn_name"}: APPS, TACO, PRIME, Eurus.
bool add_input_output(Value* object, TestSuite* suite);
// [{"input", "output", "testtype" or "type", "fn_name" or "metadata": {"func_name"}}, …]:
// LiveCodeBench, DeepCoder, open-r1. fn_name: of the row, for those that do not say it.
bool add_cases(Value* list, const std::string& fn_name, TestSuite* suite);
// {"input": […], "output": […]}: CodeContests.
bool add_columns(Value* object, TestSuite* suite);

}  // namespace amalgam::rewards
