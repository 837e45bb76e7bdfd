#include "rewards/code/harness.h"

namespace amalgam::rewards {

// Values as they cross between processes: plain data in a closed form, one letter and what belongs
// to it. Never pickle, and no code of the other side runs while they are read.
//   n None, t True, f False, i<decimal>; integer, d<repr>; float, c<value><value> complex
//   s<n>:<UTF-8> text, b<n>:<bytes>, a<n>:<bytes> bytearray
//   l<n>: list, u<n>: tuple, e<n>: set, z<n>: frozenset, q<n>: deque, then n values
//   m<n>: dict, then n keys and values; O<n>: OrderedDict, C<n>: Counter
//   N<name><fields><values>: named tuple
//   x<name><value>: of the standard library: range, slice, Fraction, Decimal, date, …, numpy's
//   arrays B<name>: a builtin r<what><number>;<type name>: an object that stays where it is
//   y<number>; an object of the reader's, handed back
//   X<value>: a class of exceptions
// An instance of a subclass of int, str, list … crosses as its base's value, whatever it overrides:
// that it "equals everything" does not cross.
const char* const kBorderText = R"python(
class CannotCross(Exception):
    pass

MAX_DEPTH = 150
MAX_PIECES = 2000000
MAX_TEXT = 8000000

def plain_module(v):
    name = type(v).__module__
    return name.partition(".")[0] if type(name) is str else ""

def encode_library(v, put, depth, out):
    t = type(v)
    name = t.__name__
    root = plain_module(v)
    if t is range:
        value = (v.start, v.stop, v.step)
    elif t is slice:
        value = (v.start, v.stop, v.step)
    elif root == "fractions" and name == "Fraction":
        value = (v.numerator, v.denominator)
    elif root == "decimal" and name == "Decimal" or root == "_decimal" and name == "Decimal":
        value = (str(v),)
    elif root == "datetime" and name == "timedelta":
        value = (v.days, v.seconds, v.microseconds)
    elif root == "datetime" and name == "date":
        value = (v.year, v.month, v.day)
    elif root == "datetime" and name == "datetime" and v.tzinfo is None:
        value = (v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond)
    elif root == "datetime" and name == "time" and v.tzinfo is None:
        value = (v.hour, v.minute, v.second, v.microsecond)
    elif root == "uuid" and name == "UUID":
        value = (str(v),)
    elif root == "numpy" and name == "ndarray" and v.dtype.kind in "biufc":
        value = (v.dtype.str, tuple(v.shape), v.ravel().tolist())
    else:
        return False
    out.append(b"x")
    put(name, depth, out)
    put(value, depth, out)
    return True

def encode(v, export, depth=0, out=None):
    first = out is None
    if first:
        out = []
    def put(v, depth, out):
        if depth > MAX_DEPTH or len(out) > MAX_PIECES:
            raise CannotCross("a value that is too deep or too large")
        t = type(v)
        if v is None:
            out.append(b"n")
        elif v is True:
            out.append(b"t")
        elif v is False:
            out.append(b"f")
        elif issubclass(t, int) and not is_enum(t):
            if int.bit_length(v) > 400000:
                raise CannotCross("an integer of too many digits")
            out.append(b"i%s;" % int.__repr__(v).encode())
        elif issubclass(t, float) and not is_enum(t):
            out.append(b"d%s;" % float.__repr__(v).encode())
        elif issubclass(t, str) and not is_enum(t):
            if str.__len__(v) > MAX_TEXT:
                raise CannotCross("a text that is too long")
            data = str.encode(v, "utf-8", "surrogatepass")
            out.append(b"s%d:" % len(data))
            out.append(data)
        elif issubclass(t, bytes):
            data = bytes.__getitem__(v, slice(None))
            out.append(b"b%d:" % len(data))
            out.append(data)
        elif issubclass(t, bytearray):
            data = bytes(bytearray.__getitem__(v, slice(None)))
            out.append(b"a%d:" % len(data))
            out.append(data)
        elif t is complex:
            out.append(b"c")
            put(v.real, depth, out)
            put(v.imag, depth, out)
        elif issubclass(t, tuple):
            items = list(tuple.__iter__(v))
            fields = getattr(t, "_fields", None)
            if t is not tuple and type(fields) is tuple and len(fields) == len(items):
                out.append(b"N")
                put(str(t.__name__), depth, out)
                put(tuple(str(f) for f in fields), depth + 1, out)
                put(tuple(items), depth + 1, out)
                return
            several(b"u", items, depth, out)
        elif issubclass(t, list):
            several(b"l", list(list.__iter__(v)), depth, out)
        elif issubclass(t, set):
            several(b"e", list(set.__iter__(v)), depth, out)
        elif issubclass(t, frozenset):
            several(b"z", list(frozenset.__iter__(v)), depth, out)
        elif issubclass(t, dict):
            letter = b"m"
            if plain_module(v) == "collections":
                letter = {"OrderedDict": b"O", "Counter": b"C"}.get(t.__name__, b"m")
            items = list(dict.items(v))
            out.append(letter + b"%d:" % len(items))
            for key, value in items:
                put(key, depth + 1, out)
                put(value, depth + 1, out)
        elif plain_module(v) == "collections" and t.__name__ == "deque":
            several(b"q", list(v), depth, out)
        elif plain_module(v) == "numpy" and hasattr(v, "item") and hasattr(v, "ndim") and not v.ndim \
                and t.__name__ != "ndarray":
            put(v.item(), depth + 1, out)
        elif encode_library(v, put, depth + 1, out):
            pass
        else:
            export(v, put, depth + 1, out)
    def several(letter, items, depth, out):
        out.append(letter + b"%d:" % len(items))
        for item in items:
            put(item, depth + 1, out)
    put(v, depth, out)
    return b"".join(out) if first else None

def is_enum(t):
    for base in type.__getattribute__(t, "__mro__"):
        if base.__module__ == "enum":
            return True
    return False
)python";

