// emulate runs a program whose AMX instructions (tiles and TDPBF16PS) are carried out here, on a processor that lacks
// them: `emulate PROGRAM ARGUMENTS…`, Linux on amd64. It follows the program with ptrace and steps in at SIGILL; a
// request for tile data (arch_prctl ARCH_REQ_XCOMP_PERM) is granted. Tiles are kept per thread, and nothing but what
// the instruction set reference (Intel, volume 2) says of these instructions is modelled.
#define _GNU_SOURCE
#include <elf.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18 };

struct thread {
	pid_t id;
	int in_call, grant;
	int configured;
	uint8_t config[64];
	uint8_t tile[8][16][64];
};

static struct thread *threads;
static int count;
static long done;

static struct thread *of(pid_t id) {
	for (int i = 0; i < count; i++)
		if (threads[i].id == id) return &threads[i];
	threads = realloc(threads, (count + 1) * sizeof *threads);
	memset(&threads[count], 0, sizeof *threads);
	threads[count].id = id;
	return &threads[count++];
}

static void fail(const char *what, const uint8_t *code) {
	fprintf(stderr, "emulate: %s:", what);
	for (int i = 0; i < 8; i++) fprintf(stderr, " %02x", code[i]);
	fprintf(stderr, "\n");
	exit(2);
}

static int rows(struct thread *t, int i) { return t->config[48 + i]; }
static int bytes(struct thread *t, int i) { return t->config[16 + 2 * i] | t->config[17 + 2 * i] << 8; }

static void copy(pid_t id, void *here, uint64_t there, size_t n, int write, const uint8_t *code) {
	struct iovec a = {here, n}, b = {(void *)there, n};
	ssize_t m = write ? process_vm_writev(id, &a, 1, &b, 1, 0) : process_vm_readv(id, &a, 1, &b, 1, 0);
	if (m != (ssize_t)n) fail("memory that the program has not", code);
}

static float widen(const uint8_t *p) {
	uint32_t x = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 24;
	if (!(x & 0x7f800000)) x &= 0x80000000; // numbers below the normal ones are zero
	float f;
	memcpy(&f, &x, 4);
	return f;
}

static void dot(struct thread *t, int c, int a, int b, const uint8_t *code) {
	int m = rows(t, c), n = bytes(t, c) / 4, k = bytes(t, a) / 4;
	if (rows(t, a) != m || rows(t, b) != k || bytes(t, b) != 4 * n) fail("factors of different sizes", code);
	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++) {
			float even = 0, odd = 0, sum;
			for (int l = 0; l < k; l++) {
				even = fmaf(widen(&t->tile[a][i][4 * l]), widen(&t->tile[b][l][4 * j]), even);
				odd = fmaf(widen(&t->tile[a][i][4 * l + 2]), widen(&t->tile[b][l][4 * j + 2]), odd);
			}
			memcpy(&sum, &t->tile[c][i][4 * j], 4);
			sum += even + odd;
			memcpy(&t->tile[c][i][4 * j], &sum, 4);
		}
	memset(t->tile[c][m], 0, (16 - m) * 64);
}

// registers in the order of their numbers in an instruction
static uint64_t number(struct user_regs_struct *r, int i) {
	unsigned long long all[] = {r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
		r->r8, r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15};
	return all[i];
}

