"""Everything together, greedy: pictures and words to style tokens, tokens, and a picture."""

import torch
from PIL import Image

from . import chameleon, pictures, resampler
from .folder import Unsafe, beside, read_json, read_tensors, write_json, write_tensors
from .grammar import Place, guide, processed
from .style_tokens import StyleEncoder
from .text import (
    CODES,
    FIRST_CODE,
    GRID,
    IMAGE_PROMPT,
    IMAGE_START,
    SEPARATOR,
    STOP,
    STYLE,
    STYLE_PROMPT,
    Text,
    image_tokens,
)
from .vqgan import Vqgan

TITLE = "whole pipeline, tiny: pictures + text -> tokens -> picture, greedy"
REFERENCE = [
    "transformers ChameleonModel, CLIPModel, ChameleonVQVAE; tokenizers; the loop from its description"
]
BESIDE = ["clip", "vqgan", "tokenizer"]
FORWARD = "forward.safetensors"
#: Between the best score and the second; logits were seen to be 1e-5 off, guided ones seven times that.
SAFE_MARGIN = 0.01
LISTED = 6


class Pipeline:
    def __init__(self, folder, dtype):
        self.folder, self.dtype = folder, dtype
        self.model = chameleon.Chameleon(folder / "ckpt", dtype)
        self.model.apply_lora(read_tensors(folder / "stylear/model.safetensors"))
        self.style = StyleEncoder(beside(folder, "clip") / "ckpt", folder / "stylear", dtype)
        self.vqgan = Vqgan(beside(folder, "vqgan") / "ckpt", dtype)
        self.text = Text(beside(folder, "tokenizer") / "hf/tokenizer.json")

    def picture(self, name):
        return Image.open(self.folder / f"images/{name}.png")

    def prompt(self, run):
        """Ids, and the places of the marks within the prompt's own words."""
        images = []
        if run["condition_image"]:
            image = self.picture(run["condition_image"])
            cropped = pictures.fitted(
                image, self.condition_size(run, image), [n for n, _ in run["random_crop_offsets"]]
            )
            images = [image_tokens(self.vqgan.safe_codes(pictures.vqgan_pixels(cropped, self.dtype)))]
        template = IMAGE_PROMPT if images else STYLE_PROMPT
        ids = [0, *self.text.inlined(template + run["prompt"] + SEPARATOR, images)]
        return ids, [i for i, token in enumerate(ids) if token == STYLE][:16]

    def condition_size(self, run, image):
        if "target" in run:
            return pictures.best_size(image.size, pictures.crop_sizes(run["target"]))
        at = run["prompt_ids"].index(IMAGE_START)
        height, width = (32 * (token - GRID) for token in run["prompt_ids"][at + 1 : at + 3])
        return width, height

    @torch.no_grad()
    def last(self, ids, style=None, index=None):
        """The last state and its logits, of the whole sequence anew."""
        hidden = self.model.states(self.model.embed(torch.tensor([ids]), style, index and [index]))[-1]
        return hidden[0, -1], self.model.logits(hidden[:, -1:])[0, 0]

    def generate(self, run, forced=None):
        """
        The run with what it gives, and the logits of its steps. `forced` are the height and width to write
        whatever the logits say, with the start before them and the stop at the end: the states there
        are returned with it.
        """
        _, embeds = self.style.encode([self.picture(name) for name in run["references"]])
        prompt, index = self.prompt(run)
        tokens, steps, states, full = [], [], [], {"style_embeds": embeds}
        marked = [IMAGE_START, *(GRID + n for n in forced)] if forced else []
        while not tokens or tokens[-1] != STOP:
            ids, i = prompt + tokens, len(tokens)
            if i > 4000:
                raise Unsafe("no end")
            hidden, cond = self.last(ids, embeds, index)
            place = Place(tokens)
            uncond = self.last(tokens[place.start :])[1] if place.guided else None
            kept, scores = processed(place, cond, uncond, run["cfg"], run["image_top_k"], run["text_top_k"])
            token = int(kept[scores.argmax()])
            outside = i < 3 or not place.inside
            if forced and outside:
                states.append((hidden, cond, marked[i] if i < 3 else STOP))
                token = states[-1][2]
            step = {"token": token, "cond": listed(cond), "kept": len(kept)}
            if place.guided:
                step |= {"uncond": listed(uncond), "cfg": listed(guide(cond, uncond, run["cfg"]))}
            if len(kept) > 1 and not (forced and outside):
                best = scores.topk(2).values
                step["margin"] = float(f"{(best[0] - best[1]).item():.5g}")
                if step["margin"] < SAFE_MARGIN:
                    raise Unsafe("two tokens are nearly as likely")
            if i in (0, 3):
                full[f"step{i}.cond"] = cond
            if i == 3 and uncond is not None:
                full["step3.uncond"] = uncond
            steps.append(step)
            tokens.append(token)
            if i > 3 and not place.inside and token != STOP:
                raise Unsafe("the text goes on")
        height, width = (token - GRID for token in tokens[1:3])
        facts = {
            "grid_h_w": [height, width],
            "prompt_ids": prompt,
            "style_index": [index],
            "tokens": tokens,
            "decoded_text": "<|image|>",
            "steps": steps,
            "min_margin": min(step["margin"] for step in steps if "margin" in step),
        }
        return {**run, **facts}, full, states

    def decoded(self, run):
        """The picture that a run's tokens are."""
        _, width = run["grid_h_w"]
        codes = [token - FIRST_CODE for token in run["tokens"] if FIRST_CODE <= token < FIRST_CODE + CODES]
        return self.vqgan.decode(torch.tensor(codes).reshape(-1, 2 * width))