// The reading half. remote(what, number, type name) makes what stands for an object of the other
// side, own(number) finds one of ours.
const char* const kBorderReaderText = R"python(
def make_library(name, value):
    if name == "range":
        return range(*value)
    if name == "slice":
        return slice(*value)
    if name == "Fraction":
        import fractions
        return fractions.Fraction(*value)
    if name == "Decimal":
        import decimal
        return decimal.Decimal(*value)
    if name in ("timedelta", "date", "datetime", "time"):
        import datetime
        if name == "timedelta":
            return datetime.timedelta(*value)
        return getattr(datetime, name)(*value)
    if name == "UUID":
        import uuid
        return uuid.UUID(*value)
    if name == "ndarray":
        import numpy
        dtype, shape, values = value
        return numpy.array(values, dtype=numpy.dtype(dtype)).reshape(shape)
    raise CannotCross(name)

def decode(data, remote, own):
    at = 0
    def until(mark):
        nonlocal at
        end = data.index(mark, at)
        text = data[at:end]
        at = end + 1
        return text
    def text():
        v = get(MAX_DEPTH)
        if type(v) is not str:
            raise CannotCross("no text")
        return v
    def get(depth):
        nonlocal at
        if depth > MAX_DEPTH:
            raise CannotCross("a value that is too deep")
        letter = data[at:at + 1]
        at += 1
        if letter == b"i":
            return int(until(b";"))
        if letter == b"s":
            n = int(until(b":"))
            at += n
            return data[at - n:at].decode("utf-8", "surrogatepass")
        if letter == b"n":
            return None
        if letter == b"t":
            return True
        if letter == b"f":
            return False
        if letter == b"d":
            return float(until(b";"))
        if letter in (b"l", b"u", b"e", b"z", b"q"):
            items = [get(depth + 1) for _ in range(int(until(b":")))]
            if letter == b"l":
                return items
            if letter == b"q":
                from collections import deque
                return deque(items)
            return tuple(items) if letter == b"u" else set(items) if letter == b"e" else frozenset(items)
        if letter in (b"m", b"O", b"C"):
            items = [(get(depth + 1), get(depth + 1)) for _ in range(int(until(b":")))]
            if letter == b"m":
                return dict(items)
            from collections import Counter, OrderedDict
            return OrderedDict(items) if letter == b"O" else Counter(dict(items))
        if letter in (b"b", b"a"):
            n = int(until(b":"))
            at += n
            return bytes(data[at - n:at]) if letter == b"b" else bytearray(data[at - n:at])
        if letter == b"c":
            real = get(depth + 1)
            return complex(real, get(depth + 1))
        if letter == b"N":
            name, fields, values = text(), get(depth + 1), get(depth + 1)
            from collections import namedtuple
            return namedtuple(name, fields)(*values)
        if letter == b"x":
            name = text()
            value = get(depth + 1)
            return make_library(name, value)
        if letter == b"B":
            name = text()
            value = getattr(builtins, name, None)
            if not isinstance(value, (type, type(len))):
                raise CannotCross(name)
            return value
        if letter == b"r":
            what = data[at:at + 1]
            at += 1
            number = int(until(b";"))
            return remote(what, number, text())
        if letter == b"y":
            return own(int(until(b";")))
        if letter == b"X":
            return remote(b"X", 0, get(depth + 1))
        raise CannotCross("no value")
    value = get(0)
    if at != len(data):
        raise CannotCross("more than a value")
    return value
)python";

}  // namespace amalgam::rewards
