#include "rewards/code/harness.h"

namespace amalgam::rewards {

// What stands for the answer's names in the checker. Calls, attributes and operators cross; values
// that come back are plain data. Two rules keep the answer from deciding a test that compares with
// a plain value, for whatever it says about that value would be its own word:
//   an object of the answer's is never equal to plain data (two of its objects are compared by it);
//   what else would show it a plain operand and believe the plain answer is undecidable: ordering,
//   `in`, arithmetic. (Methods that a test calls by name are what it means to ask.)
const char* const kRemoteText = R"python(
class Gone(BaseException):
    """The answer's process ended."""

class Undecided(BaseException):
    """The test hangs on a value that cannot cross, or on the answer's own word."""

state = {"gone": None, "undecided": None}

def undecided(why):
    state["undecided"] = state["undecided"] or why
    raise Undecided(why)

class Wire:
    def __init__(self):
        self.names = None
        self.remotes = {}
        self.classes = {}
        self.exported = []
        self.numbers = {}

    def read(self):
        size = int(read_exactly(0, 8), 16)
        return read_exactly(0, size)

    def send(self, data):
        write_all(channel, b"%08x" % len(data) + data)

    def export(self, v, put, depth, out):
        t = type(v)
        if t is Own:
            out.append(b"y%d;" % v.number)
            return
        if issubclass(t, Remote):
            out.append(b"y%d;" % number_of(v))
            return
        if isinstance(v, type) and issubclass(v, BaseException) and "number_" in v.__dict__:
            out.append(b"y%d;" % v.__dict__["number_"])
            return
        name = getattr(v, "__name__", None)
        if type(name) is str and BUILTINS.get(name) is v and isinstance(v, (type, type(len))):
            out.append(b"B")
            put(name, depth, out)
            return
        if t.__name__ in ("module", "frame", "code", "traceback", "cell", "mappingproxy"):
            raise CannotCross("a " + t.__name__)
        if isinstance(v, type) and issubclass(v, BaseException):
            raise CannotCross("a class of exceptions of the test's")
        number = self.numbers.get(id(v))
        if number is None:
            number = self.numbers[id(v)] = len(self.exported)
            self.exported.append(v)
        out.append(b"ro%d;" % number)
        put(t.__name__, depth, out)

    def own(self, number):
        return self.exported[number]

    def remote(self, what, number, name):
        if what == b"X":
            return self.exception_class(name)
        v = self.remotes.get(number)
        if v is None:
            v = generator(number) if what == b"g" else coroutine(number) if what == b"k" else KINDS.get(what, Remote)(number, name)
            self.remotes[number] = v
        return v

    def exception_class(self, description, depth=0):
        kind = description[0]
        if kind == "b":
            t = getattr(builtins, description[1], None)
            return t if isinstance(t, type) and issubclass(t, BaseException) else Exception
        if kind == "l":
            module, name, bases = description[1:]
            t = None
            if module.partition(".")[0] in sys.stdlib_module_names:
                try:
                    t = getattr(__import__(module, None, None, ["x"]), name, None)
                except Exception:
                    pass
            if isinstance(t, type) and issubclass(t, BaseException):
                return t
            key = (module, name)
        else:
            key, name, bases = description[1:]
        if key not in self.classes:
            parents = tuple(self.exception_class(b, depth + 1) for b in bases) if depth < 30 else ()
            parents = tuple(p for p in parents if issubclass(p, BaseException)) or (Exception,)
            fields = {"__module__": "solution"}
            if kind == "a":
                fields["number_"] = key
            try:
                self.classes[key] = type(str(name), parents, fields)
            except TypeError:
                self.classes[key] = type(str(name), (Exception,), fields)
        return self.classes[key]

    def exception(self, data):
        description, message, args, fields = data
        t = self.exception_class(description)
        e = None
        if type(args) is tuple:
            try:
                e = t(*args)
            except BaseException:
                e = None
        if e is None or type(e) is not t:
            try:
                e = t.__new__(t)
                e.args = (message,)
            except BaseException:
                e = Exception(message)
        if type(fields) is dict:
            for name, value in fields.items():
                try:
                    setattr(e, name, value)
                except BaseException:
                    pass
        return e

    def decode(self, data):
        try:
            return decode(data, self.remote, self.own)
        except (CannotCross, ValueError, IndexError, TypeError, AttributeError, KeyError, OverflowError,
                UnicodeError, MemoryError, RecursionError, ImportError) as e:
            self.gone("what came back is no value")

    def gone(self, why):
        state["gone"] = state["gone"] or why
        raise Gone(why)

    def encode(self, v):
        try:
            return encode(v, self.export)
        except CannotCross as e:
            undecided("cannot cross: " + str(e))

