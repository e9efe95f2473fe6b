//go:build cgo && !novulkan

package main

// hasVulkan tells whether this build can use Vulkan devices.
const hasVulkan = true
