// The plain calls for systems without vulkan-go; see plain_shim.go.
#ifndef VULORA_SHIM_PLAIN_H
#define VULORA_SHIM_PLAIN_H

#include <stddef.h>
#include <stdint.h>

int32_t plain_load(uintptr_t instance);
int32_t plain_create_buffer(uintptr_t d, uint64_t bytes, uint64_t *buffer);
void plain_destroy_buffer(uintptr_t d, uint64_t buffer);
uint64_t plain_buffer_needs(uintptr_t d, uint64_t buffer, uint32_t *types);
int32_t plain_allocate(uintptr_t d, uint64_t bytes, uint32_t type, uint64_t *memory);
void plain_free(uintptr_t d, uint64_t memory);
int32_t plain_bind(uintptr_t d, uint64_t buffer, uint64_t memory);
int32_t plain_map(uintptr_t d, uint64_t memory, void **p);
int32_t plain_create_fence(uintptr_t d, uint64_t *fence);
void plain_destroy_fence(uintptr_t d, uint64_t fence);
int32_t plain_create_command_pool(uintptr_t d, uint32_t family, uint64_t *pool);
void plain_destroy_command_pool(uintptr_t d, uint64_t pool);
int32_t plain_create_timestamps(uintptr_t d, uint32_t n, uint64_t *pool);
void plain_destroy_timestamps(uintptr_t d, uint64_t pool);
int32_t plain_read_timestamps(uintptr_t d, uint64_t pool, uint32_t n, uint64_t *ticks);
int32_t plain_wait_idle(uintptr_t d);
void plain_destroy_pipeline(uintptr_t d, uint64_t p);
void plain_destroy_layouts(uintptr_t d, uint64_t set, uint64_t layout);
void plain_destroy_descriptors(uintptr_t d, uint64_t pool);
void plain_destroy_cache(uintptr_t d, uint64_t cache);
int32_t plain_cache_data(uintptr_t d, uint64_t cache, size_t *n, void *data);

#endif
