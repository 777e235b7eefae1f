#include "../../core/ops/group_norm.h"

#include "../dispatch.h"
#include "../pointwise.h"
#include "../run.h"

namespace stylear::cuda {

namespace {

// Statistics are made in two steps. First a thread per channel (8 of them where alignment permits)
// and piece of 64 pixels leaves two partial sums per channel; threads side by side read
// neighbouring channels. Then a block per image and group puts the pieces together. Bounded by
// reading x once there and once when it is normalised.
constexpr int piece_pixels = 64;

struct Extents {
  int64_t pixels;  // of an image
  int channels, groups, pieces;
};

// partial[image, piece, channel] of what body.add accumulates over the pixels of a piece.
template <int n, class Body>
__global__ void __launch_bounds__(element_threads)
    pieces_kernel(Body body, Extents e, float2* partial, int64_t count) {
  const int64_t id = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (id >= count) return;
  const int vectors = e.channels / n, c = static_cast<int>(id % vectors) * n;
  const int64_t piece = id / vectors, image = piece / e.pieces;
  const int64_t begin = piece % e.pieces * piece_pixels;
  const int64_t end = begin + piece_pixels < e.pixels ? begin + piece_pixels : e.pixels;
  float2 sums[n];
  body.template run<n>(image, c, (image * e.pixels + begin) * e.channels + c,
                       static_cast<int>(end - begin), sums);
#pragma unroll
  for (int i = 0; i < n; ++i) partial[piece * e.channels + c + i] = sums[i];
}

// Mean and sum of squared deviations, from sums relative to the first pixel's value, which keeps
// them small.
template <class T>
struct MomentsPiece {
  const T* x;
  int channels;

  template <int n>
  __device__ void run(int64_t, int, int64_t at, int pixels, float2 (&sums)[n]) const {
    float first[n], sum[n] = {}, squares[n] = {}, v[n];
    load<n>(x + at, first);
    for (int p = 0; p < pixels; ++p) {
      load<n>(x + at + int64_t{p} * channels, v);
#pragma unroll
      for (int i = 0; i < n; ++i) {
        const float d = v[i] - first[i];
        sum[i] += d;
        squares[i] += d * d;
      }
    }
#pragma unroll
    for (int i = 0; i < n; ++i)
      sums[i] = make_float2(first[i] + sum[i] / pixels, squares[i] - sum[i] * sum[i] / pixels);
  }
};

// statistics[image, group] from the pieces, in f64 (Chan et al. 1983, eq. 2.1).
__global__ void statistics_kernel(const float2* partial, Extents e, float eps, float2* statistics) {
  const int64_t image = blockIdx.x / e.groups;
  const int group = blockIdx.x % e.groups, each = e.channels / e.groups;
  const float2* of_image = partial + image * e.pieces * e.channels + group * each;
  const auto pixels_of = [&](int piece) {
    const int64_t left = e.pixels - int64_t{piece} * piece_pixels;
    return static_cast<double>(left < piece_pixels ? left : piece_pixels);
  };
  const double count = static_cast<double>(e.pixels) * each;
  double sum = 0;
  for (int i = threadIdx.x; i < e.pieces * each; i += blockDim.x)
    sum += pixels_of(i / each) * of_image[int64_t{i / each} * e.channels + i % each].x;
  const double mean = block_sum(sum) / count;
  double squares = 0;
  for (int i = threadIdx.x; i < e.pieces * each; i += blockDim.x) {
    const float2 piece = of_image[int64_t{i / each} * e.channels + i % each];
    const double apart = piece.x - mean;
    squares += piece.y + pixels_of(i / each) * apart * apart;
  }
  const double variance = block_sum(squares) / count;
  if (threadIdx.x == 0)
    statistics[blockIdx.x] =
        make_float2(static_cast<float>(mean),
                    static_cast<float>(1.0 / sqrt(variance + static_cast<double>(eps))));
}

template <class T, class W>
struct GroupNormBody {
  const T* x;
  const W *weight, *bias;
  T* y;
  const float2* statistics;
  int64_t image_elements;
  int channels, groups;
  bool silu;

