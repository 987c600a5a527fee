package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// loop runs cycle after cycle, and looks at what the process holds in between.
func (b *bench) loop() error {
	const n = 100
	if b.cycles <= 10 {
		return fmt.Errorf("what is held after the tenth cycle is compared with later: %d cycles are too few", b.cycles)
	}
	s, err := b.setUp("loop", objects(n), nil)
	if err != nil {
		return err
	}
	defer s.stop()
	args := append(b.tool[1:], "--interval=1", "--output=json", "--kubeconfig="+s.kubeconfig("reader"),
		"--log-level=ERROR", "--manifests="+filepath.Join(s.folder, "manifests"))
	cmd := exec.Command(b.tool[0], args...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	}()
	fmt.Printf("\n%d cycles over %d objects\n\n| after cycle | memory | file descriptors | CPU so far |\n|---|---|---|---|\n", b.cycles, n)
	lines := bufio.NewReader(stdout)
	since := s.auditEnd()
	var early holding
	for cycle := 1; cycle <= b.cycles; cycle++ {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return fmt.Errorf("cycle %d: %w", cycle, err)
		}
		r, err := readReport(line)
		if err == nil {
			err = r.holds(n, s.planted)
		}
		if err != nil {
			return fmt.Errorf("cycle %d: %w", cycle, err)
		}
		now := held(cmd.Process.Pid)
		if cycle == 10 {
			early = now
		}
		if cycle == 1 || cycle == 10 || cycle%max(1, b.cycles/5) == 0 {
			fmt.Printf("| %d | %.1f MB | %d | %s |\n", cycle, float64(now.rss)/1e6, now.files, seconds(now.cpu))
		}
		if cycle == b.cycles {
			requests, err := s.audit(since, "gitops-drift/")
			if err != nil {
				return err
			}
			fmt.Printf("\nMemory after the last cycle to that after the tenth: %.3f; file descriptors %+d; %.2f requests a cycle\n",
				float64(now.rss)/float64(max(early.rss, 1)), now.files-early.files, float64(len(requests))/float64(b.cycles))
		}
	}
	return nil
}

// holding is what a process has.
type holding struct {
	rss   int64
	files int
	cpu   time.Duration
}

func held(pid int) holding {
	var h holding
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			h.rss = kilobytes * 1024
		}
	}
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	h.files = len(files)
	h.cpu = cpuOf(pid)
	return h
}

// cpuOf is the time that a process has computed so far, to a hundredth of a second.
func cpuOf(pid int) time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// What comes before may have blanks in it, and ends with the last bracket.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
