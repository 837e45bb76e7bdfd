#include "pipeline/data/forms/arrow_program.h"

namespace amalgam::pipeline {

// Whole columns become JSON texts, and these are put together by rows: much faster than one Python
// object for every value.
const char* const kArrowProgram = R"python(
import sys
if sys.path[0] == "":  # a file of the working directory may be named like a module of Python's
    sys.path.pop(0)
import base64, json, os
from json.encoder import encode_basestring

out = os.fdopen(1, "w", encoding="utf-8", errors="surrogateescape", newline="\n", buffering=1 << 16)

def finish(line):
    try:
        out.write(line + "\n")
        out.flush()
    except BrokenPipeError:
        pass
    os._exit(0)

try:
    import pyarrow as pa
    import pyarrow.ipc
    import pyarrow.types as t
    if sys.argv[1] == "parquet":
        import pyarrow.parquet as pq
except ImportError as e:
    finish("M" + str(e).replace("\n", " "))

BATCH = 1024

def number(value):
    """A float; NaN is null, and infinity no JSON, which the reader says."""
    return None if value != value else repr(value) if abs(value) != float("inf") else "Infinity"

def strings(array):
    try:
        values = array.to_pylist()
    except UnicodeDecodeError:  # the reader says where
        wide = t.is_large_string(array.type) or t.is_large_binary(array.type)
        raw = array.cast(pa.large_binary() if wide else pa.binary()).to_pylist()
        values = [None if v is None else v.decode("utf-8", "surrogateescape") for v in raw]
    return [None if v is None else encode_basestring(v) for v in values]

def binaries(array):
    def text(value):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return [None if v is None else encode_basestring(text(v)) for v in array.to_pylist()]

def json_texts(array):
    """The values of Arrow's JSON type: their text, on one line. What is no JSON fails in the reader."""
    def text(value):
        decoder = json.JSONDecoder(parse_constant=lambda name: 1 / 0)
        try:
            decoder.decode(value)  # a whole value, so that it stays one inside the row
        except (ValueError, ZeroDivisionError, RecursionError):
            return "not JSON"
        return value.replace("\n", " ").replace("\r", " ")
    return [None if v is None or v.strip() == "null" else text(v) for v in array.to_pylist()]

def structs(array):
    keys = [encode_basestring(array.type.field(i).name) + ":" for i in range(array.type.num_fields)]
    columns = [texts(array.field(i)) for i in range(array.type.num_fields)]
    rows = objects(keys, columns, len(array))
    return masked(array, rows)

def objects(keys, columns, length):
    if not columns:
        return ["{}"] * length
    return ["{" + ",".join([k + v for k, v in zip(keys, row) if v is not None]) + "}"
            for row in zip(*columns)]

def masked(array, rows):
    if not array.null_count:
        return rows
    return [row if valid else None for row, valid in zip(rows, array.is_valid().to_pylist())]

def offsets_of(array):
    if t.is_fixed_size_list(array.type):
        size = array.type.list_size
        return [(array.offset + i) * size for i in range(len(array) + 1)]
    return array.offsets.to_pylist()

def lists(array):
    offsets = offsets_of(array)
    first, last = offsets[0], offsets[-1]
    parts = texts(array.values.slice(first, last - first))
    parts = ["null" if p is None else p for p in parts]
    rows = ["[" + ",".join(parts[a - first:b - first]) + "]" for a, b in zip(offsets, offsets[1:])]
    return masked(array, rows)

def maps(array):
    offsets = array.offsets.to_pylist()
    first, last = offsets[0], offsets[-1]
    keys, items = array.keys.slice(first, last - first), texts(array.items.slice(first, last - first))
    names = [encode_basestring(str(k)) + ":" for k in keys.to_pylist()]
    rows = ["{" + ",".join([names[i] + items[i] for i in range(a - first, b - first)
                            if items[i] is not None]) + "}" for a, b in zip(offsets, offsets[1:])]
    return masked(array, rows)

def dictionaries(array):
    words = texts(array.dictionary)
    return [None if i is None else words[i] for i in array.indices.to_pylist()]

def decimal(value):
    return str(int(value)) if value == value.to_integral_value() else number(float(value))

def plain(value):
    if isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, float):
        return number(value)
    if hasattr(value, "isoformat"):
        return encode_basestring(value.isoformat())
    if hasattr(value, "to_integral_value"):
        return number(float("nan")) if value.is_nan() else decimal(value)
    if isinstance(value, bytes):
        return encode_basestring(base64.b64encode(value).decode())
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return encode_basestring(str(value))

def texts(array):
    """The JSON text of every value; None for null."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.json":
            return json_texts(array.storage)
        if kind.extension_name == "arrow.uuid":
            return [None if v is None else encode_basestring(str(v)) for v in array.to_pylist()]
        return texts(array.storage)
    if t.is_null(kind):
        return [None] * len(array)
    if t.is_string(kind) or t.is_large_string(kind) or getattr(t, "is_string_view", lambda k: False)(kind):
        return strings(array)
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind):
        return binaries(array)
    if t.is_struct(kind):
        return structs(array)
    if t.is_list(kind) or t.is_large_list(kind):
        return lists(array)
    if t.is_fixed_size_list(kind):
        return lists(array)
    if t.is_map(kind):
        return maps(array)
    if t.is_dictionary(kind):
        return dictionaries(array)
    if t.is_boolean(kind):
        return [None if v is None else "true" if v else "false" for v in array.to_pylist()]
    if t.is_integer(kind):
        return [None if v is None else str(v) for v in array.to_pylist()]
    if t.is_floating(kind):
        return [None if v is None else number(float(v)) for v in array.to_pylist()]
    if t.is_timestamp(kind) and kind.unit == "ns":  # Python has no nanoseconds; pandas may not be there
        array = array.cast(pa.timestamp("us", kind.tz), safe=False)
    if t.is_duration(kind):
        seconds = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
        return [None if v is None else repr(v / seconds) for v in array.cast(pa.int64()).to_pylist()]
    if t.is_time64(kind) and kind.unit == "ns":
        array = array.cast(pa.time64("us"), safe=False)
    return [None if v is None else plain(v) for v in array.to_pylist()]

def write(batch):
    names = [encode_basestring(name) + ":" for name in batch.schema.names]
    columns = [texts(batch.column(i)) for i in range(batch.num_columns)]
    for row in objects(names, columns, batch.num_rows):
        out.write("R" + row + "\n")

def batches(kind, path):
    if kind == "parquet":
        file = pq.ParquetFile(path, memory_map=True)
        out.write(f"N{file.metadata.num_rows}\n")
        yield from file.iter_batches(batch_size=BATCH, use_threads=False)
        return
    with pa.memory_map(path) as source:
        if kind == "file":
            reader = pa.ipc.open_file(source)
            found = (reader.get_batch(i) for i in range(reader.num_record_batches))
        else:
            found = pa.ipc.open_stream(source)
        for batch in found:
            for first in range(0, batch.num_rows, BATCH):
                yield batch.slice(first, BATCH)

try:
    for path in sys.argv[2:]:
        for batch in batches(sys.argv[1], path):
            write(batch)
            out.flush()
except BrokenPipeError:
    os._exit(1)
except BaseException as e:
    finish("E" + " ".join(f"{type(e).__name__}: {e}".split()))
finish(".")
)python";

}  // namespace amalgam::pipeline
