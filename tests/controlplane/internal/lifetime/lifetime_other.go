//go:build !linux

package lifetime

import "syscall"

// waitForExit returns when the process pid has ended.
func waitForExit(pid int) { pollForExit(pid) }

// Child would make a child process end with this one; only Linux can.
func Child() *syscall.SysProcAttr { return nil }
