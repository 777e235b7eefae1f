"""Folders of golden numbers: written in the form of the shared ones, read, and compared.

A kind is a module with `sizes(rng, small)`, `make(folder, sizes, draw)`, which writes checkpoints and inputs,
and `expected(folder, dtype)`, which computes everything else from what is in the folder, so that generating a
folder and checking someone else's are the same computation. What it returns are files: of tensors by name
(safetensors) or of JSON.
"""

import json
import re
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

RULE = (
    "atol per tensor = 20 x the largest |float32 run - float64 run| of this computation (never under 2e-6 x "
    "max|value|; after3/delta3: never under 0.5% of max|delta3|); float32 compute assumed. Integers exact, "
    "except NAME.uint8 pictures: one level off in up to 0.2% of the bytes"
)


class Unsafe(Exception):
    """What was drawn has values so close that rounding decides between them: draw again."""


def read_json(path):
    return json.loads(Path(path).read_text())


def write_json(path, value, indent=None):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    separators = (",", ":") if indent is None else None
    Path(path).write_text(json.dumps(value, indent=indent, separators=separators))


def read_tensors(path, dtype=None):
    """All tensors of a file; those of floats in `dtype` when one is given."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    return {name: to(t, dtype) for name, t in tensors.items()}


def read_checkpoint(folder, dtype=None):
    """All tensors of a folder of safetensors, one or several."""
    tensors = {}
    for path in sorted(Path(folder).glob("*.safetensors")):
        tensors.update(read_tensors(path, dtype))
    return tensors


def read_torch(path, dtype=None):
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: to(t, dtype) for name, t in state.get("state_dict", state).items()}


def to(tensor, dtype):
    return tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor


def write_tensors(path, tensors):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save_file({name: t.detach().contiguous().clone() for name, t in tensors.items()}, path)


def beside(folder, kind):
    """The folder of that kind that the notes name as ../NAME; else the one called as the kind is."""
    folder = Path(folder)
    notes = read_json(folder / "README.json")["notes"] if (folder / "README.json").exists() else []
    for name in re.findall(r"\.\./(\w+)", " ".join(notes)):
        if name == kind or name.startswith(f"{kind}_"):
            return folder.parent / name
    return folder.parent / kind


def stored(tensor):
    """As a file has it: floats of the runs in float32, probabilities stated as float64 as they are."""
    return tensor if not tensor.is_floating_point() else tensor.to(torch.float32)


def tolerances(single, double):
    """The rule above, of the files of a float32 run and of a float64 run."""
    entries = {}
    for file, tensors in single.items():
        if not file.endswith(".safetensors"):
            continue
        for name, value in tensors.items():
            if not value.is_floating_point():
                continue
            exact = double[file][name].double()
            error = (value.double() - exact).abs().max().item()
            largest = exact.abs().max().item()
            floor = 2e-6 * largest
            kind, _, of = name.partition(".")
            if kind in ("after3", "delta3"):
                floor = max(floor, 0.005 * double[file][f"delta3.{of}"].abs().max().item())
            atol = float(f"{max(20 * error, floor):.1e}")
            entries[f"{file}:{name}"] = {
                "max_abs": float(f"{largest:.4g}"),
                "err_f32_vs_f64": float(f"{error:.3g}"),
                "atol": atol,
            }
    return entries


def require_same_integers(single, double):
    for file, tensors in single.items():
        for name, value in tensors.items() if file.endswith(".safetensors") else ():
            exact = (
                value.is_floating_point()
                or name.endswith("uint8")
                or torch.equal(value, double[file][name])
            )
            if not exact:
                raise Unsafe(f"{file}:{name} depends on rounding")


def write_fixture(folder, module, arguments):
    """Writes what a module expects of a folder, and its README.json; `notes` may be there already."""
    folder = Path(folder)
    single, double = (module.expected(folder, t) for t in (torch.float32, torch.float64))
    require_same_integers(single, double)
    stated = getattr(module, "TOLERANCE", {})
    measured = tolerances(single, double)
    tolerance = {
        key: of for key, of in measured.items() if f"{key.partition(':')[0]}:*" not in stated
    } | stated
    readme = {
        "fixture": folder.name,
        "title": module.TITLE,
        "reference": [f"bench/compare/fixtures.py {arguments}", *module.REFERENCE],
        "notes": [*read_json(folder / "README.json")["notes"], *module.notes(folder)],
        "tolerance": tolerance,
        "tolerance_rule": RULE,
    }
    merged = module.merge(single, double) if hasattr(module, "merge") else single
    for file, value in merged.items():
        if file.endswith(".safetensors"):
            write_tensors(folder / file, {name: stored(t) for name, t in value.items()})
        elif file.endswith(".json"):
            write_json(folder / file, value)
        else:
            value.save(folder / file)
    readme["files"] = {
        str(path.relative_to(folder)): {"bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "README.json"
    }
    write_json(folder / "README.json", readme, indent=1)
