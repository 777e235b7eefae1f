// What the wrappers of ptx.h and the built-in functions of kernels make of fixed inputs, on the
// machine that the program is compiled for: simt_ptx_outputs.cc is the emulated one, on_gpu.cu a
// GPU. Every output is held to a plain formula where it is made, and printed as a line of JSON,
// which scripts/ptx_outputs.mjs compares with test/fixtures/ptx_outputs.json. The other files are
// written as those of native/cuda/kernels are, so that both compilers take them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cuda/tensor_map.h"

namespace stylear::cuda {

using Words = std::vector<uint32_t>;
using Names = std::vector<std::string>;

// ---- What either machine supplies.
void* machine_allocate(size_t bytes);
void machine_release(void* p);
void machine_upload(void* to, const void* from, size_t bytes);
void machine_download(void* to, const void* from, size_t bytes);  // after all kernels
// Bulk copies of 16-bit elements from a dense tensor; extents innermost first.
TensorMap machine_tensor_map(const void* data, const std::vector<int>& size,
                             const std::vector<int>& box, int swizzle);

// A copy of a vector in the machine's memory.
template <class T>
class Shipped {
 public:
  explicit Shipped(const std::vector<T>& from)
      : count_(from.size()), p_(static_cast<T*>(machine_allocate(count_ * sizeof(T)))) {
    machine_upload(p_, from.data(), count_ * sizeof(T));
  }
  explicit Shipped(size_t count) : Shipped(std::vector<T>(count)) {}
  Shipped(const Shipped&) = delete;
  ~Shipped() { machine_release(p_); }

  T* get() const { return p_; }
  std::vector<T> read() const {
    std::vector<T> to(count_);
    machine_download(to.data(), p_, count_ * sizeof(T));
    return to;
  }

 private:
  size_t count_;
  T* p_;
};

// ---- Numbers, on the host.
inline uint32_t bits_of(float v) {
  uint32_t bits;
  std::memcpy(&bits, &v, 4);
  return bits;
}
inline float float_of(uint32_t bits) {
  float v;
  std::memcpy(&v, &bits, 4);
  return v;
}
constexpr uint32_t one_nan = 0x7fc00000u;
// NaN has many patterns, of which none is promised: all become the same.
inline uint32_t value_bits(float v) { return v != v ? one_nan : bits_of(v); }
inline Words value_bits(const std::vector<float>& values) {
  Words words;
  for (const float v : values) words.push_back(value_bits(v));
  return words;
}
inline float bf16_value(uint16_t bits) { return float_of(uint32_t{bits} << 16); }
// The nearest bf16, of two equally near ones the even one, found by trying both neighbours.
inline uint16_t nearest_bf16(float v) {
  if (v != v) return 0x7fff;
  const auto below = static_cast<uint16_t>(bits_of(v) >> 16);
  if (std::isinf(v)) return below;
  const auto above = static_cast<uint16_t>(below + 1);
  // Beyond the largest number the next one would be 2^128.
  const double next = std::isinf(bf16_value(above)) ? std::copysign(std::ldexp(1.0, 128), v)
                                                    : double{bf16_value(above)};
  const double down = std::abs(double{v} - bf16_value(below)), up = std::abs(next - v);
  return down < up || (down == up && below % 2 == 0) ? below : above;
}
inline uint32_t pair_of(uint16_t lo, uint16_t hi) { return uint32_t{hi} << 16 | lo; }
// Fixed noise: the output function of PCG over a counter.
inline uint32_t noise(uint32_t i) {
  const uint32_t state = i * 747796405u + 2891336453u;
  const uint32_t word = ((state >> ((state >> 28) + 4)) ^ state) * 277803737u;
  return word >> 22 ^ word;
}
// Evenly in [lo, hi). With bounds of few bits f64 has it exactly, whatever the compiler fuses.
inline float noise_in(double lo, double hi, uint32_t i) {
  return static_cast<float>(lo + (hi - lo) * (noise(i) >> 8) * 0x1p-24);
}

// ---- What comes out.
struct Output {
  std::string name;
  Names of;  // the functions that it is about
  bool exact = true;
  // Else two machines may differ by this many units in the last place, plus this much.
  double units = 0, absolute = 0;
  Words words;
};

class Outputs {
 public:
  // With `json`, prints each output at once: a GPU that stops has shown how far it came.
  explicit Outputs(bool json) : json_(json) {}

  // The same bits on every machine.
  void exact(const std::string& name, const Names& of, const Words& words, const Words& expected) {
    add({name, of, true, 0, 0, words}, expected.size());
    std::vector<size_t> wrong;
    for (size_t i = 0; i < words.size(); ++i)
      if (words[i] != expected[i]) wrong.push_back(i);
    report(name, wrong, words, expected);
  }

  // Approximate values in f32.
  void within(double units, double absolute, const std::string& name, const Names& of,
              const std::vector<float>& values, const std::vector<double>& expected) {
    add({name, of, false, units, absolute, value_bits(values)}, expected.size());
    std::vector<size_t> wrong;
    Words nearest;
    for (size_t i = 0; i < values.size(); ++i) {
      const double unit = std::ldexp(1.0, std::max(std::ilogb(expected[i]), -126) - 23);
      nearest.push_back(bits_of(static_cast<float>(expected[i])));
      // Not `>`, which NaN would pass.
      if (!(std::abs(values[i] - expected[i]) <= absolute + units * unit)) wrong.push_back(i);
    }
    report(name, wrong, value_bits(values), nearest);
  }

  int count = 0, failures = 0;  // of outputs

 private:
  void add(const Output& output, size_t expected) {
    ++count;
    if (output.words.size() != expected)
      throw Error("ERR_DEVICE", output.name + ": expected " + std::to_string(expected) +
                                    " words, got " + std::to_string(output.words.size()));
    if (!json_) return;
    std::printf("{\"name\":\"%s\",\"of\":[", output.name.c_str());
    const char* comma = "";
    for (const std::string& name : output.of)
      std::printf("%s\"%s\"", comma, name.c_str()), comma = ",";
    std::printf("],\"kind\":\"%s\"", output.exact ? "exact" : "within");
    if (!output.exact)
      std::printf(",\"units\":%g,\"absolute\":%.9g", output.units, output.absolute);
    std::printf(",\"words\":[");
    comma = "";
    for (const uint32_t word : output.words) std::printf("%s\"%08x\"", comma, word), comma = ",";
    std::printf("]}\n");
    std::fflush(stdout);
  }

  void report(const std::string& name, const std::vector<size_t>& wrong, const Words& words,
              const Words& expected) {
    if (wrong.empty()) return;
    ++failures;
    std::fprintf(stderr, "FAIL %s: %zu of %zu words\n", name.c_str(), wrong.size(), words.size());
    for (size_t i = 0; i < wrong.size() && i < 4; ++i)
      std::fprintf(stderr, "  word %zu: expected %08x, got %08x\n", wrong[i], expected[wrong[i]],
                   words[wrong[i]]);
  }

  bool json_;
};

// ---- The outputs, by file.
void warp_outputs(Outputs& outputs);
void tile_outputs(Outputs& outputs);
void number_outputs(Outputs& outputs);
void math_outputs(Outputs& outputs);
void hopper_outputs(Outputs& outputs);  // of ptx_sm90.h: compute capability 9.0 alone
void wgmma_outputs(Outputs& outputs);   // likewise

}  // namespace stylear::cuda
