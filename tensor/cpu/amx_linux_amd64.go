package cpu

import "golang.org/x/sys/unix"

// requestTiles asks the kernel for tile data (Documentation/arch/x86/xstate.rst), which it keeps for no thread until
// the process did. It holds for all threads.
func requestTiles() bool {
	const archReqXCompPerm, tileData = 0x1023, 18
	_, _, err := unix.RawSyscall(unix.SYS_ARCH_PRCTL, archReqXCompPerm, tileData, 0)
	return err == 0
}
