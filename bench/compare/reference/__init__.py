"""What `fixtures.py` computes golden numbers with, a module for each kind."""

from . import (
    chameleon,
    clip,
    dpo,
    e2e,
    items,
    processors,
    resampler,
    style_tokens,
    tokenizer,
    train,
    vqgan,
)

#: In this order each finds what it refers to.
KINDS = {
    "resampler": resampler,
    "clip": clip,
    "vqgan": vqgan,
    "tokenizer": tokenizer,
    "processors": processors,
    "items": items,
    "chameleon": chameleon,
    "dpo": dpo,
    "train": train,
    "e2e": e2e,
    "style_tokens": style_tokens,
}
