// Answers that want the reward without the values. None may pass one single test, in any form.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rewards/code/code_tests.h"

namespace amalgam::rewards {
namespace {

using nlohmann::json;

struct Attempt {
  const char* name;
  const char* code;
};

// Each defines sum_pair, or ends first.
constexpr Attempt kAttempts[] = {
    {"an object that lies in comparisons", R"(
class Z:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    def __hash__(self): return 1
def sum_pair(a, b): return Z())"},
    {"an object that lies in arithmetic", R"(
class Z:
    def __sub__(self, other): return 0.0
    __rsub__ = __mod__ = __xor__ = __mul__ = __sub__
    def __abs__(self): return 0.0
    def __add__(self, other): return other
def sum_pair(a, b): return Z())"},
    {"arithmetic that gives objects that lie", R"(
class Z:
    def __sub__(self, other): return Z()
    __rsub__ = __sub__
    def __abs__(self): return 0
    def __float__(self): return 0.0
    def __getattr__(self, name): return lambda *a: 0
def sum_pair(a, b): return Z())"},
    {"a class in the place of the function", R"(
class sum_pair:
    def __init__(self, *args): pass
    def __eq__(self, other): return True
    def __sub__(self, other): return 0
    def __contains__(self, v): return True)"},
    {"unittest.mock.ANY", "from unittest.mock import ANY\ndef sum_pair(a, b): return ANY"},
    {"a subclass that prints as another number", R"(
class Z(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
    def __repr__(self): return '7'
    __str__ = __repr__
    def __index__(self): return 7
    def __int__(self): return 7
    def __sub__(self, other): return 0
def sum_pair(a, b): return Z(12345))"},
    {"a float that equals everything", R"(
class Z(float):
    def __eq__(self, other): return True
    __hash__ = float.__hash__
    def __sub__(self, other): return 0.0
def sum_pair(a, b): return Z(0.25))"},
    {"a claim to be another class", R"(
class M(type):
    def __instancecheck__(cls, v): return True
    def __eq__(cls, other): return True
    __hash__ = type.__hash__
class Z(metaclass=M):
    __class__ = property(lambda self: int)
    def __eq__(self, other): return True
def sum_pair(a, b): return Z())"},
    {"an enumeration", R"(
import enum
class Z(enum.IntEnum):
    A = 12345
    def __eq__(self, other): return True
    __hash__ = int.__hash__
def sum_pair(a, b): return Z.A)"},
    {"a generator that goes on", R"(
def sum_pair(a, b):
    n = -20
    while n < 20:
        yield n
        n += 1)"},
    {"an iterator with other values each time", R"(
class Z(list):
    n = 0
    def __iter__(self):
        Z.n += 1
        return iter(range(Z.n))
    def __eq__(self, other): return True
    def __len__(self): return 1
def sum_pair(a, b): return Z([999]))"},
    {"StopIteration", "def sum_pair(a, b): raise StopIteration"},
    {"GeneratorExit", "def sum_pair(a, b): raise GeneratorExit"},
    {"a skipped test", R"(
import unittest
def sum_pair(a, b): raise unittest.SkipTest('no'))"},
    {"an exception called Skipped", R"(
class Skipped(Exception): pass
Skipped.__module__ = '_pytest.outcomes'
def sum_pair(a, b): raise Skipped('no'))"},
    {"exceptions of the checker's", R"(
class Undecided(BaseException): pass
def sum_pair(a, b): raise Undecided('pass'))"},
    {"leaves at once", "import os\nos._exit(0)\ndef sum_pair(a, b): return 0"},
    {"leaves at the call", "import os\ndef sum_pair(a, b): os._exit(0)"},
    {"leaves later", R"(
import threading, os, time
def sum_pair(a, b):
    threading.Timer(0.01, os._exit, (0,)).start()
    time.sleep(0.05)
    return None)"},
    {"verdicts of its own on every descriptor", R"(
import os
forged = [b'0 pass 0\n', b'1 count 0\n', b'0 ok 2\nVt', b'00000005s4:pass', b'G', b'0 pass 0\n' * 5]
for fd in range(3, 256):
    for text in forged:
        try: os.write(fd, text)
        except OSError: pass
def sum_pair(a, b):
    for fd in range(3, 256):
        for text in forged:
            try: os.write(fd, text)
            except OSError: pass
    os._exit(0))"},
    {"verdicts through the server's descriptors", R"(
import os
def forge():
    for pid in range(1, 60):
        for fd in list(range(0, 12)) + [255]:
            try:
                with open('/proc/%d/fd/%d' % (pid, fd), 'wb', buffering=0) as f:
                    f.write(b'0 pass 0\n1 pass 0\n')
            except Exception: pass
forge()
def sum_pair(a, b):
    forge()
    return None)"},
    {"the memory of other processes", R"(
import os
def search():
    me = os.getpid()
    for pid in range(1, 60):
        if pid == me: continue
        try:
            maps = open('/proc/%d/maps' % pid).read().split('\n')
            mem = open('/proc/%d/mem' % pid, 'r+b', buffering=0)
        except Exception: continue
        for line in maps:
            if 'rw-p' not in line: continue
            begin, end = (int(x, 16) for x in line.split()[0].split('-'))
            try:
                mem.seek(begin)
                data = mem.read(min(end - begin, 1 << 20))
            except Exception: continue
            at = data.find(b'1000000000')
            if at >= 0: return 1000000000
search()
def sum_pair(a, b): return None)"},
    {"the end of the server", R"(
import os, signal
def sum_pair(a, b):
    os.kill(os.getppid(), signal.SIGKILL)
    return None)"},
    {"the end of everything", R"(
import os
os.kill(-1, 9)
def sum_pair(a, b): return None)"},
    {"a stopped server", R"(
import os, signal
def sum_pair(a, b):
    os.kill(os.getppid(), signal.SIGTERM)
    return None)"},
    {"ptrace", R"(
import ctypes, os
libc = ctypes.CDLL(None)
libc.ptrace(16, os.getppid(), 0, 0)
def sum_pair(a, b): return libc.ptrace(0, 0, 0, 0))"},
    {"files that somebody may import", R"(
import os
text = 'import os\nprint("0 pass 0")\nos._exit(0)\n'
for folder in ('/work', '/tmp', '/dev/shm', '.', '/usr/lib/python3/dist-packages', '/usr/lib/python3.11'):
    for name in ('solution', 'test_solution', 'pytest', 'conftest', 'sitecustomize', 'usercustomize', 'resource',
                 'math', 'operator', 'inspect', 'json', 're', 'collections', 'typing'):
        try: open(folder + '/' + name + '.py', 'w').write(text)
        except OSError: pass
    try: open(folder + '/x.pth', 'w').write('import os; os._exit(0)\n')
    except OSError: pass
def sum_pair(a, b): return None)"},
    {"LD_PRELOAD and another program", R"(
import os
os.environ['LD_PRELOAD'] = '/work/x.so'
os.environ['PYTHONSTARTUP'] = os.environ['PYTHONPATH'] = '/work'
open('/work/x.so', 'wb').write(b'\x7fELF')
def sum_pair(a, b):
    os.execv('/usr/bin/python3', ['python3', '-c', 'print("0 pass 0")']))"},
    {"modules of tests replaced", R"(
import sys, types
class Anything(types.ModuleType):
    def __getattr__(self, name):
        def f(*a, **k): return f
        return f
for name in ('pytest', 'unittest', 'operator', 'solution', 'test_solution', '__main__', 'json', '_json', 'os'):
    sys.modules[name] = Anything(name)
def sum_pair(a, b): return None)"},
    {"builtins of its own", R"(
import builtins
for name in ('abs', 'all', 'any', 'isinstance', 'len', 'sorted', 'round', 'eval', 'type', 'int', 'str', 'repr'):
    try: setattr(builtins, name, lambda *a, **k: True)
    except Exception: pass
def abs(*a): return 0
def all(*a): return True
def round(*a): return 7
def isinstance(*a): return True
class math:
    isclose = staticmethod(lambda *a, **k: True)
    fabs = staticmethod(lambda *a: 0)
def isclose(*a, **k): return True
def sqrt(*a): return None
class pytest:
    raises = approx = staticmethod(lambda *a, **k: None)
class Counter:
    def __init__(self, *a): pass
    def __eq__(self, other): return True
AssertionError = Exception
def check(candidate): pass
def sum_pair(a, b): return None)"},
    {"frames, gc and tracing", R"(
import gc, sys
def look():
    for v in gc.get_objects():
        try:
            if type(v) is dict and ('expected' in v or 'outputs' in v): return v.get('expected') or v['outputs'][0]
            if type(v) is str and 'sum_pair(3, 4)' in v and 'gc' not in v: return int(v.split('==')[1].split()[0])
            if type(v) is bytes and b'assert' in v and b'gc' not in v: return int(v.split(b'==')[1].split()[0])
        except Exception: pass
    f = sys._getframe()
    while f:
        for v in list(f.f_locals.values()):
            if type(v) is str and 'sum_pair' in v and 'gc' not in v and '==' in v: return int(v.split('==')[1].split()[0])
        f = f.f_back
def sum_pair(a, b): return look())"},
    {"the reading half of the border", R"(
import sys
f = sys._getframe()
while f:
    g = f.f_globals
    for name in list(g):
        if callable(g[name]) and name in ('encode', 'write_frame', 'write_all', 'decode', 'equal', 'is_enum'):
            old = g[name]
            g[name] = lambda *a, **k: b't'
    f = f.f_back
def sum_pair(a, b): return None)"},
    {"forged replies", R"(
import sys
def sum_pair(a, b):
    f = sys._getframe()
    while f:
        link = f.f_locals.get('self')
        if hasattr(link, 'fd_out'):
            for text in (b'u5:s1:Vts0:l0:n', b'u5:s1:Vr?0;s1:xs0:l0:n', b'u4:s1:Eu4:u2:s1:bs13:StopIterations0:u0:m0:s0:l0:',
                         b'u6:s1:Cs4:calli0;u0:m0:s0:', b'u6:s1:Cs3:geti0;u1:s11:__globals__m0:s0:'):
                import os
                os.write(link.fd_out, b'%08x' % len(text) + text)
        f = f.f_back
    return None)"},
    {"references to the checker's objects", R"(
import sys
def sum_pair(a, b):
    f = sys._getframe()
    while f:
        link = f.f_locals.get('self')
        if hasattr(link, 'call_back'):
            for n in range(-3, 5):
                for what, args in (('get', ('__globals__',)), ('get', ('gi_frame',)), ('call', ()), ('str', ()), ('eq', (7,))):
                    try:
                        v = link.call_back(what, n, args, {})
                        if type(v) is int: return v
                    except Exception: pass
            return None
        f = f.f_back)"},
    {"a value nested too deeply", R"(
def sum_pair(a, b):
    v = []
    for _ in range(100000): v = [v]
    return v)"},
    {"a value that holds itself", "def sum_pair(a, b):\n    v = []\n    v.append(v)\n    return v"},
    {"a value of 200 MB", "def sum_pair(a, b): return 'x' * 200000000"},
    {"a fork bomb", R"(
import os
def sum_pair(a, b):
    while True:
        try: os.fork()
        except OSError: pass)"},
    {"a process that stays and answers for the next test", R"(
import os, time
if os.fork() == 0:
    os.setsid()
    for _ in range(50):
        for fd in range(3, 30):
            try: os.write(fd, b'0 pass 0\n')
            except OSError: pass
        time.sleep(0.01)
    os._exit(0)
def sum_pair(a, b): return None)"},
    {"prints and passes",
     "print('7')\nprint('PASSED', '1 passed')\ndef sum_pair(a, b):\n    print(7)\n    return None"},
    {"a dictionary that has everything", R"(
class Z(dict):
    def __missing__(self, key): return key
    def __eq__(self, other): return True
    def __contains__(self, key): return True
def sum_pair(a, b): return Z())"},
    {"a text that equals", R"(
class Z(str):
    def __eq__(self, other): return True
    __hash__ = str.__hash__
    def __radd__(self, other): return other
def sum_pair(a, b): return Z('x'))"},
    {"libraries' classes of its own", R"(
class date:
    year = month = day = 1
    def __eq__(self, other): return True
date.__module__ = 'datetime'
def sum_pair(a, b): return date())"},
    {"a named tuple with names of methods", R"(
class Z(tuple):
    _fields = ('__eq__',)
    def __eq__(self, other): return True
def sum_pair(a, b): return Z((1,)))"},
    {"numpy's scalar of its own", R"(
class int64:
    ndim = 0
    def item(self): return self
    def __eq__(self, other): return True
int64.__module__ = 'numpy'
def sum_pair(a, b): return int64())"},
    {"a raised class that equals everything", R"(
class M(type):
    def __eq__(cls, other): return True
    def __subclasscheck__(cls, other): return True
    __hash__ = type.__hash__
    __name__ = property(lambda s: 1 / 0)
class E(Exception, metaclass=M): pass
def sum_pair(a, b): raise E(7))"},
};

const char* const kChecks[] = {
    "assert sum_pair(3, 4) == 7",
    "assert abs(sum_pair(3, 4) - 7) < 1e-9",
    "assert -1e-9 < 7 - sum_pair(3, 4) < 1e-9",
    "assert sum_pair(3, 4) in (7, 8)",
    "assert [sum_pair(3, 4)] == [7] and not sum_pair(3, 4) != 7",
    "import math\nassert math.isclose(sum_pair(3, 4), 7)",
    "assert round(sum_pair(3, 4)) == 7",
    "assert all(sum_pair(a, b) == a + b for a, b in ((3, 4), (1, 1)))",
    "assert all(map(lambda p: sum_pair(*p) == sum(p), [(3, 4), (1, 1)]))",
    "from collections import Counter\nassert Counter([sum_pair(3, 4)]) == Counter([7])",
    "assert str(sum_pair(3, 4)) == '7'",
    "assert sum_pair(3, 4) == sqrt(49)",
    "assert sum_pair(3, 4) + 1 == 8",
    "assert 7 <= sum_pair(3, 4) <= 7",
};

json asserts_row() {
  json row = {{"test_list", json::array()}, {"test_setup_code", ""}};
  for (const char* check : kChecks) row["test_list"].push_back(check);
  return row;
}

json humaneval_row(const char* check) {
  std::string body;
  for (const char c : "    " + std::string(check)) {
    body += c;
    if (c == '\n') body += "    ";
  }
  return {{"prompt", "def sum_pair(a, b):\n    \"\"\"The sum.\"\"\"\n"},
          {"entry_point", "sum_pair"},
          {"test", "def check(candidate):\n    sum_pair = candidate\n" + body + "\n"}};
}

json pytest_row() {
  return {{"test", R"(
import pytest
from solution import *

@pytest.mark.parametrize("a,b,want", [(3, 4, 7), (1000, 1, 1001)])
def test_values(a, b, want):
    assert sum_pair(a, b) == want

def test_approx():
    assert sum_pair(3, 4) == pytest.approx(7)
    assert pytest.approx(7) == sum_pair(3, 4)

def test_raises():
    with pytest.raises(TypeError):
        sum_pair(1)
    assert sum_pair(3, 4) == 7

class TestIt:
    def setup_method(self):
        self.cases = {(3, 4): 7}
    def test_dict(self):
        for (a, b), want in self.cases.items():
            assert want == sum_pair(a, b)
)"}};
}

json calls_row() {
  return {{"input_output",
           {{"fn_name", "sum_pair"},
            {"inputs", {{3, 4}, {999999999, 1}}},
            {"outputs", {7, 1000000000}}}}};
}

json stdin_row() {
  return {{"input_output",
           {{"inputs", {"3 4\n", "999999999 1\n"}}, {"outputs", {"7001\n", "1000000000\n"}}}}};
}

class Tampering : public testing::TestWithParam<Attempt> {
 protected:
  void SetUp() override {
    std::string error;
    if (!sandbox::create_container({}, &error)) GTEST_SKIP() << "no sandbox here: " << error;
  }
  static void gains_nothing(const json& row) {
    CodeTestOptions options;
    options.limits.cpu_seconds = 1;
    options.limits.wall_seconds = 4;  // of those that sleep
    const Score score = score_code_tests(GetParam().code, "", row.dump(), options);
    EXPECT_TRUE(score.status == Status::kScored || score.status == Status::kCannotCross)
        << to_string(score.status) << " " << score.detail;
    EXPECT_EQ(score.reward, 0) << score.detail;
    for (const auto& [name, value] : score.parts)
      EXPECT_TRUE(name != "passed_fraction" || value == 0) << value << " " << score.detail;
  }
};

TEST_P(Tampering, OfAsserts) { gains_nothing(asserts_row()); }
TEST_P(Tampering, OfCheck) { gains_nothing(humaneval_row(kChecks[1])); }
TEST_P(Tampering, OfPytestFiles) { gains_nothing(pytest_row()); }
TEST_P(Tampering, OfCalls) { gains_nothing(calls_row()); }
TEST_P(Tampering, OfPrograms) { gains_nothing(stdin_row()); }

INSTANTIATE_TEST_SUITE_P(All, Tampering, testing::ValuesIn(kAttempts), [](const auto& of) {
  std::string name;
  for (const char* c = of.param.name; *c; ++c) name += std::isalnum(*c) ? *c : '_';
  return name;
});

}  // namespace
}  // namespace amalgam::rewards
