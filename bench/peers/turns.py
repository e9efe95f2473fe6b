"""Programs on the same job in turns: what the scripts here share."""
import argparse
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def arguments(description):
    ap = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--model", required=True, help="checkpoint of a Qwen2 or Qwen2.5 model")
    ap.add_argument("--vulora", default=str(HERE.parents[1] / "bin" / "vulora"))
    ap.add_argument("--rounds", type=int, default=2, help="turns of each program")
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--under", default="", help="a command that every program is started by, such as 'nice -n -5'")
    return ap


def parse(ap):
    args = ap.parse_args()
    for path in [args.vulora, args.model] + [v for k, v in vars(args).items() if k in ("data", "text", "gguf") and v]:
        if not os.path.exists(path):
            ap.error(f"{path}: no such file or folder")
    return args


def run(args, command, stdin=""):
    """Returns what the command wrote to stdout and stderr, and its peak resident memory in bytes."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, tempfile.TemporaryFile("w+") as given:
        given.write(stdin)
        given.seek(0)
        p = subprocess.Popen(shlex.split(args.under) + [str(x) for x in command], stdin=given, stdout=out, stderr=err)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        stdout, stderr = out.read(), err.read()
    if p.returncode != 0:
        sys.exit(f"{shlex.join(map(str, command))}: exit status {p.returncode}\n{stderr}")
    return stdout, stderr, usage.ru_maxrss * 1024


def base(mode):
    """The flags of vulora for a mode of numbers: bf16, f32, int8, nf4, fp4, or one of those and +head, an 8-bit head."""
    mode, *head = mode.split("+")
    flags = ["--device", "cpu", "--precision", "f32" if mode == "f32" else "bf16"]
    if mode in ("nf4", "fp4", "int8"):
        flags += ["--quantization", mode]
    if mode in ("nf4", "fp4"):
        flags += ["--double-quant"]
    return flags + (["--head", "int8"] if head else [])


class Table:
    """Prints a line per program and round, then the ratios of vulora's best to the best of every peer.

    fields are those of the programs' results, each with whether more of it is better.
    """

    def __init__(self, job, fields):
        self.fields = fields
        self.best = {}
        print(f"{job:20} {'program':28} " + " ".join(f"{f:>14}" for f in fields), flush=True)

    def add(self, job, program, result):
        self._line(job, program, [result[f] for f in self.fields])
        best = self.best.setdefault(job, {}).setdefault(program, dict(result))
        for f, more in self.fields.items():
            best[f] = (max if more else min)(best[f], result[f])

    def ratios(self):
        for job, programs in self.best.items():
            for peer in (p for p in programs if not p.startswith("vulora")):
                for ours in (p for p in programs if p.startswith("vulora")):
                    self._line(job, f"{ours} / {peer}", [programs[ours][f] / programs[peer][f] for f in self.fields])

    def _line(self, job, program, numbers):
        print(f"{job:20} {program:28} " + " ".join(f"{x:14.4g}" for x in numbers), flush=True)
