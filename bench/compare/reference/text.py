"""Text to ids by the tokenizers library, prompts, and pictures among them."""

from tokenizers import Tokenizer

IMAGE = "<|image|>"
SEPARATOR = "<reserved08706>"
IMAGE_START, IMAGE_END, NEW_LINE, STOP, GRID, STYLE = 8197, 8196, 8803, 8710, 8804, 16393
FIRST_CODE, CODES = 4, 8192

_MARKS = " ".join(["S*"] * 16)
STYLE_PROMPT = (
    f"Instant style Generation. Given image style is {_MARKS}. "
    "Please generate an same style image according to my instruction: "
)
IMAGE_PROMPT = (
    f"Instant style Generation. Given image style is {_MARKS}. "
    f"Please generate an image according to the provided image {IMAGE} and according to my instruction: "
)


class Refused(Exception):
    """What the original refuses."""


class Text:
    """A tokenizer.json to which the symbol of a picture is appended, as the original does at run time."""

    def __init__(self, path):
        self.tokenizer = Tokenizer.from_file(str(path))
        self.size = self.tokenizer.get_vocab_size()
        self.tokenizer.add_special_tokens([IMAGE])
        self.image = self.tokenizer.token_to_id(IMAGE)

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=False)

    def inlined(self, text, images):
        """Ids of a turn, each symbol of a picture by the next one's tokens."""
        ids, rest = [], list(images)
        for token in self.encode(text):
            ids += rest.pop(0) if token == self.image else [token]
        return ids

    def conversation(self, turns, images, training):
        """Ids, and labels of answers when training."""
        if any(turn["from"] != ("human", "gpt")[i % 2] for i, turn in enumerate(turns)):
            raise Refused("AssertionError")
        values = [turn["value"] for turn in turns]
        count = sum(value.count(IMAGE) for value in values if value is not None)
        if images and count == 0:
            values[0] = f"{IMAGE} " * len(images) + values[0]
        elif count != len(images):
            raise Refused("AssertionError")
        ids, labels, rest = [0], [-100], list(images)
        for i, value in enumerate(values):
            if value is None:
                continue
            used = value.count(IMAGE)
            turn = self.inlined(value + SEPARATOR, rest[:used])
            rest = rest[used:]
            ids += turn
            labels += turn if i % 2 else [-100] * len(turn)
        if not training:
            return {"ids": ids}
        if all(label == -100 for label in labels):
            raise Refused("LabelAllZeroError")
        return {"ids": ids, "labels": labels}


def image_tokens(codes):
    """Of codes `[height, width]`: start, both sizes in units of two codes, rows with their ends, the end."""
    height, width = codes.shape
    ids = [IMAGE_START, GRID + height // 2, GRID + width // 2]
    for row in codes.tolist():
        ids += [FIRST_CODE + code for code in row] + [NEW_LINE]
    return ids + [IMAGE_END]


def code_name(code):
    return "IMGIMG" + "".join("ABCDEFGHIJ"[int(digit)] for digit in str(code)) + "Z"
