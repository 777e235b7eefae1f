"""The networks of this model by PyTorch, as functions of weights by the names that released files have; and,
for those who want fresh weights, the names and shapes of each. Sizes are in `r`, as a request has them.
"""

import torch
import torch.nn.functional as F


def norm_shapes(at, width):
    return {f"{at}.weight": (width,), f"{at}.bias": (width,)}


def linear_shapes(at, inputs, outputs):
    return {f"{at}.weight": (outputs, inputs), f"{at}.bias": (outputs,)}


def conv_shapes(at, inputs, outputs, kernel):
    return {f"{at}.weight": (outputs, inputs, kernel, kernel), f"{at}.bias": (outputs,)}


def linear(w, at, x):
    return F.linear(x, w[f"{at}.weight"], w.get(f"{at}.bias"))


def layer_norm(w, at, x):
    return F.layer_norm(x, x.shape[-1:], w[f"{at}.weight"], w[f"{at}.bias"])


def attention(q, k, v, heads, causal=False):
    """Of [sequences, tokens, heads * headDim] each."""
    q, k, v = (y.unflatten(-1, (heads, -1)).transpose(1, 2) for y in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).flatten(2)


# The resampler


def resampler_shapes(r):
    dim, inner = r["dim"], r["heads"] * r["headDim"]
    shapes = {"latents": (1, r["queries"], dim), **linear_shapes("proj_in", r["inputDim"], dim)}
    for layer in range(r["depth"]):
        at = f"layers.{layer}"
        shapes |= norm_shapes(f"{at}.0.norm1", dim) | norm_shapes(f"{at}.0.norm2", dim)
        shapes |= {f"{at}.0.to_q.weight": (inner, dim), f"{at}.0.to_kv.weight": (2 * inner, dim)}
        shapes |= {f"{at}.0.to_out.weight": (dim, inner)} | norm_shapes(f"{at}.1.0", dim)
        shapes |= {f"{at}.1.1.weight": (r["ffMult"] * dim, dim), f"{at}.1.3.weight": (dim, r["ffMult"] * dim)}
    return shapes | linear_shapes("proj_out", dim, r["outputDim"]) | norm_shapes("norm_out", r["outputDim"])


def resampler(r, w, features):
    f = linear(w, "proj_in", features)
    z = w["latents"].expand(len(f), -1, -1)
    for layer in range(r["depth"]):
        at = f"layers.{layer}"
        g, n = layer_norm(w, f"{at}.0.norm1", f), layer_norm(w, f"{at}.0.norm2", z)
        kv = linear(w, f"{at}.0.to_kv", torch.cat([g, n], 1))
        y = attention(linear(w, f"{at}.0.to_q", n), *kv.chunk(2, -1), r["heads"])
        z = z + linear(w, f"{at}.0.to_out", y)
        y = F.gelu(linear(w, f"{at}.1.1", layer_norm(w, f"{at}.1.0", z)))
        z = z + linear(w, f"{at}.1.3", y)
    return layer_norm(w, "norm_out", linear(w, "proj_out", z))


# CLIP


def clip_encoder_shapes(at, r):
    shapes = {}
    for layer in range(r["layers"]):
        of = f"{at}.encoder.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= linear_shapes(f"{of}.self_attn.{name}", r["width"], r["width"])
        shapes |= norm_shapes(f"{of}.layer_norm1", r["width"]) | norm_shapes(f"{of}.layer_norm2", r["width"])
        shapes |= linear_shapes(f"{of}.mlp.fc1", r["width"], r["inner"])
        shapes |= linear_shapes(f"{of}.mlp.fc2", r["inner"], r["width"])
    return shapes


def clip_encoder(at, r, w, x, layers, causal):
    for layer in range(layers):
        of = f"{at}.encoder.layers.{layer}"
        n = layer_norm(w, f"{of}.layer_norm1", x)
        q, k, v = (linear(w, f"{of}.self_attn.{p}_proj", n) for p in "qkv")
        x = x + linear(w, f"{of}.self_attn.out_proj", attention(q, k, v, r["heads"], causal))
        y = F.gelu(linear(w, f"{of}.mlp.fc1", layer_norm(w, f"{of}.layer_norm2", x)))
        x = x + linear(w, f"{of}.mlp.fc2", y)
    return x