    def ask(self, *message):
        if state["gone"]:
            raise Gone(state["gone"])
        self.send(self.encode(message))
        while True:
            try:
                data = self.read()
            except (EOFError, ValueError, OSError):
                self.gone("ended before it returned")
            if data[:1] == b"G":
                self.gone(data[1:40].decode("ascii", "replace"))
            reply = self.decode(data)
            if type(reply) is not tuple or not reply:
                self.gone("what came back is no value")
            if reply[0] == "C" and len(reply) == 6:
                self.serve(*reply[1:])
                continue
            if reply[0] not in ("V", "E") or len(reply) != (5 if reply[0] == "V" else 4):
                self.gone("what came back is no value")
            if type(reply[2]) is str and reply[2]:
                sys.stdout.write(reply[2])
            return reply

    def call(self, number, args, kwargs):
        reply = self.ask("call", Own(number), args, kwargs)
        changes = reply[3]
        if type(changes) is list:
            for change in changes:
                if type(change) is tuple and len(change) == 2:
                    place, new = change
                    if type(place) is int and 0 <= place < len(args):
                        update(args[place], new)
                    elif type(place) is str and place in kwargs:
                        update(kwargs[place], new)
        if reply[0] == "E":
            raise_it(self.exception(reply[1]))
        note_plain(reply[1])
        alias = reply[4]
        if type(alias) is int and 0 <= alias < len(args):
            return args[alias]
        if type(alias) is str and alias in kwargs:
            return kwargs[alias]
        return reply[1]

    def do(self, *message):
        reply = self.ask(*message)
        if reply[0] == "E":
            raise_it(self.exception(reply[1]), message[:2] == ("op", "next"))
        note_plain(reply[1])
        return reply[1]

    # A call of the answer's process of something here: of what it was given, and never of what is
    # behind it (__globals__, frames).
    def serve(self, what, number, args, kwargs, printed):
        if type(printed) is str and printed:
            sys.stdout.write(printed)
        try:
            if what == "input":
                value = builtins.input(*args)
            else:
                value = self.serve_object(what, self.exported[number], args, kwargs)
            self.send(self.encode(("value", value)))
        except (Gone, Undecided):
            raise
        except BaseException as e:
            name = next((t.__name__ for t in type(e).__mro__ if BUILTINS.get(t.__name__) is t), "Exception")
            self.send(self.encode(("raise", name, str(e))))

