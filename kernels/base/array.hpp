#pragma once

#include "kernels/base/buffer.hpp"
#include "kernels/base/error.hpp"

#include <cassert>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <ranges>
#include <span>
#include <type_traits>

namespace moeperf {

/// Non-owning list of T in a stated memory space: indices, weights, counts. Rows, whose element type is known at run
/// time only, have BasicRows (kernels/base/view.hpp). Lists of the host convert to it by themselves.
template <class T>
class View {
 public:
  View() = default;
  View(T* data, std::size_t size, MemorySpace space = MemorySpace::host) : data_(data), size_(size), space_(space) {}
  View(std::span<T> host) : View(host.data(), host.size()) {}  // NOLINT(google-explicit-constructor)

  /// Vectors, spans and arrays of the host.
  template <std::ranges::contiguous_range Range>
  requires(std::is_convertible_v<Range&&, std::span<T>> && !requires(Range range) { range.space(); })
      View(Range&& host)  // NOLINT(google-explicit-constructor,bugprone-forwarding-reference-overload)
      : View(std::span<T>(host)) {}

  /// View<T> converts to View<const T>, never back.
  template <class Other>
  requires(std::is_const_v<T>&& std::is_same_v<const Other, T>)
      View(const View<Other>& other)  // NOLINT(google-explicit-constructor)
      : View(other.data(), other.size(), other.space()) {}

  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  MemorySpace space() const { return space_; }

  /// [first, first + count)
  View part(std::int64_t first, std::int64_t count) const {
    assert(first >= 0 && count >= 0 && static_cast<std::size_t>(first + count) <= size_);
    return {data_ + first, static_cast<std::size_t>(count), space_};
  }

  /// For code of the host. Throws Error where the list is not the host's.
  std::span<T> host() const {
    if (space_ != MemorySpace::host) throw Error("a list in device memory was given to code of the host");
    return {data_, size_};
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
  MemorySpace space_ = MemorySpace::host;
};

/// Owning list of T in the memory of a resource; the host may look into it only where that is the host's. New elements
/// are zero on the host and anything elsewhere. Only lists of the host can be copied and compared.
template <class T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  using value_type = T;

  explicit Array(MemoryResource& resource = host_memory()) : buffer_(resource) {}
  Array(std::initializer_list<T> values) : Array(std::span<const T>(values.begin(), values.size())) {}
  explicit Array(std::span<const T> values) { assign(values); }
  Array(const Array& other) : Array(other.host()) {}
  Array(Array&& other) noexcept : buffer_(std::move(other.buffer_)), size_(std::exchange(other.size_, 0)) {}
  Array& operator=(const Array& other) {
    if (this != &other) assign(other.host());
    return *this;
  }
  Array& operator=(Array&& other) noexcept {
    buffer_ = std::move(other.buffer_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Array() = default;

  /// Keeps the elements that are in both sizes (on the host; elsewhere only where the block suffices), and the block
  /// where it suffices: a repeated size allocates nothing.
  void resize(std::size_t size) {
    if (static_cast<std::int64_t>(bytes(size)) > buffer_.bytes()) grow(size);
    if (size > size_ && space() == MemorySpace::host) std::memset(data() + size_, 0, bytes(size) - bytes(size_));
    size_ = size;
  }
  void assign(std::span<const T> values) {
    resize_for_overwrite(values.size());
    if (!values.empty()) std::memcpy(host().data(), values.data(), values.size_bytes());
  }
  void assign(std::size_t size, T value) {
    resize_for_overwrite(size);
    for (T& element : host()) element = value;
  }
  void clear() { size_ = 0; }

  T* data() { return reinterpret_cast<T*>(buffer_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(buffer_.data()); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  MemorySpace space() const { return buffer_.space(); }

  View<T> view() { return {data(), size_, space()}; }
  View<const T> view() const { return {data(), size_, space()}; }
  operator View<T>() { return view(); }              // NOLINT(google-explicit-constructor)
  operator View<const T>() const { return view(); }  // NOLINT(google-explicit-constructor)
  operator View<const T>() { return view(); }        // NOLINT(google-explicit-constructor)

  // The host's:
  std::span<T> host() { return view().host(); }
  std::span<const T> host() const { return view().host(); }
  T* begin() { return host().data(); }
  T* end() { return begin() + size_; }
  const T* begin() const { return host().data(); }
  const T* end() const { return begin() + size_; }
  T& operator[](std::size_t i) {
    assert(space() == MemorySpace::host && i < size_);
    return data()[i];
  }
  const T& operator[](std::size_t i) const {
    assert(space() == MemorySpace::host && i < size_);
    return data()[i];
  }
  T& front() { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& front() const { return (*this)[0]; }
  const T& back() const { return (*this)[size_ - 1]; }
  friend bool operator==(const Array& a, std::span<const T> b) {
    return a.size() == b.size() && std::equal(b.begin(), b.end(), a.begin());
  }
  // Of its own: with the one above alone, either side could be the span.
  friend bool operator==(const Array& a, const Array& b) { return a == std::span<const T>(b); }

 private:
  static std::size_t bytes(std::size_t size) { return size * sizeof(T); }

  void resize_for_overwrite(std::size_t size) {
    buffer_.reserve(static_cast<std::int64_t>(bytes(size)));
    size_ = size;
  }

  void grow(std::size_t size) {
    Buffer larger(static_cast<std::int64_t>(bytes(size)), buffer_.resource());
    if (space() == MemorySpace::host && size_ > 0) std::memcpy(larger.data(), buffer_.data(), bytes(size_));
    buffer_ = std::move(larger);
  }

  Buffer buffer_;
  std::size_t size_ = 0;
};

}  // namespace moeperf
