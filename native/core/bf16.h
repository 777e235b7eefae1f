// bfloat16 as the host stores it: the upper half of a float.
#pragma once

#include <bit>
#include <cstdint>

namespace stylear {

struct bf16 {
  uint16_t bits;

  bf16() = default;
  // Rounds to nearest, ties to even; a NaN stays a NaN.
  explicit bf16(float value) {
    const uint32_t u = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    const uint32_t quiet = (u >> 16) | 0x40u;
    bits = static_cast<uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
  }
  explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
};

static_assert(sizeof(bf16) == 2);

}  // namespace stylear
