// Products by cuBLASLt as far as they can be shown without it: a library that stands in for it is
// asked in its terms, and what becomes of its refusals.
#include "cuda/cublaslt.h"

#include <dlfcn.h>

#include <cstdlib>

#include "cublaslt/stand_in.h"
#include "expect.h"
#include "simt_products.h"

using namespace stylear;

namespace {

constexpr Dtype f32 = Dtype::f32, b16 = Dtype::bf16;

StandIn* stand_in;

// The code and the sentence of what a call throws, or nothing.
template <class Call>
std::string refusal(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code() + " " + error.what();
  }
  return "";
}

struct Product {
  Array a, b, c;
  cuda::BlasProduct asked;

  Product(int64_t m, int64_t n, int64_t k, bool ta, bool tb, Dtype in, Dtype out, float alpha)
      : a(in, ta ? Shape{k, m} : Shape{m, k}),
        b(in, tb ? Shape{n, k} : Shape{k, n}),
        c(out, {m, n}) {
    a.random(1), b.random(2), c.random(3);
    asked = {a.view.data, b.view.data, nullptr, c.view.data, m, n, k, ta, tb, in, out, alpha};
  }
  bool multiply(cuda::BlasLibrary& library) {
    Arena arena;
    cuda::Stream stream;
    stream.memory = &arena;
    const bool done = library.multiply(stream, asked);
    stream.finish_op();
    return done;
  }
  std::vector<double> expected() const {
    std::vector<double> y;
    for (int64_t i = 0; i < asked.m; ++i)
      for (int64_t j = 0; j < asked.n; ++j) {
        double sum = 0;
        for (int64_t t = 0; t < asked.k; ++t)
          sum += a[asked.transpose_a ? t * asked.m + i : i * asked.k + t] *
                 b[asked.transpose_b ? j * asked.k + t : t * asked.n + j];
        y.push_back(asked.alpha * sum + (asked.added ? c[i * asked.n + j] : 0));
      }
    return y;
  }
};

void asks_for_the_product_that_is_meant() {
  const auto library = cuda::find_cublaslt(0);
  for (int layout = 0; layout < 4; ++layout)
    for (const auto& [in, out] : {std::pair{b16, b16}, {b16, f32}, {f32, f32}})
      for (const bool added : {false, true}) {
        Product product(24, 40, 16, layout & 1, layout & 2, in, out, 0.25f);
        if (added) product.asked.added = product.c.view.data;
        const auto expected = product.expected();
        EXPECT(product.multiply(*library));
        expect_close("product by cuBLASLt", product.c, expected, 8, 16);
      }
  EXPECT(stand_in->reductions == 2);  // never in the dtype of c
  EXPECT(stand_in->workspace == 32u << 20);
  for (const uint32_t alignment : stand_in->alignments) EXPECT(alignment == 16);
}

void finds_a_way_once_for_each_shape() {
  const auto library = cuda::find_cublaslt(0);
  Product first(8, 16, 8, false, true, b16, b16, 1), other(16, 16, 8, false, true, b16, b16, 1);
  stand_in->plans = 0;
  for (int round = 0; round < 3; ++round) EXPECT(first.multiply(*library));
  EXPECT(stand_in->plans == 1);
  EXPECT(other.multiply(*library));
  EXPECT(stand_in->plans == 2);
  stand_in->knows_a_way = false;
  Product none(8, 8, 8, false, true, b16, b16, 1);
  EXPECT(!none.multiply(*library));
  stand_in->knows_a_way = true;
}

void hands_handles_on() {
  const int before = stand_in->handles;
  {
    const auto first = cuda::find_cublaslt(7), second = cuda::find_cublaslt(7);
    EXPECT(stand_in->handles == before + 2);
  }
  for (int round = 0; round < 10; ++round) cuda::find_cublaslt(7);
  EXPECT(stand_in->handles == before + 2);
  cuda::find_cublaslt(8);
  EXPECT(stand_in->handles == before + 3);
  EXPECT(stand_in->objects == 0);
}

void says_what_was_refused() {
  stand_in->create_status = 3;
  EXPECT(refusal([] { cuda::find_cublaslt(9); }) ==
         "ERR_OUT_OF_MEMORY cublasLt: cublasLtCreate returned status 3");
  stand_in->create_status = 8;
  const std::string unfit = refusal([] { cuda::find_cublaslt(9); });
  EXPECT(unfit.starts_with("ERR_DEVICE cuda: expected STYLEAR_CUBLASLT to name the library"));
  EXPECT(unfit.find("cublasLtCreate returned status 8. Unset it") != std::string::npos);
  stand_in->create_status = 0;
  const auto library = cuda::find_cublaslt(9);
  Product product(8, 16, 8, false, true, b16, b16, 1);
  stand_in->multiply_status = 3;
  EXPECT(refusal([&] { product.multiply(*library); }).starts_with("ERR_OUT_OF_MEMORY "));
  stand_in->multiply_status = 13;
  EXPECT(refusal([&] { product.multiply(*library); }).starts_with("ERR_DEVICE "));
  stand_in->multiply_status = 0;
  EXPECT(product.multiply(*library));
}

void says_what_does_not_serve() {
  setenv("STYLEAR_CUBLASLT", "/nowhere/libcublasLt.so", 1);
  EXPECT(refusal([] { cuda::find_cublaslt(0); }).find("/nowhere/libcublasLt.so") !=
         std::string::npos);
  setenv("STYLEAR_CUBLASLT", "libm.so.6", 1);
  EXPECT(refusal([] { cuda::find_cublaslt(0); }).find("libm.so.6 lacks functions of cuBLASLt") !=
         std::string::npos);
  setenv("STYLEAR_CUBLASLT", "none", 1);
  EXPECT(cuda::find_cublaslt(0) == nullptr);
}

}  // namespace

int main() {
  setenv("STYLEAR_CUBLASLT", STYLEAR_STAND_IN, 1);
  void* library = dlopen(STYLEAR_STAND_IN, RTLD_NOW);
  stand_in = library ? static_cast<StandIn*>(dlsym(library, "stand_in")) : nullptr;
  EXPECT(stand_in != nullptr);
  if (!stand_in) return outcome();
  asks_for_the_product_that_is_meant();
  finds_a_way_once_for_each_shape();
  hands_handles_on();
  says_what_was_refused();
  says_what_does_not_serve();
  return outcome();
}
