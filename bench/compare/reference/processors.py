"""Guidance, grammar and top-k over a script of tokens with random scores."""

from .folder import read_json, read_tensors, write_json, write_tensors
from .grammar import Place, guide, processed
from .text import GRID, IMAGE_END, IMAGE_START, NEW_LINE

TITLE = "logits processors over scripted prefixes and scores"
REFERENCE = ["the rules from their description, PyTorch"]
STEPS = "steps.safetensors"
TOLERANCE = {f"{STEPS}:*": {"atol": 1e-5, "why": "one multiply-add in float32; kept_ids must be equal"}}


def sizes(rng, small):
    if small:
        return dict(vocabulary=8830, grids=[(1, 1)], image_top_k=5, text_top_k=2, scale=4.0, every=4)
    grids = [(rng.randint(1, 3), rng.randint(1, 3)) for _ in range(rng.randint(1, 3))]
    return dict(
        vocabulary=rng.randint(8820, 9300),
        grids=grids,
        image_top_k=rng.randint(1, 60),
        text_top_k=rng.randint(1, 12),
        scale=rng.choice([1.5, 3.0, 4.0, 7.5]),
        every=3,
    )


def make(folder, sizes, draw):
    words = lambda count: [draw.random.randrange(8804 + 8, sizes["vocabulary"]) for _ in range(count)]
    tokens = [0, *words(draw.random.randint(1, 4)), 8710]
    prompt = len(tokens)
    for height, width in sizes["grids"]:
        tokens += [IMAGE_START, GRID + height, GRID + width]
        for _ in range(2 * height):
            tokens += [*draw.ids(2 * width, 4, 8196), NEW_LINE]
        tokens += [IMAGE_END, *words(draw.random.randint(0, 2))]
    # One end too many, which is what a model may write.
    tokens += [*words(1), IMAGE_END]
    inputs = {}
    for p in range(prompt, len(tokens) + 1):
        place = Place(tokens[:p])
        if place.forced() is None and draw.random.randrange(sizes["every"]) and place.seen > 3:
            continue
        if place.forced() is None:
            scores = draw.normal(sizes["vocabulary"], std=3.0)
            if draw.random.random() < 0.3:
                # Scores of which several are the same.
                scores = (scores * 4).round() / 4
            inputs[f"p{p}.scores"] = scores
            if place.guided:
                inputs[f"p{p}.uncond"] = draw.normal(sizes["vocabulary"], std=3.0)
    write_tensors(folder / STEPS, inputs)
    write_json(
        folder / "steps.json",
        dict(
            vocab_size=sizes["vocabulary"],
            tokens=tokens,
            prompt_length=prompt,
            guidance_scale=sizes["scale"],
            image_top_k=sizes["image_top_k"],
            text_top_k=sizes["text_top_k"],
            image_start=IMAGE_START,
            image_end=IMAGE_END,
            new_line=NEW_LINE,
        ),
    )


def expected(folder, dtype):
    script, given = read_json(folder / "steps.json"), read_tensors(folder / STEPS)
    tokens, scale = script["tokens"], script["guidance_scale"]
    inputs = {name: t for name, t in given.items() if name.endswith((".scores", ".uncond"))}
    old = {step["prefix_length"]: step for step in script.get("steps", [])}
    steps, tensors = [], dict(inputs)
    for p in range(script["prompt_length"], len(tokens) + 1):
        place, at = Place(tokens[:p]), f"p{p}"
        step = {"prefix_length": p, "unconditional_call": place.unconditional()}
        cond, uncond = inputs.get(f"{at}.scores"), inputs.get(f"{at}.uncond")
        forced = place.forced()
        if cond is None and forced is None:
            # A step that is there for the call alone: how many are kept tells that it is free.
            known = old.get(p, {})
            step |= {
                "kept_after_top_k": known.get("kept_after_top_k", script["image_top_k"]),
                "argmax": known.get("argmax", 0),
            }
            if script["image_top_k"] > 1:
                steps.append(step)
            continue
        ids, scores = processed(place, cond, uncond, scale, script["image_top_k"], script["text_top_k"])
        step |= {"kept_after_top_k": len(ids), "argmax": int(ids[scores.argmax()])}
        steps.append(step)
        if forced is None or not old or f"{at}.kept_ids" in given:
            tensors |= {
                f"{at}.kept_ids": ids,
                f"{at}.kept_scores": scores,
                f"{at}.kept_probs": scores.double().softmax(-1),
            }
        if uncond is not None and (f"{at}.after_cfg" in given or not old and place.seen == 2):
            tensors[f"{at}.after_cfg"] = guide(cond, uncond, scale)
    start = tokens.index(IMAGE_START)
    prompt = [0, tokens[1], *tokens[start : start + 3]]
    prompt = script.get("explicit_unconditional_ids_no_cache", {}).get("given", prompt)
    calls = [prompt, [*prompt, tokens[start + 3]]]
    return {
        STEPS: tensors,
        "steps.json": {
            **script,
            "steps": steps,
            "explicit_unconditional_ids_no_cache": {
                "given": prompt,
                "calls": [
                    {"input_ids": ids, "attention_mask": [1] * len(ids), "use_cache": False}
                    for ids in calls
                ],
            },
        },
    }


def notes(folder):
    return ["forced tokens get score 0; top-k keeps every entry tied with the k-th; kept_probs in float64"]
