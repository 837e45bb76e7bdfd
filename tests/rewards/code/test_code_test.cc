// Test code that uses more than values: objects, exceptions, callbacks, printed text, and what is
// left undecided.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "rewards/code/code_tests.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

class TestCode : public testing::Test {
 protected:
  void SetUp() override {
    std::string error;
    if (!sandbox::create_container({}, &error)) GTEST_SKIP() << "no sandbox here: " << error;
  }
  static Score run(const std::string& answer, const json& row, bool partial = false) {
    CodeTestOptions options;
    options.partial = partial;
    return score_code_tests("```python\n" + answer + "\n```", "", row.dump(), options);
  }
  static void passes(const std::string& answer, const std::string& test) {
    const Score score = run(answer, {{"test", test}});
    EXPECT_EQ(score.status, Status::kScored) << score.detail;
    EXPECT_EQ(score.reward, 1) << score.detail;
  }
};

TEST_F(TestCode, ObjectsStayWithTheAnswer) {
  passes(R"(
class Empty(Exception):
    def __init__(self, text, code):
        super().__init__(text)
        self.code = code
class Stack:
    def __init__(self): self.items = []
    def push(self, x): self.items.append(x)
    def pop(self):
        if not self.items: raise Empty('nothing here', 7)
        return self.items.pop()
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __getitem__(self, i): return self.items[i]
    def __repr__(self): return 'Stack(%d)' % len(self.items)
    def __eq__(self, other): return self.items == other.items
    def __add__(self, other):
        s = Stack()
        s.items = self.items + other.items
        return s
)",
         R"(
import pytest
from solution import Stack, Empty

@pytest.fixture
def stack():
    s = Stack()
    s.push(1)
    yield s
    assert isinstance(s, Stack)

def test_values(stack):
    stack.push(2)
    assert len(stack) == 2 and list(stack) == [1, 2] and stack[0] == 1 and repr(stack) == 'Stack(2)'
    assert stack.items == [1, 2] and stack.pop() == 2

def test_exceptions(stack):
    stack.pop()
    with pytest.raises(Empty, match='nothing') as info:
        stack.pop()
    assert info.value.code == 7

def test_of_two(stack):
    other = Stack()
    assert stack != other
    other.push(1)
    assert stack == other
    assert list(stack + other) == [1, 1]
)");
}

TEST_F(TestCode, ArgumentsThatAreChanged) {
  passes(
      "def sort(x): x.sort()\ndef bump(d):\n    d['a'] += 1\n    return d\ndef zero(g): g[0][0] = "
      "0",
      R"(
from solution import sort, bump, zero
def test_list():
    x = [3, 1, 2]
    assert sort(x) is None and x == [1, 2, 3]
def test_dict():
    d = {'a': 1}
    assert bump(d) is d and d == {'a': 2}
def test_inside():
    g = [[5], [6]]
    row = g[0]
    zero(g)
    assert row == [0]
)");
}

TEST_F(TestCode, CallsGoBothWays) {
  passes(R"(
def apply(f, xs): return [f(x) for x in xs]
def memo(f):
    seen = {}
    def inner(x):
        if x not in seen: seen[x] = f(x)
        return seen[x]
    return inner
def depth(n):
    k = 0
    while n:
        k += 1
        n = n.next
    return k
def ask(): return 2 * int(input('n? '))
def greet(name): print('Hello', name)
async def later(x): return x + 1
def count(n):
    for i in range(n): yield i
)",
         R"(
import asyncio, types
import pytest
from unittest.mock import patch
from solution import *

class Node:
    def __init__(self, next=None): self.next = next

def test_callbacks():
    calls = []
    @memo
    def f(x):
        calls.append(x)
        return x * x
    assert f(3) == 9 and f(3) == 9 and calls == [3]
    assert apply(lambda x: x + 1, (n for n in (1, 2))) == [2, 3] and apply(str, [1]) == ['1']
def test_exceptions_of_callbacks():
    def bad(x): raise KeyError('boom')
    with pytest.raises(KeyError):
        apply(bad, [1])
def test_objects_of_the_test():
    assert depth(Node(Node())) == 2 and depth(None) == 0
def test_input():
    with patch('builtins.input', return_value='7'):
        assert ask() == 14
def test_printed(capsys):
    greet('Bo')
    assert capsys.readouterr().out == 'Hello Bo\n'
def test_async():
    assert asyncio.run(later(1)) == 2
def test_generators():
    assert list(count(3)) == [0, 1, 2] and isinstance(count(1), types.GeneratorType)
)");
}

