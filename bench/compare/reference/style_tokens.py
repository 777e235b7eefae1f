"""Reference pictures to style tokens, without noise."""

import torch
from PIL import Image

from . import clip, pictures, resampler
from .folder import beside, read_json, read_torch, write_json

TITLE = "reference picture(s) -> injected style embeddings, noise 0"
REFERENCE = ["transformers CLIPModel; the arithmetic of features from its description"]
BESIDE = ["clip", "e2e"]
EXPECTED = "expected.safetensors"


class StyleEncoder:
    def __init__(self, clip_folder, stylear_folder, dtype):
        self.clip = clip.load(clip_folder, dtype)
        self.preprocessor = read_json(clip_folder / "preprocessor_config.json")
        config = read_json(stylear_folder / "resampler_config.json")
        self.resampler = resampler.load(config, read_torch(stylear_folder / "image_proj.pth"), dtype)
        self.dtype = dtype

    @torch.no_grad()
    def encode(self, images):
        """Features that the resampler is given, and the style tokens `[n, queries, width]`."""
        pixels = torch.stack([pictures.clip_pixels(image, self.preprocessor) for image in images])
        features = clip.penultimate(self.clip, pixels.to(self.dtype))
        if len(images) != 2:
            return features, self.resampler(features)
        features = torch.stack([features[0], features[0] - 0.8 * features[1]])
        both = self.resampler(features)
        return features, 0.2 * both[:1] + 0.8 * both[1:]


def sizes(rng, small):
    sides = (lambda: rng.randint(20, 40)) if small else (lambda: rng.randint(15, 160))
    return dict(
        images=[(mode, sides(), sides()) for mode in ("RGB", "RGBA", "L")],
        cases=["ab", "a"] if small else ["a", "ab", "ba", "cab"],
    )


def make(folder, sizes, draw):
    (folder / "images").mkdir(exist_ok=True)
    for name, (mode, width, height) in zip("abc", sizes["images"]):
        pictures.drawn(draw.random, mode, width, height).save(folder / f"images/{name}.png")
    write_json(
        folder / "cases.json", [{"name": f"of_{case}", "images": list(case)} for case in sizes["cases"]]
    )


def expected(folder, dtype):
    encoder = StyleEncoder(beside(folder, "clip") / "ckpt", beside(folder, "e2e") / "stylear", dtype)
    tensors = {}
    for case in read_json(folder / "cases.json"):
        images = [Image.open(folder / f"images/{name}.png") for name in case["images"]]
        features, embeds = encoder.encode(images)
        tensors |= {f"{case['name']}.features": features, f"{case['name']}.embeds": embeds}
    return {EXPECTED: tensors}


def notes(folder):
    return ["the second of two pictures is the subject: row 1 becomes row 0 - 0.8 x row 1"]
