"""The full-vocabulary KL and its gradients in plain torch, which holds all logits of both models at once:
what tests/bench/head_bench.cc (kl_with_gradients) does in tiles."""
import resource

import torch

from measure import measure

T, V, D = 2048, 129280, 512
hidden, teacher_hidden = torch.randn(T, D, requires_grad=True), torch.randn(T, D)
head = (torch.randn(V, D) * D**-0.5).requires_grad_()
teacher_head = torch.randn(V, D) * D**-0.5


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def kl():
    hidden.grad = head.grad = None
    student = (hidden @ head.T).log_softmax(-1)
    teacher = (teacher_hidden @ teacher_head.T).log_softmax(-1)
    (student.exp() * (student - teacher)).sum(-1).mean().backward()


before = peak_bytes()
measure(f"kl_with_gradients/{T}", kl, 1, lambda: {"extra_bytes": peak_bytes() - before})
