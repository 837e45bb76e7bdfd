"""Writes golden.json beside this file: Muon and AdamW steps in numpy float64, from MODEL.md section 4.

The singular value decomposition is used nowhere: the iteration is the definition.
"""
import json
import pathlib

import numpy as np

rng = np.random.default_rng(7)


def f32(x):
    return np.asarray(x, np.float32).astype(np.float64)


def newton_schulz(g):
    x = g / np.linalg.norm(g)
    transposed = x.shape[0] > x.shape[1]
    if transposed:
        x = x.T
    for a, b, c in [(3.4445, -4.7750, 2.0315)] * 8 + [(2, -1.5, 0.5)] * 2:
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if transposed else x


def muon_case(rows, cols, lr, steps):
    w = w0 = f32(0.1 * rng.standard_normal((rows, cols)))
    m = np.zeros_like(w)
    grads = [f32(rng.standard_normal((rows, cols)) * 10.0**rng.integers(-3, 3)) for _ in range(steps)]
    for g in grads:
        m = 0.95 * m + g
        o = newton_schulz(0.95 * m + g)
        w = w * (1 - lr * 0.1) - lr * o * np.sqrt(max(rows, cols)) * 0.18
    return dict(rows=rows, cols=cols, lr=lr, w0=w0.ravel().tolist(),
                grads=[g.ravel().tolist() for g in grads], w=w.ravel().tolist(), m=m.ravel().tolist())


def adamw_case(n, lr, steps):
    w = w0 = f32(0.1 * rng.standard_normal(n))
    m, v = np.zeros(n), np.zeros(n)
    grads = [f32(rng.standard_normal(n) * 10.0**rng.integers(-6, 2, n)) for _ in range(steps)]
    for t, g in enumerate(grads, 1):
        m = 0.9 * m + 0.1 * g
        v = 0.95 * v + 0.05 * g * g
        w = w * (1 - lr * 0.1) - lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-20)
    return dict(lr=lr, w0=w0.tolist(), grads=[g.tolist() for g in grads], w=w.tolist(), m=m.tolist(),
                v=v.tolist())


cases = dict(muon=[muon_case(6, 10, 0.02, 3), muon_case(10, 6, 0.02, 2), muon_case(7, 7, 0.01, 2),
                   muon_case(1, 9, 0.01, 2)],
             adamw=[adamw_case(23, 0.01, 4)])
path = pathlib.Path(__file__).with_name("golden.json")
path.write_text(json.dumps(cases).replace("]", "]\n") + "\n")
