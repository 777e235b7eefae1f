// The words in which ops state their requirements. Every message reads
// `<op>: expected <argument> to be <this>, got <that>`.
#pragma once

#include <cmath>
#include <initializer_list>
#include <sstream>
#include <string>
#include <type_traits>

#include "error.h"
#include "tensor.h"

namespace stylear {

class Check {
 public:
  explicit Check(const char* op) : op_(op) {}

  void dtype(const char* argument, const TensorView& view,
             std::initializer_list<Dtype> allowed) const {
    for (const Dtype d : allowed)
      if (view.dtype == d) return;
    std::string names;
    for (const Dtype d : allowed) names += (names.empty() ? "" : " or ") + std::string(name_of(d));
    fail("ERR_DTYPE", argument, names, name_of(view.dtype));
  }

  void dtype(const char* argument, const TensorView& view, Dtype expected) const {
    dtype(argument, view, std::initializer_list<Dtype>{expected});
  }

  void shape(const char* argument, const TensorView& view, const Shape& expected) const {
    if (!(view.shape == expected)) fail("ERR_SHAPE", argument, expected.text(), view.shape.text());
  }

  // `form` is the shape in words, such as "[rows, width]".
  void rank(const char* argument, const TensorView& view, int rank, const char* form) const {
    if (view.shape.rank() != rank) fail("ERR_SHAPE", argument, form, view.shape.text());
  }
  void rank_at_least(const char* argument, const TensorView& view, int rank,
                     const char* form) const {
    if (view.shape.rank() < rank) fail("ERR_SHAPE", argument, form, view.shape.text());
  }

  void like(const char* argument, const TensorView& view, const TensorView& other) const {
    shape(argument, view, other.shape);
    dtype(argument, view, {other.dtype});
  }

  // `expected` is what the argument should be, as a literal, or as a function that puts it together
  // when it is needed: a check that holds costs a comparison.
  template <class Words>
  void shape_that(bool holds, const char* argument, const Words& expected,
                  const TensorView& got) const {
    if (!holds) fail("ERR_SHAPE", argument, text_of(expected), got.shape.text());
  }

  template <class Words, class T>
  void that(bool holds, const char* argument, const Words& expected, const T& got) const {
    if (holds) return;
    std::ostringstream text;
    text << got;
    fail("ERR_VALUE", argument, text_of(expected), text.str());
  }
  void finite(const char* argument, double value) const {
    that(std::isfinite(value), argument, "finite", value);
  }

  // `a` and `b` share no byte.
  void apart(const char* argument, const TensorView& a, const char* other,
             const TensorView& b) const {
    if (!a.present() || !b.present()) return;
    const auto *a0 = static_cast<const char*>(a.data), *b0 = static_cast<const char*>(b.data);
    if (a0 < b0 + b.bytes() && b0 < a0 + a.bytes())
      fail("ERR_VALUE", argument, "apart from " + std::string(other), "overlapping memory");
  }
  // `a` is exactly `b` or shares no byte with it.
  void same_or_apart(const char* argument, const TensorView& a, const char* other,
                     const TensorView& b) const {
    if (a.data == b.data && a.bytes() == b.bytes()) return;
    apart(argument, a, other, b);
  }
  // Both or neither are given.
  void together(const char* argument, const TensorView& a, const char* other,
                const TensorView& b) const {
    if (a.present() != b.present())
      fail("ERR_VALUE", argument, "given exactly when " + std::string(other) + " is",
           a.present() ? "it alone" : "none");
  }

  [[noreturn]] void fail(const char* code, const char* argument, const std::string& expected,
                         const std::string& got) const {
    throw Error(
        code, std::string(op_) + ": expected " + argument + " to be " + expected + ", got " + got);
  }

 private:
  template <class Words>
  static std::string text_of(const Words& words) {
    if constexpr (std::is_invocable_v<Words>)
      return words();
    else
      return words;
  }

  const char* op_;
};

}  // namespace stylear
