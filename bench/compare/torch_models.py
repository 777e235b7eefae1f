"""Whole parts of the model by PyTorch, on weights and inputs that we wrote: one JSON request a line on
stdin, one reply a line.

A request is {"op": name, "weights": file, "input": file, "output": file, "dtype": "f32" | "bf16", ...sizes,
"seconds": s}; files are safetensors. The reply is {"seconds": median of one call}, or {"error": text};
what the call returns is in the output file as "y". CLIP and Chameleon are those of transformers; the
resampler and the VQGAN, which it has not, are written out here. Started and fed by bench/models.ts; needs
torch, transformers and safetensors.
"""

import json
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def load(module, weights, prefix=""):
    """Fills a module of transformers; the names of newer releases lack the prefix of files."""
    state = module.state_dict()
    for name, tensor in state.items():
        key = prefix + name
        if key in weights:
            tensor.copy_(weights[key].expand_as(tensor))
        elif name.endswith((".weight", ".bias", "embedding")):
            raise KeyError(key)
    return module.eval()


def clip_vision(r, w, x):
    from transformers import CLIPVisionConfig, CLIPVisionModel

    config = CLIPVisionConfig(
        hidden_size=r["width"], intermediate_size=r["inner"], num_hidden_layers=r["layers"],
        num_attention_heads=r["heads"], image_size=r["imageSize"], patch_size=r["patch"],
        hidden_act="gelu", attn_implementation="sdpa",
    )
    model = CLIPVisionModel(config)
    prefixed = any(name.startswith("vision_model.") for name in model.state_dict())
    load(model, w, "" if prefixed else "vision_model.")
    pixels = x["x"].permute(0, 3, 1, 2).contiguous()
    return lambda: model(pixel_values=pixels).last_hidden_state


