"""Whole parts of the model by PyTorch, on weights and inputs that we wrote: one JSON request a line on
stdin, one reply a line.

A request is {"op": name, "weights": file, "input": file, "output": file, "dtype": "f32" | "bf16", ...sizes,
"seconds": s}; files are safetensors. The reply is {"seconds": median of one call}, or {"error": text};
what the call returns is in the output file as "y". CLIP and Chameleon are those of transformers; the
resampler and the VQGAN, which it has not, are those of torch_networks.py. Started and fed by
bench/models.ts; needs torch, transformers and safetensors.
"""

import torch
import torch_networks as networks
from safetensors.torch import load_file, save_file
from serving import median_seconds, serve

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
    return lambda: networks.resampler(r, w, x["x"])


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


def vqgan_encode(r, w, x):
    model, pixels = networks.Vqgan(r, w), x["x"].permute(0, 3, 1, 2)  # channels last already
    codebook = w["quantize.embedding.weight"]

    def forward():
        rows = model.encode(pixels).permute(0, 2, 3, 1).flatten(0, 2)
        return (codebook.square().sum(1) - 2 * rows @ codebook.T).argmin(1)

    return forward


def vqgan_decode(r, w, x):
    model, codes = networks.Vqgan(r, w), x["x"].long()
    codebook = w["quantize.embedding.weight"]
    return lambda: model.decode(codebook[codes].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


PARTS = {f.__name__: f for f in (clip_vision, resampler, chameleon, vqgan_encode, vqgan_decode)}


def measure(request):
    step = PARTS[request["op"]](request, load_file(request["weights"]), load_file(request["input"]))
    y = step()  # warm-up
    save_file({"y": y.float().contiguous()}, request["output"])
    return {"seconds": median_seconds(step, request["seconds"], 3)}


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    import transformers

    serve(measure, transformers=transformers.__version__)
