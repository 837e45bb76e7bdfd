#include "rewards/code/harness.h"

namespace amalgam::rewards {

// What of pytest tests of functions use. What is not there raises AttributeError when a test asks
// for it, and the test counts as one that cannot be run (kCheckText).
const char* const kPytestText = R"python(
class Skipped(Exception):
    pass

class Unsupported(BaseException):
    pass

def make_pytest():
    import re
    pytest = type(sys)("pytest")

    class Raises:
        def __init__(self, expected, match):
            self.expected = expected
            self.match_ = match
            self.type = self.value = self.tb = None
        def __enter__(self):
            return self
        def __exit__(self, t, value, trace):
            if t is None:
                raise AssertionError("DID NOT RAISE")
            if isinstance(value, (Gone, Undecided, Unsupported)):
                return False
            if not isinstance(value, self.expected):
                return False
            evidence["values"] = True
            self.type, self.value, self.tb = t, value, trace
            if self.match_ is not None and not re.search(self.match_, str(value)):
                raise AssertionError("the message does not match")
            return True
        def match(self, pattern):
            assert re.search(pattern, str(self.value))
            return True
        def __str__(self):
            return repr(self.value)

    def raises(expected, *args, match=None, **kwargs):
        for t in expected if isinstance(expected, tuple) else (expected,):
            if not (isinstance(t, type) and issubclass(t, BaseException)):
                raise TypeError("expected exception must be a class")
        context = Raises(expected, match)
        if not args:
            return context
        with context:
            args[0](*args[1:], **kwargs)
        return context

    def close(actual, expected, rel, abs_, nan_ok):
        number = (int, float, complex)
        if isinstance(expected, bool) or isinstance(actual, bool):
            return actual == expected
        if type(expected).__name__ in ("Decimal", "Fraction") and type(actual) is type(expected):
            pass
        elif not isinstance(actual, number) or not isinstance(expected, number):
            return actual == expected
        if actual == expected:
            return True
        if expected != expected:
            return nan_ok and actual != actual
        magnitude = abs(expected)
        if magnitude == float("inf"):
            return False
        relative = (1e-6 if rel is None else rel)
        if rel is None and abs_ is not None:
            tolerance = abs_
        else:
            tolerance = max(relative * float(magnitude), 1e-12 if abs_ is None else abs_)
        return float(abs(actual - expected)) <= tolerance

    class Approx:
        __array_ufunc__ = None
        __array_priority__ = 100
        def __init__(self, expected, rel, abs_, nan_ok):
            self.expected = expected
            self.settings = (rel, abs_, nan_ok)
        def __eq__(self, actual):
            return same(actual, self.expected, self.settings)
        def __ne__(self, actual):
            return not self == actual
        __hash__ = None
        def __repr__(self):
            return "approx(%r)" % (self.expected,)

    def same(actual, expected, settings):
        if type(actual).__name__ == "ndarray" or type(expected).__name__ == "ndarray":
            if type(expected).__name__ != "ndarray":
                return all(same(v, expected, settings) for v in actual.ravel().tolist()) \
                    if not isinstance(expected, (list, tuple)) else same(actual.tolist(), expected, settings)
            if type(actual).__name__ == "ndarray":
                if actual.shape != expected.shape:
                    return False
                actual = actual.tolist()
            return same(actual, expected.tolist(), settings)
        if isinstance(expected, dict):
            return isinstance(actual, dict) and actual.keys() == expected.keys() and \
                all(same(actual[k], v, settings) for k, v in expected.items())
        if isinstance(expected, (list, tuple)):
            return isinstance(actual, (list, tuple)) and len(actual) == len(expected) and \
                all(same(a, b, settings) for a, b in zip(actual, expected))
        return close(actual, expected, *settings)

    def approx(expected, rel=None, abs=None, nan_ok=False):
        return Approx(expected, rel, abs, nan_ok)

    class Mark:
        def __init__(self, name):
            self.name = name
        def __call__(self, *args, **kwargs):
            if len(args) == 1 and not kwargs and callable(args[0]) and self.name != "parametrize":
                return self.on(args[0], (), {})
            return lambda target: self.on(target, args, kwargs)
        def on(self, target, args, kwargs):
            marks = list(getattr(target, "pytestmark_", []))
            target.pytestmark_ = marks + [(self.name, args, kwargs)]
            return target

    class Marks:
        def __getattr__(self, name):
            return Mark(name)

    class Param:
        def __init__(self, values, marks, id):
            self.values = values
            self.marks = marks if isinstance(marks, (list, tuple)) else (marks,)

    def param(*values, marks=(), id=None):
        return Param(values, marks, id)

    def fixture(function=None, **kwargs):
        if function is None:
            return lambda f: fixture(f, **kwargs)
        function.fixture_ = kwargs
        return function

    def skip(reason="", **kwargs):
        raise Skipped(reason)

    def fail(reason="", pytrace=True, msg=None):
        raise AssertionError(reason)

    def importorskip(name, *args, **kwargs):
        try:
            __import__(name)
        except ImportError:
            skip(name)
        return sys.modules[name]

    def main(*args, **kwargs):
        return 0

    class MonkeyPatch:
        def __init__(self):
            self.undo_ = []
        def setattr(self, target, name, value=None, raising=True):
            if isinstance(target, str):
                module, _, attribute = target.rpartition(".")
                name, value, target = attribute, name, find_module(module)
            old = getattr(target, name, None)
            self.undo_.append(lambda: setattr(target, name, old))
            setattr(target, name, value)
        def setenv(self, name, value, prepend=None):
            undecided("an environment variable for the answer's process")
        def delenv(self, name, raising=True):
            undecided("an environment variable for the answer's process")
        def setitem(self, target, name, value):
            target[name] = value
        def delattr(self, target, name, raising=True):
            delattr(target, name)
        def undo(self):
            while self.undo_:
                self.undo_.pop()()

    def find_module(name):
        parts = name.split(".")
        module = __import__(parts[0])
        for part in parts[1:]:
            module = getattr(module, part)
        return module

    class Capture:
        def __init__(self):
            import io
            self.out, self.err = sys.stdout, sys.stderr
            sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
        def readouterr(self):
            import io
            from collections import namedtuple
            result = namedtuple("CaptureResult", "out err")(sys.stdout.getvalue(), sys.stderr.getvalue())
            sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
            return result
        def close(self):
            sys.stdout, sys.stderr = self.out, self.err

    pytest.raises, pytest.approx, pytest.mark, pytest.param = raises, approx, Marks(), param
    pytest.fixture, pytest.skip, pytest.fail, pytest.importorskip = fixture, skip, fail, importorskip
    pytest.main, pytest.MonkeyPatch, pytest.Capture, pytest.Param = main, MonkeyPatch, Capture, Param
    def __getattr__(name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise Unsupported("pytest." + name)
    pytest.__getattr__ = __getattr__
    pytest.FixtureRequest = object
    pytest.__file__ = "pytest"
    sys.modules["pytest"] = pytest
    return pytest
)python";

}  // namespace amalgam::rewards
