package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// keepAwake lets no processor halt until the test ends: where they are virtual, each sleep and wake is a way through the
// host's scheduler, which takes longer than a hundred queries. Idle loops do that. They stand in a group that yields to
// all else (cpu.idle), because those that only have the policy SCHED_IDLE go before the kernel's own threads, and each
// fsync waits for such a thread.
func keepAwake(t *testing.T) {
	group := ""
	for _, root := range []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup"} {
		left, _ := filepath.Glob(filepath.Join(root, "bundy-bench-*"))
		for _, old := range left { // by a run that was killed; one that is in use stays
			os.Remove(old)
		}
		dir := filepath.Join(root, fmt.Sprintf("bundy-bench-%d", os.Getpid()))
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		if os.WriteFile(filepath.Join(dir, "cpu.idle"), []byte("1"), 0o644) == nil {
			group = dir
			break
		}
		os.Remove(dir)
	}
	if group == "" {
		t.Log("figures are noisy: the processors may halt (to keep them awake takes root, and groups with cpu.idle)")
		return
	}
	var loops []*exec.Cmd
	for n := range runtime.NumCPU() {
		loop := exec.Command("chrt", "--idle", "0", "taskset", "-c", strconv.Itoa(n), "sh", "-c", "while :; do :; done")
		loop.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		err := loop.Start()
		if err == nil {
			loops = append(loops, loop)
			err = os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(loop.Process.Pid)), 0o644)
		}
		if err != nil {
			t.Log("figures are noisy: ", err)
		}
	}
	t.Cleanup(func() {
		for _, loop := range loops {
			loop.Process.Kill()
			loop.Wait()
		}
		for range 100 { // until the last has left it
			if os.Remove(group) == nil {
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	})
}

// keepTo keeps every thread of this process to some processors, and what it starts too.
func keepTo(t *testing.T, processors ...int) {
	t.Helper()
	var set unix.CPUSet
	for _, n := range processors {
		set.Set(n)
	}
	tasks, _ := filepath.Glob("/proc/self/task/*")
	for _, task := range tasks {
		id, err := strconv.Atoi(filepath.Base(task))
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && err != unix.ESRCH {
			t.Fatal(err)
		}
	}
}

func allProcessors() []int {
	all := make([]int, runtime.NumCPU())
	for i := range all {
		all[i] = i
	}
	return all
}

// disturbance is what others took of the processors.
type disturbance struct {
	at           time.Time
	busy, stolen float64 // seconds of the machine and of its host
	ours         float64
}

func disturbed() disturbance {
	d := disturbance{at: time.Now(), ours: cpu(os.Getpid())}
	data, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(data), "\n")
	for i, f := range strings.Fields(first) {
		v, _ := strconv.ParseFloat(f, 64)
		switch i {
		case 1, 2, 3, 6, 7: // user, nice, system, interrupts
			d.busy += v / 100
		case 8:
			d.stolen = v / 100
		}
	}
	return d
}

// since says how much others used of the machine, in processors, since an earlier moment.
func (d disturbance) since(before disturbance) string {
	wall := d.at.Sub(before.at).Seconds()
	return fmt.Sprintf("others used %.2f processors, the host took %.2f", max(0, d.busy-before.busy-(d.ours-before.ours))/wall, (d.stolen-before.stolen)/wall)
}
