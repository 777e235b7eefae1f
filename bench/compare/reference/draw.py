"""Random weights and inputs, all of one seed."""

import random
import zlib

import torch


class Draw:
    """
    Draws of one seed and name. With `bits` the weights keep so many bits behind the leading one and large
    matrices are sparse: less to store, and what is computed from them is rounded as ever.
    """

    def __init__(self, seed, name, bits=None):
        mixed = zlib.crc32(name.encode()) ^ (seed * 0x9E3779B1 & 0xFFFFFFFF)
        self.random = random.Random(mixed)
        self.generator = torch.Generator().manual_seed(mixed)
        self.bits = bits

    def normal(self, *shape, std=1.0, mean=0.0):
        """Of inputs, and of weights that stay as they are."""
        return torch.randn(shape, generator=self.generator) * std + mean

    def weight(self, *shape, std=1.0, mean=0.0):
        x = self.normal(*shape, std=std, mean=mean)
        if self.bits is None:
            return x
        mantissa, exponent = torch.frexp(x)
        scale = 2.0 ** (self.bits + 1)
        # What is small beside the others would only add exponents.
        floor = 2.0 ** torch.floor(torch.log2(torch.tensor(std + abs(mean)))).item() / 8
        x = torch.ldexp(torch.round(mantissa * scale) / scale, exponent)
        return torch.where(x.abs() < floor, torch.zeros_like(x), x)

    def matrix(self, out, inner, *rest, gain=1.0):
        """Of a layer `[out, in]` or of a convolution `[out, in, height, width]`."""
        fan = inner
        for side in rest:
            fan *= side
        if self.bits is None:
            return self.weight(out, inner, *rest, std=gain * fan**-0.5)
        # Most of a large matrix is zero then, and what is not the larger.
        density = min(1.0, max(1 / 8, 8 / fan))
        kept = torch.rand((out, inner, *rest), generator=self.generator) < density
        return torch.where(kept, self.weight(out, inner, *rest, std=gain * (fan * density) ** -0.5), 0)

    def norm(self, prefix, *shape):
        """Weights and biases of a norm."""
        return {
            f"{prefix}.weight": self.weight(*shape, std=0.15, mean=1.0),
            f"{prefix}.bias": self.weight(*shape, std=0.15),
        }

    def linear(self, prefix, out, inner, *rest, bias=True, gain=1.0):
        state = {f"{prefix}.weight": self.matrix(out, inner, *rest, gain=gain)}
        if bias:
            state[f"{prefix}.bias"] = self.weight(out, std=0.1)
        return state

    def ids(self, count, first, end):
        return [self.random.randrange(first, end) for _ in range(count)]
