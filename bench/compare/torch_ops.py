"""The same ops by PyTorch, timed on request: one JSON request a line on stdin, one reply a line.

A request is {"op": name, "dtype": "f32" | "bf16", ...shape, "seconds": s}; the reply {"seconds": median
of one call}, or {"error": text}; "sets" of inputs take turns. Started and fed by bench/compare/torch.ts; needs torch, nothing else.
"""

import itertools

import torch
import torch.nn.functional as F
from serving import median_seconds, serve
from torch_networks import rotated

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def randn(*shape, dtype, grad=False):
    return torch.randn(*shape).to(dtype).requires_grad_(grad)


def linear(r, t):
    x, w = randn(r["rows"], r["in"], dtype=t), randn(r["out"], r["in"], dtype=t)
    return lambda: F.linear(x, w)


def linear_onednn(r, t):
    """The same past MKL, which is PyTorch's own choice in f32 and slow on CPUs that Intel did not make."""
    x, w = randn(r["rows"], r["in"], dtype=t), randn(r["out"], r["in"], dtype=t)
    weight = torch.ops.mkldnn._reorder_linear_weight(w, r["rows"])
    return lambda: torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")


def attention(r, t):
    q = randn(r["sequences"], r["heads"], r["queries"], r["headDim"], dtype=t)
    k, v = (randn(r["sequences"], r["heads"], r["keys"], r["headDim"], dtype=t) for _ in "kv")
    return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=r["causal"])


def attention_backward(r, t):
    shape = (r["sequences"], r["heads"], r["queries"], r["headDim"])
    q, k, v = (randn(*shape, dtype=t, grad=True) for _ in "qkv")
    y = F.scaled_dot_product_attention(q, k, v, is_causal=r["causal"])
    dy = torch.randn_like(y)
    return lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True)


def attention_both(r, t):
    shape = (r["sequences"], r["heads"], r["queries"], r["headDim"])
    q, k, v = (randn(*shape, dtype=t, grad=True) for _ in "qkv")
    dy = torch.randn_like(q)

    def step():
        y = F.scaled_dot_product_attention(q, k, v, is_causal=r["causal"])
        return torch.autograd.grad(y, (q, k, v), dy)

    return step


def perceiver_attention(r, t):
    shape = (r["images"], r["heads"], r["queries"], r["headDim"])
    q, lk, lv = (randn(*shape, dtype=t) for _ in range(3))
    fk, fv = (randn(r["images"], r["heads"], r["features"], r["headDim"], dtype=t) for _ in range(2))
    return lambda: F.scaled_dot_product_attention(q, torch.cat([fk, lk], 2), torch.cat([fv, lv], 2))


def sample(r, t):
    c, u = randn(r["rows"], r["width"], dtype=t), randn(r["rows"], r["width"], dtype=t)

    def step():
        logits = (u + 4 * (c - u)).float()
        kept = torch.topk(logits, r["topK"])
        probabilities = torch.softmax(kept.values, -1)
        return kept.indices.gather(-1, torch.multinomial(probabilities, 1))

    return step


