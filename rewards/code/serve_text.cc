#include "rewards/code/harness.h"

namespace amalgam::rewards {

// The answer's side of the border. Frames (eight hexadecimal digits, the length, then that many
// bytes) come from the checker and go back to it; "T" starts a new process for the next test,
// everything else is for that process, and each has one frame as its answer. "G" and a word: the
// process is gone.
//
// A frame of the checker is a tuple (what, …), one of the process is
//   ("V", value, printed, changes, alias): changes of the arguments that are lists, dicts … (number
//   or name, value); alias: which argument the value is, or None
//   ("E", exception, printed, changes)
//   ("C", what, number, arguments, named arguments, printed): a call of something of the checker's
const char* const kServeText = R"python(
def read_frame(fd, limit=1 << 62):
    size = int(read_exactly(fd, 8), 16)
    if size > limit:
        raise EOFError
    return read_exactly(fd, size)

def write_frame(fd, data):
    write_all(fd, b"%08x" % len(data) + data)

def answer_program(code, entry, prompt):
    def compiled(text):
        return compile(text, "solution.py", "exec", dont_inherit=True)
    if not entry:
        return compiled(code), code
    failure = None
    try:
        own = compiled(code)
        if entry in own.co_names:
            try:
                return compiled(prompt + "\n" + code), prompt + "\n" + code
            except SyntaxError:
                return own, code
    except (SyntaxError, ValueError) as e:
        failure = e
    # The body of the function that the prompt begins.
    body = code.strip("\n")
    indented = "\n".join("    " + line for line in body.split("\n"))
    for text in (prompt + body, prompt + "\n" + body, prompt + "    " + body, prompt + "\n" + indented):
        try:
            return compiled(text), text
        except (SyntaxError, ValueError):
            pass
    if failure:
        raise failure
    return compiled(code), code

class Stub:
    """Something of the checker's."""
    def __init__(self, link, number):
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_number", number)
    def __call__(self, *args, **kwargs):
        return self._link.call_back("call", self._number, args, kwargs)
    def __getattr__(self, name):
        if name.startswith("_") and name not in ("__name__", "__qualname__"):
            raise AttributeError(name)
        return self._link.call_back("get", self._number, (name,), {})
    def __setattr__(self, name, value):
        self._link.call_back("set", self._number, (name, value), {})
    def __iter__(self):
        return self._link.call_back("iter", self._number, (), {})
    def __next__(self):
        return self._link.call_back("next", self._number, (), {})
    def __bool__(self):
        return self._link.call_back("bool", self._number, (), {})
    def __len__(self):
        return self._link.call_back("len", self._number, (), {})
    def __getitem__(self, key):
        return self._link.call_back("getitem", self._number, (key,), {})
    def __setitem__(self, key, value):
        self._link.call_back("setitem", self._number, (key, value), {})
    def __contains__(self, key):
        return self._link.call_back("contains", self._number, (key,), {})
    def __str__(self):
        return self._link.call_back("str", self._number, (), {})
    def __lt__(self, other):
        return self._link.call_back("lt", self._number, (other,), {})
    def __eq__(self, other):
        if self is other:
            return True
        return self._link.call_back("eq", self._number, (other,), {})
    def __hash__(self):
        return self._number
    def __enter__(self):
        return self._link.call_back("enter", self._number, (), {})
    def __exit__(self, *args):
        return self._link.call_back("exit", self._number, (None, None, None), {})

class Printed:
    def __init__(self):
        self.parts = []
        self.size = 0
        self.encoding = "utf-8"
        self.errors = "strict"
        self.buffer = self
    def write(self, text):
        if isinstance(text, (bytes, bytearray)):
            text = bytes(text).decode("utf-8", "replace")
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        if self.size < 1 << 20:
            self.parts.append(str(text))
            self.size += len(text)
        return len(text)
    def writelines(self, lines):
        for line in lines:
            self.write(line)
    def flush(self):
        pass
    def isatty(self):
        return False
    def writable(self):
        return True
    def readable(self):
        return False
    def take(self):
        text = "".join(self.parts)
        self.parts = []
        self.size = 0
        return text

CONTAINERS = (list, dict, set, bytearray)

class Link:
    def __init__(self, program, fd_in, fd_out):
        self.program = program
        self.fd_in = fd_in
        self.fd_out = fd_out
        self.objects = []
        self.numbers = {}
        self.stubs = {}
        self.module = None
        self.printed = Printed()
        self.depth = 0