TEST_F(TestCode, CasesAndShares) {
  const json row = {{"test", R"(
import pytest, unittest
from solution import f
@pytest.mark.parametrize("x,y", [(1, 1), (2, 4), pytest.param(3, 9, id='three')])
def test_values(x, y): assert f(x) == y
@pytest.mark.parametrize("x", [1, 2])
@pytest.mark.parametrize("k", [0, 1])
def test_product(x, k): assert f(x) + k == x * x + k
class TestClass:
    def setup_method(self): self.k = 5
    def test_it(self): assert f(self.k) == 25
    def test_wrong(self): assert f(self.k) == 26
class Case(unittest.TestCase):
    def setUp(self): self.k = 6
    def test_it(self): self.assertEqual(f(self.k), 36)
@pytest.mark.skip
def test_skipped(): assert False
)"}};
  const Score all = run("def f(x): return x * x", row),
              share = run("def f(x): return x * x", row, true);
  EXPECT_EQ(all.reward, 0);
  EXPECT_EQ(all.parts[1].second, 10) << all.detail;
  EXPECT_DOUBLE_EQ(share.reward, 0.9) << share.detail;
}

// Neither right nor wrong: the answer would have to be believed about a plain value.
TEST_F(TestCode, WhatCannotBeDecided) {
  const char* const bag =
      "class Bag:\n    def __contains__(self, x): return True\n    def __lt__(self, x): return "
      "True\n"
      "    def __sub__(self, x): return 0\ndef f(): return Bag()\ndef g(): return 1";
  for (const char* test : {"assert 'a' in Bag()", "assert f() < 3", "assert f() - 3 == 0"})
    EXPECT_EQ(run(bag, {{"test_list", {test}}}).status, Status::kCannotCross) << test;
  // Another test decides.
  const json row = {{"test_list", {"assert 'a' in Bag()", "assert g() == 2"}}};
  EXPECT_EQ(run(bag, row).status, Status::kScored);
  EXPECT_EQ(run(bag, row).reward, 0);
  EXPECT_EQ(run(bag, row, true).status, Status::kCannotCross);
}

TEST_F(TestCode, HumanEvalsAnswers) {
  const json row = {{"prompt",
                     "import math\n\n\ndef square(x):\n    return x * x\n\n\ndef area(r):\n    "
                     "\"\"\"Of a circle.\"\"\"\n"},
                    {"entry_point", "area"},
                    {"test",
                     "def check(candidate):\n    assert abs(candidate(1) - math.pi) < 1e-9\n"
                     "    assert candidate(2) == math.pi * square(2)\n"}};
  for (const char* answer :
       {"def area(r):\n    return math.pi * square(r)", "    return math.pi * square(r)",
        "    a = math.pi\n    return a * square(r)", "a = math.pi\nreturn a * square(r)"})
    EXPECT_EQ(run(answer, row).reward, 1) << answer;
  for (const char* answer :
       {"def areas(r):\n    return math.pi * r * r", "    return 3 * r * r", "    return (", ""})
    EXPECT_EQ(run(answer, row).reward, 0) << answer;
}

TEST_F(TestCode, StopsAtTheFirstFailure) {
  CodeTestOptions options;
  options.partial = options.stop_at_first_failure = true;
  const json row = {
      {"input_output",
       {{"inputs", {"1\n", "2\n", "3\n", "4\n"}}, {"outputs", {"1\n", "0\n", "3\n", "4\n"}}}}};
  EXPECT_EQ(score_code_tests("print(input())", "", row.dump(), options).reward, 0.25);
  options.stop_at_first_failure = false;
  EXPECT_EQ(score_code_tests("print(input())", "", row.dump(), options).reward, 0.75);
}

}  // namespace
}  // namespace amalgam::rewards