def listed(logits):
    """The largest, as ids and values."""
    values, ids = logits.topk(LISTED)
    return [[int(i), float(f"{v:.7g}")] for i, v in zip(ids.tolist(), values.tolist())]


def sizes(rng, small):
    shared = dict(
        chameleon.FIXED,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        model_parallel_size=1,
        swin_norm=False,
        mask_image_logits=False,
        rms_norm_eps=1e-5,
        torch_dtype="bfloat16",
    )
    own = dict(dim=16, depth=1, dim_head=8, heads=2, num_queries=16, ff_mult=2)
    if small:
        return dict(config=shared, resampler=own, rank=1, target=64, active=16, grids=[(1, 2)])
    heads = rng.randint(2, 4)
    config = shared | dict(
        hidden_size=heads * 8 * rng.randint(1, 3),
        intermediate_size=8 * rng.randint(6, 20),
        num_hidden_layers=rng.randint(1, 3),
        num_attention_heads=heads,
        num_key_value_heads=heads,
    )
    own |= dict(dim=8 * rng.randint(2, 8), depth=rng.randint(1, 3), heads=rng.randint(1, 4))
    grids = [(rng.randint(1, 3), rng.randint(1, 3)) for _ in range(2)]
    return dict(
        config=config,
        resampler=own,
        rank=rng.randint(1, 4),
        target=rng.choice([64, 96]),
        active=1,
        grids=grids,
    )


