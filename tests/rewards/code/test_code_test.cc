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

// A class whose __eq__ says yes passes whatever compares its objects with each other, and an honest
// one passes it in the same way.
TEST_F(TestCode, ComparisonsThatOnlyTheAnswerMakes) {
  const char* const lies[] = {
      "class V:\n    def __init__(self, *a): pass\n    def __add__(self, o): return self\n"
      "    def __eq__(self, o): return isinstance(o, V)\n    def __lt__(self, o): return True",
      "class V:\n    one = None\n    def __new__(cls, *a):\n        V.one = V.one or "
      "object.__new__(cls)\n        return V.one\n    def __add__(self, o): return self\n"
      "    def __lt__(self, o): return True"};
  const json asserts = {{"test_list", {"assert V(1) == V(1)", "assert V(1) + V(2) == V(3)"}}};
  const json file = {{"test",
                      "from solution import V\nimport unittest\n"
                      "def test_sum(): assert V(1) + V(2) == V(3)\n"
                      "def test_is(): assert isinstance(V(1), V) and V(2) is not None\n"
                      "def test_none():\n    v = V(1)\n    assert v is not None\n"
                      "def test_order():\n    assert V(1) < V(2)\n"
                      "class Cases(unittest.TestCase):\n"
                      "    def test_it(self): self.assertEqual(V(2) + V(2), V(4))\n"
                      "    def test_true(self): self.assertTrue(V(2) + V(2) == V(4))\n"}};
  for (const char* lie : lies)
    for (const json& row : {asserts, file})
      for (const bool partial : {false, true}) {
        const Score score = run(lie, row, partial);
        EXPECT_EQ(score.status, Status::kCannotCross) << lie << score.detail;
        EXPECT_EQ(score.parts[0].second, 0) << lie;
      }
  // A wrong answer stays one.
  EXPECT_EQ(run("class V:\n    def __init__(self, *a): pass", asserts).status, Status::kScored);
  const char* const honest =
      "class V:\n    def __init__(self, x): self.x = x\n    def __add__(self, o): return V(self.x "
      "+ "
      "o.x)\n    def __eq__(self, o): return isinstance(o, V) and self.x == o.x\n    def "
      "__lt__(self, o): return self.x < o.x";
  EXPECT_EQ(run(honest, asserts).status, Status::kCannotCross);
  // One plain value is enough, in any of the tests.
  for (const char* test :
       {"assert (V(1) + V(2)).x == 3", "assert [v.x for v in sorted([V(2), V(1)])] == [1, 2]",
        "assert V(1) == V(1) and V(1).x == 1"}) {
    json row = asserts;
    row["test_list"].push_back(test);
    EXPECT_EQ(run(honest, row).reward, 1) << test << run(honest, row).detail;
    EXPECT_EQ(run(lies[0], row).reward, 0) << test;
  }
  passes(honest,
         "import pytest\nfrom solution import V\ndef test_sum():\n    assert V(1) + V(2) == V(3)\n"
         "    with pytest.raises(TypeError):\n        V()\n");
  // What equals an object of no class of the answer's is not asked further.
  const char* const yes =
      "class V:\n    def __init__(self, x): self.x = x\n    def __eq__(self, o): return True";
  EXPECT_EQ(run(yes, {{"test_list", {"assert V(1) == V(1)", "assert V(1).x == 1"}}}).status,
            Status::kCannotCross);
}

TEST_F(TestCode, ClassesOfObjects) {
  const char* const answer = "class Box:\n    def me(self): return self\ndef three(): return 3";
  passes(answer,
         "from solution import Box, three\n"
         "def test_name(): assert type(Box()).__name__ == 'Box'\n"
         "def test_class(): assert Box().__class__.__name__ == 'Box'\n"
         "def test_same(): assert type(Box()) is Box and Box().me().__class__ == Box\n"
         "def test_plain(): assert type(three()) is int and three().__class__ is int\n");
  passes(answer, "def test_names(type=3): assert type == 3\n");
  const char* const lie =
      "class Box:\n    __class__ = int\n    def __eq__(self, o): return True\ndef three(): return "
      "Box()";
  for (const char* test : {"assert type(three()) is int", "assert three().__class__ is int",
                           "assert type(three()) == int", "assert three().__class__ == int"})
    EXPECT_EQ(run(lie, {{"test_list", {test}}}).reward, 0) << test;
}

