"""Transformers' CLIPModel, and pictures prepared by Pillow."""

import numpy
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPModel

from . import pictures
from .folder import read_checkpoint, read_json, read_tensors, write_json, write_tensors

TITLE = "CLIP vision + text towers with projection, HF layout"
REFERENCE = ["transformers CLIPModel", "Pillow's resize"]
VISION, TEXT = "vision_expected.safetensors", "text_expected.safetensors"
TOLERANCE = {f"{VISION}:pixel_values": {"atol": 0.0}}


def load(folder, dtype):
    config = CLIPConfig.from_dict({**read_json(folder / "config.json"), "attn_implementation": "eager"})
    model = CLIPModel(config)
    state = {k: v for k, v in read_checkpoint(folder).items() if not k.endswith("position_ids")}
    model.load_state_dict(state)
    return model.to(dtype).eval()


@torch.no_grad()
def penultimate(model, pixels):
    """`[images, tokens, width]`, which is what StyleAR takes: no norm, no projection."""
    return model.vision_model(pixel_values=pixels, output_hidden_states=True).hidden_states[-2]


def sizes(rng, small):
    activation = "quick_gelu" if rng.random() < 0.5 else "gelu"
    if small:
        vision = dict(
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            patch_size=14,
            image_size=28,
            hidden_act="quick_gelu",
        )
        text = dict(
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            vocab_size=96,
            max_position_embeddings=12,
            eos_token_id=95,
            bos_token_id=94,
            pad_token_id=0,
            hidden_act="quick_gelu",
        )
        return dict(
            vision=vision, text=text, projection=12, images=[("RGB", 41, 30), ("L", 23, 37)], tokens=9
        )
    heads, patch = rng.randint(1, 5), rng.choice([7, 8, 14, 16])
    vision = dict(
        hidden_size=heads * 8 * rng.randint(1, 3),
        intermediate_size=4 * rng.randint(4, 40),
        num_hidden_layers=rng.randint(2, 4),
        num_attention_heads=heads,
        patch_size=patch,
        image_size=patch * rng.randint(2, 5),
        hidden_act=activation,
    )
    heads, vocabulary = rng.randint(1, 4), rng.randint(90, 600)
    # The released files say 2, which stands for the largest id; others name their own.
    end = rng.choice([2, vocabulary - 1])
    text = dict(
        hidden_size=heads * 8 * rng.randint(1, 3),
        intermediate_size=4 * rng.randint(4, 40),
        num_hidden_layers=rng.randint(2, 3),
        num_attention_heads=heads,
        vocab_size=vocabulary,
        max_position_embeddings=rng.randint(16, 77),
        eos_token_id=end,
        bos_token_id=0,
        pad_token_id=1,
        hidden_act=activation,
    )
    images = [(mode, rng.randint(20, 150), rng.randint(20, 150)) for mode in ("RGB", "RGB", "L", "RGBA")]
    return dict(
        vision=vision,
        text=text,
        projection=4 * rng.randint(2, 16),
        images=images,
        tokens=rng.randint(4, 16),
    )


