"""Log-probabilities of the chosen and the rejected answers, and the loss of Rafailov et al. 2023."""

import torch
import torch.nn.functional as F

from . import chameleon
from .folder import beside, read_json, read_tensors, write_json, write_tensors

TITLE = "sequence log-probabilities and the standard DPO loss with gradients"
REFERENCE = ["transformers ChameleonModel; the published formula"]
BESIDE = ["chameleon"]


def sizes(rng, small):
    pairs = rng.randint(1, 3)
    return dict(
        pairs=pairs, beta=rng.choice([0.05, 0.1, 0.5]), style=rng.randint(1, 6), rank=rng.randint(1, 5)
    )


def make(folder, sizes, draw):
    config = read_json(beside(folder, "chameleon") / "ckpt/config.json")
    pairs, style = sizes["pairs"], sizes["style"]
    prompts = [chameleon.sequence(draw, config, style + 2, style)[0] for _ in range(pairs)]
    rows = {"input_ids": [], "labels": [], "style_index": []}
    for prompt in prompts * 2:
        length = len(prompt) + draw.random.randint(4, 12)
        ids, labels, index = chameleon.sequence(draw, config, length, style)
        rows["input_ids"].append(prompt + ids[len(prompt) :])
        rows["labels"].append(labels)
        rows["style_index"].append(index)
    write_json(
        folder / "batch.json",
        {
            **rows,
            "beta": sizes["beta"],
            "pairs": pairs,
            "order": "chosen of pair 0..n-1, then rejected of pair 0..n-1",
        },
    )
    width = config["hidden_size"]
    write_tensors(folder / "inputs.safetensors", {"style": draw.normal(pairs, style, width, std=0.6)})
    write_tensors(folder / "lora.safetensors", chameleon.lora_state(config, sizes["rank"], draw, std=0.1))


def log_probs(model, ids, labels, style, index):
    """Of the labels of each sequence, summed."""
    logits, labels = model.forward(ids, style, index)[:, :-1], labels[:, 1:]
    of = logits.log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return torch.where(labels >= 0, of, 0).sum(-1)


def expected(folder, dtype):
    batch, pairs = read_json(folder / "batch.json"), read_json(folder / "batch.json")["pairs"]
    model = chameleon.Chameleon(beside(folder, "chameleon") / "ckpt", dtype)
    ids, labels = chameleon.training_batch(batch)
    style = read_tensors(folder / "inputs.safetensors", dtype)["style"].requires_grad_()
    both = torch.cat([style, style])
    with torch.no_grad():
        reference = log_probs(model, ids, labels, both, batch["style_index"])
    parameters = model.apply_lora(read_tensors(folder / "lora.safetensors"))
    policy = log_probs(model, ids, labels, both, batch["style_index"])
    gain = policy - reference
    margin = batch["beta"] * (gain[:pairs] - gain[pairs:])
    loss = -F.logsigmoid(margin).mean()
    wrt = {"style": style, **parameters}
    gradients = dict(zip(wrt, torch.autograd.grad(loss, wrt.values())))
    return {
        "expected.safetensors": {
            "label_count": (labels[:, 1:] >= 0).sum(-1),
            "loss": loss.detach().reshape(1),
            "policy_logp": policy.detach(),
            "reference_logp": reference,
            "scaled_margin": margin.detach(),
        },
        "gradients.safetensors": gradients,
    }


def notes(folder):
    return ["the reference is the model without an adapter; loss = mean of -log sigmoid(scaled margin)"]