    def number_of(self, v):
        number = self.numbers.get(id(v))
        if number is None:
            number = self.numbers[id(v)] = len(self.objects)
            self.objects.append(v)
        return number

    def export(self, v, put, depth, out):
        t = type(v)
        if t is Stub:
            out.append(b"y%d;" % object.__getattribute__(v, "_number"))
            return
        if isinstance(v, (type, type(len))) and BUILTINS.get(v.__name__) is v:
            out.append(b"B")
            put(v.__name__, depth, out)
            return
        if isinstance(v, type):
            what, name = b"c", v.__name__
            if issubclass(v, BaseException):
                out.append(b"X")
                put(self.class_of(v), depth, out)
                return
        elif t.__name__ in ("generator", "coroutine"):
            what, name = b"g" if t.__name__ == "generator" else b"k", t.__name__
        elif hasattr(t, "__next__"):
            what, name = b"i", t.__name__
        elif t.__name__ in ("function", "method", "builtin_function_or_method", "partial"):
            what, name = b"f", getattr(v, "__name__", "function")
        else:
            what, name = b"o", t.__name__
        out.append(b"r%s%d;" % (what, self.number_of(v)))
        put(str(name), depth, out)

    # ("b", name) of builtins, ("l", module, name, bases) of the library's, ("a", number, name, bases).
    def class_of(self, t, depth=0):
        if BUILTINS.get(t.__name__) is t:
            return ("b", t.__name__)
        bases = tuple(self.class_of(b, depth + 1) for b in t.__bases__ if issubclass(b, BaseException)) \
            if depth < 20 else (("b", "Exception"),)
        module = str(t.__module__)
        if module.partition(".")[0] in sys.stdlib_module_names:
            return ("l", module, str(t.__name__), bases)
        return ("a", self.number_of(t), str(t.__name__), bases)

    def encode(self, v):
        return encode(v, self.export)

    def exception(self, e):
        try:
            message = str(e)[:10000]
        except BaseException:
            message = ""
        def plain(v):
            try:
                self.encode(v)
                return v
            except BaseException:
                return None
        try:
            args = tuple(plain(a) for a in BaseException.args.__get__(e))
            fields = {str(k): plain(v) for k, v in list(vars(e).items())[:20]}
            return self.encode((self.class_of(type(e)), message, args, fields))
        except BaseException:
            return encode((("b", "Exception"), message, (message,), {}), None)

    def own(self, number):
        return self.objects[number]

    def remote(self, what, number, name):
        if number not in self.stubs:
            self.stubs[number] = Stub(self, number)
        return self.stubs[number]

    def decode(self, data):
        return decode(data, self.remote, self.own)

    # As one tuple of parts that are encoded already.
    def send(self, *parts):
        write_frame(self.fd_out, b"u%d:" % len(parts) + b"".join(parts))

    def call_back(self, what, number, args, kwargs):
        self.send(self.encode("C"), self.encode(what), self.encode(number), self.encode(args),
                  self.encode(kwargs), self.encode(self.printed.take()))
        return self.serve_until_result()

    # Serves calls of the checker until one is the result of ours.
    def serve_until_result(self):
        self.depth += 1
        if self.depth > 50:
            raise RecursionError
        try:
            while True:
                message = self.decode(read_frame(self.fd_in))
                if message[0] == "value":
                    return message[1]
                if message[0] == "raise":
                    name, text = message[1], message[2]
                    t = getattr(builtins, name, Exception)
                    if not (isinstance(t, type) and issubclass(t, BaseException)):
                        t = Exception
                    raise t(text)
                self.answer(message)
        finally:
            self.depth -= 1

    def changes(self, places, before):
        changed = []
        for (place, v), old in zip(places, before):
            try:
                new = self.encode(v)
            except BaseException:
                continue
            if new != old:
                changed.append(b"u2:" + self.encode(place) + new)
        return b"l%d:" % len(changed) + b"".join(changed)

    def answer(self, message):
        places, before = [], []
        try:
            what, rest = message[0], message[1:]
            if what == "call":
                places = [(i, v) for i, v in enumerate(rest[1]) if isinstance(v, CONTAINERS)]
                places += [(k, v) for k, v in rest[2].items() if isinstance(v, CONTAINERS)]
                before = [self.encode(v) for _, v in places]
            value = getattr(self, "do_" + what)(*rest)
            result = self.encode(value)
            alias = None
            for place, v in places:
                if v is value:
                    alias = place
            self.send(self.encode("V"), result, self.encode(self.printed.take()), self.changes(places, before),
                      self.encode(alias))
        except BaseException as e:
            self.send(self.encode("E"), self.exception(e), self.encode(self.printed.take()),
                      self.changes(places, before))