def resampler(r, w, x):
    def norm(name, y):
        return F.layer_norm(y, y.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"])

    def heads(y):
        return y.unflatten(-1, (r["heads"], r["headDim"])).transpose(1, 2)

    def forward():
        f = F.linear(x["x"], w["proj_in.weight"], w["proj_in.bias"])
        z = w["latents"].expand(len(f), -1, -1)
        for layer in range(r["depth"]):
            at = f"layers.{layer}"
            g, n = norm(f"{at}.0.norm1", f), norm(f"{at}.0.norm2", z)
            q = heads(F.linear(n, w[f"{at}.0.to_q.weight"]))
            kv = F.linear(torch.cat([g, n], 1), w[f"{at}.0.to_kv.weight"])
            k, v = (heads(y) for y in kv.chunk(2, -1))
            y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            z = z + F.linear(y, w[f"{at}.0.to_out.weight"])
            y = F.gelu(F.linear(norm(f"{at}.1.0", z), w[f"{at}.1.1.weight"]))
            z = z + F.linear(y, w[f"{at}.1.3.weight"])
        return norm("norm_out", F.linear(z, w["proj_out.weight"], w["proj_out.bias"]))

    return forward


def chameleon(r, w, x):
    from transformers import ChameleonConfig
    from transformers.models.chameleon import modeling_chameleon as modeling

    config = ChameleonConfig(
        hidden_size=r["dim"], intermediate_size=r["inner"], num_hidden_layers=r["layers"],
        num_attention_heads=r["heads"], num_key_value_heads=r["kvHeads"], attn_implementation="sdpa",
    )
    dtype = DTYPES[r["dtype"]]
    layers = [
        load(modeling.ChameleonDecoderLayer(config, i), w, f"model.layers.{i}.").to(dtype)
        for i in range(r["layers"])
    ]
    norm = load(modeling.ChameleonRMSNorm(r["dim"], 1e-5), w, "model.norm.").to(dtype)
    h = x["x"].to(dtype)
    positions = torch.arange(h.shape[1])[None]
    rotation = modeling.ChameleonRotaryEmbedding(config)(h, positions)

    def forward():
        y = h
        for layer in layers:
            y = layer(y, position_ids=positions, position_embeddings=rotation)
            y = y[0] if isinstance(y, tuple) else y
        return norm(y)

    return forward


class Vqgan:
    """The networks of Esser et al. 2021 without attention but in the middle."""

    def __init__(self, r, w):
        self.r = r
        self.w = {k: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v for k, v in w.items()}

    def conv(self, name, x, **options):
        return F.conv2d(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"], **options)

    def norm(self, name, x):
        return F.group_norm(x, 32, self.w[f"{name}.weight"], self.w[f"{name}.bias"], 1e-6)

    def residual(self, name, x):
        h = self.conv(f"{name}.conv1", F.silu(self.norm(f"{name}.norm1", x)), padding=1)
        h = self.conv(f"{name}.conv2", F.silu(self.norm(f"{name}.norm2", h)), padding=1)
        shortcut = f"{name}.nin_shortcut"
        return h + (self.conv(shortcut, x) if f"{shortcut}.weight" in self.w else x)

    def middle(self, name, x):
        x = self.residual(f"{name}.block_1", x)
        n = self.norm(f"{name}.attn_1.norm", x)
        q, k, v = (self.conv(f"{name}.attn_1.{p}", n).flatten(2).transpose(1, 2)[:, None] for p in "qkv")
        y = F.scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2).reshape(x.shape)
        x = x + self.conv(f"{name}.attn_1.proj_out", y)
        return self.residual(f"{name}.block_2", x)

    def end(self, name, x):
        return self.conv(f"{name}.conv_out", F.silu(self.norm(f"{name}.norm_out", x)), padding=1)

    def encode(self, x):
        levels = self.r["levels"]
        h = self.conv("encoder.conv_in", x, padding=1)
        for level in range(levels):
            for block in range(self.r["resBlocks"]):
                h = self.residual(f"encoder.down.{level}.block.{block}", h)
            if level < levels - 1:
                h = self.conv(f"encoder.down.{level}.downsample.conv", F.pad(h, (0, 1, 0, 1)), stride=2)
        return self.conv("quant_conv", self.end("encoder", self.middle("encoder.mid", h)))

    def decode(self, values):
        h = self.conv("decoder.conv_in", self.conv("post_quant_conv", values), padding=1)
        h = self.middle("decoder.mid", h)
        for level in reversed(range(self.r["levels"])):
            for block in range(self.r["resBlocks"] + 1):
                h = self.residual(f"decoder.up.{level}.block.{block}", h)
            if level > 0:
                h = F.interpolate(h, scale_factor=2, mode="nearest")
                h = self.conv(f"decoder.up.{level}.upsample.conv", h, padding=1)
        return self.end("decoder", h)


def vqgan_encode(r, w, x):
    model, pixels = Vqgan(r, w), x["x"].permute(0, 3, 1, 2)  # channels last already
    codebook = w["quantize.embedding.weight"]

    def forward():
        rows = model.encode(pixels).permute(0, 2, 3, 1).flatten(0, 2)
        return (codebook.square().sum(1) - 2 * rows @ codebook.T).argmin(1)

    return forward


def vqgan_decode(r, w, x):
    model, codes = Vqgan(r, w), x["x"].long()
    codebook = w["quantize.embedding.weight"]
    return lambda: model.decode(codebook[codes].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


PARTS = {f.__name__: f for f in (clip_vision, resampler, chameleon, vqgan_encode, vqgan_decode)}


def measure(request):
    step = PARTS[request["op"]](request, load_file(request["weights"]), load_file(request["input"]))
    y = step()  # warm-up
    save_file({"y": y.float().contiguous()}, request["output"])
    times, end = [], time.perf_counter() + request["seconds"]
    while len(times) < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2]


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.set_grad_enabled(False)
    import transformers

    print(json.dumps({"version": torch.__version__, "transformers": transformers.__version__}), flush=True)
    for line in sys.stdin:
        try:
            reply = {"seconds": measure(json.loads(line))}
        except Exception as error:  # a part that this release lacks is an empty cell, not the end
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