def conv2d(r, t):
    x = randn(r["images"], r["in"], r["height"], r["width"], dtype=t)
    x = x.to(memory_format=torch.channels_last)
    w = randn(r["out"], r["in"], r["kernel"], r["kernel"], dtype=t)
    w = w.to(memory_format=torch.channels_last)
    return lambda: F.conv2d(x, w, padding=r["kernel"] // 2)


def conv2d_backward(r, t):
    def pictures(*shape):
        return randn(*shape, dtype=t).to(memory_format=torch.channels_last).requires_grad_()

    x = pictures(r["images"], r["in"], r["height"], r["width"])
    w = pictures(r["out"], r["in"], r["kernel"], r["kernel"])
    y = F.conv2d(x, w, padding=r["kernel"] // 2)
    dy = torch.randn_like(y)
    return lambda: torch.autograd.grad(y, (x, w), dy, retain_graph=True)


def norm(r, t):
    x, w, b = randn(r["rows"], r["dim"], dtype=t), randn(r["dim"], dtype=t), randn(r["dim"], dtype=t)
    if r["kind"] == "rms":
        return lambda: F.rms_norm(x, (r["dim"],), w, 1e-5)
    return lambda: F.layer_norm(x, (r["dim"],), w, b, 1e-5)


def group_norm(r, t):
    x = randn(r["images"], r["channels"], r["height"], r["width"], dtype=t)
    x = x.to(memory_format=torch.channels_last)
    w, b = randn(r["channels"], dtype=t), randn(r["channels"], dtype=t)
    return lambda: F.silu(F.group_norm(x, 32, w, b, 1e-6))


def pointwise(r, t):
    x = randn(r["count"], dtype=t)
    f = {"gelu": F.gelu, "silu": F.silu, "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x)}
    return lambda: f[r["function"]](x)


def swiglu(r, t):
    gate, up = randn(r["count"], dtype=t), randn(r["count"], dtype=t)
    return lambda: F.silu(gate) * up


def cross_entropy(r, t):
    logits, labels = randn(r["rows"], r["classes"], dtype=t), torch.randint(r["classes"], (r["rows"],))
    return lambda: F.cross_entropy(logits, labels, reduction="none")


def adamw(r, t):
    w = torch.nn.Parameter(randn(r["count"], dtype=torch.float32))
    w.grad = randn(r["count"], dtype=torch.float32)
    optimizer = torch.optim.AdamW([w], fused=True)
    return optimizer.step


def embedding(r, t):
    table, ids = randn(r["vocabulary"], r["dim"], dtype=t), torch.randint(r["vocabulary"], (r["rows"],))
    return lambda: F.embedding(ids, table)


def vit_block(r, t):
    d, heads = r["dim"], r["heads"]
    layer = torch.nn.TransformerEncoderLayer(
        d, heads, r["mlp"], 0.0, "gelu", batch_first=True, norm_first=True, dtype=t
    ).eval()
    stack = torch.nn.TransformerEncoder(layer, r["blocks"], enable_nested_tensor=False).eval()
    x = randn(r["images"], r["tokens"], d, dtype=t)
    return lambda: stack(x)


def training_step(r, t):
    """Forward, backward and AdamW with f32 masters of the transformer of bench/ops/networks.ts."""
    d, heads, mlp, vocabulary = r["dim"], r["heads"], r["mlp"], r["vocabulary"]
    batch, tokens = r["batch"], r["tokens"]
    parameters = []

    def parameter(*shape):
        parameters.append((torch.randn(*shape) * 0.05).to(t).requires_grad_())
        return parameters[-1]

    table, head = parameter(vocabulary, d), parameter(vocabulary, d)
    stack = [
        dict(
            n1=parameter(d), n2=parameter(d), q=parameter(d, d), k=parameter(d, d), v=parameter(d, d),
            o=parameter(d, d), gate=parameter(mlp, d), up=parameter(mlp, d), down=parameter(d, mlp),
        )
        for _ in range(r["layers"])
    ]  # fmt: skip
    masters = [torch.nn.Parameter(p.detach().float()) for p in parameters]
    optimizer = torch.optim.AdamW(masters, lr=1e-4, fused=True)
    ids = torch.arange(batch * tokens).view(batch, tokens) * 31 % vocabulary
    labels = ((torch.arange(batch * tokens) + 1) * 31) % vocabulary
    half = torch.arange(0, d // heads, 2) / (d // heads)
    angles = torch.outer(torch.arange(tokens), 10000.0**-half).repeat(1, 2)
    cos, sin = angles.cos().to(t), angles.sin().to(t)

    def as_heads(x):
        return x.view(batch, tokens, heads, d // heads).transpose(1, 2)

    def forward():
        x = F.embedding(ids, table)
        for l in stack:
            a = F.rms_norm(x, (d,), l["n1"])
            q, k = (rotated(as_heads(F.linear(a, l[name])), cos, sin) for name in "qk")
            y = F.scaled_dot_product_attention(q, k, as_heads(F.linear(a, l["v"])), is_causal=True)
            h = x + F.linear(y.transpose(1, 2).reshape(batch, tokens, d), l["o"])
            b = F.rms_norm(h, (d,), l["n2"])
            x = h + F.linear(F.silu(F.linear(b, l["gate"])) * F.linear(b, l["up"]), l["down"])
        logits = F.linear(x, head).view(batch * tokens, vocabulary).float()
        total = torch.logsumexp(logits, -1)
        picked = logits.gather(-1, labels[:, None])[:, 0]
        return (total - picked + 1e-5 * total * total).sum()

    def step():
        grads = torch.autograd.grad(forward(), parameters)
        for master, grad in zip(masters, grads):
            master.grad = grad.float()
        optimizer.step()
        with torch.no_grad():
            torch._foreach_copy_(parameters, masters)

    return step


OPS = {f.__name__: f for f in (
    linear, linear_onednn, attention, attention_backward, attention_both, perceiver_attention, sample, conv2d,
    conv2d_backward, norm, group_norm, pointwise, swiglu, cross_entropy, adamw, embedding, vit_block,
    training_step,
)}
NEEDS_GRAD = {"attention_backward", "attention_both", "conv2d_backward", "training_step"}


def measure(request):
    with torch.set_grad_enabled(request["op"] in NEEDS_GRAD):
        op, dtype = OPS[request["op"]], DTYPES[request["dtype"]]
        turns = itertools.cycle([op(request, dtype) for _ in range(request.get("sets", 1))])

        def step():
            return next(turns)()

        for _ in range(2):
            step()  # warm-up
        return {"seconds": median_seconds(step, request["seconds"], 5)}


if __name__ == "__main__":
    torch.manual_seed(1)
    serve(measure)