def clip_vision_shapes(r):
    at, width, patch = "vision_model", r["width"], r["patch"]
    tokens = 1 + (r["imageSize"] // patch) ** 2
    return {
        f"{at}.embeddings.class_embedding": (width,),
        f"{at}.embeddings.patch_embedding.weight": (width, 3, patch, patch),
        f"{at}.embeddings.position_embedding.weight": (tokens, width),
        **norm_shapes(f"{at}.pre_layrnorm", width),
        **clip_encoder_shapes(at, r),
        **norm_shapes(f"{at}.post_layernorm", width),
    }


def clip_vision(r, w, pixels, layers):
    """[images, 3, imageSize, imageSize] to the output of so many layers, [images, tokens, width]."""
    at = "vision_model"
    patches = F.conv2d(pixels, w[f"{at}.embeddings.patch_embedding.weight"], stride=r["patch"])
    first = w[f"{at}.embeddings.class_embedding"].expand(len(pixels), 1, -1)
    x = torch.cat([first, patches.flatten(2).transpose(1, 2)], 1)
    x = layer_norm(w, f"{at}.pre_layrnorm", x + w[f"{at}.embeddings.position_embedding.weight"])
    return clip_encoder(at, r, w, x, layers, False)


def clip_text_shapes(r):
    at, width = "text_model", r["width"]
    return {
        f"{at}.embeddings.token_embedding.weight": (r["vocabulary"], width),
        f"{at}.embeddings.position_embedding.weight": (r["positions"], width),
        **clip_encoder_shapes(at, r),
        **norm_shapes(f"{at}.final_layer_norm", width),
    }


def clip_text(r, w, ids):
    at = "text_model"
    x = F.embedding(ids, w[f"{at}.embeddings.token_embedding.weight"])
    x = x + w[f"{at}.embeddings.position_embedding.weight"][: ids.shape[1]]
    return clip_encoder(at, r, w, x, r["layers"], True)


# The transformer


def chameleon_shapes(r):
    dim = r["dim"]
    shapes = {"model.embed_tokens.weight": (r["vocabulary"], dim)}
    for layer in range(r["layers"]):
        at = f"model.layers.{layer}"
        for name, (outputs, inputs) in products_of(r).items():
            shapes[f"{at}.{name}.weight"] = (outputs, inputs)
        shapes |= norm_shapes(f"{at}.self_attn.q_norm", r["headDim"])
        shapes |= norm_shapes(f"{at}.self_attn.k_norm", r["headDim"])
        shapes |= {f"{at}.input_layernorm.weight": (dim,), f"{at}.post_attention_layernorm.weight": (dim,)}
    return shapes | {"model.norm.weight": (dim,), "lm_head.weight": (r["vocabulary"], dim)}


def products_of(r):
    """Outputs and inputs of a layer's products."""
    dim, wide, narrow, inner = r["dim"], r["heads"] * r["headDim"], r["kvHeads"] * r["headDim"], r["inner"]
    return {
        "self_attn.q_proj": (wide, dim),
        "self_attn.k_proj": (narrow, dim),
        "self_attn.v_proj": (narrow, dim),
        "self_attn.o_proj": (dim, wide),
        "mlp.gate_proj": (inner, dim),
        "mlp.up_proj": (inner, dim),
        "mlp.down_proj": (dim, inner),
    }


def lora_shapes(r):
    """Side paths of q, k, v, o and down projections and of the head."""
    adapted = {
        f"model.layers.{layer}.{name}": shape
        for layer in range(r["layers"])
        for name, shape in products_of(r).items()
        if name not in ("mlp.gate_proj", "mlp.up_proj")
    }
    adapted["lm_head"] = (r["vocabulary"], r["dim"])
    return {
        f"{name}.{part}": shape
        for name, (outputs, inputs) in adapted.items()
        for part, shape in (("A", (inputs, r["rank"])), ("B", (r["rank"], outputs)))
    }


def rotated(x, cos, sin):
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


class Chameleon:
    """Computes in the dtype of its weights; side paths are cast to it."""

    def __init__(self, r, w, tokens):
        self.r, self.w, self.lora = r, w, None
        dtype, head_dim = w["model.norm.weight"].dtype, r["headDim"]
        half = torch.arange(0, head_dim, 2) / head_dim
        angles = torch.outer(torch.arange(tokens), r["ropeTheta"] ** -half).repeat(1, 2)
        self.rotation = angles.cos().to(dtype), angles.sin().to(dtype)

    def product(self, at, x):
        y = linear(self.w, at, x)
        if self.lora is None or f"{at}.A" not in self.lora:
            return y
        return y + x @ self.lora[f"{at}.A"].to(x.dtype) @ self.lora[f"{at}.B"].to(x.dtype)

    def rms_norm(self, at, x):
        return F.rms_norm(x, x.shape[-1:], self.w[f"{at}.weight"], self.r["normEps"])

    def embed(self, ids):
        return F.embedding(ids, self.w["model.embed_tokens.weight"])

    def attend(self, at, x):
        def heads(y):
            return y.unflatten(-1, (-1, self.r["headDim"]))

        q, k, v = (heads(self.product(f"{at}.{p}_proj", x)) for p in "qkv")
        q, k = (layer_norm(self.w, f"{at}.{p}_norm", y) for p, y in (("q", q), ("k", k)))
        q, k, v = (y.transpose(1, 2) for y in (q, k, v))
        q, k = (rotated(y, *self.rotation) for y in (q, k))
        grouped = self.r["heads"] != self.r["kvHeads"]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
        return self.product(f"{at}.o_proj", y.transpose(1, 2).flatten(2))

    def logits(self, x):
        """Of embedded tokens [sequences, tokens, dim], in f32."""
        for layer in range(self.r["layers"]):
            at = f"model.layers.{layer}"
            x = x + self.attend(f"{at}.self_attn", self.rms_norm(f"{at}.input_layernorm", x))
            n = self.rms_norm(f"{at}.post_attention_layernorm", x)
            gated = F.silu(self.product(f"{at}.mlp.gate_proj", n)) * self.product(f"{at}.mlp.up_proj", n)
            x = x + self.product(f"{at}.mlp.down_proj", gated)
        return self.product("lm_head", self.rms_norm("model.norm", x)).float()


# The VQGAN


def vqgan_shapes(r):
    """With as many channels at each level as the base times `multipliers`."""
    channels = [r["baseChannels"] * m for m in r["multipliers"]]
    wide, z = channels[-1], r["zChannels"]

    def residual(at, inputs, outputs):
        shapes = norm_shapes(f"{at}.norm1", inputs) | conv_shapes(f"{at}.conv1", inputs, outputs, 3)
        shapes |= norm_shapes(f"{at}.norm2", outputs) | conv_shapes(f"{at}.conv2", outputs, outputs, 3)
        return shapes if inputs == outputs else shapes | conv_shapes(f"{at}.nin_shortcut", inputs, outputs, 1)

    def middle(at):
        shapes = residual(f"{at}.block_1", wide, wide) | residual(f"{at}.block_2", wide, wide)
        for name in ("q", "k", "v", "proj_out"):
            shapes |= conv_shapes(f"{at}.attn_1.{name}", wide, wide, 1)
        return shapes | norm_shapes(f"{at}.attn_1.norm", wide)

    shapes = {"quantize.embedding.weight": (r["codes"], r["embedDim"])}
    shapes |= conv_shapes("encoder.conv_in", r["inChannels"], channels[0], 3) | middle("encoder.mid")
    inputs = channels[0]
    for level, outputs in enumerate(channels):
        for block in range(r["resBlocks"]):
            shapes |= residual(f"encoder.down.{level}.block.{block}", inputs, outputs)
            inputs = outputs
        if level < len(channels) - 1:
            shapes |= conv_shapes(f"encoder.down.{level}.downsample.conv", outputs, outputs, 3)
    shapes |= norm_shapes("encoder.norm_out", wide) | conv_shapes("encoder.conv_out", wide, z, 3)
    shapes |= conv_shapes("quant_conv", z, r["embedDim"], 1) | conv_shapes("post_quant_conv", r["embedDim"], z, 1)
    shapes |= conv_shapes("decoder.conv_in", z, wide, 3) | middle("decoder.mid")
    for level, outputs in reversed(list(enumerate(channels))):
        for block in range(r["resBlocks"] + 1):
            shapes |= residual(f"decoder.up.{level}.block.{block}", inputs, outputs)
            inputs = outputs
        if level > 0:
            shapes |= conv_shapes(f"decoder.up.{level}.upsample.conv", outputs, outputs, 3)
    shapes |= norm_shapes("decoder.norm_out", inputs)
    return shapes | conv_shapes("decoder.conv_out", inputs, r["outChannels"], 3)


class Vqgan:
    """The networks of Esser et al. 2021 without attention but in the middle."""

    def __init__(self, r, w):
        self.r = r
        self.w = {k: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v for k, v in w.items()}

    def conv(self, name, x, **options):
        return F.conv2d(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"], **options)

    def norm(self, name, x):
        return F.group_norm(x, self.r.get("normGroups", 32), self.w[f"{name}.weight"], self.w[f"{name}.bias"], 1e-6)

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
