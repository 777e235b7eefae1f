"""What comes between the logits of a step and the token that is drawn."""

import torch

from .text import CODES, FIRST_CODE, GRID, IMAGE_END, IMAGE_START, NEW_LINE


class Place:
    """Where the token behind a prefix is."""

    def __init__(self, ids):
        self.ids = ids
        self.inside = ids.count(IMAGE_START) == ids.count(IMAGE_END) + 1
        self.start = len(ids) - 1 - ids[::-1].index(IMAGE_START) if self.inside else None
        self.seen = len(ids) - 1 - self.start if self.inside else 0
        self.guided = self.inside and self.seen >= 2

    def unconditional(self):
        """What the stream without a condition is given, and how many tokens it has had by then."""
        if not self.guided:
            return None
        new = self.ids[self.start :] if self.seen == 2 else self.ids[-1:]
        return {"input_ids": new, "attention_mask": [1] * (self.seen + 1), "use_cache": True}

    def forced(self):
        """The only token that may come, if there is only one."""
        if not self.guided:
            return None
        height, width = (2 * (token - GRID) for token in self.ids[self.start + 1 : self.start + 3])
        at = self.seen - 1
        if at % (width + 1) == 0:
            return NEW_LINE
        return IMAGE_END if at == (width + 1) * height + 1 else None


def guide(cond, uncond, scale):
    return uncond + scale * (cond - uncond)


def processed(place, cond, uncond, scale, image_top_k, text_top_k):
    """Ids that are kept and their scores; in the order of ids."""
    forced = place.forced()
    if forced is not None:
        return torch.tensor([forced]), torch.zeros(1)
    scores = guide(cond, uncond, scale) if place.guided else cond
    if place.guided:
        allowed = torch.full_like(scores, -torch.inf)
        allowed[FIRST_CODE : FIRST_CODE + CODES] = scores[FIRST_CODE : FIRST_CODE + CODES]
        scores = allowed
    k = min(image_top_k if place.inside else text_top_k, len(scores))
    # What ties with the k-th stays.
    kept = (scores >= scores.topk(k).values[-1]) & (scores > -torch.inf)
    ids = kept.nonzero()[:, 0]
    return ids, scores[ids]
