#include "rewards/code/harness.h"

namespace amalgam::rewards {

// Numbers of the request's line: the CPU and wall seconds of a test, the most bytes of its output,
// one number whose meaning is the program's (`option`; 4: a test that does not end well is the
// last), then the lengths of the blobs.
//
// run_test(child, size_limit) forks a test and answers (status, output), where the status is
//   ok, exit, signal, timeout, wall, output (more than it may).
// The test's output goes to a file without a name, so nobody has to read while it runs.
// When the sandbox cannot be made as it was, the server says "again" and ends: what is left of the
// tests gets a new one.
const char* const kServerText = R"python(
import os, sys, builtins, _signal, gc, resource
from time import monotonic

CHILD = {_signal.SIGCHLD}
BUILTINS = dict(vars(builtins))
_signal.pthread_sigmask(_signal.SIG_BLOCK, CHILD)
sys.setrecursionlimit(600000)
sys.set_int_max_str_digits(0)
if "" in sys.path:
    sys.path.remove("")
sys.path.append("/usr/lib/python3/dist-packages")
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

def read_exactly(fd, n):
    parts = []
    while n > 0:
        part = os.read(fd, min(n, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        n -= len(part)
    return b"".join(parts)

def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]

def read_request():
    line = read_exactly(0, int(read_exactly(0, 8), 16))
    numbers = [int(n) for n in line.split()]
    return numbers[:4], [read_exactly(0, n) for n in numbers[4:]]

class Server:
    def __init__(self):
        (self.cpu, self.wall, self.cap, self.option), self.blobs = read_request()
        self.look = max(self.cpu / 2, 0.5)
        self.channel = os.dup(1)
        self.verdicts = os.dup(2)
        self.null = os.open("/dev/null", os.O_RDWR)
        os.dup2(self.null, 1)
        os.dup2(self.null, 2)

    def say(self, number, status, data=b""):
        write_all(self.channel, b"%d %s %d\n%s" % (number, status.encode(), len(data), data))

    def end(self):
        try:
            os.fstat(255)
            write_all(255, b"\0")
        except OSError:
            pass
        os._exit(0)

    def temporary_file(self):
        if hasattr(os, "memfd_create"):
            try:
                return os.memfd_create("test")
            except OSError:
                pass
        path = "/work/.test"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.unlink(path)
        return fd

    # In the forked process, before anything of the answer's runs.
    def become_test(self, stdin, stdout):
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu, self.cpu))
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, CHILD)
        sys.path.insert(0, "")
        sys.argv[:] = ["solution.py"]
        sys.stdin = sys.__stdin__ = open(0, "r", encoding="utf-8", errors="surrogateescape", closefd=False)
        sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
        sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)

    def start_test(self, child, stdin, stdout, kept=()):
        pid = os.fork()
        if pid:
            return pid
        try:
            self.become_test(stdin, stdout)
            low = 3
            for fd in sorted(kept):
                os.closerange(low, fd)
                low = fd + 1
            os.closerange(low, 256)
            child()
        finally:
            os._exit(1)

    # Whether all processes of the test together had the CPU time of one. The limit of the kernel is
    # one of each process.
    def is_over(self):
        ticks = 0
        own = os.getpid()
        try:
            for name in os.listdir("/proc"):
                if name.isdigit() and int(name) not in (1, own):
                    with open("/proc/" + name + "/stat", "rb") as file:
                        fields = file.read().rpartition(b")")[2].split()
                    ticks += sum(int(t) for t in fields[11:15])
        except (OSError, ValueError, IndexError):
            return False
        return ticks >= self.cpu * os.sysconf("SC_CLK_TCK")

    # Its status and whether its CPU time is over.
    def wait_test(self, pid, deadline):
        while True:
            done, status, usage = os.wait4(pid, os.WNOHANG)
            if done:
                return status, usage.ru_utime + usage.ru_stime >= self.cpu
            left = deadline - monotonic()
            is_over = left > 0 and _signal.sigtimedwait(CHILD, min(left, self.look)) is None and self.is_over()
            if left <= 0 or is_over:
                os.kill(pid, 9)
                os.wait4(pid, 0)
                return None if left <= 0 else 0, is_over

    def verdict(self, status, is_over):
        if status is None:
            return "wall"
        if is_over:
            return "timeout"
        if os.WIFSIGNALED(status):
            return "signal%d" % os.WTERMSIG(status)
        code = os.WEXITSTATUS(status)
        return "exit%d" % code if code else "ok"

    # Nothing of a test is left for the next one. False: something may be.
    def clean_up(self):
        for n in range(200):
            try:
                os.kill(-1, 9)
            except ProcessLookupError:
                break
            except OSError:
                return False
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass
            if n > 2:
                _signal.sigtimedwait(CHILD, 0.005)
        else:
            return False
        try:
            return wipe("/work", 0) and wipe("/dev/shm", 0)
        except OSError:
            return False