  template <int n>
  __device__ void run(int64_t at) const {
    float v[n], w[n], b[n];
    const int c = static_cast<int>(at % channels);
    const float2* of_image = statistics + at / image_elements * groups;
    load<n>(x + at, v);
    load<n>(weight + c, w);
    load<n>(bias + c, b);
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const float2 s = of_image[(c + i) / (channels / groups)];
      const float z = (v[i] - s.x) * s.y * w[i] + b[i];
      v[i] = silu ? z * sigmoid_of(z) : z;
    }
    store<n>(y + at, v);
  }
};

// What reaches u = (x - mean) r through f and the weight: d = dy f'(z) without the weight.
template <class T, class W>
struct Inputs {
  const T *x, *dy;
  const W *weight, *bias;
  const float2* statistics;
  int channels, groups;
  bool silu;

  template <int n>
  __device__ void read(int64_t image, int c, int64_t at, float (&u)[n], float (&d)[n],
                       float (&w)[n]) const {
    float b[n];
    load<n>(x + at, u);
    load<n>(dy + at, d);
    load<n>(weight + c, w);
    load<n>(bias + c, b);
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const float2 s = statistics[image * groups + (c + i) / (channels / groups)];
      u[i] = (u[i] - s.x) * s.y;
      if (silu) d[i] *= slope(Pointwise::silu, u[i] * w[i] + b[i]);
    }
  }
};

// Sums of d and of d u.
template <class T, class W>
struct GradientPiece {
  Inputs<T, W> in;

  template <int n>
  __device__ void run(int64_t image, int c, int64_t at, int pixels, float2 (&sums)[n]) const {
    float u[n], d[n], w[n], plain[n] = {}, product[n] = {};
    for (int p = 0; p < pixels; ++p) {
      in.template read<n>(image, c, at + int64_t{p} * in.channels, u, d, w);
#pragma unroll
      for (int i = 0; i < n; ++i) {
        plain[i] += d[i];
        product[i] += d[i] * u[i];
      }
    }
#pragma unroll
    for (int i = 0; i < n; ++i) sums[i] = make_float2(plain[i], product[i]);
  }
};

// means[image, group]: of d w and of d w u over the group.
template <class W>
__global__ void means_kernel(const float2* partial, const W* weight, Extents e, float2* means) {
  const int64_t image = blockIdx.x / e.groups;
  const int group = blockIdx.x % e.groups, each = e.channels / e.groups;
  const float2* of_image = partial + image * e.pieces * e.channels + group * each;
  float plain = 0, product = 0;
  for (int i = threadIdx.x; i < e.pieces * each; i += blockDim.x) {
    const float2 piece = of_image[int64_t{i / each} * e.channels + i % each];
    const float w = to_float(weight[group * each + i % each]);
    plain += w * piece.x;
    product += w * piece.y;
  }
  plain = block_sum(plain);
  product = block_sum(product);
  const float count = static_cast<float>(e.pixels) * static_cast<float>(each);
  if (threadIdx.x == 0) means[blockIdx.x] = make_float2(plain / count, product / count);
}

struct PieceTerm {
  const float2* partial;
  int64_t channels;
  bool product;
  __device__ float operator()(int64_t r, int64_t c) const {
    const float2 piece = partial[r * channels + c];
    return product ? piece.y : piece.x;
  }
};

// dx = r (d w - mean(d w) - u mean(d w u)).
template <class T, class W>
struct GroupNormBackwardBody {
  Inputs<T, W> in;
  const float2* means;
  T* dx;
  int64_t image_elements;

