"""Whole steps of the stages that train the embedded model, by PyTorch: one JSON request a line on stdin, one
reply a line.

A request is {"op": stage, "dtype": "f32" | "bf16", ...sizes, ...settings of the optimizer, "seconds": s}; the
reply {"seconds": median of one step, "parameters": of all networks, "trained": of these}, or {"error": text}.
Weights and data are random. As with us, weights that are in bf16 have masters in f32, adapter and resampler
are in f32, CLIP and the VQGAN compute in f32 and the transformer in its dtype with logits in f32; unlike us,
its norms are in bf16 too, and so are the products of the adapter. Started and fed by bench/train.ts; needs
torch, nothing else.
"""

import torch
import torch.nn.functional as F
import torch_networks as networks
from serving import median_seconds, serve

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def fresh(shapes, dtype=torch.float32, trained=False):
    """Weights by name: of norms 1, of biases 0, others so that a product keeps its size."""

    def one(name, shape):
        if len(shape) == 1:
            weight = torch.zeros(shape) if name.endswith("bias") else torch.ones(shape)
        else:
            weight = torch.randn(shape) / torch.tensor(shape[1:]).prod().sqrt()
        if len(shape) == 4:
            weight = weight.contiguous(memory_format=torch.channels_last)
        return weight.to(dtype).requires_grad_(trained)

    return {name: one(name, shape) for name, shape in shapes.items()}


def count(tensors):
    return sum(tensor.numel() for tensor in tensors)


class Optimizer:
    """Clipping by the global norm, AdamW or Muon on f32 weights, and their moving average."""

    def __init__(self, r, network, adapter=()):
        """Of a network, by names, matrices of layers are moved by Muon where `r` asks for it."""
        self.r, self.parameters = r, [*network.values(), *adapter]
        f32 = torch.float32
        self.weights = [p if p.dtype == f32 else torch.nn.Parameter(p.detach().float()) for p in self.parameters]
        pairs = list(zip(self.parameters, self.weights))
        self.rounded = [p for p, weight in pairs if p is not weight]
        self.masters = [weight for p, weight in pairs if p is not weight]
        self.averages = [w.detach().clone() for w in self.weights] if r["averageDecay"] else []
        betas = (r["beta1"], r["beta2"])
        rate = {"lr": r["rate"], "weight_decay": r["decay"]}
        named = zip(network, self.weights) if r["optimizer"] == "muon" else ()
        matrices = [w for name, w in named if w.dim() == 2 and "layers." in name and "norm." not in name]
        moved = {id(w) for w in matrices}
        others = [w for w in self.weights if id(w) not in moved]
        self.optimizers = [torch.optim.AdamW(others, betas=betas, eps=1e-8, fused=True, **rate)]
        if matrices:
            muon = torch.optim.Muon(matrices, momentum=r["momentum"], adjust_lr_fn="match_rms_adamw", **rate)
            self.optimizers.append(muon)

    def step(self, loss):
        gradients = torch.autograd.grad(loss, self.parameters)
        for weight, gradient in zip(self.weights, gradients):
            weight.grad = gradient.float()
        norm = torch.nn.utils.clip_grad_norm_(self.weights, self.r["maxNorm"])
        for optimizer in self.optimizers:
            optimizer.step()
        with torch.no_grad():
            if self.rounded:
                torch._foreach_copy_(self.rounded, self.masters)
            if self.averages:
                torch._foreach_lerp_(self.averages, self.weights, 1 - self.r["averageDecay"])
        if not torch.isfinite(torch.stack([loss.detach(), norm])).all():
            raise ValueError(f"a loss of {loss.item()} with gradients of norm {norm.item()}")


def vqgan(r):
    r["multipliers"] = [int(m) for m in r["multipliers"].split(",")]
    r["levels"] = len(r["multipliers"])
    w = fresh(networks.vqgan_shapes(r), trained=True)
    model, codebook = networks.Vqgan(r, w), w["quantize.embedding.weight"]
    optimizer = Optimizer(r, w)
    pictures = torch.randint(256, (r["images"], 3, r["resolution"], r["resolution"]), dtype=torch.uint8)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    idle = torch.zeros(r["codes"], dtype=torch.long)

    def step():
        pixels = pictures.float() / 127.5 - 1
        mirrored = torch.rand(len(pixels), 1, 1, 1) < 0.5
        pixels = torch.where(mirrored, pixels.flip(-1), pixels)
        latents = model.encode(pixels)
        rows = latents.permute(0, 2, 3, 1).flatten(0, 2)
        with torch.no_grad():
            codes = (codebook.square().sum(1) - 2 * rows @ codebook.T).argmin(1)
        found = F.embedding(codes, codebook)
        values = (rows + (found - rows).detach()).view(len(pixels), *latents.shape[2:], -1)
        seen = model.decode(values.permute(0, 3, 1, 2))
        terms = picture_terms(r, seen, pixels)
        terms["covariance"] = covariance_term(rows)
        terms["codebook"] = (found - rows.detach()).square().mean()
        terms["commitment"] = (rows - found.detach()).square().mean()
        optimizer.step(sum(r[name] * term for name, term in terms.items()))
        revive(codes, rows.detach())

    @torch.no_grad()
    def revive(codes, rows):
        idle.add_(1)
        idle[codes] = 0
        dead = (idle >= r["deadAfter"]).nonzero()[:, 0]
        if len(dead) > 0:
            codebook[dead] = rows[torch.randint(len(rows), (len(dead),))]
            idle[dead] = 0

    return step, w.values(), optimizer


