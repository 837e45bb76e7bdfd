"""Writes scalars.tfevents with TensorBoard's own record writer and messages (pip install tensorboard)."""
import os

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scalars.tfevents")
Value = summary_pb2.Summary.Value
with open(path, "wb") as f:
    writer = RecordWriter(f)
    writer.write(event_pb2.Event(wall_time=1.7e9, file_version="brain.Event:2").SerializeToString())
    for wall_time, step, values in [
        (1700000001.25, 0, {"actor/pg_loss": 0.5, "training/rollout_probs_diff_max": 0.0}),
        (1700000002.5, 1, {"actor/grad_norm": -1e-8}),
        (1700000003.0, 123456789012, {"timing_s/rollout": 3.4e38, "critic/score/mean": float("inf")}),
    ]:
        event = event_pb2.Event(wall_time=wall_time, step=step)
        for tag, value in values.items():
            event.summary.value.append(Value(tag=tag, simple_value=value))
        writer.write(event.SerializeToString())
