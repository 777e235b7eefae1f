"""Three steps of AdamW over a resampler and an adapter, through the frozen transformer."""

import math

import torch

from . import chameleon, resampler
from .folder import (
    beside,
    read_json,
    read_tensors,
    read_torch,
    write_json,
    write_tensors,
)

TITLE = "joint training of resampler and LoRA through the frozen model: 3 AdamW steps"
REFERENCE = ["transformers ChameleonModel", "torch.optim.AdamW, torch.nn.utils.clip_grad_norm_"]
BESIDE = ["chameleon"]
Z_LOSS = 1e-5


def sizes(rng, small):
    runs = {
        # The published settings: the first rate is 0, so only the moments move.
        "lumina": dict(
            lr=2e-5, min_lr=2e-5, wd=0.1, clip=4.0, warmup_epochs=0.01, epochs=2, iters=200, first_iter=0
        ),
        "big": dict(
            lr=1e-3, min_lr=1e-3, wd=0.1, clip=0.5, warmup_epochs=0.0, epochs=1, iters=10, first_iter=0
        ),
        "fresh": dict(
            lr=1e-3, min_lr=0.0, wd=0.0, clip=1e9, warmup_epochs=0.03, epochs=1, iters=40, first_iter=2
        ),
    }
    if small:
        return dict(
            dim=8, depth=1, dim_head=8, heads=1, style=2, embedding=6, tokens=3, rank=1, batch=2, runs=runs
        )
    runs["big"] |= dict(
        lr=rng.choice([3e-4, 1e-3]), wd=rng.choice([0.01, 0.3]), clip=rng.choice([0.3, 1.0])
    )
    runs["fresh"] |= dict(iters=rng.randint(30, 60), first_iter=rng.randint(0, 5))
    return dict(
        dim=8 * rng.randint(2, 8),
        depth=rng.randint(1, 3),
        dim_head=8,
        heads=rng.randint(1, 4),
        style=rng.randint(1, 10),
        embedding=4 * rng.randint(2, 12),
        tokens=rng.randint(2, 12),
        rank=rng.randint(1, 5),
        batch=rng.randint(1, 4),
        runs=runs,
    )


def make(folder, sizes, draw):
    config = read_json(beside(folder, "chameleon") / "ckpt/config.json")
    own = dict(
        dim=sizes["dim"],
        depth=sizes["depth"],
        dim_head=sizes["dim_head"],
        heads=sizes["heads"],
        num_queries=sizes["style"],
        embedding_dim=sizes["embedding"],
        output_dim=config["hidden_size"],
        ff_mult=2,
    )
    write_json(folder / "resampler_config.json", own)
    torch.save(resampler.state_of(own, draw), folder / "image_proj.pth")
    write_tensors(folder / "lora.safetensors", chameleon.lora_state(config, sizes["rank"], draw))
    batches, features = [], {}
    for i in range(3):
        drawn = [
            chameleon.sequence(draw, config, sizes["style"] + draw.random.randint(5, 16), sizes["style"])
            for _ in range(sizes["batch"])
        ]
        batches.append(
            {key: [row[k] for row in drawn] for k, key in enumerate(("input_ids", "labels", "style_index"))}
        )
        features[f"feat{i}"] = draw.normal(sizes["batch"], sizes["tokens"], sizes["embedding"])
    write_json(folder / "batches.json", batches)
    write_tensors(folder / "features.safetensors", features)
    shared = dict(betas=[0.9, 0.95], eps=1e-8, accum_iter=1, steps=3)
    write_json(folder / "runs.json", {name: {**run, **shared} for name, run in sizes["runs"].items()})


def rate(run, step):
    """Warm-up to `lr` over so many epochs, then half a cosine to `min_lr`."""
    epoch = (run["first_iter"] + step) / run["iters"]
    warm = run["warmup_epochs"]
    if epoch < warm:
        return run["lr"] * epoch / warm
    done = (epoch - warm) / (run["epochs"] - warm)
    return run["min_lr"] + (run["lr"] - run["min_lr"]) * 0.5 * (1 + math.cos(math.pi * done))


def train(folder, dtype, name, run):
    model = chameleon.Chameleon(beside(folder, "chameleon") / "ckpt", dtype)
    lora = read_tensors(folder / "lora.safetensors")
    if name == "fresh":
        lora = {key: torch.zeros_like(t) if key.endswith(".B") else t for key, t in lora.items()}
    module = resampler.load(
        read_json(folder / "resampler_config.json"), read_torch(folder / "image_proj.pth"), dtype
    )
    parameters = {f"resampler.{key}": p for key, p in module.named_parameters()}
    parameters |= {f"lora.{key}": p for key, p in model.apply_lora(lora).items()}
    before = {key: p.detach().clone() for key, p in parameters.items()}
    optimizer = torch.optim.AdamW(
        parameters.values(), lr=0.0, betas=run["betas"], eps=run["eps"], weight_decay=run["wd"]
    )
    features, tensors, log = read_tensors(folder / "features.safetensors", dtype), {}, []
    for step, batch in enumerate(read_json(folder / "batches.json")):
        lr = rate(run, step)
        for group in optimizer.param_groups:
            group["lr"] = lr
        ids, labels = chameleon.training_batch(batch)
        style = module(features[f"feat{step}"])
        ce, z = chameleon.losses(model.forward(ids, style, batch["style_index"]), labels)
        loss = ce + Z_LOSS * z
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), run["clip"])
        if step == 0:
            tensors |= {f"grad1.{key}": p.grad.clone() for key, p in parameters.items()}
        optimizer.step()
        log.append(
            {
                "iter": run["first_iter"] + step,
                "ce": ce.item(),
                "z": z.item(),
                "loss": loss.item(),
                "grad_norm": norm.item(),
                "lr": lr,
            }
        )
    for key, p in parameters.items():
        moments = optimizer.state[p]
        tensors |= {f"after3.{key}": p.detach(), f"delta3.{key}": p.detach() - before[key]}
        if name == "big":
            tensors |= {f"exp_avg.{key}": moments["exp_avg"], f"exp_avg_sq.{key}": moments["exp_avg_sq"]}
    return tensors, log


def expected(folder, dtype):
    runs = read_json(folder / "runs.json")
    files = {}
    for name, run in runs.items():
        files[f"run_{name}.safetensors"], log = train(folder, dtype, name, run)
        runs[name] = {**run, "log" if dtype == torch.float32 else "log_float64": log}
    return {**files, "runs.json": runs}


def merge(single, double):
    """Logs of both runs."""
    runs = {name: {**run, **single["runs.json"][name]} for name, run in double["runs.json"].items()}
    return {**single, "runs.json": runs}


def notes(folder):
    return [
        "after3 = value after 3 steps, delta3 = after3 - start, grad1 = gradient of the first step after clipping",
        "run 'fresh' starts with B = 0; one parameter group, decoupled weight decay, clip factor min(1, clip/(norm+1e-6))",
    ]
