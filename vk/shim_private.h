// Shared by the C files of the shim.
#ifndef VULORA_SHIM_PRIVATE_H
#define VULORA_SHIM_PRIVATE_H

#include "shim.h"

typedef void (*shim_void_fn)(void);
typedef shim_void_fn (*shim_proc_fn)(VkInstance, const char *);

shim_void_fn shim_instance_proc(uintptr_t instance, const char *name);

// The highest version whose rules the shim knows; a loader of Vulkan 1.1 accepts any.
#define SHIM_API VK_API_VERSION_1_4

// Features by bit, named as the fields of Go's Features.
#define SHIM_FEATURES(F) \
	F(Storage16) F(Storage8) F(Float16) F(Int8) F(Int16) F(Int64) F(SubgroupVote) F(SubgroupArithmetic) \
	F(SubgroupBallot) F(SubgroupShuffle) F(SubgroupClustered) F(SubgroupTypes) F(SubgroupSize) F(FullSubgroups) \
	F(IntegerDot) F(IntegerDotFast) F(MemoryModel) F(MemoryModelDevice) F(LocalSizeID) F(BFloat16) F(BFloat16Dot) \
	F(BFloat16Matrix) F(Matrix) F(Matrix2Workgroup) F(Matrix2Flexible) F(Matrix2Reductions) F(Matrix2Conversions) \
	F(Matrix2PerElement) F(Matrix2Tensor) F(Matrix2BlockLoads) F(Timestamps)
#define BIT(name) BIT_##name,
enum { SHIM_FEATURES(BIT) FEATURES };
#undef BIT

typedef struct shim_extensions {
	VkExtensionProperties *e;
	uint32_t n;
} shim_extensions;

int shim_has(const shim_extensions *l, const char *extension);

// shim_knows reports whether a device has an extension or the version that contains it, if core is not 0.
int shim_knows(const shim_extensions *l, uint32_t api, const char *extension, uint32_t core);

// shim_device_extensions lists the extensions of a device; out->e is to be freed.
VkResult shim_device_extensions(uintptr_t instance, uintptr_t physical, shim_extensions *out);

uint64_t shim_query_features(uintptr_t instance, uintptr_t physical, uint32_t api, const shim_extensions *l);

// shim_device_wrap takes over device and loads its entry points.
VkResult shim_device_wrap(uintptr_t instance, VkDevice device, uint32_t family, shim_device **out);

#endif
