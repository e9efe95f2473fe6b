package main

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// freeHostMemory is what this process may still take, in bytes, or 0 where the system does not say: what is available
// in the machine and in each of the control groups that the process is in. files is the root of the file system.
func freeHostMemory(files fs.FS) int64 {
	free := int64(0)
	take := func(n int64, ok bool) {
		if ok && (free == 0 || n < free) {
			free = max(1, n)
		}
	}
	n, ok := numberAfter(files, "proc/meminfo", "MemAvailable:")
	take(n*1024, ok)
	groups, err := fs.ReadFile(files, "proc/self/cgroup")
	if err != nil {
		return free
	}
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 {
			continue
		}
		g := cgroup{files, "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file "}
		switch fields[1] {
		case "": // the unified hierarchy
		case "memory":
			g = cgroup{files, "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
				"total_inactive_file "}
		default:
			continue
		}
		for dir := path.Clean("/" + fields[2]); ; dir = path.Dir(dir) {
			take(g.free(dir))
			if dir == "/" {
				break
			}
		}
	}
	return free
}

// cgroup is one of the two kinds of hierarchies of control groups.
type cgroup struct {
	files                        fs.FS
	root, limit, usage, inactive string
}

// free is what the group dir may still take. Pages of files that nobody has used for a while do not count as taken.
func (g cgroup) free(dir string) (int64, bool) {
	dir = path.Join(g.root, dir)
	limit, ok := cgroupNumber(g.files, path.Join(dir, g.limit))
	usage, known := cgroupNumber(g.files, path.Join(dir, g.usage))
	if !ok || !known || limit >= 1<<60 { // no limit
		return 0, false
	}
	inactive, _ := numberAfter(g.files, path.Join(dir, "memory.stat"), g.inactive)
	return limit - usage + inactive, true
}

// cgroupNumber reads a file that is one number.
func cgroupNumber(files fs.FS, name string) (int64, bool) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(content)), 10, 64)
	return n, err == nil && n >= 0
}

// numberAfter reads the number after a name at the beginning of a line.
func numberAfter(files fs.FS, file, name string) (int64, bool) {
	content, err := fs.ReadFile(files, file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil || n < 0 || n >= 1<<50 {
				return 0, false
			}
			return n, true
		}
	}
	return 0, false
}

// freeMemory is what a device that computes in the memory kind may still take, in bytes; 0 where that is unknown. Other
// devices have memory of their own, of the size given.
func freeMemory(kind string, size int64) int64 {
	if kind == "discrete" || kind == "virtual" {
		return size
	}
	free := freeHostMemory(os.DirFS("/"))
	if free == 0 || kind != "cpu" && size > 0 && size < free {
		free = size
	}
	return free
}

// peakMemory is the most memory the process has had, in bytes, or 0 where the system does not say.
func peakMemory() int64 {
	kib, _ := numberAfter(os.DirFS("/"), "proc/self/status", "VmHWM:")
	return kib * 1024
}
