#include "rewards/code/harness.h"

namespace amalgam::rewards {

// The checker. Blobs: what goes before (setup, or HumanEval's prompt), the entry point, the test
// code, then statements; option: 16 * the first test to run + 8 if the first that fails is the last
// + the kind (0 asserts, 1 check, 2 pytest). Each test has its own process on both sides. Verdicts
// go to stderr as frames "number status size": pass, fail, cross, and first "count", whose number
// is how many tests there are.
const char* const kCheckText = R"python(
TRUSTED = set("Counter OrderedDict defaultdict deque namedtuple Fraction Decimal deepcopy isclose List Dict Set Tuple "
              "Optional Any Union Callable pytest unittest".split())
MODULE_NAMES = ("solution", "main", "answer", "submission", "your_module", "code_solution", "candidate")

def module_of_answer(names):
    class Solution(type(sys)):
        def __getattr__(self, name):
            if name.startswith("__") or name not in names and "Solution" not in names:
                raise AttributeError(name)
            value = wire.do("name", name)
            self.__dict__[name] = value
            return value
        # What the test puts in the place of a name of the answer's, the answer sees too.
        def __setattr__(self, name, value):
            if not name.startswith("__"):
                wire.do("rebind", name, value)
                before.setdefault(name, self.__dict__.get(name))
            self.__dict__[name] = value
        def __delattr__(self, name):
            if before.get(name) is None:
                undecided("a name of the answer's, deleted by the test")
            self.__setattr__(name, before[name])
    before = {}
    module = Solution("solution")
    # Not what the test has from elsewhere, whatever the answer calls so.
    module.__all__ = [n for n in names if not n.startswith("_") and n not in BUILTINS and n not in TRUSTED
                      and n not in MODULES and n not in ALIASES]
    return module

# The names of the answer, or the exception that loading it raised.
def load_answer():
    if wire.names is not None:
        return wire.names
    reply = wire.ask("load")
    if reply[0] == "E":
        raise_it(wire.exception(reply[1]))
    names = reply[1]
    if type(names) is not list:
        wire.gone("what came back is no value")
    wire.names = set(n for n in names if type(n) is str)
    return wire.names

class Finder:
    """Modules that exist nowhere else are the answer's."""
    def find_spec(self, name, path=None, target=None):
        if name not in MODULE_NAMES:
            return None
        from importlib.machinery import ModuleSpec
        return ModuleSpec(name, self)
    def create_module(self, spec):
        return module_of_answer(load_answer())
    def exec_module(self, module):
        pass

# Names that code uses and nobody here defines are the answer's; what this interpreter has by itself
# is never taken from there.
def bind_names(used, scope):
    wanted = [n for n in used if n not in scope and not hasattr(builtins, n)]
    if not wanted:
        return
    names = load_answer()
    homes = {n: m for m, text in NAMES.items() for n in text.split() if n in wanted}
    # A library's name is the answer's only where the test asks for nothing else of it.
    asks_for_others = any(n in names and n not in homes and n not in MODULES for n in wanted)
    for name in sorted(wanted):
        if name in MODULES or name in ALIASES:
            value = load(ALIASES.get(name, name))
            if value is not None:
                scope[name] = value
        elif name in homes and (name in TRUSTED or asks_for_others):
            scope[name] = getattr(load(homes[name]), name)
        elif name in names or "Solution" in names:
            reply = wire.ask("name", name)
            if reply[0] == "V":
                scope[name] = reply[1]

def run_statement(codes, number):
    setup, statements = codes
    scope = {"__name__": "test_solution", "__builtins__": builtins}
    load_answer()
    if setup is not None:
        bind_names(names_in(setup), scope)
        exec(setup, scope)
    bind_names(names_in(statements[number]), scope)
    exec(statements[number], scope)

def run_check(prompt, test, entry):
    names = load_answer()
    scope = {"__name__": "test_solution", "__builtins__": builtins}
    if prompt is not None:
        try:
            exec(prompt, scope)
        except Exception:
            pass
    reply = wire.ask("name", entry)
    if reply[0] == "E":
        raise_it(wire.exception(reply[1]))
    candidate = reply[1]
    # Tests that call check themselves know it by its name.
    scope[entry] = candidate
    bind_names(names_in(test), scope)
    exec(test, scope)
    scope[entry] = candidate
    scope["candidate"] = candidate
    scope["check"](candidate)

# The test functions of a module, each as (name, function without arguments).
def collect(scope):
    import itertools, inspect
    tests = []
    fixtures = {n: v for n, v in scope.items() if inspect.isfunction(v) and "fixture_" in v.__dict__}

