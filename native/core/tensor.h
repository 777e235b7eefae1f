// What a tensor is to C++: a pointer, a dtype and a shape. Dense, row-major, owns nothing.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

namespace stylear {

enum class Dtype : uint8_t { f32, bf16, i32, i8 };

constexpr int dtype_count = 4;

constexpr int64_t bytes_of(Dtype dtype) {
  constexpr int64_t bytes[dtype_count] = {4, 2, 4, 1};
  return bytes[static_cast<int>(dtype)];
}

constexpr const char* name_of(Dtype dtype) {
  constexpr const char* names[dtype_count] = {"f32", "bf16", "i32", "i8"};
  return names[static_cast<int>(dtype)];
}

// Extents from the outermost to the innermost, each at least 1. Rank 0 is not a tensor: a scalar
// is [1].
class Shape {
 public:
  static constexpr int max_rank = 6;

  Shape() = default;
  Shape(std::initializer_list<int64_t> extents) {
    for (const int64_t extent : extents) push(extent);
  }

  int rank() const { return rank_; }
  // Negative axes count from the end: [-1] is the innermost extent.
  int64_t operator[](int axis) const { return extents_[axis < 0 ? rank_ + axis : axis]; }
  void push(int64_t extent) { extents_[rank_++] = extent; }

  // The product of the extents of axes [begin, end); end counts from the end when not positive.
  int64_t count(int begin = 0, int end = 0) const {
    int64_t product = 1;
    for (int axis = begin; axis < (end > 0 ? end : rank_ + end); ++axis) product *= extents_[axis];
    return product;
  }
  // The same shape with its innermost extent replaced.
  Shape with_last(int64_t extent) const {
    Shape shape = *this;
    shape.extents_[rank_ - 1] = extent;
    return shape;
  }

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int axis = 0; axis < rank_; ++axis)
      if (extents_[axis] != other.extents_[axis]) return false;
    return true;
  }

  std::string text() const {
    std::string text = "[";
    for (int axis = 0; axis < rank_; ++axis)
      text += (axis ? ", " : "") + std::to_string(extents_[axis]);
    return text + "]";
  }

 private:
  int rank_ = 0;
  int64_t extents_[max_rank] = {};
};

struct TensorView {
  void* data = nullptr;
  Dtype dtype = Dtype::f32;
  Shape shape;

  bool present() const { return data != nullptr; }
  int64_t count() const { return shape.count(); }
  int64_t bytes() const { return count() * bytes_of(dtype); }
};

// The roles a tensor has in an op. `In` is only read, `Out` is written (and read where the op's
// comment says so); the `Maybe` forms may be absent.
struct In : TensorView {
  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
};
struct Out : TensorView {
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};
struct MaybeIn : In {};
struct MaybeOut : Out {};

// A short list of integers given as a number array: axes, paddings.
struct Ints {
  int count = 0;
  int64_t values[Shape::max_rank] = {};
  int64_t operator[](int i) const { return values[i]; }
};

// The words for the values of an enum in an op, in order. Specialised beside each such enum.
template <class E>
struct EnumNames;

}  // namespace stylear
