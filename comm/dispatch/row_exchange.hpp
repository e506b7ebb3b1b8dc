#pragma once

#include "comm/dispatch.hpp"
#include "comm/row_rule.hpp"
#include "kernels/base/buffer.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// Consecutive rows of a buffer for each rank, in rows. Always fewer than 2^31 rows; their bytes may be more.
struct RowBlocks {
  std::vector<int> counts, offsets;  ///< [P]
  std::int64_t num_rows = 0;         ///< of the buffer, those that are in nobody's block included
  bool operator==(const RowBlocks&) const = default;
};

/// Puts the blocks one behind the other: offsets from counts. Returns the rows of all. Throws Error where an offset
/// does not fit.
std::int64_t lay_out(RowBlocks& blocks);

/// Moves rows between all ranks: the step in which the flat dispatchers differ. One object serves one dispatcher: an
/// exchange out (dispatch), then its mirror (combine), over and over, each perhaps repeated. Rows out and rows back may
/// differ in format. All calls are collective but sent_bytes, can_overlap and progress.
class RowExchange {
 public:
  enum class Way : std::uint8_t { out, back };

  virtual ~RowExchange() = default;

  /// The blocks of the exchanges that follow: out sends `send` and receives `arrive`, back the other way round. Nobody
  /// has a block for itself (count 0). Valid until the next call.
  virtual void prepare(const RowBlocks& send, const RowBlocks& arrive) = 0;

  /// Memory of the exchange's own into which `num_rows` rows can arrive without a copy: what run's `to` is then, and
  /// it is read as long as the dispatcher's result is valid. Asked after prepare, before each exchange. Nothing: any
  /// memory will do.
  virtual std::optional<Rows> landing(Way way, std::int64_t num_rows) {
    (void)way, (void)num_rows;
    return std::nullopt;
  }

  /// Starts an exchange; whatever needs not overlap may be done here at once, and all of it where the exchange cannot.
  /// Between start and finish other exchanges, of other objects on other communicators, may start and finish.
  virtual void start(Way way, ConstRows from, Rows to, Overlap overlap) = 0;
  /// Returns when this rank's rows have arrived in `to` and those in `from` may be changed.
  virtual void finish(Way way) = 0;
  /// Moves what is under way and never waits.
  virtual void progress() {}
  /// Dispatcher::can_overlap.
  virtual bool can_overlap() const { return false; }

  void run(Way way, ConstRows from, Rows to) {
    start(way, from, to, Overlap::none);
    finish(way);
  }

  /// Where the dispatcher shall keep its own rows; nothing: in the kernels' memory.
  virtual MemoryResource* memory() { return nullptr; }

  /// Dispatcher::row_path.
  virtual std::string row_path() const { return "host"; }

  /// Dispatcher::row_rule.
  virtual RowRule row_rule() const { return RowRule::copies; }

  /// What run sends to another rank, padding and its own metadata included.
  virtual std::int64_t sent_bytes(Way way, int destination) const = 0;
};

}  // namespace moeperf
