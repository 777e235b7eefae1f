// Random numbers as a function of where they are used: Philox4x32-10 (Salmon et al. 2011) maps a
// counter and a key to four words, so a draw depends on nothing but its seed and its place. Every
// device draws the same integer bits. All functions are constexpr, which lets device code call
// them.
#pragma once

#include <cstdint>

namespace stylear {

struct PhiloxBlock {
  uint32_t words[4];
};

constexpr PhiloxBlock philox(PhiloxBlock counter, uint32_t key_low, uint32_t key_high) {
  uint32_t a = counter.words[0], b = counter.words[1], c = counter.words[2], d = counter.words[3];
  for (int round = 0; round < 10; ++round) {
    const uint64_t left = uint64_t{0xD2511F53u} * a, right = uint64_t{0xCD9E8D57u} * c;
    a = static_cast<uint32_t>(right >> 32) ^ b ^ key_low;
    b = static_cast<uint32_t>(right);
    c = static_cast<uint32_t>(left >> 32) ^ d ^ key_high;
    d = static_cast<uint32_t>(left);
    key_low += 0x9E3779B9u;
    key_high += 0xBB67AE85u;
  }
  return {{a, b, c, d}};
}

// A 64-bit seed, as ops hold it: its low and its high half in two i32.
struct Seed {
  uint32_t low, high;
  constexpr Seed(int32_t low_half, int32_t high_half)
      : low(static_cast<uint32_t>(low_half)), high(static_cast<uint32_t>(high_half)) {}
};

// What a draw is for: the same seed and index give independent bits for each.
enum class Draw : uint32_t { token = 0, noise = 1, dropout = 2 };

// The words of elements 4 * block to 4 * block + 3 of a tensor.
constexpr PhiloxBlock element_bits(Seed seed, Draw purpose, uint64_t block) {
  return philox({{static_cast<uint32_t>(block), static_cast<uint32_t>(purpose),
                  static_cast<uint32_t>(block >> 32), 0}},
                seed.low, seed.high);
}

// The words of tokens 4 * block to 4 * block + 3 for a token drawn at `position`.
constexpr PhiloxBlock gumbel_block(Seed seed, int32_t position, uint32_t block) {
  return philox({{static_cast<uint32_t>(position), static_cast<uint32_t>(Draw::token), block, 0}},
                seed.low, seed.high);
}
constexpr uint32_t gumbel_bits(Seed seed, int32_t position, uint32_t token) {
  return gumbel_block(seed, position, token / 4).words[token % 4];
}

// In (0, 1), exact in f32: the middle of one of 2^23 equal intervals, so neither 0 nor 1.
constexpr float uniform_of(uint32_t bits) {
  return (static_cast<float>(bits >> 9) + 0.5f) * (1.0f / 8388608.0f);
}

// Gaussians come from pairs of words by Box & Muller 1958: with U = uniform_of(words[2i]) and
// V = uniform_of(words[2i + 1]), element 2i is sqrt(-2 log U) cos(2 pi V), element 2i + 1 has the
// sine. Gumbel noise is -log(-log U).

namespace detail {
// The known answer of the authors' Random123 for counter and key of all ones.
constexpr PhiloxBlock ones =
    philox({{0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}}, 0xffffffffu, 0xffffffffu);
static_assert(ones.words[0] == 0x408f276du && ones.words[1] == 0x41c83b0eu &&
              ones.words[2] == 0xa20bc7c6u && ones.words[3] == 0x6d5451fdu);
}  // namespace detail

}  // namespace stylear
