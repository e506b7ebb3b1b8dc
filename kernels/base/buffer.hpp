#pragma once

#include "kernels/base/view.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace moeperf {

/// Hands out memory of one space. A device backend brings its own; `host_memory()` is always there.
class MemoryResource {
 public:
  virtual ~MemoryResource() = default;
  virtual MemorySpace space() const = 0;
  /// Whose memory it is, where a library may ask before it touches it: "cuda", or "" for nobody's in particular.
  virtual std::string_view runtime() const { return ""; }
  /// Uninitialised bytes, aligned to at least 64. Throws std::bad_alloc (or a typed Error).
  virtual void* allocate(std::int64_t bytes) = 0;
  virtual void deallocate(void* data, std::int64_t bytes) noexcept = 0;
};

/// Host memory, aligned to a line or a page; blocks of 128 KiB and more are huge pages of their own.
MemoryResource& host_memory();

/// Owning, move-only block of bytes in one memory space. Growing never copies: what the buffer
/// held before is gone, which is what scratch memory wants.
class Buffer {
 public:
  explicit Buffer(MemoryResource& resource = host_memory()) : resource_(&resource) {}
  explicit Buffer(std::int64_t bytes, MemoryResource& resource = host_memory()) : Buffer(resource) { reserve(bytes); }
  Buffer(Buffer&& other) noexcept
      : resource_(other.resource_),
        data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(resource_, other.resource_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Buffer() { release(); }

  /// Makes room for at least `bytes`; keeps the block, and its contents, when it already suffices.
  void reserve(std::int64_t bytes);
  void release() noexcept;

  std::byte* data() const { return data_; }
  std::int64_t bytes() const { return bytes_; }
  MemorySpace space() const { return resource_->space(); }
  MemoryResource& resource() const { return *resource_; }

 private:
  MemoryResource* resource_;
  std::byte* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

/// Owning matrix: a Buffer that knows its element type and row length.
class RowBuffer {
 public:
  RowBuffer(std::int64_t num_rows, std::int64_t num_cols, DType dtype, MemoryResource& resource = host_memory())
      : buffer_(resource), num_cols_(num_cols), dtype_(dtype) {
    resize(num_rows);
  }
  RowBuffer(std::int64_t num_rows, RowFormat format, MemoryResource& resource = host_memory())
      : RowBuffer(num_rows, format.num_cols, format.dtype, resource) {}
  RowBuffer() : RowBuffer(0, 0, DType::f32) {}

  /// Changes the number of rows; contents survive only when no growth of the block was needed.
  void resize(std::int64_t num_rows) {
    buffer_.reserve(num_rows * num_cols_ * size_bytes(dtype_));
    num_rows_ = num_rows;
  }

  Rows rows() { return Rows(buffer_.data(), num_rows_, num_cols_, dtype_, buffer_.space()); }
  ConstRows rows() const { return ConstRows(buffer_.data(), num_rows_, num_cols_, dtype_, buffer_.space()); }
  std::int64_t capacity_bytes() const { return buffer_.bytes(); }

 private:
  Buffer buffer_;
  std::int64_t num_rows_ = 0;
  std::int64_t num_cols_ = 0;
  DType dtype_ = DType::f32;
};

/// A copy of host rows.
inline RowBuffer copy_of(ConstRows rows) {
  RowBuffer copy(rows.num_rows(), rows.num_cols(), rows.dtype());
  copy_rows(rows, copy.rows());
  return copy;
}

}  // namespace moeperf
