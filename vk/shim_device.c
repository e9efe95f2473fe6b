//go:build cgo && !novulkan && !386 && !arm

#include "shim_private.h"

#include <stdlib.h>

// Entry points of a device: name without vk, result, parameters.
#define DEVICE_FUNCTIONS(F) \
	F(DestroyDevice, void, (VkDevice, const void *)) \
	F(GetDeviceQueue, void, (VkDevice, uint32_t, uint32_t, VkQueue *)) \
	F(QueueSubmit, VkResult, (VkQueue, uint32_t, const VkSubmitInfo *, VkFence)) \
	F(QueueWaitIdle, VkResult, (VkQueue)) \
	F(ResetFences, VkResult, (VkDevice, uint32_t, const VkFence *)) \
	F(WaitForFences, VkResult, (VkDevice, uint32_t, const VkFence *, VkBool32, uint64_t)) \
	F(CreateDescriptorSetLayout, VkResult, \
		(VkDevice, const VkDescriptorSetLayoutCreateInfo *, const void *, VkDescriptorSetLayout *)) \
	F(DestroyDescriptorSetLayout, void, (VkDevice, VkDescriptorSetLayout, const void *)) \
	F(CreatePipelineLayout, VkResult, \
		(VkDevice, const VkPipelineLayoutCreateInfo *, const void *, VkPipelineLayout *)) \
	F(CreatePipelineCache, VkResult, (VkDevice, const VkPipelineCacheCreateInfo *, const void *, VkPipelineCache *)) \
	F(CreateShaderModule, VkResult, (VkDevice, const VkShaderModuleCreateInfo *, const void *, VkShaderModule *)) \
	F(DestroyShaderModule, void, (VkDevice, VkShaderModule, const void *)) \
	F(CreateComputePipelines, VkResult, (VkDevice, VkPipelineCache, uint32_t, const VkComputePipelineCreateInfo *, \
		const void *, VkPipeline *)) \
	F(CreateDescriptorPool, VkResult, \
		(VkDevice, const VkDescriptorPoolCreateInfo *, const void *, VkDescriptorPool *)) \
	F(DestroyDescriptorPool, void, (VkDevice, VkDescriptorPool, const void *)) \
	F(AllocateDescriptorSets, VkResult, (VkDevice, const VkDescriptorSetAllocateInfo *, VkDescriptorSet *)) \
	F(UpdateDescriptorSets, void, (VkDevice, uint32_t, const VkWriteDescriptorSet *, uint32_t, const void *)) \
	F(AllocateCommandBuffers, VkResult, (VkDevice, const VkCommandBufferAllocateInfo *, VkCommandBuffer *)) \
	F(BeginCommandBuffer, VkResult, (VkCommandBuffer, const VkCommandBufferBeginInfo *)) \
	F(EndCommandBuffer, VkResult, (VkCommandBuffer)) \
	F(CmdBindPipeline, void, (VkCommandBuffer, VkEnum, VkPipeline)) \
	F(CmdBindDescriptorSets, void, (VkCommandBuffer, VkEnum, VkPipelineLayout, uint32_t, uint32_t, \
		const VkDescriptorSet *, uint32_t, const uint32_t *)) \
	F(CmdPushConstants, void, (VkCommandBuffer, VkPipelineLayout, VkFlags, uint32_t, uint32_t, const void *)) \
	F(CmdDispatch, void, (VkCommandBuffer, uint32_t, uint32_t, uint32_t)) \
	F(CmdDispatchBase, void, (VkCommandBuffer, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t)) \
	F(CmdPipelineBarrier, void, (VkCommandBuffer, VkFlags, VkFlags, VkFlags, uint32_t, const VkMemoryBarrier *, \
		uint32_t, const void *, uint32_t, const void *)) \
	F(CmdCopyBuffer, void, (VkCommandBuffer, VkBuffer, VkBuffer, uint32_t, const VkBufferCopy *)) \
	F(CmdFillBuffer, void, (VkCommandBuffer, VkBuffer, VkDeviceSize, VkDeviceSize, uint32_t)) \
	F(CmdResetQueryPool, void, (VkCommandBuffer, VkQueryPool, uint32_t, uint32_t)) \
	F(CmdWriteTimestamp, void, (VkCommandBuffer, VkFlags, VkQueryPool, uint32_t))

