package lifetime

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// waitForExit returns when the process pid has ended.
func waitForExit(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return
	}
	if err != nil {
		// An old kernel, or a sandbox that forbids it.
		pollForExit(pid)
		return
	}
	defer unix.Close(fd)
	for {
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1); err != unix.EINTR {
			return
		}
	}
}

// Child makes a child process end with this one. The kernel ties it to the
// thread that starts it, so start it from a goroutine that is locked to a
// thread which lasts.
func Child() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
