// f32, bf16: wire[i] = row[i], rounded; row[i] = wire[i], rounded
// fp8, block by block of 128: scale = max(largest finite |row[i]| / 448, 2^-126)
//                             code[i] = e4m3(row[i] · (1 / scale)); row[i] = code[i] · scale, rounded
// Rows are shared among the threads.

#include "kernels/cpu/kernels.hpp"
#include "kernels/cpu/quantize_kernels.hpp"
#include "kernels/cpu/row_kernels.hpp"

namespace moeperf::cpu {
namespace {

/// Waking a team takes a few microseconds, in which one thread converts some ten kilobytes.
int threads_for(std::int64_t bytes, const Settings& settings) { return bytes < 32768 ? 1 : settings.num_threads; }

class PlainCodec final : public RowCodec {
 public:
  explicit PlainCodec(const Settings& settings) : settings_(settings), kernels_(row_kernels(settings.isa)) {}

  void encode(ConstRows rows, Rows wire) override { convert(rows, wire); }
  void decode(ConstRows wire, Rows rows) override { convert(wire, rows); }

 private:
  void convert(ConstRows from, Rows to) const {
#pragma omp parallel for num_threads(threads_for(from.bytes() + to.bytes(), settings_)) schedule(static)
    for (std::int64_t t = 0; t < from.num_rows(); ++t) {
      if (from.dtype() == to.dtype()) {
        copy_rows(from.slice(t, 1), to.slice(t, 1));
      } else if (to.dtype() == DType::bf16) {
        kernels_.narrow(from.row<float>(t), from.num_cols(), to.row<BFloat16>(t));
      } else {
        kernels_.widen(from.row<BFloat16>(t), from.num_cols(), to.row<float>(t));
      }
    }
  }

  Settings settings_;
  const RowKernels& kernels_;
};

class Fp8Codec final : public RowCodec {
 public:
  explicit Fp8Codec(const Settings& settings) : settings_(settings), kernels_(quantize_kernels(settings.isa)) {}

  void encode(ConstRows rows, Rows wire) override {
#pragma omp parallel for num_threads(threads_for(rows.bytes(), settings_)) schedule(static)
    for (std::int64_t t = 0; t < rows.num_rows(); ++t) {
      kernels_.encode_fp8(rows.row_data(t), rows.dtype(), Fp8Layout{rows.num_cols()}, wire.row_data(t));
    }
  }

  void decode(ConstRows wire, Rows rows) override {
#pragma omp parallel for num_threads(threads_for(rows.bytes(), settings_)) schedule(static)
    for (std::int64_t t = 0; t < rows.num_rows(); ++t) {
      kernels_.decode_fp8(wire.row_data(t), Fp8Layout{rows.num_cols()}, rows.dtype(), rows.row_data(t));
    }
  }

 private:
  Settings settings_;
  const QuantizeKernels& kernels_;
};

}  // namespace

std::unique_ptr<RowCodec> make_row_codec(WireType type, const Settings& settings) {
  if (type == WireType::fp8) return std::make_unique<Fp8Codec>(settings);
  return std::make_unique<PlainCodec>(settings);
}

}  // namespace moeperf::cpu
