"""The perceiver resampler, as an nn.Module with the names of `image_proj.pth`. The options that
the class has and StyleAR does not use, positions and mean-pooled latents, are those of its public ancestor:
positions are added to the features, and latents made of the mean of `x` go before the learned ones."""

import torch
from torch import nn

from .folder import read_json, read_tensors, read_torch, write_json, write_tensors

TITLE = "Perceiver resampler: forward and gradients"
REFERENCE = ["written from the description of the model, PyTorch"]


class Attention(nn.Module):
    def __init__(self, dim, dim_head, heads):
        super().__init__()
        inner = dim_head * heads
        self.heads, self.scale = heads, dim_head**-0.25
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, inner, bias=False)
        self.to_kv = nn.Linear(dim, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim, bias=False)

    def forward(self, x, z):
        x, z = self.norm1(x), self.norm2(z)
        k, v = self.to_kv(torch.cat([x, z], 1)).chunk(2, -1)
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in (self.to_q(z), k, v))
        scores = (q * self.scale) @ (k * self.scale).transpose(-2, -1)
        return self.to_out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class Resampler(nn.Module):
    def __init__(
        self,
        dim,
        depth,
        dim_head,
        heads,
        num_queries,
        embedding_dim,
        output_dim,
        ff_mult,
        max_seq_len=257,
        apply_pos_emb=False,
        num_latents_mean_pooled=0,
    ):
        super().__init__()
        if apply_pos_emb:
            self.pos_emb = nn.Embedding(max_seq_len, embedding_dim)
        self.latents = nn.Parameter(torch.zeros(1, num_queries, dim))
        self.proj_in, self.proj_out = nn.Linear(embedding_dim, dim), nn.Linear(dim, output_dim)
        self.norm_out = nn.LayerNorm(output_dim)
        self.pooled = num_latents_mean_pooled
        if self.pooled:
            self.to_latents_from_mean_pooled_seq = nn.Sequential(
                nn.LayerNorm(dim), nn.Linear(dim, dim * self.pooled)
            )
        inner = dim * ff_mult
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    Attention(dim, dim_head, heads),
                    nn.Sequential(
                        nn.LayerNorm(dim),
                        nn.Linear(dim, inner, bias=False),
                        nn.GELU(),
                        nn.Linear(inner, dim, bias=False),
                    ),
                ]
            )
            for _ in range(depth)
        )

    def forward(self, x):
        if hasattr(self, "pos_emb"):
            x = x + self.pos_emb.weight[: x.shape[1]]
        x = self.proj_in(x)
        z = self.latents.expand(len(x), -1, -1)
        if self.pooled:
            made = self.to_latents_from_mean_pooled_seq(x.mean(1)).unflatten(-1, (self.pooled, -1))
            z = torch.cat([made, z], 1)
        for attention, feed_forward in self.layers:
            z = attention(x, z) + z
            z = feed_forward(z) + z
        return self.norm_out(self.proj_out(z))


def load(config, state, dtype):
    module = Resampler(**config)
    module.load_state_dict(state)
    return module.to(dtype)


def state_of(config, draw):
    """Weights by the names of the file."""
    state = {}
    for name, parameter in Resampler(**config).named_parameters():
        shape = parameter.shape
        if name == "latents":
            state[name] = draw.weight(*shape, std=1.0)
        elif parameter.dim() == 2:
            std = 0.5 if name.startswith("pos_emb") else 1.5 * shape[1] ** -0.5
            state[name] = draw.weight(*shape, std=std)
        else:
            norm = any(part in name for part in ("norm", ".1.0.", "seq.0."))
            mean = 1.0 if norm and name.endswith("weight") else 0.0
            state[name] = draw.weight(*shape, std=0.15, mean=mean)
    return state


def sizes(rng, small):
    if small:
        config = dict(
            dim=16,
            depth=1,
            dim_head=8,
            heads=3,
            num_queries=2,
            embedding_dim=12,
            output_dim=20,
            ff_mult=2,
            max_seq_len=9,
            apply_pos_emb=True,
            num_latents_mean_pooled=1,
        )
        return dict(config=config, images=2, tokens=7)
    config = dict(
        dim=8 * rng.randint(2, 13),
        depth=rng.randint(1, 4),
        dim_head=8 * rng.randint(1, 6),
        heads=rng.randint(1, 7),
        num_queries=rng.randint(1, 20),
        embedding_dim=4 * rng.randint(2, 21),
        output_dim=4 * rng.randint(2, 25),
        ff_mult=rng.randint(1, 4),
    )
    tokens = rng.randint(1, 40)
    if rng.random() < 0.5:
        config |= dict(
            max_seq_len=tokens + rng.randint(0, 5),
            apply_pos_emb=rng.random() < 0.5,
            num_latents_mean_pooled=rng.randint(0, 3),
        )
    return dict(config=config, images=rng.randint(1, 3), tokens=tokens)


def make(folder, sizes, draw):
    config, state = sizes["config"], state_of(sizes["config"], draw)
    write_json(folder / "config.json", config)
    torch.save(state, folder / "image_proj.pth")
    torch.save({k: v.bfloat16() for k, v in state.items()}, folder / "image_proj_bf16.pth")
    torch.save({k: v.half() for k, v in state.items()}, folder / "image_proj_f16.pth")
    write_tensors(folder / "image_proj.safetensors", state)
    torch.save(views(state), folder / "image_proj_views.pth")
    images, tokens = sizes["images"], sizes["tokens"]
    queries = config["num_queries"] + config.get("num_latents_mean_pooled", 0)
    write_tensors(
        folder / "inputs.safetensors",
        {
            "x": draw.normal(images, tokens, config["embedding_dim"]),
            "g": draw.normal(images, queries, config["output_dim"]),
        },
    )


def views(state):
    """The same values in one storage, matrices transposed in memory."""
    ordered = {k: (v.T if v.dim() == 2 else v).contiguous() for k, v in state.items()}
    flat = torch.cat([v.flatten() for v in ordered.values()])
    result, at = {}, 0
    for name, value in ordered.items():
        view = flat[at : at + value.numel()].view(value.shape)
        result[name] = view.T if value.dim() == 2 else view
        at += value.numel()
    return result


def expected(folder, dtype):
    module = load(read_json(folder / "config.json"), read_torch(folder / "image_proj.pth"), dtype)
    inputs = read_tensors(folder / "inputs.safetensors", dtype)
    x = inputs["x"].requires_grad_()
    y = module(x)
    loss = (y * inputs["g"]).sum()
    loss.backward()
    gradients = {name: p.grad for name, p in module.named_parameters()}
    return {
        "expected.safetensors": {"y": y.detach(), "loss": loss.detach().reshape(1)},
        "gradients.safetensors": {"x": x.grad, **gradients},
    }


def notes(folder):
    return [
        "keys and values come from [features; latents]; loss = sum(y * g)",
        "image_proj_views.pth: all tensors views into one storage, matrices with transposed strides",
    ]
