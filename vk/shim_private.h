// Shared by the C files of the shim.
#ifndef VULORA_SHIM_PRIVATE_H
#define VULORA_SHIM_PRIVATE_H

#include "shim.h"

typedef void (*shim_void_fn)(void);
typedef shim_void_fn (*shim_proc_fn)(VkInstance, const char *);

shim_void_fn shim_instance_proc(uintptr_t instance, const char *name);

// shim_device_wrap takes over device and loads its entry points.
VkResult shim_device_wrap(uintptr_t instance, VkDevice device, uint32_t family, shim_device **out);

#endif
