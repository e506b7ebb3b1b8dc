#pragma once

#include "kernels/base/view.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace moeperf {

/// What rows travel as. Names are permanent: they appear in reports.
enum class WireType : std::uint8_t { bf16, fp8, f32 };
constexpr WireType wire_types[]{WireType::bf16, WireType::fp8, WireType::f32};

/// "bf16", "fp8" or "f32".
std::string_view name(WireType type);
/// The inverse of name(); nothing for other text.
std::optional<WireType> parse_wire_type(std::string_view text);
/// The one in which rows of `dtype`, bf16 or f32, travel as they are.
WireType native_wire_type(DType dtype);

/// A row of H values as fp8: H bytes of e4m3 (kernels/base/float8.hpp), zeros up to a multiple of 4, then one f32 scale
/// for each block of 128 values, the last block perhaps shorter. Value i is code i times the scale of block i / 128.
struct Fp8Layout {
  static constexpr std::int64_t block = 128;

  std::int64_t hidden = 0;  ///< H

  std::int64_t num_blocks() const { return (hidden + block - 1) / block; }
  std::int64_t scales_offset() const { return (hidden + 3) / 4 * 4; }
  std::int64_t bytes() const { return scales_offset() + num_blocks() * std::int64_t{sizeof(float)}; }
};

/// What a row [H] becomes on the wire: numbers of the wire's type, or bytes in the layout above.
RowFormat wire_format(std::int64_t hidden, WireType type);

/// |decode(encode(x)) − x| of an fp8 row of element type `dtype` is at most this, for a finite x in a block whose
/// largest finite magnitude is `largest`. e4m3 rounds a normal value by up to 1/17 of it and a subnormal one by up to
/// 2^-10 scales; the products with the scale and its inverse, and the rounding of the result to bf16, come on top.
double fp8_error_bound(double x, double largest, DType dtype);

/// Encodes rows for the wire and decodes what arrives. Local; synchronous with the backend's queue.
///
/// f32, bf16: the rounding (or widening, or copy) of each value.
/// fp8: after the report of DeepSeek-V3, arXiv 2412.19437, section 3.3. scale = max(a/448, 2^-126) with a the largest
///   finite magnitude of the block, code = Float8(x · (1/scale)), each operation rounded to f32. The lower limit keeps
///   scale and inverse normal: blocks of zeros need no rule of their own. NaN and the infinities become NaN of their
///   sign and leave the other values of their block alone. A decoded value is the product in f32, rounded once to the
///   rows' type.
class RowCodec {
 public:
  virtual ~RowCodec() = default;

  /// rows [T,H] of the codec's element type → wire [T] in wire_format(H, type).
  virtual void encode(ConstRows rows, Rows wire) = 0;
  virtual void decode(ConstRows wire, Rows rows) = 0;
};

}  // namespace moeperf
