"""A tokenizer.json of Chameleon's structure with merges of its own, and what the tokenizers library makes of it."""

import collections

import torch

from .folder import read_json, write_json
from .text import (
    CODES,
    FIRST_CODE,
    GRID,
    IMAGE,
    IMAGE_PROMPT,
    STYLE_PROMPT,
    Text,
    code_name,
)

TITLE = "tokenizer.json in Chameleon's structure, strings to ids, image code <-> vocabulary id tables"
REFERENCE = ["huggingface/tokenizers (Python)"]
TEXT_IDS = 16384
WORDS = (STYLE_PROMPT + IMAGE_PROMPT).replace("S*", "").replace(IMAGE, "").split()


def sizes(rng, small):
    return dict(merges=20 if small else rng.randint(30, 400), strings=4 if small else 60)


def byte_alphabet():
    """The characters that stand for bytes, in the order of their code points."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(b) for b in own] + [chr(256 + i) for i in range(256 - len(own))]


def learned(words, count):
    """Byte-pair merges of the pairs that are most frequent."""
    pieces = collections.Counter(tuple(word) for word in words)
    merges = []
    for _ in range(count):
        pairs = collections.Counter()
        for piece, times in pieces.items():
            for pair in zip(piece, piece[1:]):
                pairs[pair] += times
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        joined = collections.Counter()
        for piece, times in pieces.items():
            out, i = [], 0
            while i < len(piece):
                both = piece[i : i + 2] == best
                out.append("".join(best) if both else piece[i])
                i += 2 if both else 1
            joined[tuple(out)] += times
        pieces = joined
    return merges


def tokenizer_json(merges, image_name, added):
    names = ["<s>", "<pad>", "</s>", "<unk>", *map(code_name, range(CODES)), "<eoss>", "<racm3:break>"]
    names += [f"<reserved{i - 4:05d}>" for i in range(len(names), TEXT_IDS)]
    names[8711] = image_name
    names += byte_alphabet() + ["".join(pair) for pair in merges]
    split = lambda regex: {
        "type": "Split",
        "pattern": {"Regex": regex},
        "behavior": "Isolated",
        "invert": False,
    }
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    flags = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": names[i], **flags} for i in added],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                split("<sentinel:[0-9]+>"),
                split("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"),
                split("([\\t\\n]|    |  )"),
                {"type": "Digits", "individual_digits": True},
                {"type": "Punctuation", "behavior": "Isolated"},
                level,
            ],
        },
        "post_processor": None,
        "decoder": level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {name: i for i, name in enumerate(names)},
            "merges": [" ".join(pair) for pair in merges],
        },
    }


STRINGS = [
    "",
    "*",
    "S*",
    "S* S*.",
    "a  b   c",
    "\n\t  \n",
    "12345 3.14 768x768",
    "don't we're it's",
    STYLE_PROMPT,
    "naïve café 東京 🦊",
    "<reserved08706>",
    "x<reserved08799>y",
    "<s></s>",
    "<racm3:break><reserved08802>",
    "IMGIMGBCDZ",
    "an IMGIMGAZ b",
    "<sentinel:12>",
    "...!?*",
    " ",
    "\u00a0nbsp\u200b",
    "<eoss>",
]


def make(folder, sizes, draw):
    rng = draw.random
    letters = "etaoinshrdlucm"
    words = WORDS + ["".join(rng.choices(letters, k=rng.randint(2, 7))) for _ in range(300)]
    merges = learned([f"Ġ{word}" for word in words if word.isalpha()], sizes["merges"])
    added = [0, 1, 2, 3, *range(8196, 9300)]
    write_json(folder / "hf/tokenizer.json", tokenizer_json(merges, "<image>", added))
    write_json(
        folder / "hf/tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "sep_token": "<reserved08706>",
            "clean_up_tokenization_spaces": False,
        },
    )
    original = tokenizer_json(merges, "<reserved08707>", [0, 1, 2, 3, 8196, 8197])
    write_json(folder / "chameleon/tokenizer/text_tokenizer.json", original)
    shuffled = list(range(CODES))
    rng.shuffle(shuffled)
    write_json(
        folder / "shuffled_vocab.json", {code_name(code): FIRST_CODE + i for i, code in enumerate(shuffled)}
    )
    parts = [*words[:40], " ", "  ", ", ", "*", ".", "7", "-", "é", "\n", "S*", "<reserved09000>"]
    texts = STRINGS + ["".join(rng.choices(parts, k=rng.randint(1, 12))) for _ in range(sizes["strings"])]
    write_json(folder / "strings.json", {"strings": [{"text": text} for text in texts]})


def expected(folder, dtype):
    text, given = Text(folder / "hf/tokenizer.json"), read_json(folder / "strings.json")
    id_of = text.tokenizer.token_to_id
    strings = []
    for entry in given["strings"]:
        ids = text.encode(entry["text"])
        strings.append(
            {
                "text": entry["text"],
                "ids": ids,
                "decoded": text.decode(ids),
                "tokens": [text.tokenizer.id_to_token(i) for i in ids],
            }
        )
    names = {code_name(code): id_of(code_name(code)) for code in range(CODES)}
    shuffled = read_json(folder / "shuffled_vocab.json")
    return {
        "strings.json": {
            "vocab_size_before_adding": text.size,
            "image_symbol_id": text.image,
            "bos_id": id_of("<s>"),
            "eos_id": id_of("</s>"),
            "strings": strings,
        },
        "special_ids.json": {
            "begin_sequence": id_of("<s>"),
            "begin_image": id_of("<racm3:break>"),
            "end_image": id_of("<eoss>"),
            "end_turn": id_of("<reserved08706>"),
            "n_image_tokens": CODES,
            "new_line": id_of("<reserved08799>"),
            "grid_token_of_1": GRID + 1,
            "style_placeholder": id_of("*"),
        },
        "image_codes.safetensors": tables(names),
        "shuffled_image_codes.safetensors": tables(shuffled),
    }


def tables(ids):
    """Both ways between codes and ids, by the names."""
    code_to_id = torch.tensor([ids[code_name(code)] for code in range(CODES)])
    back = torch.empty(CODES, dtype=torch.int64)
    back[code_to_id - FIRST_CODE] = torch.arange(CODES)
    return {"code_to_id": code_to_id, "id_minus_4_to_code": back}


def notes(folder):
    return ["ids below 16384 and the characters of bytes are Chameleon's; the merges are made up"]