struct shim_device {
	VkDevice device;
	VkQueue queue;
#define DECLARE(name, result, parameters) result(*name) parameters;
	DEVICE_FUNCTIONS(DECLARE)
#undef DECLARE
};

VkResult shim_device_wrap(uintptr_t instance, VkDevice device, uint32_t family, shim_device **out) {
	shim_void_fn (*get)(VkDevice, const char *) = (void *)shim_instance_proc(instance, "vkGetDeviceProcAddr");
	shim_device *d = calloc(1, sizeof *d);
	VkResult r = d ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
	if (d) {
		d->device = device;
#define LOAD(name, result, parameters) \
	if (!(d->name = (void *)get(device, "vk" #name))) r = VK_ERROR_INITIALIZATION_FAILED;
		DEVICE_FUNCTIONS(LOAD)
#undef LOAD
	}
	if (r != VK_SUCCESS) {
		void (*destroy)(VkDevice, const void *) = (void *)get(device, "vkDestroyDevice");
		if (destroy) destroy(device, NULL);
		free(d);
		return r;
	}
	d->GetDeviceQueue(device, family, 0, &d->queue);
	*out = d;
	return VK_SUCCESS;
}

uintptr_t shim_device_handle(const shim_device *d) { return (uintptr_t)d->device; }

void shim_device_free(shim_device *d) {
	d->DestroyDevice(d->device, NULL);
	free(d);
}

int32_t shim_layout(shim_device *d, uint32_t bindings, uint32_t push_bytes, uint64_t *set_layout, uint64_t *layout) {
	VkDescriptorSetLayoutBinding *b = calloc(bindings ? bindings : 1, sizeof *b);
	if (!b) return VK_ERROR_OUT_OF_HOST_MEMORY;
	for (uint32_t i = 0; i < bindings; i++)
		b[i] = (VkDescriptorSetLayoutBinding){i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, NULL};
	VkDescriptorSetLayoutCreateInfo si = {VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = bindings,
		.pBindings = b};
	VkResult r = d->CreateDescriptorSetLayout(d->device, &si, NULL, set_layout);
	free(b);
	if (r != VK_SUCCESS) return r;
	VkPushConstantRange push = {VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes};
	VkPipelineLayoutCreateInfo pi = {VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1,
		.pSetLayouts = set_layout, .pushConstantRangeCount = push_bytes > 0, .pPushConstantRanges = &push};
	r = d->CreatePipelineLayout(d->device, &pi, NULL, layout);
	if (r != VK_SUCCESS) d->DestroyDescriptorSetLayout(d->device, *set_layout, NULL);
	return r;
}

int32_t shim_pipeline_cache(shim_device *d, const void *data, size_t bytes, uint64_t *cache) {
	VkPipelineCacheCreateInfo info = {VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, .initialDataSize = bytes,
		.pInitialData = data};
	return d->CreatePipelineCache(d->device, &info, NULL, cache);
}

int32_t shim_pipeline(shim_device *d, uint64_t cache, uint64_t layout, const void *spirv, size_t bytes,
	const uint32_t *spec, uint32_t specs, uint32_t subgroup, uint32_t full_subgroups, uint64_t *pipeline) {
	VkSpecializationMapEntry *map = calloc(specs ? specs : 1, sizeof *map);
	if (!map) return VK_ERROR_OUT_OF_HOST_MEMORY;
	for (uint32_t i = 0; i < specs; i++) map[i] = (VkSpecializationMapEntry){i, 4 * i, 4};
	VkSpecializationInfo si = {specs, map, 4 * (size_t)specs, spec};
	VkPipelineShaderStageRequiredSubgroupSizeCreateInfo size = {
		VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO, NULL, subgroup};
	VkShaderModuleCreateInfo mi = {VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = bytes, .pCode = spirv};
	VkShaderModule module = 0;
	VkResult r = d->CreateShaderModule(d->device, &mi, NULL, &module);
	if (r == VK_SUCCESS) {
		VkComputePipelineCreateInfo pi = {VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO, .layout = layout,
			.flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT, .basePipelineIndex = -1,
			.stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, .pNext = subgroup ? &size : NULL,
				.flags = full_subgroups ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT : 0,
				.stage = VK_SHADER_STAGE_COMPUTE_BIT, .module = module, .pName = "main", .pSpecializationInfo = &si}};
		r = d->CreateComputePipelines(d->device, cache, 1, &pi, NULL, pipeline);
		d->DestroyShaderModule(d->device, module, NULL);
	}
	free(map);
	return r;
}

int32_t shim_descriptors(shim_device *d, const shim_set *sets, uint32_t n, const shim_range *ranges, uint64_t *pool,
	uint64_t *out) {
	uint32_t total = 0, most = 1;
	for (uint32_t i = 0; i < n; i++) {
		total += sets[i].count;
		if (sets[i].count > most) most = sets[i].count;
	}
	VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, total};
	VkDescriptorPoolCreateInfo info = {VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, .maxSets = n,
		.poolSizeCount = total > 0, .pPoolSizes = &size};
	VkDescriptorSetLayout *layouts = calloc(n, sizeof *layouts);
	VkDescriptorBufferInfo *b = calloc(most, sizeof *b);
	VkWriteDescriptorSet *w = calloc(most, sizeof *w);
	VkResult r = layouts && b && w ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
	if (r == VK_SUCCESS) r = d->CreateDescriptorPool(d->device, &info, NULL, pool);
	if (r == VK_SUCCESS) {
		for (uint32_t i = 0; i < n; i++) layouts[i] = sets[i].layout;
		VkDescriptorSetAllocateInfo ai = {VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO, .descriptorPool = *pool,
			.descriptorSetCount = n, .pSetLayouts = layouts};
		r = d->AllocateDescriptorSets(d->device, &ai, out);
		if (r != VK_SUCCESS) {
			d->DestroyDescriptorPool(d->device, *pool, NULL);
			*pool = 0;
		}
	}
	if (r == VK_SUCCESS) {
		for (uint32_t i = 0; i < n; i++) {
			for (uint32_t j = 0; j < sets[i].count; j++) {
				const shim_range *x = &ranges[sets[i].first + j];
				b[j] = (VkDescriptorBufferInfo){x->buffer, x->offset, x->bytes};
				w[j] = (VkWriteDescriptorSet){VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, .dstSet = out[i], .dstBinding = j,
					.descriptorCount = 1, .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .pBufferInfo = &b[j]};
			}
			if (sets[i].count) d->UpdateDescriptorSets(d->device, sets[i].count, w, 0, NULL);
		}
	}
	free(layouts);
	free(b);
	free(w);
	return r;
}

static void barrier(shim_device *d, VkCommandBuffer c, VkFlags from, VkFlags writes, VkFlags to, VkFlags accesses) {
	VkMemoryBarrier m = {VK_STRUCTURE_TYPE_MEMORY_BARRIER, NULL, writes, accesses};
	d->CmdPipelineBarrier(c, from, to, 0, 1, &m, 0, NULL, 0, NULL);
}

enum {
	WORK = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
	WRITES = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
	SHADER = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
	TRANSFER = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
	HOST = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT,
};

static VkResult allocate(shim_device *d, uint64_t pool, uintptr_t *out, uint32_t n) {
	VkCommandBufferAllocateInfo info = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandPool = pool,
		.commandBufferCount = n};
	return d->AllocateCommandBuffers(d->device, &info, (VkCommandBuffer *)out);
}

