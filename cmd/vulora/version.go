package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func versionCommand() command {
	return command{name: "version", brief: "version, build and the devices compiled in",
		setup: func(f *flags) func(s *shell) error {
			var asJSON bool
			f.group("Output", func(s *pflag.FlagSet) { s.BoolVar(&asJSON, "json", false, "print JSON") })
			return func(s *shell) error { return printVersion(s, asJSON) }
		}}
}

type versionResult struct {
	Version  string   `json:"version"`
	Commit   string   `json:"commit,omitempty"`
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	Devices  []string `json:"devices"`
}

func printVersion(s *shell, asJSON bool) error {
	v := versionResult{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Devices: compiledIn()}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, x := range b.Settings {
			if x.Key == "vcs.revision" {
				v.Commit = x.Value
			}
		}
	}
	if asJSON {
		return s.json(v)
	}
	commit := ""
	if v.Commit != "" {
		commit = " " + v.Commit[:min(12, len(v.Commit))]
	}
	_, err := fmt.Fprintf(s.out, "vulora %s%s (%s, %s)\ndevices: %s\n", v.Version, commit, v.Go, v.Platform,
		strings.Join(v.Devices, ", "))
	return err
}

// compiledIn lists the kinds of devices of this build with the kernels each has.
func compiledIn() []string {
	cpu := "cpu (go)"
	if runtime.GOARCH == "amd64" {
		cpu = "cpu (go, avx2, avx512)"
	}
	if hasVulkan {
		return []string{"vulkan", cpu}
	}
	return []string{cpu}
}
