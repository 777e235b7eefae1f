"""The encoder and the search for codes are transformers' `ChameleonVQVAE`, whose names are those
of the file; the decoder, which transformers has not, is written out here."""

import torch
import torch.nn.functional as F
import yaml
from PIL import Image
from transformers import ChameleonVQVAEConfig
from transformers.models.chameleon.modeling_chameleon import ChameleonVQVAE

from . import pictures
from .folder import Unsafe, read_json, read_tensors, read_torch, write_json

TITLE = "VQGAN encoder, quantizer and decoder, original checkpoint form"
#: Of squared distances to the best code and to the second; rounding was seen to change them by 1e-5.
SAFE_GAP = 1e-4
REFERENCE = ["transformers ChameleonVQVAE (encoder, codes)", "the decoder from its description, PyTorch"]


class Vqgan:
    def __init__(self, folder, dtype):
        params = yaml.safe_load((folder / "vqgan.yaml").read_text())["model"]["params"]
        self.layout = params["ddconfig"]
        self.w = {
            k: v for k, v in read_torch(folder / "vqgan.ckpt", dtype).items() if not k.startswith("loss.")
        }
        config = ChameleonVQVAEConfig(
            embed_dim=params["embed_dim"],
            num_embeddings=params["n_embed"],
            latent_channels=self.layout["z_channels"],
            resolution=self.layout["resolution"],
            base_channels=self.layout["ch"],
            channel_multiplier=self.layout["ch_mult"],
            num_res_blocks=self.layout["num_res_blocks"],
            attn_resolutions=self.layout["attn_resolutions"],
            double_latent=False,
            attn_type="vanilla",
        )
        self.model = ChameleonVQVAE(config).to(dtype).eval()
        own = self.model.state_dict()
        self.model.load_state_dict({k: self.w[k] for k in own})

    @torch.no_grad()
    def encode(self, pixels):
        """What the encoder gives, what goes into the search, and `[height, width]` codes."""
        encoded = self.model.encoder(pixels)
        prequant = self.model.quant_conv(encoded)
        _, _, codes = self.model.quantize(prequant)
        return encoded, prequant, codes.reshape(prequant.shape[-2:])

    def safe_codes(self, pixels):
        """Codes that rounding cannot change."""
        _, prequant, codes = self.encode(pixels)
        distances = self.distances(prequant)
        if (distances[:, 1] - distances[:, 0]).min() < SAFE_GAP:
            raise Unsafe("two codes are nearly as near")
        return codes

    def distances(self, prequant):
        """Sorted squared distances of each place to the codes."""
        z = prequant[0].flatten(1).T
        return (
            torch.cdist(z.double(), self.w["quantize.embedding.weight"].double()).square().sort(-1).values
        )

    def conv(self, name, x, **options):
        return F.conv2d(x, self.w[f"{name}.weight"], self.w[f"{name}.bias"], **options)

    def norm(self, name, x):
        return F.group_norm(x, 32, self.w[f"{name}.weight"], self.w[f"{name}.bias"], 1e-6)

    def block(self, name, x):
        h = self.conv(f"{name}.conv1", F.silu(self.norm(f"{name}.norm1", x)), padding=1)
        h = self.conv(f"{name}.conv2", F.silu(self.norm(f"{name}.norm2", h)), padding=1)
        short = f"{name}.nin_shortcut"
        return h + (self.conv(short, x) if f"{short}.weight" in self.w else x)

    def attention(self, name, x):
        h = self.norm(f"{name}.norm", x)
        q, k, v = (self.conv(f"{name}.{part}", h).flatten(2) for part in "qkv")
        weights = (q.transpose(1, 2) @ k * x.shape[1] ** -0.5).softmax(-1)
        return x + self.conv(f"{name}.proj_out", (v @ weights.transpose(1, 2)).reshape(x.shape))

    @torch.no_grad()
    def decode(self, codes):
        """`[1, 3, height, width]` of codes `[height, width]`"""
        z = self.w["quantize.embedding.weight"][codes].permute(2, 0, 1)[None]
        x = self.conv("decoder.conv_in", self.conv("post_quant_conv", z), padding=1)
        x = self.block("decoder.mid.block_1", x)
        x = self.attention("decoder.mid.attn_1", x)
        x = self.block("decoder.mid.block_2", x)
        for level in reversed(range(len(self.layout["ch_mult"]))):
            for i in range(self.layout["num_res_blocks"] + 1):
                x = self.block(f"decoder.up.{level}.block.{i}", x)
                if f"decoder.up.{level}.attn.{i}.q.weight" in self.w:
                    x = self.attention(f"decoder.up.{level}.attn.{i}", x)
            if level > 0:
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
                x = self.conv(f"decoder.up.{level}.upsample.conv", x, padding=1)
        return self.conv("decoder.conv_out", F.silu(self.norm("decoder.norm_out", x)), padding=1)


def state_of(layout, params, draw):
    """Weights of encoder, codes and decoder by the names of the file."""
    state = {}

    def conv(name, out, inner, side=3, gain=1.0):
        state.update(draw.linear(name, out, inner, side, side, gain=gain))

    def block(name, inner, out):
        state.update(draw.norm(f"{name}.norm1", inner))
        conv(f"{name}.conv1", out, inner)
        state.update(draw.norm(f"{name}.norm2", out))
        conv(f"{name}.conv2", out, out)
        if inner != out:
            conv(f"{name}.nin_shortcut", out, inner, 1)

    def attention(name, channels):
        state.update(draw.norm(f"{name}.norm", channels))
        for part in ("q", "k", "v", "proj_out"):
            conv(f"{name}.{part}", channels, channels, 1)

    def middle(name, channels):
        block(f"{name}.block_1", channels, channels)
        attention(f"{name}.attn_1", channels)
        block(f"{name}.block_2", channels, channels)

    ch, mult, blocks, z = layout["ch"], layout["ch_mult"], layout["num_res_blocks"], layout["z_channels"]
    levels = len(mult)
    attends = [layout["resolution"] >> i in layout["attn_resolutions"] for i in range(levels)]
    conv("encoder.conv_in", ch, 3)
    inner = ch
    for i in range(levels):
        for j in range(blocks):
            block(f"encoder.down.{i}.block.{j}", inner, ch * mult[i])
            inner = ch * mult[i]
            if attends[i]:
                attention(f"encoder.down.{i}.attn.{j}", inner)
        if i < levels - 1:
            conv(f"encoder.down.{i}.downsample.conv", inner, inner)
    middle("encoder.mid", inner)
    state.update(draw.norm("encoder.norm_out", inner))
    conv("encoder.conv_out", z, inner)
    conv("decoder.conv_in", inner, z)
    middle("decoder.mid", inner)
    for i in reversed(range(levels)):
        for j in range(blocks + 1):
            block(f"decoder.up.{i}.block.{j}", inner, ch * mult[i])
            inner = ch * mult[i]
            if attends[i]:
                attention(f"decoder.up.{i}.attn.{j}", inner)
        if i > 0:
            conv(f"decoder.up.{i}.upsample.conv", inner, inner)
    state.update(draw.norm("decoder.norm_out", inner))
    conv("decoder.conv_out", 3, inner)
    state["quantize.embedding.weight"] = draw.weight(params["n_embed"], params["embed_dim"])
    conv("quant_conv", params["embed_dim"], z, 1)
    conv("post_quant_conv", z, params["embed_dim"], 1)
    # The loss of its training is in the file as well, and nobody's business.
    state["loss.logvar"] = torch.zeros(1)
    return state


def sizes(rng, small):
    """Of Chameleon's form, 16 pixels a code and 8,192 codes, so that other kinds can use it."""
    layout = dict(
        double_z=False,
        z_channels=8,
        resolution=64,
        in_channels=3,
        out_ch=3,
        ch=32,
        ch_mult=[1] * 5,
        num_res_blocks=1,
        attn_resolutions=[],
        dropout=0.0,
    )
    params = dict(embed_dim=8, n_embed=8192)
    if small:
        return dict(layout=layout, params=params, images=[("RGB", 32, 32)], scripted=(1, 3))
    layout |= dict(
        z_channels=rng.randint(4, 40),
        resolution=32 * rng.randint(1, 4),
        ch=32,
        ch_mult=[1, rng.choice([1, 2]), 1, rng.choice([1, 2]), 1],
        num_res_blocks=rng.randint(1, 2),
        attn_resolutions=[],
    )
    layout["attn_resolutions"] = rng.choice([[], [layout["resolution"] >> 3], [layout["resolution"] >> 4]])
    images = [(mode, 16 * rng.randint(2, 5), 16 * rng.randint(1, 5)) for mode in ("RGB", "L", "RGBA")]
    params = dict(embed_dim=rng.randint(4, 24), n_embed=8192)
    return dict(
        layout=layout, params=params, images=images, scripted=(rng.randint(1, 4), rng.randint(2, 4))
    )


def make(folder, sizes, draw):
    layout, params = sizes["layout"], sizes["params"]
    whole = {
        "model": {
            "base_learning_rate": 4.5e-06,
            "target": "taming.models.vqgan.VQModel",
            "params": {**params, "ddconfig": layout, "ckpt_path": "vqgan.ckpt"},
        }
    }
    (folder / "ckpt").mkdir(exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    (folder / "ckpt/vqgan.yaml").write_text(yaml.safe_dump(whole, sort_keys=False))
    state = {"epoch": 1, "global_step": 2, "state_dict": state_of(layout, params, draw)}
    torch.save(state, folder / "ckpt/vqgan.ckpt")
    names = []
    for i, (mode, width, height) in enumerate(sizes["images"]):
        names.append({"image": f"picture{i}"})
        pictures.drawn(draw.random, mode, width, height).save(folder / f"images/picture{i}.png")
    rows, columns = sizes["scripted"]
    codes = [draw.ids(columns, 0, params["n_embed"]) for _ in range(rows)]
    write_json(folder / "cases.json", {"images": names, "scripted": codes})


def expected(folder, dtype):
    model, tensors = Vqgan(folder / "ckpt", dtype), {}
    cases = read_json(folder / "cases.json")
    codes = {}
    for case in cases["images"]:
        name = case["image"]
        image = Image.open(folder / f"images/{name}.png")
        encoded, prequant, codes[name] = model.encode(pictures.vqgan_pixels(image, dtype))
        tensors |= {f"{name}.encoder": encoded, f"{name}.prequant": prequant}
        least = (d := model.distances(prequant))[:, 1] - d[:, 0]
        if least.min() < SAFE_GAP:
            raise Unsafe("two codes are nearly as near")
        case["min_gap_best_second"] = float(f"{least.min().item():.4g}")
    if "scripted" in cases:
        codes["scripted"] = torch.tensor(cases["scripted"])
    else:
        codes["scripted"] = read_tensors(folder / "expected.safetensors")["scripted.codes"]
    for name, chosen in codes.items():
        pixels = model.decode(chosen)
        tensors |= {
            f"{name}.codes": chosen,
            f"{name}.pixels": pixels,
            f"{name}.uint8": pictures.levels_of(pixels),
        }
    return {"expected.safetensors": tensors, "cases.json": cases}


def notes(folder):
    return ["8-bit: clamp to [-1,1], (x+1)/2*255, then cut", "GroupNorm 32 groups, eps 1e-6"]
