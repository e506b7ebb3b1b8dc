#pragma once

#include "kernels/base/dtype.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace moeperf {

/// Where bytes live. Host code may dereference only `host`.
enum class MemorySpace : std::uint8_t { host, device };

/// What a row is made of.
struct RowFormat {
  std::int64_t num_cols = 0;
  DType dtype = DType::f32;
  std::int64_t bytes() const { return num_cols * size_bytes(dtype); }
  bool operator==(const RowFormat&) const = default;
};

/// Non-owning dense row-major matrix [num_rows, num_cols] of a run-time element type in a stated
/// memory space. `Byte` is std::byte for Rows (writable) and const std::byte for ConstRows.
template <class Byte>
class BasicRows {
  template <class T>
  using Like = std::conditional_t<std::is_const_v<Byte>, const T, T>;

 public:
  BasicRows() = default;
  BasicRows(Like<void>* data, std::int64_t num_rows, std::int64_t num_cols, DType dtype,
            MemorySpace space = MemorySpace::host)
      : data_(static_cast<Byte*>(data)), num_rows_(num_rows), num_cols_(num_cols), dtype_(dtype), space_(space) {}

  BasicRows(Like<void>* data, std::int64_t num_rows, RowFormat format, MemorySpace space = MemorySpace::host)
      : BasicRows(data, num_rows, format.num_cols, format.dtype, space) {}

  /// Rows convert to ConstRows, never back.
  template <class Other>
  requires(std::is_const_v<Byte> && !std::is_const_v<Other>)
      BasicRows(const BasicRows<Other>& other)  // NOLINT(google-explicit-constructor)
      : BasicRows(other.data(), other.num_rows(), other.num_cols(), other.dtype(), other.space()) {}

  Like<void>* data() const { return data_; }
  std::int64_t num_rows() const { return num_rows_; }
  std::int64_t num_cols() const { return num_cols_; }
  DType dtype() const { return dtype_; }
  MemorySpace space() const { return space_; }

  RowFormat format() const { return {num_cols_, dtype_}; }
  std::int64_t row_bytes() const { return format().bytes(); }
  std::int64_t bytes() const { return num_rows_ * row_bytes(); }

  /// First byte of row `row`.
  Byte* row_data(std::int64_t row) const { return data_ + row * row_bytes(); }

  /// Typed pointer to row `row`; T must be the C++ type of dtype().
  template <class T>
  Like<T>* row(std::int64_t row) const {
    assert((std::is_same_v<std::remove_const_t<T>, float> == (dtype_ == DType::f32)));
    return reinterpret_cast<Like<T>*>(row_data(row));
  }

  /// Rows [first, first + count).
  BasicRows slice(std::int64_t first, std::int64_t count) const {
    assert(first >= 0 && count >= 0 && first + count <= num_rows_);
    return BasicRows(row_data(first), count, num_cols_, dtype_, space_);
  }

 private:
  Byte* data_ = nullptr;
  std::int64_t num_rows_ = 0;
  std::int64_t num_cols_ = 0;
  DType dtype_ = DType::f32;
  MemorySpace space_ = MemorySpace::host;
};

using Rows = BasicRows<std::byte>;
using ConstRows = BasicRows<const std::byte>;

/// Host rows → host rows of the same size, which may be none.
inline void copy_rows(ConstRows from, Rows to) {
  assert(from.bytes() == to.bytes());
  if (from.bytes() > 0) std::memcpy(to.data(), from.data(), static_cast<std::size_t>(from.bytes()));
}

}  // namespace moeperf
