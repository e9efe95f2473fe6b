//go:build cgo && !novulkan && !386 && !arm && ((!linux && !windows) || android || vulora_shim)

// The plain calls of plain.go for systems where vulkan-go would bind to a Vulkan library at build time.

#include "shim_plain.h"
#include "shim_private.h"

#define PLAIN_FUNCTIONS(F) \
	F(CreateBuffer, VkResult, (VkDevice, const VkBufferCreateInfo *, const void *, VkBuffer *)) \
	F(DestroyBuffer, void, (VkDevice, VkBuffer, const void *)) \
	F(GetBufferMemoryRequirements, void, (VkDevice, VkBuffer, VkMemoryRequirements *)) \
	F(AllocateMemory, VkResult, (VkDevice, const VkMemoryAllocateInfo *, const void *, VkDeviceMemory *)) \
	F(FreeMemory, void, (VkDevice, VkDeviceMemory, const void *)) \
	F(BindBufferMemory, VkResult, (VkDevice, VkBuffer, VkDeviceMemory, VkDeviceSize)) \
	F(MapMemory, VkResult, (VkDevice, VkDeviceMemory, VkDeviceSize, VkDeviceSize, VkFlags, void **)) \
	F(CreateFence, VkResult, (VkDevice, const VkFenceCreateInfo *, const void *, VkFence *)) \
	F(DestroyFence, void, (VkDevice, VkFence, const void *)) \
	F(CreateCommandPool, VkResult, (VkDevice, const VkCommandPoolCreateInfo *, const void *, VkCommandPool *)) \
	F(DestroyCommandPool, void, (VkDevice, VkCommandPool, const void *)) \
	F(CreateQueryPool, VkResult, (VkDevice, const VkQueryPoolCreateInfo *, const void *, VkQueryPool *)) \
	F(DestroyQueryPool, void, (VkDevice, VkQueryPool, const void *)) \
	F(GetQueryPoolResults, VkResult, \
		(VkDevice, VkQueryPool, uint32_t, uint32_t, size_t, void *, VkDeviceSize, VkFlags)) \
	F(DeviceWaitIdle, VkResult, (VkDevice)) \
	F(DestroyPipeline, void, (VkDevice, VkPipeline, const void *)) \
	F(DestroyPipelineLayout, void, (VkDevice, VkPipelineLayout, const void *)) \
	F(DestroyDescriptorSetLayout, void, (VkDevice, VkDescriptorSetLayout, const void *)) \
	F(DestroyDescriptorPool, void, (VkDevice, VkDescriptorPool, const void *)) \
	F(DestroyPipelineCache, void, (VkDevice, VkPipelineCache, const void *)) \
	F(GetPipelineCacheData, VkResult, (VkDevice, VkPipelineCache, size_t *, void *))

#define DECLARE(name, result, parameters) static result(*vk##name) parameters;
PLAIN_FUNCTIONS(DECLARE)
#undef DECLARE

int32_t plain_load(uintptr_t instance) {
#define LOAD(name, result, parameters) \
	if (!(vk##name = (void *)shim_instance_proc(instance, "vk" #name))) return VK_ERROR_INITIALIZATION_FAILED;
	PLAIN_FUNCTIONS(LOAD)
#undef LOAD
	return VK_SUCCESS;
}

int32_t plain_create_buffer(uintptr_t d, uint64_t bytes, uint64_t *buffer) {
	VkBufferCreateInfo info = {VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = bytes,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT};
	return vkCreateBuffer((VkDevice)d, &info, NULL, buffer);
}

void plain_destroy_buffer(uintptr_t d, uint64_t buffer) { vkDestroyBuffer((VkDevice)d, buffer, NULL); }

uint64_t plain_buffer_needs(uintptr_t d, uint64_t buffer, uint32_t *types) {
	VkMemoryRequirements m;
	vkGetBufferMemoryRequirements((VkDevice)d, buffer, &m);
	*types = m.memoryTypeBits;
	return m.size;
}

int32_t plain_allocate(uintptr_t d, uint64_t bytes, uint32_t type, uint64_t *memory) {
	VkMemoryAllocateInfo info = {VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, NULL, bytes, type};
	return vkAllocateMemory((VkDevice)d, &info, NULL, memory);
}

void plain_free(uintptr_t d, uint64_t memory) { vkFreeMemory((VkDevice)d, memory, NULL); }

int32_t plain_bind(uintptr_t d, uint64_t buffer, uint64_t memory) {
	return vkBindBufferMemory((VkDevice)d, buffer, memory, 0);
}

int32_t plain_map(uintptr_t d, uint64_t memory, void **p) {
	return vkMapMemory((VkDevice)d, memory, 0, UINT64_MAX, 0, p);
}

int32_t plain_create_fence(uintptr_t d, uint64_t *fence) {
	VkFenceCreateInfo info = {VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, NULL, 0};
	return vkCreateFence((VkDevice)d, &info, NULL, fence);
}

void plain_destroy_fence(uintptr_t d, uint64_t fence) { vkDestroyFence((VkDevice)d, fence, NULL); }

int32_t plain_create_command_pool(uintptr_t d, uint32_t family, uint64_t *pool) {
	VkCommandPoolCreateInfo info = {VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, NULL,
		VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT, family};
	return vkCreateCommandPool((VkDevice)d, &info, NULL, pool);
}

void plain_destroy_command_pool(uintptr_t d, uint64_t pool) { vkDestroyCommandPool((VkDevice)d, pool, NULL); }

int32_t plain_create_timestamps(uintptr_t d, uint32_t n, uint64_t *pool) {
	VkQueryPoolCreateInfo info = {VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, .queryType = VK_QUERY_TYPE_TIMESTAMP,
		.queryCount = n};
	return vkCreateQueryPool((VkDevice)d, &info, NULL, pool);
}

void plain_destroy_timestamps(uintptr_t d, uint64_t pool) { vkDestroyQueryPool((VkDevice)d, pool, NULL); }

int32_t plain_read_timestamps(uintptr_t d, uint64_t pool, uint32_t n, uint64_t *ticks) {
	return vkGetQueryPoolResults((VkDevice)d, pool, 0, n, 8 * (size_t)n, ticks, 8,
		VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
}

int32_t plain_wait_idle(uintptr_t d) { return vkDeviceWaitIdle((VkDevice)d); }

void plain_destroy_pipeline(uintptr_t d, uint64_t p) { vkDestroyPipeline((VkDevice)d, p, NULL); }

void plain_destroy_layouts(uintptr_t d, uint64_t set, uint64_t layout) {
	vkDestroyPipelineLayout((VkDevice)d, layout, NULL);
	vkDestroyDescriptorSetLayout((VkDevice)d, set, NULL);
}

void plain_destroy_descriptors(uintptr_t d, uint64_t pool) { vkDestroyDescriptorPool((VkDevice)d, pool, NULL); }

void plain_destroy_cache(uintptr_t d, uint64_t cache) { vkDestroyPipelineCache((VkDevice)d, cache, NULL); }

int32_t plain_cache_data(uintptr_t d, uint64_t cache, size_t *n, void *data) {
	return vkGetPipelineCacheData((VkDevice)d, cache, n, data);
}