def wipe(folder, depth):
    if depth > 40:
        return False
    for name in os.listdir(folder):
        path = folder + "/" + name
        try:
            os.unlink(path)
            continue
        except IsADirectoryError:
            pass
        os.chmod(path, 0o700)
        if not wipe(path, depth + 1):
            return False
        os.rmdir(path)
    return True

# As an interpreter ends, without its own clean-up.
def finish(run):
    status = 0
    try:
        run()
    except SystemExit as e:
        status = e.code
        if status is None:
            status = 0
        elif not isinstance(status, int):
            status = 1
    except BaseException:
        status = 1
    try:
        threading = sys.modules.get("threading")
        if threading:
            threading._shutdown()
        atexit = sys.modules.get("atexit")
        if atexit:
            atexit._run_exitfuncs()
        sys.stdout.flush()
    except BaseException:
        status = status or 1
    os._exit(status & 255)

# Whatever a metaclass does to it.
def type_name(e):
    try:
        return str(type(e).__name__)[:60].encode("utf-8", "replace")
    except BaseException:
        return b"exception"

def new_module(name):
    module = type(sys)(name)
    module.__dict__["__builtins__"] = builtins
    module.__dict__["__file__"] = "solution.py"
    sys.modules[name] = module
    return module
)python";

// Names that competition graders import for every answer. They become builtins, so that none of
// them passes for a name of the answer's; only those that the code uses are imported, and modules
// that it imports itself are loaded once, before the forks.
const char* const kPreludeText = R"python(
MODULES = set("""abc array base64 bisect calendar cmath collections copy csv dataclasses datetime decimal
enum fractions functools hashlib heapq io itertools json keyword math numbers numpy operator os pprint queue
random re secrets statistics string struct sys textwrap threading time timeit traceback types typing unicodedata uuid zlib
pandas scipy sympy networkx sortedcontainers""".split())
ALIASES = {"np": "numpy", "pd": "pandas"}
NAMES = {
    "typing": "Any Callable Collection Counter DefaultDict Deque Dict FrozenSet Generator Generic Hashable Iterable "
              "Iterator List Literal Mapping MutableMapping MutableSequence NamedTuple NoReturn Optional Sequence Set "
              "Text Tuple Type TypeVar Union cast overload",
    "collections": "ChainMap Counter OrderedDict UserDict UserList defaultdict deque namedtuple",
    "itertools": "accumulate chain combinations combinations_with_replacement compress count cycle dropwhile "
                 "filterfalse groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest",
    "functools": "cache cached_property cmp_to_key lru_cache partial reduce singledispatch total_ordering wraps",
    "math": "acos asin atan atan2 ceil comb copysign cos degrees dist e erf exp fabs factorial floor fmod frexp fsum "
            "gamma gcd hypot inf isclose isfinite isinf isnan isqrt lcm log log10 log1p log2 modf nan perm pi prod "
            "radians sin sqrt tan tau trunc",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
    "copy": "deepcopy", "random": "choice choices randint randrange sample shuffle uniform",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits printable punctuation whitespace",
    "operator": "add attrgetter and_ concat contains eq floordiv ge gt iand iconcat ior ixor itemgetter le lt "
                "methodcaller mod mul ne neg or_ sub truediv xor",
    "re": "compile findall finditer fullmatch match search split", "datetime": "date timedelta timezone",
    "io": "BytesIO StringIO", "fractions": "Fraction", "decimal": "Decimal getcontext",
    "statistics": "mean median mode stdev variance", "dataclasses": "dataclass field", "enum": "Enum IntEnum auto",
    "abc": "ABC abstractmethod", "sys": "setrecursionlimit stdin stdout", "os.path": "commonprefix",
    "types": "SimpleNamespace"}

# Names that code looks up in its module or among the builtins; attributes are none.
def names_in(code):
    from opcode import opmap
    plain, shifted, extended = opmap["LOAD_NAME"], opmap["LOAD_GLOBAL"], opmap["EXTENDED_ARG"]
    shift = 1 if sys.version_info >= (3, 11) else 0
    names = set()
    todo = [code]
    while todo:
        code = todo.pop()
        high = 0
        for op, arg in zip(code.co_code[::2], code.co_code[1::2]):
            arg |= high
            high = arg << 8 if op == extended else 0
            if op == plain and arg < len(code.co_names):
                names.add(code.co_names[arg])
            elif op == shifted and arg >> shift < len(code.co_names):
                names.add(code.co_names[arg >> shift])
        todo.extend(c for c in code.co_consts if type(c) is type(code))
    return names

def load(name):
    try:
        return __import__(name, None, None, ["x"])
    except BaseException:
        return None

# What an interpreter that reads the site's packages adds to the builtins.
def leave(code=None):
    raise SystemExit(code)

def help_with(*topics):
    import pydoc
    return pydoc.help(*topics)

