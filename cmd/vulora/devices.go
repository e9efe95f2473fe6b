package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/vulora/vulora/tensor"
)

func devicesCommand() command {
	return command{name: "devices", brief: "what can be used, what would be chosen, and why not the others",
		examples: []string{"vulora devices", "vulora devices --json"},
		setup: func(f *flags) func(s *shell) error {
			var asJSON bool
			f.group("Output", func(s *pflag.FlagSet) { s.BoolVar(&asJSON, "json", false, "print JSON") })
			return func(s *shell) error {
				all, note := tensor.Devices()
				if asJSON {
					return s.json(devicesResult(all, note))
				}
				return printDevices(s, all, note)
			}
		}}
}

type devicesJSON struct {
	Devices []deviceJSON `json:"devices"`
	Note    string       `json:"note,omitempty"`
}

type deviceJSON struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Kind        string `json:"kind"`
	Driver      string `json:"driver,omitempty"`
	Tier        string `json:"tier"`
	MemoryBytes int64  `json:"memory_bytes"`
	Chosen      bool   `json:"chosen"`
	Why         string `json:"why"`
}

func devicesResult(all []tensor.Choice, note string) devicesJSON {
	r := devicesJSON{Devices: []deviceJSON{}, Note: plain(note)}
	for _, c := range all {
		r.Devices = append(r.Devices, deviceJSON{Name: c.Name, Description: c.Info.Name, Kind: c.Info.Kind,
			Driver: c.Info.Driver,
			Tier:   c.Info.Tier, MemoryBytes: c.Info.Memory, Chosen: c.Chosen, Why: c.Why})
	}
	return r
}

func printDevices(s *shell, all []tensor.Choice, note string) error {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  --device\tkind\tkernels\tmemory\tdevice\tdriver\twhy")
	for _, c := range all {
		mark, memory := " ", "unknown"
		if c.Chosen {
			mark = "*"
		}
		if c.Info.Memory > 0 {
			memory = bytesText(c.Info.Memory)
		}
		driver := c.Info.Driver
		if driver == "" {
			driver = "-"
		}
		fmt.Fprintf(w, "%s %s\t%s\t%s\t%s\t%s\t%s\t%s\n", mark, c.Name, c.Info.Kind, c.Info.Tier, memory, c.Info.Name,
			driver, c.Why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(s.err, "* is what --device auto takes")
	if note != "" {
		s.note("%s", plain(note))
	}
	return nil
}