  template <int n>
  __device__ void run(int64_t at) const {
    float u[n], d[n], w[n];
    const int c = static_cast<int>(at % in.channels);
    const int64_t image = at / image_elements;
    in.template read<n>(image, c, at, u, d, w);
#pragma unroll
    for (int i = 0; i < n; ++i) {
      const int64_t group = image * in.groups + (c + i) / (in.channels / in.groups);
      const float2 m = means[group];
      d[i] = in.statistics[group].y * (d[i] * w[i] - m.x - u[i] * m.y);
    }
    store<n>(dx + at, d);
  }
};

Extents extents_of(const Shape& x, int64_t groups) {
  const int64_t pixels = x[1] * x[2];
  return {pixels, static_cast<int>(x[3]), static_cast<int>(groups),
          static_cast<int>(ceil_div<int64_t>(pixels, piece_pixels))};
}

template <class Body>
float2* sum_pieces(Stream& stream, int64_t images, const Extents& e, bool vectors,
                   const Body& body) {
  auto* partial = stream.scratch<float2>(images * e.pieces * e.channels);
  const int64_t count = images * e.pieces * e.channels / (vectors ? vector_width : 1);
  launch(stream, vectors ? pieces_kernel<vector_width, Body> : pieces_kernel<1, Body>,
         element_blocks(count), element_threads, 0, body, e, partial, count);
  return partial;
}

}  // namespace

void run(const GroupNorm& op, Stream& stream) {
  const Extents e = extents_of(op.x.shape, op.groups);
  const int64_t images = op.x.shape[0];
  const bool vectors = aligned(op.x, op.weight, op.bias, op.y) && e.channels % vector_width == 0;
  auto* statistics = op.statistics.as<float2>();
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    const float2* partial =
        sum_pieces(stream, images, e, vectors, MomentsPiece<T>{op.x.as<T>(), e.channels});
    launch(stream, statistics_kernel, static_cast<unsigned>(images * e.groups), 256, 0, partial, e,
           op.eps, statistics);
    with_float(op.weight.dtype, [&](auto weight_type) {
      using W = decltype(weight_type);
      const GroupNormBody<T, W> body{op.x.as<T>(), op.weight.as<W>(), op.bias.as<W>(),
                                     op.y.as<T>(), statistics,        e.pixels * e.channels,
                                     e.channels,   e.groups,          op.silu};
      for_each_element(stream, op.x.count(), vectors, body);
    });
  });
}

void run(const GroupNormBackward& op, Stream& stream) {
  const Extents e = extents_of(op.x.shape, op.statistics.shape[1]);
  const int64_t images = op.x.shape[0];
  const bool vectors =
      aligned(op.x, op.weight, op.bias, op.dy, op.dx) && e.channels % vector_width == 0;
  auto* means = stream.scratch<float2>(images * e.groups);
  with_float(op.x.dtype, [&](auto type) {
    using T = decltype(type);
    with_float(op.weight.dtype, [&](auto weight_type) {
      using W = decltype(weight_type);
      const Inputs<T, W> in{op.x.as<T>(),
                            op.dy.as<T>(),
                            op.weight.as<W>(),
                            op.bias.as<W>(),
                            op.statistics.as<float2>(),
                            e.channels,
                            e.groups,
                            op.silu};
      const float2* partial = sum_pieces(stream, images, e, vectors, GradientPiece<T, W>{in});
      launch(stream, means_kernel<W>, static_cast<unsigned>(images * e.groups), 256, 0, partial,
             op.weight.as<W>(), e, means);
      if (op.dweight.present()) {
        const int64_t rows = images * e.pieces;
        sum_columns(stream, rows, e.channels, PieceTerm{partial, e.channels, true},
                    PutScaled<W>{op.dweight.as<W>(), 1.0f});
        sum_columns(stream, rows, e.channels, PieceTerm{partial, e.channels, false},
                    PutScaled<W>{op.dbias.as<W>(), 1.0f});
      }
      for_each_element(
          stream, op.x.count(), vectors,
          GroupNormBackwardBody<T, W>{in, means, op.dx.as<T>(), e.pixels * e.channels});
    });
  });
}

}  // namespace stylear::cuda
