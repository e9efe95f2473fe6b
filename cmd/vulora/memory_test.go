package main

import (
	"runtime"
	"testing"
	"testing/fstest"
)

func TestFreeHostMemory(t *testing.T) {
	const gib = 1 << 30
	files := func(named map[string]string) fstest.MapFS {
		m := fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal: 8388608 kB\nMemAvailable: 6291456 kB\n")}}
		for name, text := range named {
			m[name] = &fstest.MapFile{Data: []byte(text)}
		}
		return m
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no groups": {nil, 6 * gib},
		"no limit": {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
			"sys/fs/cgroup/a/b/memory.current": "4096\n"}, 6 * gib},
		"a limit above": {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n",
			"sys/fs/cgroup/a/b/memory.current": "4096\n", "sys/fs/cgroup/a/memory.max": "3221225472\n",
			"sys/fs/cgroup/a/memory.current": "2147483648\n",
			"sys/fs/cgroup/a/memory.stat":    "anon 5\ninactive_file 1073741824\n"}, 2 * gib},
		"the first version": {map[string]string{"proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/x\n0::/\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "2147483648\n",
			"sys/fs/cgroup/memory/x/memory.usage_in_bytes": "1073741824\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "9223372036854771712\n",
			"sys/fs/cgroup/memory/memory.usage_in_bytes":   "1\n"}, gib},
		"a container's root": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1073741824",
			"sys/fs/cgroup/memory.current": "1073741824"}, 1},
		"nonsense": {map[string]string{"proc/self/cgroup": "0::/../../x\nabc\n\n4:memory:\n",
			"sys/fs/cgroup/x/memory.max": "-5\n", "sys/fs/cgroup/x/memory.current": "none"}, 6 * gib},
	} {
		if have := freeHostMemory(files(c.files)); have != c.want {
			t.Errorf("%s: want %d, have %d", name, c.want, have)
		}
	}
	if have := freeHostMemory(fstest.MapFS{}); have != 0 {
		t.Errorf("a system that says nothing: want 0, have %d", have)
	}
}

func TestPeakMemory(t *testing.T) {
	touched := make([]byte, 32<<20)
	for i := range touched {
		touched[i] = 1
	}
	want := int64(len(touched))
	if runtime.GOOS != "linux" { // no other system says
		want = 0
	}
	if have := peakMemory(); have < want || have > 1<<40 {
		t.Errorf("want at least the %d bytes that were touched, have %d", want, have)
	}
}