int32_t shim_record(shim_device *d, uint64_t pool, uint64_t queries, const shim_launch *launches, uint32_t n,
	const uint64_t *sets, const uint8_t *push, uintptr_t *out, uint32_t buffers) {
	VkResult r = allocate(d, pool, out, buffers);
	uint32_t i = 0;
	for (uint32_t b = 0; b < buffers && r == VK_SUCCESS; b++) {
		VkCommandBuffer c = (VkCommandBuffer)out[b];
		VkCommandBufferBeginInfo begin = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
		if ((r = d->BeginCommandBuffer(c, &begin)) != VK_SUCCESS) break;
		// Command buffers submitted earlier may still run.
		barrier(d, c, WORK, WRITES, WORK, SHADER | TRANSFER);
		if (queries) {
			uint32_t end = i;
			while (!launches[end].last) end++;
			d->CmdResetQueryPool(c, queries, i + b, end - i + 2);
			d->CmdWriteTimestamp(c, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries, i + b);
		}
		uint64_t pipeline = 0, layout = 0, set = 0;
		for (int first = 1, last = 0; !last && i < n; i++, first = 0) {
			const shim_launch *l = &launches[i];
			last = l->last;
			if (!first && (l->barrier || queries))
				barrier(d, c, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
					VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, SHADER);
			if (l->pipeline != pipeline) d->CmdBindPipeline(c, VK_PIPELINE_BIND_POINT_COMPUTE, l->pipeline);
			if (l->layout != layout || sets[l->set] != set)
				d->CmdBindDescriptorSets(c, VK_PIPELINE_BIND_POINT_COMPUTE, l->layout, 0, 1, &sets[l->set], 0, NULL);
			if (l->push_bytes)
				d->CmdPushConstants(c, l->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, l->push_bytes, push + l->push);
			if (l->base) d->CmdDispatchBase(c, 0, l->base, 0, l->groups[0], l->groups[1], l->groups[2]);
			else d->CmdDispatch(c, l->groups[0], l->groups[1], l->groups[2]);
			if (queries) d->CmdWriteTimestamp(c, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries, i + b + 1);
			pipeline = l->pipeline;
			layout = l->layout;
			set = sets[l->set];
		}
		// A fence alone does not make shader writes visible to the host.
		if (b == buffers - 1)
			barrier(d, c, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT, VK_PIPELINE_STAGE_HOST_BIT, HOST);
		r = d->EndCommandBuffer(c);
	}
	return r;
}