    def do_load(self):
        if self.module is None:
            self.module = new_module("solution")
            exec(self.program, self.module.__dict__)
        return [k for k in self.module.__dict__ if type(k) is str and not k.startswith("__")]
    def do_name(self, name):
        if name in self.module.__dict__:
            return self.module.__dict__[name]
        solution = self.module.__dict__.get("Solution")
        if isinstance(solution, type) and hasattr(solution, name):
            return getattr(solution(), name)
        raise AttributeError(name)
    def do_call(self, v, args, kwargs):
        try:
            return v(*args, **kwargs)
        except StopIteration:
            raise RuntimeError("StopIteration")
    def do_get(self, v, name):
        return getattr(v, name)
    def do_set(self, v, name, value):
        setattr(v, name, value)
    def do_delete(self, v, name):
        delattr(v, name)
    def do_await(self, v):
        import asyncio
        return asyncio.run(v)
    def do_rebind(self, name, value):
        self.module.__dict__[name] = value
    def do_type(self, v):
        return type(v)
    def do_copy(self, name, v):
        import copy
        return getattr(copy, name)(v)
    def do_isinstance(self, v, t):
        return isinstance(v, t)
    def do_op(self, name, *args):
        if name == "next":
            return next(*args)
        import operator
        function = getattr(builtins, name, None) or getattr(operator, name)
        result = function(*args)
        return result
    def do_method(self, name, v, *args):
        return getattr(type(v), name)(v, *args)

def main():
    server = Server()
    code, entry, prompt = (b.decode("utf-8", "surrogatepass") for b in server.blobs)
    import operator
    failure = program = None
    try:
        program, text = answer_program(code, entry, prompt)
        prepare_names(program, text)
    except BaseException as e:
        failure = type(e).__name__
    gc.freeze()

    test = None   # pid, to it, from it, deadline
    def run(fd_in, fd_out):
        link = Link(program, fd_in, fd_out)
        sys.stdout = sys.__stdout__ = link.printed
        builtins.input = lambda prompt="": link.call_back("input", 0, (str(prompt),), {})
        while True:
            link.answer(link.decode(read_frame(fd_in)))

    def stop():
        nonlocal test
        if test is None:
            return "gone"
        pid, to, out, deadline = test
        test = None
        os.close(to)
        os.close(out)
        try:
            os.kill(pid, 0)
        except OSError:
            pass
        status, is_over = server.wait_test(pid, min(deadline, monotonic() + 0.2))
        return server.verdict(status, is_over)

    from select import poll, POLLIN
    def exchange(data):
        pid, to, out, deadline = test
        write_frame(to, data)
        waiter = poll()
        waiter.register(out, POLLIN)
        def read(n):
            parts = []
            while n > 0:
                left = deadline - monotonic()
                if left <= 0:
                    raise TimeoutError("wall")
                if not waiter.poll(min(left, server.look) * 1000):
                    if server.is_over():
                        raise TimeoutError("timeout")
                    continue
                part = os.read(out, min(n, 1 << 16))
                if not part:
                    raise EOFError
                parts.append(part)
                n -= len(part)
            return b"".join(parts)
        size = int(read(8), 16)
        if not 0 <= size <= server.cap:
            raise EOFError
        return read(size)

    try:
        while True:
            data = read_frame(0)
            if data == b"T":
                if test:
                    os.kill(test[0], 9)
                    stop()
                if not server.clean_up():
                    break
                if failure is None:
                    to_read, to_write = os.pipe()
                    out_read, out_write = os.pipe()
                    pid = server.start_test(lambda: run(to_read, out_write), server.null, server.null,
                                            (to_read, out_write))
                    os.close(to_read)
                    os.close(out_write)
                    test = (pid, to_write, out_read, monotonic() + server.wall)
                continue
            if failure is not None:
                write_frame(server.channel, b"G" + failure.encode())
                continue
            if test is None:
                write_frame(server.channel, b"Ggone")
                continue
            try:
                reply = exchange(data)
            except TimeoutError as e:
                os.kill(test[0], 9)
                stop()
                reply = b"G" + str(e).encode()
            except (OSError, EOFError, ValueError):
                reply = b"G" + stop().encode()
            write_frame(server.channel, reply)
    except EOFError:
        pass
    server.end()

main()
)python";

}  // namespace amalgam::rewards