// step carries out the instruction at which the thread stands, if it is one of ours.
static int step(struct thread *t, struct user_regs_struct *r) {
	uint8_t code[16] = {0};
	copy(t->id, code, r->rip, 10, 0, code);
	if (code[0] != 0xc4 || (code[1] & 0x1f) != 2 || code[2] & 0x84) return 0;
	int prefix = code[2] & 3, op = code[3], mod = code[4] >> 6, reg = code[4] >> 3 & 7, rm = code[4] & 7, size = 5;
	int vvvv = ~code[2] >> 3 & 15;
	uint64_t address = 0, stride = 0;
	if (mod != 3) {
		int base = rm | (code[1] & 0x20 ? 0 : 8);
		if (rm == 4) {
			int sib = code[size++], index = (sib >> 3 & 7) | (code[1] & 0x40 ? 0 : 8);
			base = (sib & 7) | (code[1] & 0x20 ? 0 : 8);
			if (index != 4) stride = number(r, index) << (sib >> 6);
			if ((sib & 7) == 5 && mod == 0) fail("an address without a base", code);
		} else if (rm == 5 && mod == 0) {
			fail("an address relative to the instruction", code);
		}
		address = number(r, base);
		if (mod == 1) address += (int8_t)code[size++];
		if (mod == 2) address += *(int32_t *)&code[size], size += 4;
	}
	if (op == 0x49 && prefix == 0 && mod == 3) {
		memset(t->tile, 0, sizeof t->tile), t->configured = 0;
	} else if (op == 0x49 && prefix == 0) {
		copy(t->id, t->config, address, 64, 0, code);
		memset(t->tile, 0, sizeof t->tile);
		t->configured = 1;
		if (t->config[0] != 1) fail("another palette than 1", code);
		for (int i = 0; i < 8; i++)
			if (rows(t, i) > 16 || bytes(t, i) > 64) fail("a tile larger than 16 rows of 64 bytes", code);
	} else if (!t->configured) {
		fail("tiles without a configuration", code);
	} else if (op == 0x49 && prefix == 3 && mod == 3) {
		memset(t->tile[reg], 0, sizeof t->tile[reg]);
	} else if (op == 0x4b && mod != 3 && rm == 4 && prefix != 0) {
		if (!rows(t, reg) || !bytes(t, reg)) fail("an empty tile", code);
		for (int i = 0; i < rows(t, reg); i++)
			copy(t->id, t->tile[reg][i], address + i * stride, bytes(t, reg), prefix == 2, code);
	} else if (op == 0x5c && prefix == 2 && mod == 3) {
		if (reg == rm || reg == vvvv || rm == vvvv || vvvv > 7) fail("one tile twice", code);
		dot(t, reg, rm, vvvv, code);
	} else {
		fail("an unknown instruction", code);
	}
	r->rip += size;
	done++;
	return 1;
}

// call grants a request for tile data when it returns.
static void call(struct thread *t) {
	struct user_regs_struct r;
	ptrace(PTRACE_GETREGS, t->id, 0, &r);
	t->in_call = !t->in_call;
	if (t->in_call) {
		t->grant = r.orig_rax == SYS_arch_prctl && r.rdi == ARCH_REQ_XCOMP_PERM && r.rsi == XTILEDATA;
	} else if (t->grant) {
		r.rax = 0;
		ptrace(PTRACE_SETREGS, t->id, 0, &r);
		t->grant = 0;
	}
}

int main(int argc, char **argv) {
	if (argc < 2) return fprintf(stderr, "emulate PROGRAM ARGUMENTS…\n"), 2;
	pid_t child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	int status;
	waitpid(child, &status, 0);
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	ptrace(PTRACE_SYSCALL, child, 0, 0);
	for (;;) {
		pid_t id = waitpid(-1, &status, __WALL);
		if (id < 0) return 2;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (id != child) continue;
			fprintf(stderr, "emulate: %ld instructions\n", done);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		int signal = WSTOPSIG(status);
		struct thread *t = of(id);
		if (signal == (SIGTRAP | 0x80)) {
			call(t), signal = 0;
		} else if (status >> 8 == (SIGTRAP | PTRACE_EVENT_CLONE << 8) || signal == SIGTRAP || signal == SIGSTOP) {
			signal = 0;
		} else if (signal == SIGILL) {
			struct user_regs_struct r;
			ptrace(PTRACE_GETREGS, id, 0, &r);
			if (step(t, &r)) ptrace(PTRACE_SETREGS, id, 0, &r), signal = 0;
		}
		ptrace(PTRACE_SYSCALL, id, 0, signal);
	}
}