def make(folder, sizes, draw):
    (folder / FORWARD).unlink(missing_ok=True)
    rng, size = draw.random, Text(beside(folder, "tokenizer") / "hf/tokenizer.json").size
    config = {**sizes["config"], "vocab_size": size}
    width = config["hidden_size"]
    (folder / "images").mkdir(exist_ok=True)
    for name in ("style", "subject", "condition"):
        side = lambda: rng.randint(30, 50) if sizes["active"] > 1 else rng.randint(40, 150)
        pictures.drawn(rng, "RGB", side(), side()).save(folder / f"images/{name}.png")
    runs = [dict(name="one_reference", references=["style"], condition_image=None, prompt="a tiny ship")]
    if len(sizes["grids"]) > 1:
        runs.append(
            dict(
                name="two_references_and_image",
                references=["style", "subject"],
                condition_image="condition",
                prompt="a dog, and a cat!",
                target=sizes["target"],
            )
        )
    for run in runs:
        run |= dict(cfg=rng.choice([3.0, 4.0]), image_top_k=2000, text_top_k=10, random_crop_offsets=[])
        if run["condition_image"]:
            image = Image.open(folder / "images/condition.png")
            crop = pictures.best_size(image.size, pictures.crop_sizes(run["target"]))
            last = pictures.resizes(image.size, crop)[-1][0]
            # Left and upper, each as it was drawn and from how many.
            run["random_crop_offsets"] = [
                [rng.randint(0, most), most] for most in (last[0] - crop[0], last[1] - crop[1])
            ]
    write_json(folder / "runs.json", runs)
    vision = read_json(beside(folder, "clip") / "ckpt/config.json")["vision_config"]["hidden_size"]
    own = {**sizes["resampler"], "embedding_dim": vision, "output_dim": width}
    write_json(folder / "stylear/resampler_config.json", own)
    torch.save(resampler.state_of(own, draw), folder / "stylear/image_proj.pth")
    state = {name: t.bfloat16().float() for name, t in chameleon.state_of(config, draw).items()}
    state["lm_head.weight"] *= 1.5
    lora = chameleon.lora_state(config, sizes["rank"], draw)
    # Only some of the ids have a row of their own; a file of them is small.
    spare = [i for i in range(size) if i % sizes["active"] and (i < 8196 or 8900 < i < STYLE)]
    for table in ("model.embed_tokens.weight", "lm_head.weight"):
        state[table][spare] = 0
    lora["lm_head.lm_head_lora.B"][:, spare] = 0
    write_tensors(folder / "stylear/model.safetensors", lora)
    chameleon.write_checkpoint(folder / "ckpt", config, state, torch.bfloat16, shards=3)
    lead(folder, config, state, runs, sizes["grids"])


def lead(folder, config, state, runs, grids):
    """Sets rows of the head so that the model starts, sizes and ends its picture by itself."""
    pipeline = Pipeline(folder, torch.float64)
    states = [s for run, grid in zip(runs, grids) for s in pipeline.generate(run, grid)[2]]
    hidden = torch.stack([h for h, _, _ in states])
    # The states are few, so rows can have any logits at them: the adapter's part comes on top.
    inverse = torch.linalg.pinv(hidden)
    rows = sorted({token for _, _, token in states})
    own = state["lm_head.weight"].double()
    for row in rows:
        adapter = torch.stack([cond[row] for _, cond, _ in states]) - hidden @ own[row]
        aim = torch.tensor([30.0 if token == row else -5.0 for _, _, token in states], dtype=torch.float64)
        state["lm_head.weight"][row] = (inverse @ (aim - adapter)).float().bfloat16().float()
    chameleon.write_checkpoint(folder / "ckpt", config, state, torch.bfloat16, shards=3)


def expected(folder, dtype):
    pipeline, files, runs = Pipeline(folder, dtype), {}, []
    for run in read_json(folder / "runs.json"):
        run, full, _ = pipeline.generate(run)
        runs.append(run)
        files[f"run_{run['name']}.safetensors"] = full
        picture = pictures.levels_of(pipeline.decoded(run)).numpy()
        files[f"images/generated_{run['name']}.png"] = Image.fromarray(picture, "RGB")
    return {**files, "runs.json": runs, FORWARD: forward(folder, pipeline, runs[0], files, dtype)}


@torch.no_grad()
def forward(folder, pipeline, run, files, dtype):
    """Over prompt and answer of the first run; logits of a few places, with style tokens and without."""
    if (folder / FORWARD).exists():
        given = read_tensors(folder / FORWARD, dtype)
        ids, sel, embeds = given["ids"], given["sel"], given["embeds"]
    else:
        ids, sel = (
            torch.tensor([run["prompt_ids"] + run["tokens"]]),
            torch.tensor([len(run["prompt_ids"]) + 1]),
        )
        embeds = files[f"run_{run['name']}.safetensors"]["style_embeds"].float().to(dtype)
    model = pipeline.model
    styled = model.states(model.embed(ids, embeds, run["style_index"]))[-1]
    plain = model.states(model.embed(ids))[-1]
    return {
        "ids": ids,
        "sel": sel,
        "embeds": embeds,
        "hidden_last": styled,
        "logits_sel": model.logits(styled[:, sel]),
        "plain_logits_sel": model.logits(plain[:, sel[:1]]),
    }


def notes(folder):
    return [
        "lm_head rows of the start, the grid tokens and the stop were set so that the model writes one picture",
        "the unconditional branch: start, height and width tokens first, positions from 0, no style tokens",
    ]
