#include "cublaslt.h"

#include <dlfcn.h>

#include <cstdlib>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace stylear::cuda {

namespace {

// ---- What is used of cuBLASLt's interface, which has been the same since version 11.
using Status = int;  // 0: success
using Handle = struct LtHandle*;
using Description = struct LtDescription*;
using Layout = struct LtLayout*;
using Preference = struct LtPreference*;

struct Algorithm {
  uint64_t data[8];
};
struct Heuristic {
  Algorithm algorithm;
  size_t workspace_bytes;
  Status state;
  float waves;
  int reserved[4];
};

enum DataType { real_f32 = 0, real_bf16 = 14 };
enum ComputeType { compute_f32 = 68 };
enum DescriptionAttribute { transpose_a_attribute = 3, transpose_b_attribute = 4 };
enum PreferenceAttribute { workspace_attribute = 1, first_alignment_attribute = 5 };

struct Functions {
  Status (*cublasLtCreate)(Handle*);
  Status (*cublasLtDestroy)(Handle);
  Status (*cublasLtMatmulDescCreate)(Description*, int compute_type, int scale_type);
  Status (*cublasLtMatmulDescSetAttribute)(Description, int, const void*, size_t);
  Status (*cublasLtMatmulDescDestroy)(Description);
  Status (*cublasLtMatrixLayoutCreate)(Layout*, int type, uint64_t rows, uint64_t cols, int64_t ld);
  Status (*cublasLtMatrixLayoutDestroy)(Layout);
  Status (*cublasLtMatmulPreferenceCreate)(Preference*);
  Status (*cublasLtMatmulPreferenceSetAttribute)(Preference, int, const void*, size_t);
  Status (*cublasLtMatmulPreferenceDestroy)(Preference);
  Status (*cublasLtMatmulAlgoGetHeuristic)(Handle, Description, Layout a, Layout b, Layout c,
                                           Layout d, Preference, int asked, Heuristic*, int* found);
  Status (*cublasLtMatmul)(Handle, Description, const void* alpha, const void* a, Layout,
                           const void* b, Layout, const void* beta, const void* c, Layout, void* d,
                           Layout, const Algorithm*, void* workspace, size_t workspace_bytes,
                           cudaStream_t);
};

// What a failed call of it becomes.
void check_status(Status status, const char* what) {
  if (status != 0)
    throw Error("ERR_DEVICE",
                std::string("cublasLt: ") + what + " returned status " + std::to_string(status));
}

// An object of the library that is destroyed by a function of its own.
template <class T>
class Owned {
 public:
  T value = nullptr;

  explicit Owned(Status (*destroy)(T)) : destroy_(destroy) {}
  ~Owned() {
    if (value) destroy_(value);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;

 private:
  Status (*destroy_)(T);
};

// How a product of one shape is done. cuBLASLt counts columns first: it is asked for
// c^T = op(b)^T op(a)^T, with row-major matrices as their transposes.
struct Plan {
  Owned<Description> description;
  Owned<Layout> a, b, c;
  Heuristic way{};
  bool found = false;

  explicit Plan(const Functions& lt)
      : description(lt.cublasLtMatmulDescDestroy),
        a(lt.cublasLtMatrixLayoutDestroy),
        b(lt.cublasLtMatrixLayoutDestroy),
        c(lt.cublasLtMatrixLayoutDestroy) {}
};

class Cublaslt : public BlasLibrary {
 public:
  Cublaslt(void* library, const Functions& functions) : library_(library), lt_(functions) {
    check_status(lt_.cublasLtCreate(&handle_), "cublasLtCreate");
  }
  ~Cublaslt() override {
    plans_.clear();
    lt_.cublasLtDestroy(handle_);
    dlclose(library_);
  }

  bool multiply(Stream& stream, const BlasProduct& product) override {
    const Plan& plan = plan_for(product);
    if (!plan.found) return false;
    const float beta = product.added ? 1.0f : 0.0f;
    const size_t bytes = plan.way.workspace_bytes;
    void* workspace = bytes ? stream.scratch<char>(static_cast<int64_t>(bytes)) : nullptr;
    check_status(
        lt_.cublasLtMatmul(handle_, plan.description.value, &product.alpha, product.b, plan.b.value,
                           product.a, plan.a.value, &beta,
                           product.added ? product.added : product.c, plan.c.value, product.c,
                           plan.c.value, &plan.way.algorithm, workspace, bytes, stream.handle),
        "cublasLtMatmul");
    return true;
  }

 private:
  using Key = std::tuple<int64_t, int64_t, int64_t, bool, bool, Dtype, Dtype>;

  static DataType type_of(Dtype dtype) { return dtype == Dtype::f32 ? real_f32 : real_bf16; }

  const Plan& plan_for(const BlasProduct& p) {
    const Key key{p.m, p.n, p.k, p.transpose_a, p.transpose_b, p.in, p.out};
    const auto [at, is_new] = plans_.try_emplace(key, lt_);
    if (is_new) {
      try {
        prepare(at->second, p);
      } catch (...) {
        plans_.erase(at);
        throw;
      }
    }
    return at->second;
  }