def magnitude(x):
    return (x.square() + 2.0**-18).sqrt()


def along(pixels, axis, distance=1):
    size = pixels.shape[axis] - distance
    return pixels.narrow(axis, distance, size) - pixels.narrow(axis, 0, size)


OPPONENTS = torch.tensor([[0.5**0.5, -(0.5**0.5), 0], [-((1 / 6) ** 0.5), -((1 / 6) ** 0.5), (2 / 3) ** 0.5]])


def picture_terms(r, seen, pixels):
    """The terms of a VQGAN's loss that pixels make (lib/train/vqgan_trainer.ts), those with a weight."""
    off = seen - pixels

    def strength(x, axis, distance):
        return (F.avg_pool2d(along(x, axis, distance).square(), 8, 4) + (1 / 255) ** 2).sqrt()

    def texture(axis, distance):
        return magnitude(strength(seen, axis, distance) - strength(pixels, axis, distance)).mean()

    terms = {
        "squared": lambda: off.square().mean(),
        "absolute": lambda: magnitude(off).mean(),
        "edges": lambda: sum(magnitude(along(off, axis)).mean() for axis in (2, 3)) / 2,
        "chroma": lambda: (off.permute(0, 2, 3, 1) @ OPPONENTS.T).square().mean(),
        "texture": lambda: sum(texture(axis, d) for d in (1, 2) for axis in (2, 3)) / 4,
    }
    return {name: term() for name, term in terms.items() if r[name] > 0}


def covariance_term(rows):
    centred = rows - rows.mean(0)
    off = centred.T @ centred / len(rows) - torch.eye(rows.shape[1])
    return off.square().mean()


def tower(r, name, **others):
    """The sizes of one tower of CLIP."""
    sizes = {size: r[f"{name}{size.capitalize()}"] for size in ("width", "layers", "heads", "inner")}
    return {**sizes, **others}


def vision_of(r):
    return tower(r, "vision", patch=r["patch"], imageSize=r["imageSize"])


def pixels_of(r, images):
    return torch.randn(images, r["imageSize"], r["imageSize"], 3).permute(0, 3, 1, 2)


