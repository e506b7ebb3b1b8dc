#pragma once

#include "kernels/backend.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace moeperf::test {

/// Host memory that nobody may touch but within open(): whoever takes it for the host's gets SIGSEGV, as with a GPU.
class FakeDeviceMemory final : public MemoryResource {
 public:
  MemorySpace space() const override { return MemorySpace::device; }

  void* allocate(std::int64_t bytes) override {
    void* data = ::mmap(nullptr, pages(bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    blocks_.emplace(data, pages(bytes));
    return data;
  }

  void deallocate(void* data, std::int64_t bytes) noexcept override {
    blocks_.erase(data);
    ::munmap(data, pages(bytes));
  }

  /// Runs `body`, which may touch all of the memory: what the device itself does.
  template <class Body>
  void open(const Body& body) {
    protect(PROT_READ | PROT_WRITE);
    body();
    protect(PROT_NONE);
  }

  std::size_t num_blocks() const { return blocks_.size(); }

 private:
  static std::size_t pages(std::int64_t bytes) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return (static_cast<std::size_t>(bytes) + page - 1) / page * page;
  }

  void protect(int rights) {
    for (const auto& [data, bytes] : blocks_) {
      if (::mprotect(data, bytes, rights) != 0) throw Error("mprotect failed");
    }
  }

  std::map<void*, std::size_t> blocks_;
};

/// Does nothing until somebody waits, as late as a stream may: a forgotten wait() is a wrong result.
class FakeDeviceQueue final : public Queue {
 public:
  explicit FakeDeviceQueue(FakeDeviceMemory& memory) : memory_(memory) {}

  MemorySpace space() const override { return MemorySpace::device; }

  void wait() override {
    memory_.open([&] {
      for (const auto& work : work_) work();
    });
    work_.clear();
  }

  void copy(ConstRows from, Rows to) override {
    launch([from, to] { copy_rows(from, to); });
  }

  void launch(std::function<void()> work) { work_.push_back(std::move(work)); }

 private:
  FakeDeviceMemory& memory_;
  std::vector<std::function<void()>> work_;
};

/// The reference permuter as a kernel of the fake device. Lists are the host's, as for every permuter, and are read
/// when the kernel is launched.
class FakeDevicePermuter final : public Permuter {
 public:
  FakeDevicePermuter(FakeDeviceQueue& queue, std::unique_ptr<Permuter> host) : queue_(queue), host_(std::move(host)) {}

  void plan(std::span<const std::int32_t> topk_idx, std::int64_t num_tokens, std::int32_t top_k, std::int32_t num_keys,
            PermutePlan& plan) override {
    host_->plan(topk_idx, num_tokens, top_k, num_keys, plan);
  }

  void gather(ConstRows in, std::span<const std::int64_t> source, Rows out) override {
    queue_.launch(
        [this, in, source = std::vector(source.begin(), source.end()), out] { host_->gather(in, source, out); });
  }

  void weighted_sum(ConstRows in, std::span<const std::int64_t> row_of_copy, std::span<const float> weights,
                    std::int32_t top_k, Rows out) override {
    queue_.launch([this, in, slots = std::vector(row_of_copy.begin(), row_of_copy.end()),
                   factors = std::vector(weights.begin(), weights.end()), top_k,
                   out] { host_->weighted_sum(in, slots, factors, top_k, out); });
  }

 private:
  FakeDeviceQueue& queue_;
  std::unique_ptr<Permuter> host_;
};

/// A device without hardware, as far as dispatchers need one: memory, queue, permuter.
class FakeDeviceKernels : public KernelBackend {
 public:
  FakeDeviceKernels() : own_(std::make_unique<FakeDeviceMemory>()), memory_(*own_), resource_(*own_) {}
  /// On a fake device that is there already: `resource` hands out `memory`.
  FakeDeviceKernels(FakeDeviceMemory& memory, MemoryResource& resource) : memory_(memory), resource_(resource) {}

  FakeDeviceQueue& queue() override { return queue_; }
  MemoryResource& memory() override { return resource_; }
  FakeDeviceMemory& device_memory() { return memory_; }
  std::string description() const override { return "protected host memory"; }
  std::unique_ptr<Gate> make_gate(const GateConfig&, std::int64_t) override { none(); }
  std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape&, std::int32_t) override { none(); }
  std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t, std::int64_t, std::int64_t, DType) override { none(); }
  std::unique_ptr<RowCodec> make_row_codec(WireType) override { none(); }

  std::unique_ptr<Permuter> make_permuter() override {
    ++num_permuters;
    return std::make_unique<FakeDevicePermuter>(queue_, reference_->make_permuter());
  }

  /// Host rows → rows of this device, and back.
  RowBuffer to_device(ConstRows rows) {
    RowBuffer copy(rows.num_rows(), rows.format(), resource_);
    queue_.copy(rows, copy.rows());
    queue_.wait();
    return copy;
  }
  RowBuffer to_host(ConstRows rows) {
    RowBuffer copy(rows.num_rows(), rows.format());
    queue_.copy(rows, copy.rows());
    queue_.wait();
    return copy;
  }

  int num_permuters = 0;  ///< made so far

 private:
  [[noreturn]] static void none() { throw Error("the fake device has no such kernel"); }

  std::unique_ptr<KernelBackend> reference_ = kernel_registry().make("reference", {});
  std::unique_ptr<FakeDeviceMemory> own_;
  FakeDeviceMemory& memory_;
  MemoryResource& resource_;
  FakeDeviceQueue queue_{memory_};
};

}  // namespace moeperf::test
