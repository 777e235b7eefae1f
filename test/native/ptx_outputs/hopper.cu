// mbarriers and bulk tensor copies.
#include "outputs.h"

namespace stylear::cuda {
namespace {

constexpr int phases = 4, writers = 64, readers = 64;

// Two warps write an array and arrive at `full`, one lane per warp; two warps add it up and arrive
// at `empty`, every lane. What an early reader would see or a hasty writer spoil shows in the sums.
__global__ void ping_pong(uint32_t* to) {
  SHARED_ARRAY(uint32_t, s, writers);
  SHARED_ARRAY(uint64_t, barriers, 2);
  uint64_t *full = barriers, *empty = barriers + 1;
  const uint32_t t = threadIdx.x;
  if (t == 0) {
    ptx::mbarrier_init(full, writers / 32);
    ptx::mbarrier_init(empty, readers);
    ptx::fence_proxy_async();
  }
  __syncthreads();
  for (uint32_t phase = 0; phase < phases; ++phase) {
    if (t < writers) {
      if (phase > 0) ptx::mbarrier_wait(empty, (phase - 1) & 1);
      s[t] = 1000 * phase + t;
      __syncwarp();
      if (t % 32 == 0) ptx::mbarrier_arrive(full);
    } else {
      ptx::mbarrier_wait(full, phase & 1);
      uint32_t sum = 0;
      for (uint32_t i = 0; i < writers; ++i) sum += s[i] * (i + t);
      to[phase * readers + t - writers] = sum;
      ptx::mbarrier_arrive(empty);
    }
  }
}

void mbarrier_output(Outputs& outputs) {
  const Shipped<uint32_t> to(phases * readers);
  launch(GpuStream{}, ping_pong, 1, writers + readers, 0, to.get());
  Words expected;
  for (uint32_t phase = 0; phase < phases; ++phase)
    for (uint32_t t = writers; t < writers + readers; ++t) {
      uint32_t sum = 0;
      for (uint32_t i = 0; i < writers; ++i) sum += (1000 * phase + i) * (i + t);
      expected.push_back(sum);
    }
  outputs.exact("mbarrier",
                {"mbarrier_init", "mbarrier_arrive", "mbarrier_wait", "fence_proxy_async"},
                to.read(), expected);
}

constexpr int held = 192;  // values, more than the registers that the kernel begins with

// Two warpgroups hold more values than a third of the registers allows: the third gives them some.
__global__ void __launch_bounds__(384, 1) exchange(const uint32_t* from, uint32_t* to) {
  const uint32_t t = threadIdx.x;
  if (t >= 256) {
    ptx::registers_give<40>();
    to[t] = t;
  } else {
    ptx::registers_take<232>();
    uint32_t v[held];
#pragma unroll
    for (int i = 0; i < held; ++i) v[i] = from[i * 256 + t];
    __syncwarp();
    uint32_t sum = 0;
#pragma unroll
    for (int i = held - 1; i >= 0; --i) sum = sum * 31 + v[i];
    to[t] = sum;
  }
}

void registers_output(Outputs& outputs) {
  std::vector<uint32_t> from(held * 256);
  for (uint32_t i = 0; i < from.size(); ++i) from[i] = noise(i);
  const Shipped<uint32_t> on(from), to(384);
  launch(GpuStream{}, exchange, 1, 384, 0, on.get(), to.get());
  Words expected;
  for (uint32_t t = 0; t < 384; ++t) {
    uint32_t sum = 0;
    for (int i = held - 1; i >= 0; --i) sum = sum * 31 + (t < 256 ? from[i * 256 + t] : 0);
    expected.push_back(t < 256 ? sum : t);
  }
  outputs.exact("registers", {"registers_give", "registers_take"}, to.read(), expected);
}

constexpr int copy_words = 128 * 64 / 2;  // the largest box

struct Corner {
  int at[4];
};

// Copies one box twice, to the second half of shared memory in the second phase, and stores what
// lies there, swizzled as it is.
template <int rank>
__global__ void boxes(const __grid_constant__ TensorMap map, Corner corner, int words,
                      uint32_t* to) {
  SharedCarver carve;
  uint32_t* s = carve.take<uint32_t>(2 * copy_words, 1024);
  uint64_t* full = carve.take<uint64_t>(1);
  const int t = static_cast<int>(threadIdx.x);
  if (t == 0) {
    ptx::mbarrier_init(full, 1);
    ptx::fence_proxy_async();
  }
  __syncthreads();
  for (int turn = 0; turn < 2; ++turn) {
    const uint32_t* box = s + turn * copy_words;
    if (t == 0) {
      ptx::mbarrier_arrive_expect(full, 4 * words);
      if constexpr (rank == 2)
        ptx::tensor_load_2d(s + turn * copy_words, &map, full, corner.at[0], corner.at[1]);
      else
        ptx::tensor_load_4d(s + turn * copy_words, &map, full, corner.at[0], corner.at[1],
                            corner.at[2], corner.at[3]);
    }
    ptx::mbarrier_wait(full, turn);
    for (int i = t; i < words; i += 64) to[turn * words + i] = box[i];
    __syncthreads();  // nobody may still wait for the phase before the last
  }
}

// A dense tensor whose elements count from 1 on; a box from `corner`, line after line, with zeros
// outside of the tensor. Of each address bits 4 and up are XORed with bits 7 and up: as many as the
// swizzle has, 1 for 32 bytes, 2 for 64, 3 for 128.
struct Copy {
  std::vector<int> size, box;
  int swizzle;
};

std::vector<uint16_t> elements_of(const Copy& copy) {
  size_t count = 1;
  for (const int extent : copy.size) count *= static_cast<size_t>(extent);
  std::vector<uint16_t> elements;
  for (size_t i = 0; i < count; ++i) elements.push_back(static_cast<uint16_t>(i + 1));
  return elements;
}

Words box_of(const Copy& copy, const Corner& corner) {
  size_t count = 1;
  for (const int extent : copy.box) count *= static_cast<size_t>(extent);
  std::vector<uint16_t> shared(count);
  for (size_t i = 0; i < count; ++i) {
    size_t rest = i, from = 0, stride = 1;
    bool inside = true;
    for (size_t axis = 0; axis < copy.box.size(); ++axis) {
      const int x = corner.at[axis] + static_cast<int>(rest % copy.box[axis]);
      rest /= copy.box[axis];
      inside = inside && x >= 0 && x < copy.size[axis];
      from += static_cast<size_t>(x) * stride;
      stride *= copy.size[axis];
    }
    const size_t byte = 2 * i, bits = copy.swizzle ? copy.swizzle / 16 - 1 : 0;
    const size_t place = byte ^ (byte >> 7 & bits) << 4;
    shared[place / 2] = inside ? static_cast<uint16_t>(from + 1) : 0;
  }
  Words words;
  for (size_t i = 0; i < count; i += 2) words.push_back(pair_of(shared[i], shared[i + 1]));
  return words;
}

template <int rank>
void bulk_copy_output(Outputs& outputs, const std::string& name, const TensorMap& map,
                      const Copy& copy, const Corner& corner) {
  const Words once = box_of(copy, corner);
  const Shipped<uint32_t> to(2 * once.size());
  launch(GpuStream{}, boxes<rank>, 1, 64,
         SharedSize().add<uint32_t>(2 * copy_words, 1024).add<uint64_t>(1).bytes(), map, corner,
         static_cast<int>(once.size()), to.get());
  Words expected = once;
  expected.insert(expected.end(), once.begin(), once.end());
  outputs.exact(name, {rank == 2 ? "tensor_load_2d" : "tensor_load_4d", "mbarrier_arrive_expect"},
                to.read(), expected);
}

void bulk_copy_outputs(Outputs& outputs) {
  const struct {
    const char* name;
    Corner corner;
  } corners[] = {{"inside", {{8, 3}}}, {"before", {{-24, -5}}}, {"beyond", {{96, 160}}},
                 {"odd", {{13, 1}}},   {"outside", {{400, 0}}}, {"outside_lines", {{0, -128}}}};
  // The maps that products use.
  for (const int lines : {64, 128}) {
    const Copy copy{{136, 200}, {64, lines}, 128};
    const Shipped<uint16_t> source(elements_of(copy));
    const TensorMap map = tensor_map(source.get(), 200, 136, lines);
    for (const auto& [name, corner] : corners)
      bulk_copy_output<2>(outputs, "tensor_load_2d/" + std::to_string(lines) + "_lines/" + name,
                          map, copy, corner);
  }
  // Other swizzles; lines that fill them.
  for (const int swizzle : {0, 32, 64, 128}) {
    const Copy copy{{72, 40}, {swizzle ? swizzle / 2 : 24, 24}, swizzle};
    const Shipped<uint16_t> source(elements_of(copy));
    bulk_copy_output<2>(outputs, "tensor_load_2d/swizzle_" + std::to_string(swizzle),
                        machine_tensor_map(source.get(), copy.size, copy.box, swizzle), copy,
                        {{64, 20}});
  }
  {  // The map that attention uses, of tokens 2 and on of the second of three sequences.
    const Copy copy{{128, 3, 70, 3}, {64, 1, 128, 1}, 128};
    const Shipped<uint16_t> source(elements_of(copy));
    bulk_copy_output<4>(
        outputs, "tensor_load_4d/heads",
        tensor_map(source.get(), {128, 3, 70, 3}, {128, 128 * 3, 128 * 3 * 70}, {64, 1, 128, 1}),
        copy, {{64, 2, 2, 1}});
  }
  const Copy copy{{24, 7, 5, 3}, {16, 4, 3, 2}, 0};
  const Shipped<uint16_t> source(elements_of(copy));
  const TensorMap map = machine_tensor_map(source.get(), copy.size, copy.box, 0);
  bulk_copy_output<4>(outputs, "tensor_load_4d/inside", map, copy, {{8, 2, 1, 1}});
  bulk_copy_output<4>(outputs, "tensor_load_4d/across", map, copy, {{-5, 5, -1, 2}});
}

}  // namespace

void hopper_outputs(Outputs& outputs) {
  mbarrier_output(outputs);
  registers_output(outputs);
  bulk_copy_outputs(outputs);
}

}  // namespace stylear::cuda