def clip(r):
    vision = vision_of(r)
    text = tower(r, "text", vocabulary=r["textVocabulary"], positions=r["textPositions"])
    shapes = networks.clip_vision_shapes(vision) | networks.clip_text_shapes(text)
    shapes["visual_projection.weight"] = (r["projection"], vision["width"])
    shapes["text_projection.weight"] = (r["projection"], text["width"])
    w = fresh(shapes, trained=True)
    scale = w["logit_scale"] = torch.tensor(0.07**-1).log().requires_grad_()
    optimizer = Optimizer(r, w)
    pairs = r["pairs"]
    pixels, own = pixels_of(r, pairs), torch.arange(pairs)
    ids = torch.randint(2, text["vocabulary"], (pairs, r["textTokens"]))

    def step():
        states = networks.clip_vision(vision, w, pixels, vision["layers"])[:, 0]
        images = networks.linear(w, "visual_projection", networks.layer_norm(w, "vision_model.post_layernorm", states))
        states = networks.clip_text(text, w, ids)[:, -1]
        texts = networks.linear(w, "text_projection", networks.layer_norm(w, "text_model.final_layer_norm", states))
        logits = scale.exp() * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
        optimizer.step((F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2)
        with torch.no_grad():
            scale.clamp_(max=torch.tensor(100.0).log())

    return step, w.values(), optimizer


def sequences_of(r):
    """Ids, and what each token is to be followed by: the last ones of a sequence count, -1 elsewhere."""
    ids = torch.randint(r["vocabulary"], (r["sequences"], r["tokens"]))
    labels = torch.full_like(ids, -1)
    labels[:, -1 - r["answer"] : -1] = ids[:, -r["answer"] :]
    return ids, labels


def token_losses(logits, labels, z_loss=0.0):
    """Minus the log-probability of each label, plus `z_loss` times the squared log of the normaliser."""
    counted = labels >= 0
    total = torch.logsumexp(logits, -1)
    picked = logits.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return torch.where(counted, total - picked + z_loss * total * total, 0)


def language(r):
    w = fresh(networks.chameleon_shapes(r), DTYPES[r["dtype"]], trained=True)
    model = networks.Chameleon(r, w, r["tokens"])
    optimizer = Optimizer(r, w)
    ids, labels = sequences_of(r)
    counted = (labels >= 0).sum()

    def step():
        logits = model.logits(model.embed(ids))
        optimizer.step(token_losses(logits, labels, r["zLoss"]).sum() / counted)

    return step, w.values(), optimizer


class Styled:
    """What the stages that read a style have: frozen CLIP and transformer, a resampler, an adapter."""

    def __init__(self, r, resampler_trained):
        self.r, self.vision = r, vision_of(r)
        self.sizes = {
            **{"dim": r["resamplerDim"], "depth": r["resamplerDepth"], "heads": r["resamplerHeads"]},
            **{"headDim": r["resamplerHeadDim"], "queries": r["queries"], "ffMult": r["ffMult"]},
            **{"inputDim": r["visionWidth"], "outputDim": r["dim"]},
        }
        self.frozen = fresh(networks.chameleon_shapes(r), DTYPES[r["dtype"]])
        self.clip = fresh(networks.clip_vision_shapes(self.vision))
        self.resampler = fresh(networks.resampler_shapes(self.sizes), trained=resampler_trained)
        self.lora = fresh(networks.lora_shapes(r), trained=True)
        self.model = networks.Chameleon(r, self.frozen, r["tokens"])
        self.model.lora = self.lora
        self.ids, self.labels = sequences_of(r)

    def weights(self):
        return [t for w in (self.frozen, self.clip, self.resampler, self.lora) for t in w.values()]

    @torch.no_grad()
    def features(self, pixels):
        """The output of CLIP's last layer but one."""
        return networks.clip_vision(self.vision, self.clip, pixels, self.vision["layers"] - 1)

    def style(self, features):
        style = networks.resampler(self.sizes, self.resampler, features)
        return style + self.r["noiseStrength"] * torch.randn_like(style)

    def logits(self, style):
        x = self.model.embed(self.ids)
        places = self.r["queries"]  # from the second token on
        return self.model.logits(torch.cat([x[:, :1], style.to(x.dtype), x[:, 1 + places :]], 1))


def scattered(pixels):
    """Each picture's 4 x 4 tiles in another order, each mirrored or not."""
    images, _, side, _ = pixels.shape
    tiles = pixels.unflatten(3, (4, -1)).unflatten(2, (4, -1)).permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    order = torch.rand(images, 16).argsort(1)
    tiles = tiles[torch.arange(images)[:, None], order]
    tiles = torch.where(torch.rand(images, 16, 1, 1, 1) < 0.5, tiles.flip(-1), tiles)
    return tiles.unflatten(1, (4, 4)).permute(0, 3, 1, 4, 2, 5).reshape(images, 3, side, side)


def style(r):
    parts = Styled(r, resampler_trained=True)
    optimizer = Optimizer(r, parts.resampler, parts.lora.values())
    pixels = pixels_of(r, r["sequences"])
    counted = (parts.labels >= 0).sum()

    def step():
        seen = scattered(pixels) if r["scatter"] > 0 else pixels
        logits = parts.logits(parts.style(parts.features(seen)))
        optimizer.step(token_losses(logits, parts.labels, r["zLoss"]).sum() / counted)

    return step, parts.weights(), optimizer


def dpo(r):
    parts = Styled(r, resampler_trained=False)
    reference = {name: tensor.detach().clone() for name, tensor in parts.lora.items()}
    optimizer = Optimizer(r, {}, parts.lora.values())
    pairs = r["sequences"] // 2
    pixels = pixels_of(r, pairs)

    def gains(style):
        return -token_losses(parts.logits(style), parts.labels).sum(1)

    def step():
        with torch.no_grad():
            style = parts.style(parts.features(pixels)).repeat(2, 1, 1)
            parts.model.lora = reference
            before = gains(style)
            parts.model.lora = parts.lora
        chosen, rejected = (gains(style) - before).split(pairs)
        optimizer.step(-F.logsigmoid(r["beta"] * (chosen - rejected)).mean())

    return step, [*parts.weights(), *reference.values()], optimizer


STAGES = {f.__name__: f for f in (vqgan, clip, language, style, dpo)}


def measure(request):
    step, weights, optimizer = STAGES[request["op"]](request)
    for _ in range(2):
        step()  # warm-up
    seconds = median_seconds(step, request["seconds"], 5)
    return {"seconds": seconds, "parameters": count(weights), "trained": count(optimizer.parameters)}


if __name__ == "__main__":
    torch.manual_seed(1)
    serve(measure)
