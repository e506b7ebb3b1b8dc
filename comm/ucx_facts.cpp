#include "comm/library_facts.hpp"
#include "comm/ucx/context.hpp"
#include "comm/ucx/error.hpp"

namespace moeperf {
namespace {

/// The version is that of the library found at run time.
LibraryFacts ucx_facts() {
  LibraryFacts facts{{"ucx", ucp_get_version_string()}};
  try {
    facts["ucx_memory_types"] = UcxContext::shared()->memory_types();
  } catch (const UcxError& error) {
    facts["ucx_memory_types"] = error.what();
  }
  return facts;
}

const LibraryFactsRegistration registration(ucx_facts);

}  // namespace
}  // namespace moeperf