# For compiled code and its text. Late: of modules whose streams are the test's own.
def prepare_names(code, text):
    used = names_in(code)
    builtins.exit = builtins.quit = leave
    builtins.help = help_with
    builtins.copyright = builtins.credits = builtins.license = lambda: None
    for line in text.split("\n"):
        words = line.replace(",", " ").replace(".", " ").split()
        if len(words) > 1 and words[0] in ("import", "from"):
            for word in words[1:]:
                if word in MODULES:
                    load(word)
                if word == "import":
                    break
    for module, names in reversed(NAMES.items()):
        for name in names.split():
            if name in used and not hasattr(builtins, name) and name not in ("stdin", "stdout"):
                value = getattr(load(module), name, None)
                if value is not None:
                    setattr(builtins, name, value)
    for name in used:
        if (name in MODULES or name in ALIASES) and not hasattr(builtins, name):
            value = load(ALIASES.get(name, name))
            if value is not None:
                setattr(builtins, name, value)
    return used
)python";

// One program a test: its stdin from the request, its stdout to us.
const char* const kStdinText = R"python(
def main():
    server = Server()
    code = server.blobs[0].decode("utf-8", "surrogatepass")
    try:
        program = compile(code, "solution.py", "exec", dont_inherit=True)
    except BaseException as e:
        for number in range(len(server.blobs) - 1):
            server.say(number, "broken", type_name(e))
        server.end()
    used = prepare_names(program, code)

    def child():
        module = new_module("__main__")
        for name in ("stdin", "stdout"):
            if name in used and not hasattr(builtins, name):
                setattr(builtins, name, getattr(sys, name))
        finish(lambda: exec(program, module.__dict__))

    gc.freeze()
    for number, data in enumerate(server.blobs[1:]):
        stdin = server.temporary_file()
        stdout = server.temporary_file()
        write_all(stdin, data)
        os.lseek(stdin, 0, 0)
        pid = server.start_test(child, stdin, stdout)
        status, is_over = server.wait_test(pid, monotonic() + server.wall)
        is_clean = server.clean_up()
        size = os.fstat(stdout).st_size
        verdict = server.verdict(status, is_over)
        if size > server.cap:
            verdict = "output"
        server.say(number, verdict, os.pread(stdout, size, 0) if verdict == "ok" else b"")
        os.close(stdin)
        os.close(stdout)
        if verdict == "wall" or server.option & 4 and verdict != "ok":
            break
        if not is_clean and number + 2 < len(server.blobs):
            server.say(number, "again")
            break
    server.end()

main()
)python";

// One call of a function a test: fn_name, then the arguments of each test as text. option 1: lines
// of one JSON value each, 0: one list; 2 is added when a dict of the first argument has numbers as
// keys, which JSON cannot say.
const char* const kCallText = R"python(
JSON_NAMES = {"true": True, "false": False, "null": None, "__builtins__": {}}

def value_of(text):
    if "\\" not in text and len(text) < 20000:
        try:
            return eval(text, JSON_NAMES)
        except BaseException:
            pass
    import json
    try:
        return json.loads(text)
    except ValueError:
        return text

def arguments_of(data, option):
    text = data.decode("utf-8", "surrogatepass")
    if option & 1:
        lines = [line for line in text.split("\n") if line.strip()]
        values = [value_of(line.strip()) for line in lines]
    else:
        values = value_of(text)
        if not isinstance(values, list):
            values = [values]
    if option & 2 and values and type(values[0]) is dict:
        try:
            values[0] = {int(k): v for k, v in values[0].items()}
        except (TypeError, ValueError):
            pass
    return values

def find(module, name):
    solution = module.__dict__.get("Solution")
    if isinstance(solution, type) and hasattr(solution, name):
        return getattr(solution(), name)
    return module.__dict__[name]

def main():
    server = Server()
    code = server.blobs[0].decode("utf-8", "surrogatepass")
    name = server.blobs[1].decode()
    try:
        program = compile(code, "solution.py", "exec", dont_inherit=True)
    except BaseException as e:
        for number in range(len(server.blobs) - 2):
            server.say(number, "broken", type_name(e))
        server.end()
    prepare_names(program, code)
    def opaque(v, put, depth, out):
        out.append(b"r?0;")
        put(type(v).__name__, depth, out)

    gc.freeze()
    for number, data in enumerate(server.blobs[2:]):
        result = server.temporary_file()
        def child():
            def tell(data):
                write_all(result, data)
                os._exit(0)
            try:
                module = new_module("solution")
                exec(program, module.__dict__)
                function = find(module, name)
            except BaseException as e:
                tell(b"N" + type_name(e))
            try:
                value = function(*arguments_of(data, server.option))
                tell(b"V" + encode(value, opaque))
            except BaseException as e:
                tell(b"E" + type_name(e))
        pid = server.start_test(child, server.null, server.null, (result,))
        status, is_over = server.wait_test(pid, monotonic() + server.wall)
        is_clean = server.clean_up()
        size = os.fstat(result).st_size
        verdict = server.verdict(status, is_over)
        if size > server.cap:
            verdict = "output"
        server.say(number, verdict, os.pread(result, size, 0) if verdict == "ok" else b"")
        os.close(result)
        if verdict == "wall" or server.option & 4 and verdict != "ok":
            break
        if not is_clean and number + 3 < len(server.blobs):
            server.say(number, "again")
            break
    server.end()

main()
)python";

}  // namespace amalgam::rewards