TEST_F(TestCode, NamesAndDocumentation) {
  passes(
      "import functools\ndef deco(f):\n    @functools.wraps(f)\n    def inner(*a): return f(*a)\n"
      "    return inner\nclass Box:\n    '''A box.'''\n    def open(self): '''Opens.'''",
      "from solution import Box, deco\n"
      "def test_doc(): assert Box.__doc__ == 'A box.' and Box().open.__doc__ == 'Opens.'\n"
      "def test_names():\n    def f(x): return x\n    assert deco(f).__name__ == 'f' and "
      "deco(f)(3) == 3 and deco.__doc__ is None\n");
}

// What a test asks for that only one process could give is no answer's fault.
TEST_F(TestCode, WhatTheBorderCannotDo) {
  const char* const answer =
      "class V:\n    def __init__(self): self.x = [1]\ndef thrower(kind): raise kind('x')\n"
      "def helper(x): return x\ndef user(x): return helper(x) + 1";
  for (const char* test :
       {"def test_sub():\n    class X(V): pass\n    assert X().x == [1]",
        "def test_warns():\n    with pytest.warns(DeprecationWarning):\n        helper(1)",
        "def test_throw():\n    class E(Exception): pass\n    with pytest.raises(E):\n        "
        "thrower(E)"}) {
    const Score score = run(
        answer, {{"test", std::string("import pytest\nfrom solution import *\n") + test + "\n"}});
    EXPECT_EQ(score.status, Status::kCannotCross) << test << score.detail;
  }
  passes(answer,
         "import copy\nimport solution\nfrom unittest import mock\nfrom solution import *\n"
         "def test_patch():\n    with mock.patch('solution.helper', return_value=9):\n        "
         "assert user(1) == 10\n    assert user(1) == 2\n"
         "def test_monkey(monkeypatch):\n    monkeypatch.setattr(solution, 'helper', lambda x: "
         "7)\n    assert user(1) == 8\n"
         "def test_copies():\n    v = V()\n    w, c = copy.deepcopy(v), copy.copy(v)\n    "
         "w.x = [2]\n    assert v.x == [1] and w.x == [2] and c.x == [1]\n");
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

// A test that calls check itself knows the answer by its name.
TEST_F(TestCode, TestsThatCallCheck) {
  const json row = {
      {"prompt", "def half(x):\n    \"\"\"Of x.\"\"\"\n"},
      {"entry_point", "half"},
      {"test", "def check(candidate):\n    assert candidate(4) == 2\n\ncheck(half)\n"}};
  EXPECT_EQ(run("def half(x):\n    return x // 2", row).reward, 1);
  EXPECT_EQ(run("def half(x):\n    return x", row).reward, 0);
}

// They are no names of the language, yet every interpreter that people start has them.
TEST_F(TestCode, NamesOfTheSite) {
  const json row = {{"input_output", {{"inputs", {"1\n", "2\n"}}, {"outputs", {"1\n", "2\n"}}}}};
  for (const char* end : {"exit()", "quit()", "exit(0)", "h = help\nexit(None)"})
    EXPECT_EQ(run(std::string("print(input())\n") + end, row).reward, 1) << end;
  for (const char* end : {"exit(1)", "quit('wrong')", "exit(True)"})
    EXPECT_EQ(run(std::string("print(input())\n") + end, row).reward, 0) << end;
  EXPECT_EQ(run("exit()", row).reward, 0);
  const json calls = {{"input_output", {{"fn_name", "f"}, {"inputs", {{1}}}, {"outputs", {2}}}}};
  EXPECT_EQ(run("def f(x):\n    h = help\n    return x + 1", calls).reward, 1);
  EXPECT_EQ(run("def f(x):\n    exit()", calls).reward, 0);
  // An answer's own function of that name is the answer's.
  EXPECT_EQ(run("def exit(x): return x + 1", {{"test_list", {"assert exit(1) == 2"}}}).reward, 1);
  passes("def stop(): exit(3)",
         "import pytest\nfrom solution import stop\ndef test_stop():\n    with "
         "pytest.raises(SystemExit):\n        stop()\n");
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
