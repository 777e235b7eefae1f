"""Golden fixtures by an implementation of their own, in the form of those that the original code wrote.

    python fixtures.py OUT --seed 3                  eleven folders, one of every kind, of sizes that the seed draws
    python fixtures.py OUT --seed 3 --only clip,dpo  these alone; what they refer to must be in OUT
    python fixtures.py OUT --seed 1 --small --suffix generated   as small as can be, in folders KIND_generated
    python fixtures.py --check FOLDER                 recomputes the expected values of every fixture below FOLDER

Written from the description of StyleAR and not from this package: PyTorch, transformers where it has the model
(CLIP, Chameleon, the encoder of the VQGAN), Pillow for pictures, tokenizers for text. `--check` on the fixtures
of the original code says whether this implementation is the original one; `stylear verify` on what it writes
says whether the package is. Needs torch, transformers, tokenizers, safetensors, Pillow, numpy and PyYAML.
"""

import argparse
import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from reference import KINDS, compare  # noqa: E402
from reference import folder as folders
from reference.draw import Draw  # noqa: E402


def generate(out, seed, kinds, small, suffix):
    for kind in kinds:
        name = f"{kind}_{suffix}" if suffix else kind
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        module = KINDS[kind]
        # What a folder refers to is found by its notes, so they come first.
        folders.write_json(folder / "README.json", {"notes": references(out, module, suffix)})
        arguments = " ".join([f"--seed {seed}"] + ["--small"] * small)
        for attempt in range(50):
            draw = Draw(seed, f"{kind}{attempt}", bits=1 if small else None)
            try:
                module.make(folder, module.sizes(draw.random, small), draw)
                folders.write_fixture(folder, module, arguments)
                break
            except folders.Unsafe as unsafe:
                print(f"{folder}: drawn again, {unsafe}")
        else:
            sys.exit(f"{folder}: nothing safe in 50 draws")
        print(folder, flush=True)


def references(out, module, suffix):
    """One note for every kind that a kind refers to: a folder of this run, or else one that is there."""
    notes = []
    for kind in getattr(module, "BESIDE", []):
        there = sorted(path.name for path in out.glob(f"{kind}*") if path.is_dir())
        names = [name for name in (f"{kind}_{suffix}", kind, *there) if name in there]
        notes.append(f"{kind}: ../{names[0]}")
    return notes


def check(folder):
    failed = 0
    for readme in sorted(folder.rglob("README.json")):
        name = folders.read_json(readme).get("fixture")
        if name is None:
            continue
        kind = max((k for k in KINDS if name == k or name.startswith(f"{k}_")), key=len)
        module = KINDS[kind]
        found = list(compare.checks(readme.parent, module, module.expected(readme.parent, torch.float32)))
        bad = [line for line, passed, _ in found if not passed]
        worst = max((share for _, _, share in found), default=0.0)
        print(
            f"{name}: {len(found) - len(bad)} of {len(found)} agree, at most {worst:.2f} of a tolerance",
            flush=True,
        )
        for line in bad:
            print(f"  {line}")
        failed += len(bad)
    return failed


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(KINDS))
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--suffix", default="")
    parser.add_argument("--check", type=Path)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    if options.check:
        sys.exit(1 if check(options.check) else 0)
    if not options.out:
        parser.error("OUT or --check FOLDER")
    generate(options.out, options.seed, options.only.split(","), options.small, options.suffix)


if __name__ == "__main__":
    main()