int32_t shim_command_buffer(shim_device *d, uint64_t pool, uintptr_t *out) { return allocate(d, pool, out, 1); }

int32_t shim_copy(shim_device *d, uintptr_t commands, uint64_t src, uint64_t src_offset, uint64_t dst,
	uint64_t dst_offset, uint64_t bytes) {
	VkCommandBuffer c = (VkCommandBuffer)commands;
	VkCommandBufferBeginInfo begin = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
	VkResult r = d->BeginCommandBuffer(c, &begin);
	if (r != VK_SUCCESS) return r;
	barrier(d, c, WORK, WRITES, VK_PIPELINE_STAGE_TRANSFER_BIT, TRANSFER);
	VkBufferCopy region = {src_offset, dst_offset, bytes};
	if (src) d->CmdCopyBuffer(c, src, dst, 1, &region);
	else d->CmdFillBuffer(c, dst, dst_offset, bytes, 0);
	barrier(d, c, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_ACCESS_TRANSFER_WRITE_BIT, WORK | VK_PIPELINE_STAGE_HOST_BIT,
		SHADER | TRANSFER | HOST);
	return d->EndCommandBuffer(c);
}

int32_t shim_submit(shim_device *d, const uintptr_t *commands, uint32_t n, uint64_t fence) {
	VkResult r = d->ResetFences(d->device, 1, &fence);
	for (uint32_t i = 0; i < n && r == VK_SUCCESS; i++) {
		VkSubmitInfo s = {VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1,
			.pCommandBuffers = (const VkCommandBuffer *)&commands[i]};
		r = d->QueueSubmit(d->queue, 1, &s, i == n - 1 ? fence : 0);
		// The fence will not come: leave nothing running that nobody can wait for.
		if (r != VK_SUCCESS && i > 0) d->QueueWaitIdle(d->queue);
	}
	return r;
}

int32_t shim_wait(shim_device *d, uint64_t fence, uint64_t nanoseconds) {
	return d->WaitForFences(d->device, 1, &fence, 1, nanoseconds);
}
