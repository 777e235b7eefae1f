"""Transformers' ChameleonModel, with adapters put around its linear layers."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import ChameleonConfig, DynamicCache
from transformers.models.chameleon.modeling_chameleon import ChameleonModel

from .folder import read_checkpoint, read_json, read_tensors, write_json, write_tensors

TITLE = "small Chameleon: forward, masks, cache, injected embeddings, LoRA, losses and gradients"
REFERENCE = ["transformers ChameleonModel"]
EXPECTED = "expected.safetensors"
#: What logits that are masked are.
LEAST = torch.finfo(torch.float32).min


class WithLora(nn.Module):
    """`y = x W^T + (x A) B`"""

    def __init__(self, base, a, b):
        super().__init__()
        self.base, self.a, self.b = base, nn.Parameter(a), nn.Parameter(b)

    def forward(self, x):
        return self.base(x) + x @ self.a @ self.b


class Chameleon:
    """A checkpoint's transformer and head."""

    def __init__(self, folder, dtype):
        raw = read_json(folder / "config.json")
        config = ChameleonConfig(
            **{
                k: raw[k]
                for k in (
                    "vocab_size",
                    "hidden_size",
                    "intermediate_size",
                    "num_hidden_layers",
                    "num_attention_heads",
                    "num_key_value_heads",
                    "hidden_act",
                    "max_position_embeddings",
                    "rms_norm_eps",
                    "swin_norm",
                )
            },
            rope_parameters={"rope_type": "default", "rope_theta": raw["rope_theta"]},
            pad_token_id=None,
            vq_config=dict(
                base_channels=32,
                channel_multiplier=[1],
                num_res_blocks=1,
                latent_channels=8,
                embed_dim=8,
                num_embeddings=16,
                resolution=16,
            ),
            vocabulary_map={"<image>": 0},
            attn_implementation="sdpa",
        )
        self.model = ChameleonModel(config)
        del self.model.vqmodel
        state = read_checkpoint(folder, dtype)
        self.head = nn.Linear(raw["hidden_size"], raw["vocab_size"], bias=False).to(dtype)
        self.head.weight.data = state.pop("lm_head.weight")
        for name, own in self.model.state_dict().items():
            value = state[f"model.{name}"]
            if ".q_norm." in name or ".k_norm." in name:
                # Row i of as many as there were devices serves an equal share of the heads.
                value = value.repeat_interleave(len(own) // len(value), 0)
            state[f"model.{name}"] = value
        self.model = self.model.to(dtype).eval()
        self.model.load_state_dict({k.removeprefix("model."): v for k, v in state.items()})
        for parameter in [*self.model.parameters(), self.head.weight]:
            parameter.requires_grad_(False)
        masked = raw.get("mask_image_logits", False)
        names = raw.get("vocabulary_map", {})
        self.masked = [i for name, i in names.items() if name.startswith("IMGIMG")] if masked else []
        self.layers = raw["num_hidden_layers"]
        self.max_positions = raw["max_position_embeddings"]
        self.dtype = dtype

    def apply_lora(self, tensors):
        """Parameters of the adapter, by their names."""
        parameters = {}
        for name in [n.removesuffix(".A") for n in tensors if n.endswith(".A")]:
            path = (
                "lm_head"
                if name.startswith("lm_head")
                else name.removeprefix("model.").removesuffix("_lora")
            )
            a, b = (tensors[f"{name}.{side}"].to(self.dtype) for side in "AB")
            if path == "lm_head":
                self.head = module = WithLora(self.head, a, b)
            else:
                parent, _, leaf = path.rpartition(".")
                parent = self.model.get_submodule(parent)
                module = WithLora(getattr(parent, leaf), a, b)
                setattr(parent, leaf, module)
            parameters[f"{name}.A"], parameters[f"{name}.B"] = module.a, module.b
        return parameters

    def embed(self, ids, style=None, index=None):
        """`[sequences, tokens, width]`; `index` says which rows `style`'s take the place of."""
        x = self.model.embed_tokens(ids)
        if style is not None:
            x = x.clone()
            for s, places in enumerate(index):
                x[s, places] = style[s]
        return x

    def states(self, x, **options):
        """All states: embeddings, between layers, and behind the last norm."""
        out = self.model(
            inputs_embeds=x, output_hidden_states=True, use_cache="past_key_values" in options, **options
        )
        return out.hidden_states[:-1] + (out.last_hidden_state,)

    def logits(self, hidden):
        logits = self.head(hidden)
        if self.masked:
            logits = logits.clone()
            logits[..., self.masked] = LEAST
        return logits

    def forward(self, ids, style=None, index=None):
        return self.logits(self.states(self.embed(ids, style, index))[-1])


def padded(rows, value):
    length = max(map(len, rows))
    return torch.tensor([row + [value] * (length - len(row)) for row in rows])


def training_batch(batch, max_tokens=None):
    """Ids and labels, cut to what the model takes and padded on the right."""
    cut = lambda rows: [row[:max_tokens] for row in rows]
    return padded(cut(batch["input_ids"]), 0), padded(cut(batch["labels"]), -100)


def losses(logits, labels):
    """Mean cross-entropy and mean squared log of the normaliser, both over labels of the next token."""
    logits, labels = (
        logits[:, :-1].float() if logits.dtype != torch.float64 else logits[:, :-1],
        labels[:, 1:],
    )
    kept = labels >= 0
    logits, labels = logits[kept], labels[kept]
    return F.cross_entropy(logits, labels), torch.logsumexp(logits, -1).square().mean()


def lora_state(c, rank, draw, std=0.25):
    width, inner, vocabulary = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    kv = width // c["num_attention_heads"] * c["num_key_value_heads"]
    outs = {
        "self_attn.q_proj": (width, width),
        "self_attn.k_proj": (width, kv),
        "self_attn.v_proj": (width, kv),
        "self_attn.o_proj": (width, width),
        "mlp.down_proj": (inner, width),
    }
    pairs = {
        f"model.layers.{i}.{name}_lora": of
        for i in range(c["num_hidden_layers"])
        for name, of in outs.items()
    }
    pairs["lm_head.lm_head_lora"] = (width, vocabulary)
    state = {}
    for name, (fan, out) in pairs.items():
        state[f"{name}.A"] = draw.weight(fan, rank, std=std)
        state[f"{name}.B"] = draw.weight(rank, out, std=std)
    return state


def state_of(c, draw):
    width, inner, vocabulary = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    dim = width // c["num_attention_heads"]
    kv, rows = dim * c["num_key_value_heads"], c["model_parallel_size"]
    embedding = draw.weight(vocabulary, width, std=0.6)
    # These make the eps of the norms visible.
    embedding[5] *= 2.0**-12
    embedding[6] = 0
    state = {"model.embed_tokens.weight": embedding}
    for i in range(c["num_hidden_layers"]):
        at = f"model.layers.{i}"
        for name in ("input_layernorm", "post_attention_layernorm"):
            state[f"{at}.{name}.weight"] = draw.weight(width, std=0.15, mean=1.0)
        for name, out in (("q", width), ("k", kv), ("v", kv), ("o", width)):
            state[f"{at}.self_attn.{name}_proj.weight"] = draw.matrix(out, width, gain=1.25)
        state |= draw.norm(f"{at}.self_attn.q_norm", rows, dim) | draw.norm(
            f"{at}.self_attn.k_norm", rows, dim
        )
        for name, shape in (("gate", (inner, width)), ("up", (inner, width)), ("down", (width, inner))):
            state[f"{at}.mlp.{name}_proj.weight"] = draw.matrix(*shape, gain=1.25)
    state["model.norm.weight"] = draw.weight(width, std=0.15, mean=1.0)
    state["lm_head.weight"] = draw.matrix(vocabulary, width, gain=2.0)
    return state


def write_checkpoint(folder, config, state, dtype=torch.float32, shards=2):
    """As released: config.json, shards, and the index that says which tensor is in which."""
    write_json(
        folder / "config.json",
        {
            "architectures": ["ChameleonXLLMXForConditionalGeneration"],
            "model_type": "chameleon",
            **config,
        },
    )
    names = list(state)
    index = {}
    for i in range(shards):
        file = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        part = names[i * len(names) // shards : (i + 1) * len(names) // shards]
        write_tensors(folder / file, {name: state[name].to(dtype) for name in part})
        index |= {name: file for name in part}
    total = sum(t.numel() * dtype.itemsize for t in state.values())
    write_json(
        folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": index}
    )


def vocabulary(size):
    """Names and ids: a few codes of pictures among words."""
    digits = "ABCDEFGHIJ"
    names = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    for code in range(size // 5):
        names["IMGIMG" + "".join(digits[int(d)] for d in str(code)) + "Z"] = 4 + code
    names |= {"<eoss>": len(names), "<racm3:break>": len(names) + 1, "<image>": len(names) + 2}
    return names | {f"w{i}": i for i in range(len(names), size)}


FIXED = dict(
    hidden_act="silu",
    initializer_range=0.02,
    use_cache=True,
    rope_theta=10000.0,
    rope_scaling=None,
    attention_bias=False,
    attention_dropout=0.0,
    dropout=0.0,
    mlp_bias=False,
    z_loss_weight=1e-05,
    bos_token_id=1,
    eos_token_id=2,
    tie_word_embeddings=False,
    torch_dtype="float32",
)


def sizes(rng, small):
    kv = rng.randint(1, 3)
    heads = kv * rng.randint(1, 3)
    # As many rows of the norms' weights as devices, which share the heads of both kinds.
    parallel = rng.choice([n for n in range(1, kv + 1) if kv % n == 0 and heads % n == 0])
    config = FIXED | dict(
        vocab_size=rng.randint(120, 500),
        hidden_size=heads * 8 * rng.randint(1, 4),
        intermediate_size=8 * rng.randint(3, 30),
        num_hidden_layers=rng.randint(1, 4),
        num_attention_heads=heads,
        num_key_value_heads=kv,
        max_position_embeddings=rng.randint(40, 120),
        model_parallel_size=parallel,
        swin_norm=rng.random() < 0.4,
        mask_image_logits=rng.random() < 0.3,
        rms_norm_eps=rng.choice([1e-5, 1e-6]),
        rope_theta=rng.choice([10000.0, 500.0]),
    )
    if small:
        config |= dict(
            vocab_size=120,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            model_parallel_size=1,
        )
    config["vocabulary_map"] = vocabulary(config["vocab_size"])
    return dict(config=config, rank=rng.randint(1, 6), tokens=rng.randint(18, 30), style=rng.randint(1, 16))


def sequence(draw, config, length, style):
    """Ids of one example of training, its labels, and where its style rows go."""
    first = len([n for n in config["vocabulary_map"] if n.startswith("IMGIMG")]) + 4
    ids = draw.ids(length, first, config["vocab_size"])
    prompt = style + 2
    labels = [-100] * prompt + ids[prompt:]
    # One label that is left out in the middle.
    if length > prompt + 3:
        labels[prompt + 2] = -100
    return ids, labels, list(range(1, style + 1))


def make(folder, sizes, draw):
    config, rank, tokens, style = (sizes[k] for k in ("config", "rank", "tokens", "style"))
    width, size = config["hidden_size"], config["vocab_size"]
    write_checkpoint(folder / "ckpt", config, state_of(config, draw))
    write_tensors(folder / "lora/model.safetensors", lora_state(config, rank, draw))
    rows = [draw.ids(tokens, 0, size) for _ in range(3)]
    rows[0][2], rows[0][3] = 5, 6
    lengths = [tokens, tokens - 5, max(1, tokens // 2 - 1)]
    right = [row[:n] + [0] * (tokens - n) for row, n in zip(rows, lengths)]
    left = [[1] * (tokens - n) + row[:n] for row, n in zip(rows, lengths)]
    mask = [[0] * (tokens - n) + [1] * n for n in lengths]
    # Padding is at position 1, which nobody sees.
    positions = [[1] * (tokens - n) + list(range(n)) for n in lengths]
    write_tensors(
        folder / "inputs.safetensors",
        {
            "ids": torch.tensor(rows),
            "right_ids": torch.tensor(right),
            "left_ids": torch.tensor(left),
            "left_mask": torch.tensor(mask),
            "left_pos": torch.tensor(positions),
            "style": draw.normal(3, style, width, std=0.6),
        },
    )
    index = [sorted(draw.random.sample(range(1, tokens), style)) for _ in rows]
    write_json(
        folder / "cases.json",
        {
            "lengths": lengths,
            "style_index": index,
            "lora_rank": rank,
            "cached_tokens": draw.random.randint(3, tokens - 4),
        },
    )
    most = config["max_position_embeddings"]
    drawn = [sequence(draw, config, n, style) for n in (style + 5, style + 18, style + 11, most + 7)]
    write_json(
        folder / "train_batch.json",
        {
            **{
                key: [row[i] for row in drawn]
                for i, key in enumerate(("input_ids", "labels", "style_index"))
            },
            "z_loss_weight": 1e-05,
            "max_position_embeddings": most,
        },
    )
    write_tensors(
        folder / "train_inputs.safetensors", {"input_tokens": draw.normal(4, style, width, std=0.6)}
    )


def expected(folder, dtype):
    model, cases = Chameleon(folder / "ckpt", dtype), read_json(folder / "cases.json")
    given = read_tensors(folder / "inputs.safetensors", dtype)
    ids, index = given["ids"], cases["style_index"]
    tensors = {}
    with torch.no_grad():
        states = model.states(model.embed(given["right_ids"]))
        tensors |= {f"right.hidden.{i}": h for i, h in enumerate(states)}
        tensors["right.logits"] = model.logits(states[-1])
        states = model.states(
            model.embed(given["left_ids"]),
            attention_mask=given["left_mask"],
            position_ids=given["left_pos"],
        )
        # Nobody compares what padding gives.
        tensors["left.logits"] = torch.where(given["left_mask"][..., None] > 0, model.logits(states[-1]), 0)
        tensors["full.logits"] = model.forward(ids)
        tensors |= cached(model, ids, tensors["full.logits"], cases.get("cached_tokens", 10))
        tensors["style.hidden.0"] = model.embed(ids, given["style"], index)
        tensors["style.logits"] = model.forward(ids, given["style"], index)
    parameters = model.apply_lora(read_tensors(folder / "lora/model.safetensors"))
    with torch.no_grad():
        tensors["lora.full.logits"] = model.forward(ids)
        tensors["lora.style.logits"] = model.forward(ids, given["style"], index)
    return {EXPECTED: tensors, **training(folder, model, parameters)}


def compared(folder, name):
    """The part of an expected tensor that has a meaning."""
    return read_tensors(folder / "inputs.safetensors")["left_mask"] > 0 if name == "left.logits" else ...


def cached(model, ids, full, tokens):
    """Keys and values after so many tokens; what follows over the cache must be what it is without."""
    cache = DynamicCache()
    states = model.states(model.embed(ids[:, :tokens]), past_key_values=cache)
    tensors = {}
    for i in range(model.layers):
        layer = cache.layers[i]
        tensors |= {f"cache.key.{i}": layer.keys.clone(), f"cache.value.{i}": layer.values.clone()}
    parts, at = [model.logits(states[-1])], tokens
    while at < ids.shape[1]:
        end = min(ids.shape[1], at + (3 if at == tokens else 1))
        parts.append(model.logits(model.states(model.embed(ids[:, at:end]), past_key_values=cache)[-1]))
        at = end
    off = (torch.cat(parts, 1) - full).abs().max().item()
    assert off < 1e-4, f"over the cache logits are off by {off}"
    return tensors


def training(folder, model, parameters):
    batch = read_json(folder / "train_batch.json")
    ids, labels = training_batch(batch, batch["max_position_embeddings"])
    style = read_tensors(folder / "train_inputs.safetensors", model.dtype)["input_tokens"].requires_grad_()
    ce, z = losses(model.forward(ids, style, batch["style_index"]), labels)
    loss = ce + batch["z_loss_weight"] * z
    wrt = {"input_tokens": style, **parameters}
    gradients = dict(zip(wrt, torch.autograd.grad(loss, wrt.values(), retain_graph=True)))
    of_z = {"input_tokens": style, "lm_head.lm_head_lora.B": parameters["lm_head.lm_head_lora.B"]}
    for name, gradient in zip(of_z, torch.autograd.grad(z, of_z.values())):
        gradients[f"z_only.{name}"] = gradient
    scalars = {"ce": ce, "z": z, "loss": loss}
    return {
        "train_expected.safetensors": {name: value.detach().reshape(1) for name, value in scalars.items()},
        "train_gradients.safetensors": gradients,
    }


def notes(folder):
    return [
        "embedding rows 5 (very small) and 6 (zero) make the norms' eps visible",
        "q_norm/k_norm weights are [model_parallel_size, head_dim], each row for an equal share of the heads",
    ]
