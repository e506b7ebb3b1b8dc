// f32, bf16: wire[i] = row[i], rounded; row[i] = wire[i], rounded
// fp8, block by block of 128: scale = max(largest finite |row[i]| / 448, 2^-126)
//                             code[i] = e4m3(row[i] · (1 / scale)); row[i] = code[i] · scale, rounded

#include "kernels/base/float8.hpp"
#include "kernels/reference/kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace moeperf::reference {
namespace {

void convert(ConstRows from, Rows to) {
  visit_dtype(from.dtype(), [&](auto from_zero) {
    visit_dtype(to.dtype(), [&](auto to_zero) {
      using From = decltype(from_zero);
      using To = decltype(to_zero);
      for (std::int64_t t = 0; t < from.num_rows(); ++t) {
        std::transform(from.row<From>(t), from.row<From>(t) + from.num_cols(), to.row<To>(t),
                       [](From value) { return To(static_cast<float>(value)); });
      }
    });
  });
}

class PlainCodec final : public RowCodec {
 public:
  void encode(ConstRows rows, Rows wire) override { convert(rows, wire); }
  void decode(ConstRows wire, Rows rows) override { convert(wire, rows); }
};

template <class Element>
void encode_row(const Element* row, Fp8Layout layout, std::byte* wire) {
  std::memset(wire, 0, static_cast<std::size_t>(layout.bytes()));
  for (std::int64_t b = 0; b < layout.num_blocks(); ++b) {
    const std::int64_t first = b * Fp8Layout::block;
    const std::int64_t last = std::min(first + Fp8Layout::block, layout.hidden);
    float largest = 0;
    for (std::int64_t i = first; i < last; ++i) {
      const float magnitude = std::fabs(static_cast<float>(row[i]));
      if (std::isfinite(magnitude)) largest = std::max(largest, magnitude);
    }
    const float scale = std::max(largest / Float8::largest, 0x1p-126f);
    const float inverse = 1.0f / scale;
    for (std::int64_t i = first; i < last; ++i) {
      wire[i] = std::byte{Float8(static_cast<float>(row[i]) * inverse).bits};
    }
    std::memcpy(wire + layout.scales_offset() + b * std::int64_t{sizeof scale}, &scale, sizeof scale);
  }
}

template <class Element>
void decode_row(const std::byte* wire, Fp8Layout layout, Element* row) {
  for (std::int64_t i = 0; i < layout.hidden; ++i) {
    float scale;
    std::memcpy(&scale, wire + layout.scales_offset() + i / Fp8Layout::block * std::int64_t{sizeof scale},
                sizeof scale);
    Float8 code;
    code.bits = std::to_integer<std::uint8_t>(wire[i]);
    row[i] = Element(static_cast<float>(code) * scale);
  }
}

class Fp8Codec final : public RowCodec {
 public:
  void encode(ConstRows rows, Rows wire) override {
    visit_dtype(rows.dtype(), [&](auto zero) {
      for (std::int64_t t = 0; t < rows.num_rows(); ++t) {
        encode_row(rows.row<decltype(zero)>(t), Fp8Layout{rows.num_cols()}, wire.row_data(t));
      }
    });
  }
  void decode(ConstRows wire, Rows rows) override {
    visit_dtype(rows.dtype(), [&](auto zero) {
      for (std::int64_t t = 0; t < rows.num_rows(); ++t) {
        decode_row(wire.row_data(t), Fp8Layout{rows.num_cols()}, rows.row<decltype(zero)>(t));
      }
    });
  }
};

}  // namespace

std::unique_ptr<RowCodec> make_row_codec(WireType type) {
  if (type == WireType::fp8) return std::make_unique<Fp8Codec>();
  return std::make_unique<PlainCodec>();
}

}  // namespace moeperf::reference