    def serve_object(self, what, v, args, kwargs):
        if what == "call":
            if isinstance(v, Remote) or not callable(v):
                raise TypeError("not callable")
            return v(*args, **kwargs)
        if what == "get" or what == "set":
            name = args[0]
            if what == "get" and name in ("__name__", "__qualname__"):
                return str(getattr(v, name))
            if type(name) is not str or name.startswith("_") or name.startswith(("gi_", "cr_", "f_", "tb_", "co_")):
                raise AttributeError(name)
            return getattr(v, name) if what == "get" else setattr(v, name, args[1])
        if what == "enter":
            return v.__enter__()
        if what == "exit":
            return v.__exit__(None, None, None)
        if what in ("iter", "next", "len", "str", "bool"):
            return getattr(builtins, what)(v)
        if what in ("getitem", "setitem", "contains", "lt", "eq"):
            import operator
            return getattr(operator, what)(v, *args)
        raise TypeError(what)

# The end of an iteration may only come out of a step of one: all(map(f, …)) is true of nothing.
def raise_it(e, is_step=False):
    if isinstance(e, (StopIteration, StopAsyncIteration, GeneratorExit)) and not is_step:
        e = RuntimeError("StopIteration")
    raise e from None

class Own:
    """In what is sent: an object of the answer's, by its number."""
    def __init__(self, number):
        self.number = number

def update(old, new, depth=0):
    if isinstance(old, list) and type(new) is list:
        for i in range(min(len(old), len(new))):
            if depth < 20 and isinstance(old[i], (list, dict)) and type(new[i]) in (list, dict) \
                    and isinstance(old[i], list) == (type(new[i]) is list):
                update(old[i], new[i], depth + 1)
            else:
                old[i] = new[i]
        if len(new) < len(old):
            del old[len(new):]
        else:
            old.extend(new[len(old):])
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in [k for k in old if k not in new]:
            del old[key]
        old.update(new)
    elif isinstance(old, set) and type(new) is set:
        old.clear()
        old.update(new)
    elif isinstance(old, bytearray) and type(new) is bytearray:
        old[:] = new

get_field = object.__getattribute__
def number_of(v):
    return get_field(v, "number_")

class Remote:
    __slots__ = ("number_", "kind_", "guarded_")
    def __init__(self, number, kind):
        object.__setattr__(self, "number_", number)
        object.__setattr__(self, "kind_", kind)
        object.__setattr__(self, "guarded_", False)
    @property
    def __doc__(self):
        return wire.do("get", Own(number_of(self)), "__doc__")
    def __getattr__(self, name):
        return guard(self, wire.do("get", Own(number_of(self)), name))
    def __setattr__(self, name, value):
        wire.do("set", Own(number_of(self)), name, value)
    def __delattr__(self, name):
        wire.do("delete", Own(number_of(self)), name)
    def __call__(self, *args, **kwargs):
        return guard(self, wire.call(number_of(self), args, kwargs))
    def __eq__(self, other):
        if not isinstance(other, Remote):
            return NotImplemented
        is_same = self is other or as_bool(wire.do("op", "eq", Own(number_of(self)), Own(number_of(other))))
        if is_same and self is not other:
            ask_of_stranger(self)
        note_own()
        return is_same
    def __ne__(self, other):
        if not isinstance(other, Remote):
            return NotImplemented
        return not self == other
    def __hash__(self):
        v = wire.do("op", "hash", Own(number_of(self)))
        return v if type(v) is int else 0
    def __bool__(self):
        v = as_bool(guard(self, wire.do("op", "bool", Own(number_of(self)))))
        evidence["is_own"] = True
        return v
    def __instancecheck__(self, v):
        if not isinstance(v, Remote):
            return False
        is_one = as_bool(wire.do("isinstance", Own(number_of(v)), Own(number_of(self))))
        evidence["is_own"] = True
        return is_one
    def __mro_entries__(self, bases):
        undecided("a class of the test's that is derived from one of the answer's")
    def __copy__(self):
        return guard(self, wire.do("copy", "copy", Own(number_of(self))))
    def __deepcopy__(self, memo):
        return guard(self, wire.do("copy", "deepcopy", Own(number_of(self))))
    def __reduce_ex__(self, protocol):
        undecided("an object of the answer's as bytes")
    def __contains__(self, v):
        if not isinstance(v, Remote):
            undecided("`in` an object of the answer's")
        is_in = as_bool(wire.do("op", "contains", Own(number_of(self)), v))
        note_own()
        return is_in
    def __iter__(self):
        v = guard(self, wire.do("op", "iter", Own(number_of(self))))
        return v if hasattr(type(v), "__next__") else iter(v)
    def __repr__(self):
        return as_text(guard(self, wire.do("op", "repr", Own(number_of(self)))))
    def __str__(self):
        return as_text(guard(self, wire.do("op", "str", Own(number_of(self)))))
    def __format__(self, spec):
        return as_text(guard(self, wire.do("op", "format", Own(number_of(self)), spec)))

# A plain result of what knew a plain operand is not believed.
def guard(source, v):
    if get_field(source, "guarded_"):
        if not isinstance(v, Remote):
            undecided("arithmetic of the answer's own")
        object.__setattr__(v, "guarded_", True)
    return v

def as_bool(v):
    if type(v) is not bool:
        raise TypeError("no bool")
    return v

def as_text(v):
    if type(v) is not str:
        raise TypeError("no text")
    return v

def add_operators():
    def unary(name, op):
        def method(self, *args):
            return guard(self, wire.do("op", op, Own(number_of(self)), *args))
        setattr(Remote, name, method)
    for op in ("neg", "pos", "abs", "invert", "index"):
        unary("__%s__" % op, op)
    for op in ("len", "int", "float", "complex", "round", "reversed", "bytes"):
        unary("__%s__" % op, op)
    for op in ("getitem", "setitem", "delitem"):
        unary("__%s__" % op, op)
    def special(name):
        def method(self, *args):
            return guard(self, wire.do("method", name, Own(number_of(self)), *args))
        setattr(Remote, name, method)
    special("__enter__")
    def leave(self, kind, e, trace):
        if kind is not None:
            undecided("a context manager of the answer's that sees a failing test")
        return wire.do("method", "__exit__", Own(number_of(self)), None, None, None)
    Remote.__exit__ = leave
    for name in ("trunc", "floor", "ceil"):
        special("__%s__" % name)
    def ordering(op):
        def method(self, other):
            if not isinstance(other, Remote):
                undecided("an object of the answer's, ordered against plain data")
            is_so = as_bool(wire.do("op", op, Own(number_of(self)), other))
            note_own()
            return is_so
        setattr(Remote, "__%s__" % op, method)
    for op in ("lt", "le", "gt", "ge"):
        ordering(op)
    def binary(op, symbol):
        def combined(self, other, swapped, reveals):
            pair = (other, Own(number_of(self))) if swapped else (Own(number_of(self)), other)
            v = wire.do("op", symbol, *pair)
            if reveals or get_field(self, "guarded_"):
                if not isinstance(v, Remote):
                    undecided("arithmetic of the answer's own")
                object.__setattr__(v, "guarded_", True)
            return v
        def forward(self, other):
            return combined(self, other, False, not isinstance(other, Remote))
        def backward(self, other):
            return combined(self, other, True, not isinstance(other, Remote))
        setattr(Remote, "__%s__" % op, forward)
        setattr(Remote, "__r%s__" % op, backward)
    for op in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift",
               "rshift", "matmul"):
        binary(op, op + "_" if op in ("and", "or") else op)

add_operators()

class RemoteIterator(Remote):
    __slots__ = ()
    def __iter__(self):
        return self
    def __next__(self):
        return wire.do("op", "next", Own(number_of(self)))

# For those who ask isinstance(v, types.GeneratorType).
def generator(number):
    def run():
        while True:
            try:
                v = wire.do("op", "next", Own(number))
            except StopIteration:
                return
            yield v
    return run()

async def coroutine(number):
    return wire.do("await", Own(number))

KINDS = {b"i": RemoteIterator}
)python";

}  // namespace amalgam::rewards
