// Starts the program of each line of standard input (a JSON list) and answers how long it ran and its peak memory.
//
// A program apart, since a child's peak starts at its parent's memory.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"syscall"
	"time"
)

type answer struct {
	WallMs  float64 `json:"wallMs"`
	CPUMs   float64 `json:"cpuMs"`
	PeakMiB float64 `json:"peakMiB"`
	Error   string  `json:"error,omitempty"`
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1e6
}

func launch(args []string) answer {
	command := exec.Command(args[0], args[1:]...)
	start := time.Now()
	err := command.Run()
	a := answer{WallMs: milliseconds(time.Since(start))}
	if err != nil {
		a.Error = err.Error()
	}
	if state := command.ProcessState; state != nil {
		a.CPUMs = milliseconds(state.UserTime() + state.SystemTime())
		if usage, known := state.SysUsage().(*syscall.Rusage); known {
			// In KiB on Linux.
			a.PeakMiB = float64(usage.Maxrss) / 1024
		}
	}
	return a
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var args []string
		if err := json.Unmarshal(in.Bytes(), &args); err != nil || len(args) == 0 {
			_ = out.Encode(answer{Error: "not a command"})
			continue
		}
		_ = out.Encode(launch(args))
	}
}
