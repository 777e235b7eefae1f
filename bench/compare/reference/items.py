"""Pictures brought to a size, made tokens, and put into conversations."""

from PIL import Image

from . import pictures
from .folder import beside, read_json, write_json
from .text import Refused, Text, image_tokens
from .vqgan import Vqgan

TITLE = "crop sizes, crops, picture -> tokens, conversations -> ids and labels"
REFERENCE = ["the rules from their description; Pillow, transformers ChameleonVQVAE, tokenizers"]
BESIDE = ["vqgan", "tokenizer"]


def sizes(rng, small):
    if small:
        return dict(
            target=64,
            lists=[("96", 96, 4.0)],
            crops=6,
            kinds=[("RGB", 41, 57), ("RGBA", 33, 70), ("P", 50, 30)],
        )
    lists = [(f"{t}", t, 4.0) for t in rng.sample(range(96, 1200, 32), 3)]
    lists += [
        (f"{t} ratio {r}", t, float(r)) for t, r in ((rng.randrange(64, 400, 32), rng.randint(1, 6)),)
    ]
    kinds = [
        (mode, rng.randint(20, 300), rng.randint(20, 300)) for mode in ("RGB", "RGB", "RGBA", "P", "L")
    ]
    return dict(target=rng.choice([64, 96, 128]), lists=lists, crops=40, kinds=kinds)


def make(folder, sizes, draw):
    rng = draw.random
    (folder / "images").mkdir(exist_ok=True)
    target = sizes["target"]
    crop_list = pictures.crop_sizes(target)
    images = []
    for i, (mode, width, height) in enumerate(sizes["kinds"]):
        image = pictures.drawn(rng, "RGB" if mode == "P" else mode, width, height)
        if mode == "P":
            image = image.quantize(32)
        name = f"picture{i}"
        image.save(folder / f"images/{name}.png")
        images.append({"image": name, "offsets": offset(rng, image.size, crop_list)})
    write_json(folder / "images.json", {"target": target, "crop_size_list": crop_list, "images": images})
    write_json(
        folder / "crop_size_lists.json", {key: pictures.crop_sizes(t, r) for key, t, r in sizes["lists"]}
    )
    rows = [
        {"target": rng.choice([64, 256, 512, 768]), "size": [rng.randint(8, 2500), rng.randint(8, 2500)]}
        for _ in range(sizes["crops"])
    ]
    write_json(folder / "crops.json", {"rows": rows})
    human = lambda value: {"from": "human", "value": value}
    gpt = lambda value: {"from": "gpt", "value": value}
    first, second = "picture0.png", "picture1.png"
    rows = [
        ("text", [human("a red house"), gpt("the old tree")], []),
        ("answer", [human("draw it: a ship"), gpt("<|image|>")], [first]),
        ("question", [human("<|image|>what is it?"), gpt("a ship")], [second]),
        ("implicit", [human("what is it?"), gpt("a ship")], [first]),
        ("two_implicit", [human("and these?"), gpt("two ships")], [first, second]),
        (
            "turns",
            [human("look <|image|> here"), gpt("a dog"), human("and now?"), gpt("sure <|image|>")],
            [first, second],
        ),
        ("prompt", [human("a red house"), gpt(None)], []),
        ("roles", [gpt("x")], []),
        ("count", [human("<|image|><|image|>"), gpt("y")], [first]),
        ("spaces", [human(" a  b "), gpt(" reply\n")], []),
        ("nothing", [human("q"), gpt("")], []),
        ("marks", [human("S* S*. <reserved08706> 12"), gpt("* <s>")], []),
    ]
    by_name = {
        f"{image['image']}.png": Image.open(folder / f"images/{image['image']}.png").size
        for image in images
    }
    write_json(
        folder / "conversations.json",
        {
            "rows": [
                {
                    "name": name,
                    "conversations": turns,
                    "images": used,
                    "offsets": [side for image in used for side in offset(rng, by_name[image], crop_list)],
                }
                for name, turns, used in rows
            ]
        },
    )


def offset(rng, size, crop_list):
    crop = pictures.best_size(size, crop_list)
    last = pictures.resizes(size, crop)[-1][0]
    return [rng.randint(0, last[0] - crop[0]), rng.randint(0, last[1] - crop[1])]


def expected(folder, dtype):
    model = Vqgan(beside(folder, "vqgan") / "ckpt", dtype)
    given = read_json(folder / "images.json")
    crop_list = pictures.crop_sizes(given["target"])

    def fitted(name, at):
        image = Image.open(folder / f"images/{name}.png")
        crop = pictures.best_size(image.size, crop_list)
        return image, pictures.fitted(image, crop, at)

    def codes_of(image):
        return model.safe_codes(pictures.vqgan_pixels(image, dtype))

    files, images = {}, []
    for entry in given["images"]:
        name = entry["image"]
        image, cropped = fitted(name, entry["offsets"])
        codes = codes_of(cropped)
        images.append(
            {
                **entry,
                "mode": image.mode,
                "size": list(image.size),
                "crop": list(cropped.size),
                "tokens": image_tokens(codes),
                "codes": codes.flatten().tolist(),
            }
        )
        files[f"images/{name}_cropped.png"] = cropped
        files[f"images/{name}_cropped_rgb.png"] = pictures.white_behind(cropped)
    lists = {}
    for key in read_json(folder / "crop_size_lists.json"):
        target, _, aspect = key.partition(" ratio ")
        lists[key] = [list(size) for size in pictures.crop_sizes(int(target), float(aspect or 4))]
    plans = []
    for row in read_json(folder / "crops.json")["rows"]:
        crop = pictures.best_size(row["size"], pictures.crop_sizes(row["target"]))
        steps = pictures.resizes(row["size"], crop)
        (width, height), _ = steps[-1]
        plans.append(
            {
                **row,
                "crop": list(crop),
                "resizes": steps,
                "offset_range": [width - crop[0], height - crop[1]],
            }
        )
    text = Text(beside(folder, "tokenizer") / "hf/tokenizer.json")
    rows = []
    for row in read_json(folder / "conversations.json")["rows"]:
        at = row.get("offsets", [0, 0] * len(row["images"]))
        tokens = [
            image_tokens(codes_of(fitted(name.removesuffix(".png"), at[2 * i : 2 * i + 2])[1]))
            for i, name in enumerate(row["images"])
        ]
        results = {}
        for mode in ("training", "inference"):
            try:
                results[mode] = text.conversation(row["conversations"], tokens, mode == "training")
            except Refused as refused:
                results[mode] = {"error": str(refused)}
        rows.append({**row, **results})
    return {
        **files,
        "images.json": {**given, "images": images},
        "crop_size_lists.json": lists,
        "crops.json": {"rows": plans},
        "conversations.json": {"rows": rows},
    }


def notes(folder):
    return [
        "offsets of crops are random, and recorded: left, upper",
        "palette pictures are resized to the nearest",
    ]
