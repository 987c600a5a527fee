// Package lifetime ends a background process together with whoever started it,
// however that one ends: a test that is killed cannot clean up.
package lifetime

import (
	"flag"
	"io"
	"os"
	"syscall"
	"time"
)

// Ties says on whom this process depends.
type Ties struct {
	stdin     bool
	parentPID int
}

// AddFlags lets the command line set the ties.
func (t *Ties) AddFlags(fs *flag.FlagSet) {
	fs.BoolVar(&t.stdin, "stdin", false, "end when standard input ends")
	fs.IntVar(&t.parentPID, "parent-pid", 0, "end when the process with this `PID` does")
}

// Watch calls end when one of the ties is cut.
//
// PR_SET_PDEATHSIG would be simpler, but it acts when the parent's *thread*
// ends, and test harnesses start processes from short-lived threads.
func (t *Ties) Watch(end func()) {
	if t.stdin {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			end()
		}()
	}
	if t.parentPID != 0 {
		go func() {
			waitForExit(t.parentPID)
			end()
		}()
	}
}

// pollForExit returns when there is no process pid any more. A dead process
// that nobody waited for still counts as there, unless it is our parent.
func pollForExit(pid int) {
	isParent := os.Getppid() == pid
	for syscall.Kill(pid, 0) != syscall.ESRCH && (!isParent || os.Getppid() == pid) {
		time.Sleep(200 * time.Millisecond)
	}
}
