"""Compares what was computed anew with what a folder has."""

import numpy
from PIL import Image

from .folder import read_json, read_tensors


def checks(folder, module, files):
    """Of every file: what was compared, whether it agrees, and which share of its tolerance it took."""
    tolerance = read_json(folder / "README.json").get("tolerance", {})
    for file, value in files.items():
        if not (folder / file).exists():
            continue
        if file.endswith(".safetensors"):
            for name, want in read_tensors(folder / file).items():
                if name.endswith("uint8"):
                    yield picture(f"{file}:{name}", value[name].numpy(), want.numpy())
                elif name in value:
                    compared = getattr(module, "compared", lambda *_: ...)(folder, name)
                    yield tensor(file, name, value[name][compared], want[compared], tolerance)
                elif not name.startswith("convert_bpe2img"):
                    yield f"{file}:{name} was not computed", False, 0.0
        elif file.endswith(".json"):
            wrong = list(differences(file, value, read_json(folder / file)))
            yield f"{file}: {wrong[:3]}", not wrong, 0.0
        else:
            want = Image.open(folder / file)
            if value.mode != want.mode:
                yield f"{file}: mode {value.mode}, {want.mode} there", False, 0.0
            exact = not file.rpartition("/")[2].startswith("generated_")
            yield picture(file, numpy.asarray(value), numpy.asarray(want), exact)


def tensor(file, name, got, want, tolerance):
    got = got.reshape(want.shape) if got.numel() == want.numel() else got
    if got.shape != want.shape:
        return f"{file}:{name} is {list(got.shape)}, {list(want.shape)} there", False, 0.0
    if not want.is_floating_point():
        wrong = int((got != want).sum())
        return f"{file}:{name}: {wrong} differ", wrong == 0, 0.0
    # Pixels have no tolerance: they are the same to the bit.
    entry = tolerance.get(f"{file}:{name}") or tolerance.get(f"{file}:*") or {"atol": 0.0}
    error = (got.double() - want.double()).abs().max().item()
    share = error / entry["atol"] if entry["atol"] else float(error > 0)
    return f"{file}:{name}: {error:.3g} of {entry['atol']:.3g}", error <= entry["atol"], share


def picture(name, got, want, exact=False):
    if got.shape != want.shape:
        return f"{name} is {got.shape}, {want.shape} there", False, 0.0
    off = numpy.abs(got.astype(int) - want.astype(int))
    passed = off.max() == 0 if exact else off.max() <= 1 and (off > 0).mean() <= 0.002
    return f"{name}: {int((off > 0).sum())} bytes differ, by up to {off.max()}", bool(passed), 0.0


def differences(at, got, want):
    """Where two JSON values differ; entries of objects that only one of them has are passed over."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in want.keys() & got.keys():
            yield from differences(f"{at}.{key}", got[key], want[key])
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            yield f"{at}: {len(got)} entries, {len(want)} there"
        for i, (g, w) in enumerate(zip(got, want)):
            yield from differences(f"{at}[{i}]", g, w)
    elif isinstance(want, float) and isinstance(got, (int, float)):
        if abs(got - want) > 2e-5 * abs(want) + 1e-3:
            yield f"{at}: {got}, {want} there"
    elif got != want:
        yield f"{at}: {got!r}, {want!r} there"