    def cases_of(function):
        """Dicts of named arguments, one for each parametrised case."""
        axes = []
        for name, args, kwargs in marks_of(function):
            if name != "parametrize":
                continue
            names = kwargs.get("argnames", args[0] if args else None)
            values = kwargs.get("argvalues", args[1] if len(args) > 1 else None)
            if isinstance(names, str):
                names = [n.strip() for n in names.split(",") if n.strip()]
            axis = []
            for value in values:
                if isinstance(value, sys.modules["pytest"].Param):
                    value = value.values if len(names) > 1 else value.values[0]
                axis.append(dict(zip(names, value)) if len(names) > 1 else {names[0]: value})
            axes.append(axis)
        for combination in itertools.product(*axes):
            case = {}
            for part in combination:
                case.update(part)
            yield case

    def marks_of(target):
        return getattr(target, "pytestmark_", [])

    def is_skipped(target):
        return any(name == "skip" or name == "skipif" and args and args[0] is True
                   for name, args, kwargs in marks_of(target))

    def call(function, case, owner=None, own_fixtures=None):
        known = dict(fixtures)
        known.update(own_fixtures or {})
        made, ends = {}, []
        def value_of(name):
            if name in case:
                return case[name]
            if name in made:
                return made[name]
            pytest = sys.modules["pytest"]
            if name == "capsys":
                value = pytest.Capture()
                ends.append(value.close)
            elif name == "monkeypatch":
                value = pytest.MonkeyPatch()
                ends.append(value.undo)
            elif name in ("tmp_path", "tmpdir"):
                undecided("files for the answer's process")
            elif name == "request":
                raise Unsupported("fixture request")
            elif name in known:
                value = use(known[name])
            else:
                raise Unsupported("fixture " + name)
            made[name] = value
            return value
        def use(fixture):
            if fixture.fixture_.get("params"):
                raise Unsupported("fixture with params")
            arguments = arguments_of(fixture)
            value = fixture(*([owner] if "self" == first_of(fixture) else []), **arguments)
            if inspect.isgenerator(value) and inspect.isgeneratorfunction(fixture):
                generator = value
                value = next(generator)
                ends.append(lambda: next(generator, None))
            return value
        def first_of(f):
            return next(iter(inspect.signature(f).parameters), None)
        def arguments_of(f):
            parameters = inspect.signature(f).parameters
            return {n: value_of(n) for n, p in parameters.items()
                    if n != "self" and (p.default is p.empty or n in case) and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        try:
            for name, fixture in known.items():
                if fixture.fixture_.get("autouse"):
                    value_of(name)
            result = function(**arguments_of(function))
            if inspect.iscoroutine(result):
                import asyncio
                asyncio.run(result)
        finally:
            for end in reversed(ends):
                end()

    def add(name, function, owner_class=None):
        if is_skipped(function) or owner_class and is_skipped(owner_class):
            return
        for case in cases_of(function):
            def run(case=case):
                if owner_class is None:
                    for hook in ("setup_module", "setup_function"):
                        if hook in scope:
                            call_hook(scope[hook], function)
                    call(function, case)
                    if "teardown_function" in scope:
                        call_hook(scope["teardown_function"], function)
                    return
                owner = owner_class()
                own = {n: getattr(owner, n) for n in dir(owner_class)
                       if hasattr(getattr(owner_class, n, None), "fixture_")}
                for hook in ("setup_class", "setup_method", "setup"):
                    if hasattr(owner, hook):
                        call_hook(getattr(owner, hook), getattr(owner, name))
                try:
                    call(getattr(owner, name), case, owner, own)
                finally:
                    if hasattr(owner, "teardown_method"):
                        call_hook(owner.teardown_method, getattr(owner, name))
            tests.append((name, run))

    def call_hook(hook, method):
        hook(*([method] if inspect.signature(hook).parameters else []))

    unittest = sys.modules.get("unittest")
    if unittest:
        watch_unittest(unittest)
    for name, v in list(scope.items()):
        if isinstance(v, Remote):
            continue
        if name.startswith("test") and inspect.isfunction(v) and "fixture_" not in v.__dict__:
            add(name, v)
        elif isinstance(v, type) and unittest and issubclass(v, unittest.TestCase) and v is not unittest.TestCase:
            for method in unittest.TestLoader().getTestCaseNames(v):
                def run(v=v, method=method):
                    case = v(method)
                    v.setUpClass()
                    case.setUp()
                    try:
                        getattr(case, method)()
                    finally:
                        case.tearDown()
                        case.doCleanups()
                tests.append((method, run))
        elif isinstance(v, type) and name.startswith("Test") and v.__module__ == scope["__name__"]:
            for method in list(v.__dict__):
                if method.startswith("test") and callable(v.__dict__[method]):
                    add(method, v.__dict__[method], v)
    return tests

def run_pytest(test, number, count):
    module = type(sys)("test_solution")
    sys.modules["test_solution"] = module
    scope = module.__dict__
    scope["__file__"] = "test_solution.py"
    if not any(n in test.co_names for n in MODULE_NAMES):
        bind_names(names_in(test), scope)
    exec(test, scope)
    tests = collect(scope)
    if not tests:
        raise Unsupported("no test function is found")
    count(len(tests))
    if number < len(tests):
        tests[number][1]()

def main():
    global channel, wire
    server = Server()
    channel = server.channel
    before, entry, test = (b.decode("utf-8", "surrogatepass") for b in server.blobs[:3])
    statements = [b.decode("utf-8", "surrogatepass") for b in server.blobs[3:]]
    kind, stops, first = server.option % 8, server.option & 8, server.option // 16
    wire = Wire()
    failures = {}

    def compiled(text, number=None):
        try:
            code = compile_test(text)
        except Exception as e:
            failures[number] = type(e).__name__
            return None
        prepare_imports(text)
        return code

    def prepare_imports(text):
        for line in text.split("\n"):
            words = line.replace(",", " ").replace(".", " ").split()
            if len(words) > 1 and words[0] in ("import", "from") and words[1] in MODULES:
                load(words[1])

    make_pytest()
    add_evidence()
    sys.meta_path.append(Finder())
    setup = compiled(before) if before else None
    codes = [compiled(s, i) for i, s in enumerate(statements)]
    whole = compiled(test, "test") if test else None

    def say(number, status, data=b""):
        write_all(server.verdicts, b"%d %s %d\n%s" % (number, status.encode(), len(data), data))

    total = len(statements) if kind == 0 else 1
    if kind != 2:
        say(total, "count")
    gc.freeze()
    number = first
    while number < total:
        result = server.temporary_file()
        write_all(channel, b"00000001T")
        def child():
            counted = [total]
            status, why = "fail", ""
            def tell():
                text = ("%s %d %s" % (status, counted[0], why))[:300].replace("\n", " ")
                write_all(result, text.encode("utf-8", "replace"))
                os._exit(0)
            def count(n):
                counted[0] = n
            sys.stdin = open("/dev/null")
            try:
                if kind == 0:
                    if codes[number] is None or before and setup is None:
                        raise Unsupported("the test does not compile")
                    run_statement((setup, codes), number)
                elif whole is None:
                    raise Unsupported("the test does not compile: " + failures["test"])
                elif kind == 1:
                    run_check(setup, whole, entry)
                else:
                    run_pytest(whole, number, count)
                status = how_it_passed()
            except (Skipped, Unsupported, Undecided) as e:
                status, why = "cross", str(e) or "skipped"
            except BaseException as e:
                why = type(e).__name__ + ": " + safe_text(e)
                if "Remote.__" in why:
                    status = "cross"
            if state["gone"]:
                status, why = "fail", state["gone"]
            elif state["undecided"]:
                status, why = "cross", state["undecided"]
            tell()
        pid = server.start_test(child, 0, server.null, (result, channel))
        status, is_over = server.wait_test(pid, monotonic() + server.wall)
        server.clean_up()
        verdict = server.verdict(status, is_over)
        text = os.pread(result, 1000, 0).decode("utf-8", "replace") if verdict == "ok" else ""
        os.close(result)
        parts = text.split(" ", 2)
        if len(parts) == 3:
            if kind == 2 and total != int(parts[1]) :
                total = int(parts[1])
                if number == first:
                    say(total, "count")
            if number < total or total == 0:
                say(number, parts[0], parts[2].encode())
                if stops and parts[0] == "fail":
                    break
        else:
            say(number, "fail", ("the test: " + verdict).encode())
            say(number, "again")
            break
        number += 1
    server.end()

def safe_text(e):
    try:
        return str(e)
    except BaseException:
        return ""

main()
)python";

}  // namespace amalgam::rewards
