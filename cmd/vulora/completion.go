package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

func completionCommand() command {
	return command{name: "completion", args: "bash|zsh|fish", brief: "a script that completes commands and flags",
		examples: []string{
			"source <(vulora completion bash)",
			"vulora completion zsh > \"${fpath[1]}/_vulora\"",
			"vulora completion fish > ~/.config/fish/completions/vulora.fish",
		},
		setup: func(f *flags) func(s *shell) error {
			return func(s *shell) error {
				shells := map[string]func(io.Writer, []completed){"bash": bash, "zsh": zsh, "fish": fish}
				write := shells[f.Arg(0)]
				if write == nil || f.NArg() != 1 {
					return usagef("want bash, zsh or fish, have %q", strings.Join(f.Args(), " "))
				}
				write(s.out, completions())
				return nil
			}
		}}
}

// completed is a command as a completion script sees it.
type completed struct {
	name, brief string
	flags       []completedFlag
}

type completedFlag struct {
	name, usage string
	choices     []string
	boolean     bool
}

func completions() (all []completed) {
	names := []string{}
	for _, c := range commands() {
		f := newFlags()
		c.setup(f)
		f.addCommon()
		done := completed{name: c.name, brief: c.brief}
		f.VisitAll(func(g *pflag.Flag) {
			_, usage := pflag.UnquoteUsage(g)
			x := completedFlag{name: g.Name, usage: usage, boolean: g.Value.Type() == "bool"}
			if v, ok := g.Value.(choice); ok {
				x.choices = v.choices
			}
			if g.Name == "device" {
				x.choices = []string{"auto", "cpu", "vulkan"}
			}
			done.flags = append(done.flags, x)
		})
		if c.name == "completion" {
			done.flags = append(done.flags, completedFlag{name: "", choices: []string{"bash", "zsh", "fish"}})
		}
		all, names = append(all, done), append(names, c.name)
	}
	return append(all, completed{name: "help", brief: "help for a command", flags: []completedFlag{{name: "",
		choices: names}}})
}

// words are what may follow a command: flags, and the choices of a flag without a name.
func (c completed) words() (w []string) {
	for _, f := range c.flags {
		if f.name == "" {
			w = append(w, f.choices...)
		} else {
			w = append(w, "--"+f.name)
		}
	}
	return w
}

func bash(w io.Writer, all []completed) {
	var names []string
	fmt.Fprint(w, "_vulora() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n  "+
		"COMPREPLY=()\n"+
		"  case \"${COMP_WORDS[1]} $prev\" in\n")
	for _, c := range all {
		names = append(names, c.name)
		for _, f := range c.flags {
			if len(f.choices) > 0 && f.name != "" {
				fmt.Fprintf(w, "    \"%s --%s\") words='%s' ;;\n", c.name, f.name, strings.Join(f.choices, " "))
			}
		}
	}
	fmt.Fprintf(w, "    *) if [ \"$COMP_CWORD\" = 1 ]; then words='%s'; else case \"${COMP_WORDS[1]}\" in\n",
		strings.Join(names, " "))
	for _, c := range all {
		fmt.Fprintf(w, "      %s) words='%s' ;;\n", c.name, strings.Join(c.words(), " "))
	}
	fmt.Fprint(w, "    esac; fi ;;\n  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"+
		"  [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n}\n"+
		"complete -o filenames -F _vulora vulora\n")
}

func zsh(w io.Writer, all []completed) {
	quote := strings.NewReplacer("'", `'\''`, "[", `\[`, "]", `\]`, ":", `\:`, "\n", " ").Replace
	fmt.Fprint(w, "#compdef vulora\n_vulora() {\n  if (( CURRENT == 2 )); then\n    local -a commands=(\n")
	for _, c := range all {
		fmt.Fprintf(w, "      '%s:%s'\n", c.name, quote(c.brief))
	}
	fmt.Fprint(w, "    )\n    _describe command commands\n    return\n  fi\n  case $words[2] in\n")
	for _, c := range all {
		fmt.Fprintf(w, "  %s) _arguments", c.name)
		for _, f := range c.flags {
			switch {
			case f.name == "":
				fmt.Fprintf(w, " \\\n    '2:what:(%s)'", strings.Join(f.choices, " "))
			case f.boolean:
				fmt.Fprintf(w, " \\\n    '--%s[%s]'", f.name, quote(f.usage))
			case len(f.choices) > 0:
				fmt.Fprintf(w, " \\\n    '*--%s=[%s]:value:(%s)'", f.name, quote(f.usage), strings.Join(f.choices, " "))
			default:
				fmt.Fprintf(w, " \\\n    '*--%s=[%s]:value:_files'", f.name, quote(f.usage))
			}
		}
		fmt.Fprint(w, " \\\n    '*:file:_files' ;;\n")
	}
	fmt.Fprint(w, "  esac\n}\n_vulora \"$@\"\n")
}

func fish(w io.Writer, all []completed) {
	quote := strings.NewReplacer(`\`, `\\`, "'", `\'`, "\n", " ").Replace
	for _, c := range all {
		fmt.Fprintf(w, "complete -c vulora -n __fish_use_subcommand -f -a %s -d '%s'\n", c.name, quote(c.brief))
		for _, f := range c.flags {
			line := fmt.Sprintf("complete -c vulora -n '__fish_seen_subcommand_from %s'", c.name)
			if f.name != "" {
				line += fmt.Sprintf(" -l %s -d '%s'", f.name, quote(f.usage))
			}
			switch {
			case len(f.choices) > 0:
				line += fmt.Sprintf(" -x -a '%s'", strings.Join(f.choices, " "))
			case !f.boolean:
				line += " -r"
			}
			fmt.Fprintln(w, line)
		}
	}
}