def make(folder, sizes, draw):
    vision, text, projection = sizes["vision"], sizes["text"], sizes["projection"]
    common = dict(layer_norm_eps=1e-05, dropout=0.0, attention_dropout=0.0, projection_dim=projection)
    config = dict(
        architectures=["CLIPModel"],
        model_type="clip",
        initializer_factor=1.0,
        logit_scale_init_value=2.6592,
        projection_dim=projection,
        torch_dtype="float32",
        text_config={**text, **common, "model_type": "clip_text_model"},
        vision_config={**vision, **common, "model_type": "clip_vision_model", "num_channels": 3},
    )
    write_json(folder / "ckpt/config.json", config)
    side = vision["image_size"]
    write_json(
        folder / "ckpt/preprocessor_config.json",
        dict(
            crop_size=dict(height=side, width=side),
            do_center_crop=True,
            do_convert_rgb=True,
            do_normalize=True,
            do_rescale=True,
            do_resize=True,
            image_mean=[0.48145466, 0.4578275, 0.40821073],
            image_processor_type="CLIPImageProcessor",
            image_std=[0.26862954, 0.26130258, 0.27577711],
            resample=3,
            rescale_factor=0.00392156862745098,
            size=dict(shortest_edge=side),
        ),
    )
    write_tensors(folder / "ckpt/model.safetensors", state_of(vision, text, projection, draw))
    (folder / "images").mkdir(exist_ok=True)
    names = [f"picture{i}" for i in range(len(sizes["images"]))]
    for name, (mode, width, height) in zip(names, sizes["images"]):
        pictures.drawn(draw.random, mode, width, height).save(folder / f"images/{name}.png")
    tokens, end = sizes["tokens"], text["vocab_size"] - 1
    rows, masks = [], []
    for length in (tokens, max(2, tokens // 2), 3, 2):
        # The end is the largest id, and what pads is behind it.
        ids = [text["bos_token_id"], *draw.ids(length - 2, 3, end), end]
        rows.append(ids + [text["pad_token_id"]] * (tokens - length))
        masks.append([1] * length + [0] * (tokens - length))
    write_json(folder / "cases.json", {"images": names, "texts": rows, "masks": masks})


def state_of(vision, text, projection, draw):
    state = {"logit_scale": torch.tensor(2.6592)}
    for tower, c in (("vision_model", vision), ("text_model", text)):
        width, inner = c["hidden_size"], c["intermediate_size"]
        for i in range(c["num_hidden_layers"]):
            at = f"{tower}.encoder.layers.{i}"
            state |= draw.norm(f"{at}.layer_norm1", width) | draw.norm(f"{at}.layer_norm2", width)
            for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
                state |= draw.linear(f"{at}.self_attn.{part}", width, width)
            state |= draw.linear(f"{at}.mlp.fc1", inner, width) | draw.linear(f"{at}.mlp.fc2", width, inner)
    width, patch = vision["hidden_size"], vision["patch_size"]
    tokens = (vision["image_size"] // patch) ** 2 + 1
    embeddings = "vision_model.embeddings"
    state |= {
        f"{embeddings}.class_embedding": draw.weight(width, std=0.5),
        f"{embeddings}.patch_embedding.weight": draw.matrix(width, 3, patch, patch),
        f"{embeddings}.position_embedding.weight": draw.weight(tokens, width, std=0.5),
        f"{embeddings}.position_ids": torch.arange(tokens)[None],
        "visual_projection.weight": draw.matrix(projection, width),
        "text_projection.weight": draw.matrix(projection, text["hidden_size"]),
    }
    state |= draw.norm("vision_model.pre_layrnorm", width) | draw.norm("vision_model.post_layernorm", width)
    width, positions = text["hidden_size"], text["max_position_embeddings"]
    state |= {
        "text_model.embeddings.token_embedding.weight": draw.weight(text["vocab_size"], width, std=0.5),
        "text_model.embeddings.position_embedding.weight": draw.weight(positions, width, std=0.5),
        "text_model.embeddings.position_ids": torch.arange(positions)[None],
    }
    return state | draw.norm("text_model.final_layer_norm", width)


@torch.no_grad()
def expected(folder, dtype):
    model, cases = load(folder / "ckpt", dtype), read_json(folder / "cases.json")
    preprocessor = read_json(folder / "ckpt/preprocessor_config.json")
    images = [Image.open(folder / f"images/{name}.png") for name in cases["images"]]
    pixels = torch.stack([pictures.clip_pixels(image, preprocessor) for image in images])
    seen = model.vision_model(pixel_values=pixels.to(dtype), output_hidden_states=True)
    vision = {f"hidden_states.{i}": h for i, h in enumerate(seen.hidden_states)}
    vision |= {
        "pixel_values": pixels,
        "penultimate": seen.hidden_states[-2],
        "last_hidden_state": seen.last_hidden_state,
        "image_embeds": model.visual_projection(seen.pooler_output),
    }
    if "texts" in cases:
        ids, mask = torch.tensor(cases["texts"]), torch.tensor(cases["masks"])
    else:
        given = read_tensors(folder / TEXT)
        ids, mask = given["input_ids"], given["attention_mask"]
    read = model.text_model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    alone = model.text_model(input_ids=ids)
    text = {f"hidden_states.{i}": h for i, h in enumerate(read.hidden_states)}
    text |= {
        "input_ids": ids,
        "attention_mask": mask,
        "last_hidden_state": read.last_hidden_state,
        "text_embeds": model.text_projection(read.pooler_output),
        "text_embeds_no_mask": model.text_projection(alone.pooler_output),
    }
    end = model.config.text_config.eos_token_id
    ends = ids.argmax(-1) if end == 2 else (ids == end).int().argmax(-1)
    cases = {**cases, "text_end_positions": ends.tolist()}
    files = {VISION: vision, TEXT: text, "cases.json": cases}
    if (folder / "preprocessor_config_224.json").exists():
        files["preprocess_224.safetensors"] = real_size(folder)
    return files


def real_size(folder):
    """Crops of the released model's size, and a few rows of their pixels."""
    preprocessor, tensors = read_json(folder / "preprocessor_config_224.json"), {}
    for path in sorted((folder / "images").glob("*.png")):
        image = Image.open(path)
        levels = torch.from_numpy(numpy.asarray(pictures.clip_crop(image, preprocessor)).copy())
        tensors[f"{path.stem}.uint8"] = levels.permute(2, 0, 1)
        tensors[f"{path.stem}.pixel_values_rows_100_104"] = pictures.clip_pixels(image, preprocessor)[
            :, 100:104
        ]
    return tensors


def notes(folder):
    return ["position_ids buffers are in the checkpoint on purpose, as in old real ones: ignore them"]