  void describe(Owned<Layout>& layout, Dtype dtype, int64_t rows, int64_t columns) const {
    check_status(lt_.cublasLtMatrixLayoutCreate(&layout.value, type_of(dtype),
                                                static_cast<uint64_t>(columns),
                                                static_cast<uint64_t>(rows), columns),
                 "cublasLtMatrixLayoutCreate");
  }

  void prepare(Plan& plan, const BlasProduct& p) const {
    check_status(lt_.cublasLtMatmulDescCreate(&plan.description.value, compute_f32, real_f32),
                 "cublasLtMatmulDescCreate");
    const int32_t first = p.transpose_b, second = p.transpose_a;  // 0: as it lies, 1: transposed
    for (const auto& [attribute, value] :
         {std::pair<int, const int32_t*>{transpose_a_attribute, &first},
          std::pair<int, const int32_t*>{transpose_b_attribute, &second}})
      check_status(lt_.cublasLtMatmulDescSetAttribute(plan.description.value, attribute, value,
                                                      sizeof *value),
                   "cublasLtMatmulDescSetAttribute");
    describe(plan.a, p.in, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k);
    describe(plan.b, p.in, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n);
    describe(plan.c, p.out, p.m, p.n);

    Owned<Preference> preference(lt_.cublasLtMatmulPreferenceDestroy);
    check_status(lt_.cublasLtMatmulPreferenceCreate(&preference.value),
                 "cublasLtMatmulPreferenceCreate");
    const uint64_t workspace = uint64_t{32} << 20;
    check_status(lt_.cublasLtMatmulPreferenceSetAttribute(preference.value, workspace_attribute,
                                                          &workspace, sizeof workspace),
                 "cublasLtMatmulPreferenceSetAttribute");
    const uint32_t alignment = 16;
    for (int matrix = 0; matrix < 4; ++matrix)
      check_status(
          lt_.cublasLtMatmulPreferenceSetAttribute(
              preference.value, first_alignment_attribute + matrix, &alignment, sizeof alignment),
          "cublasLtMatmulPreferenceSetAttribute");
    int found = 0;
    const Status status = lt_.cublasLtMatmulAlgoGetHeuristic(
        handle_, plan.description.value, plan.b.value, plan.a.value, plan.c.value, plan.c.value,
        preference.value, 1, &plan.way, &found);
    plan.found = status == 0 && found == 1 && plan.way.state == 0;
  }

  void* library_;
  Functions lt_;
  Handle handle_ = nullptr;
  std::map<Key, Plan> plans_;
};

template <class F>
bool find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
  return function != nullptr;
}

// Null, with the reason in `why`, if `library` lacks a function.
std::unique_ptr<BlasLibrary> adopt(void* library, const std::string& path, std::string& why) {
  Functions lt{};
#define FIND(name) find(library, #name, lt.name)
  const bool complete = FIND(cublasLtCreate) && FIND(cublasLtDestroy) &&
                        FIND(cublasLtMatmulDescCreate) && FIND(cublasLtMatmulDescSetAttribute) &&
                        FIND(cublasLtMatmulDescDestroy) && FIND(cublasLtMatrixLayoutCreate) &&
                        FIND(cublasLtMatrixLayoutDestroy) && FIND(cublasLtMatmulPreferenceCreate) &&
                        FIND(cublasLtMatmulPreferenceSetAttribute) &&
                        FIND(cublasLtMatmulPreferenceDestroy) &&
                        FIND(cublasLtMatmulAlgoGetHeuristic) && FIND(cublasLtMatmul);
#undef FIND
  if (complete) return std::make_unique<Cublaslt>(library, lt);
  dlclose(library);
  why = path + " lacks functions of cuBLASLt";
  return nullptr;
}

std::unique_ptr<BlasLibrary> open_file(const std::string& path, std::string& why) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library) return adopt(library, path, why);
  const char* reason = dlerror();
  why = reason ? reason : path + " could not be opened";
  return nullptr;
}

// The version of the toolkit this was built with first, then the ones before.
class SystemCublaslt : public BlasLibrary {
 public:
  void open() override {
    if (std::exchange(looked_, true)) return;
    std::string why;
    for (int version = CUDART_VERSION / 1000; version >= 11 && !found_; --version)
      found_ = open_file("libcublasLt.so." + std::to_string(version), why);
  }
  bool multiply(Stream& stream, const BlasProduct& product) override {
    open();
    return found_ && found_->multiply(stream, product);
  }

 private:
  bool looked_ = false;
  std::unique_ptr<BlasLibrary> found_;
};

}  // namespace

std::unique_ptr<BlasLibrary> find_cublaslt() {
  const char* named = std::getenv("STYLEAR_CUBLASLT");
  if (!named || !*named) return std::make_unique<SystemCublaslt>();
  if (named == std::string("none")) return nullptr;
  std::string why;
  auto library = open_file(named, why);
  if (!library)
    throw Error("ERR_DEVICE",
                "cuda: expected STYLEAR_CUBLASLT to name the library cuBLASLt, got: " + why +
                    ". Unset it to use what the system has.");
  return library;
}

}  // namespace stylear::cuda
