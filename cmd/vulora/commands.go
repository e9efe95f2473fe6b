package main

import (
	"fmt"
	"io"
	"strings"
)

// command is one of vulora's.
type command struct {
	name     string
	args     string // what may follow the flags, for the usage line
	brief    string // one line
	long     string // more, if one line is not enough
	examples []string
	// setup adds the command's flags to f and returns what runs once they are set.
	setup func(f *flags) func(s *shell) error
}

// commands returns all of them in the order of the help text.
func commands() []command {
	return []command{
		trainCommand(),
		planCommand(),
		generateCommand(),
		evalCommand(),
		quantizeCommand(),
		mergeCommand(),
		inspectCommand(),
		tokenizeCommand(),
		devicesCommand(),
		doctorCommand(),
		benchCommand(),
		demoCommand(),
		completionCommand(),
		versionCommand(),
	}
}

// dispatch runs the command that args name.
func dispatch(s *shell, args []string) error {
	if len(args) == 0 {
		overview(s.err)
		return usagef("want a command")
	}
	switch name := args[0]; name {
	case "help", "-h", "--help":
		if len(args) > 1 && !strings.HasPrefix(args[1], "-") {
			return dispatch(s, []string{args[1], "--help"})
		}
		overview(s.out)
		return nil
	case "--version", "-v":
		args[0] = "version"
	}
	var names []string
	for _, c := range commands() {
		if c.name == args[0] {
			return c.execute(s, args[1:])
		}
		names = append(names, c.name)
	}
	return usagef("unknown command %q%s; vulora help lists the commands", args[0], didYouMean("", args[0], names))
}

func overview(w io.Writer) {
	fmt.Fprint(w, "Vulora fine-tunes Qwen2 and Qwen2.5 language models with LoRA and runs them, on Vulkan or the CPU.\n\n"+
		"Usage: vulora COMMAND [flags]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-11s %s\n", c.name, c.brief)
	}
	fmt.Fprint(w, "  help        this text, or that of a command: vulora help COMMAND\n\n"+
		"Every flag can also be set in the environment (VULORA_LEARNING_RATE=1e-4) or in a file (--config run.yaml);\n"+
		"a flag wins over the environment, the environment over the file. To see what it can do: vulora demo\n")
}

// execute parses args, completes them from environment and file, and runs the command.
func (c *command) execute(s *shell, args []string) error {
	f := newFlags()
	run := c.setup(f)
	f.addCommon()
	help, err := f.parse(args)
	if help {
		c.help(s.out, f)
		return nil
	}
	if err == nil {
		misspelt(s)
		err = f.complete()
	}
	if err == nil && c.args == "" && f.NArg() > 0 {
		err = usagef("want no argument without a flag, have %q", f.Arg(0))
	}
	if err != nil {
		return fmt.Errorf("%s: %w; vulora %s --help lists the flags", c.name, err, c.name)
	}
	if err := run(s); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

func (c *command) help(w io.Writer, f *flags) {
	usage := "vulora " + c.name
	if c.args != "" {
		usage += " " + c.args
	}
	fmt.Fprintf(w, "%s\n\nUsage: %s [flags]\n", sentence(c.brief), usage)
	if c.long != "" {
		fmt.Fprintf(w, "\n%s\n", c.long)
	}
	if len(c.examples) > 0 {
		fmt.Fprint(w, "\nExamples:\n")
		for _, e := range c.examples {
			fmt.Fprintf(w, "  %s\n", e)
		}
	}
	for _, g := range f.groups {
		fmt.Fprintf(w, "\n%s:\n%s", g.title, noValues.Replace(g.set.FlagUsagesWrapped(118)))
	}
}

// noValues takes out what pflag writes behind a flag without a value, and keeps the columns.
var noValues = strings.NewReplacer("[=true|false]", strings.Repeat(" ", len("[=true|false]")))

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }
