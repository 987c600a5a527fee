package lifetime

import (
	"os/exec"
	"testing"
	"time"
)

func TestWaitForExit(t *testing.T) {
	for name, wait := range map[string]func(int){"pidfd": waitForExit, "poll": pollForExit} {
		t.Run(name, func(t *testing.T) {
			process := exec.Command("sleep", "60")
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() {
				wait(process.Process.Pid)
				close(ended)
			}()

			select {
			case <-ended:
				t.Error("ended while the process was there")
			case <-time.After(300 * time.Millisecond):
			}
			process.Process.Kill()
			process.Wait()
			select {
			case <-ended:
			case <-time.After(5 * time.Second):
				t.Error("not ended after the process was gone")
			}
			wait(process.Process.Pid) // returns at once
		})
	}
}
