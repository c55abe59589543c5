// Package worker is what every service of the shop that works by the clock has in common.
package worker

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Every does the work at once, and then again and again until the process is told to stop. Work
// that fails is reported, and done again at the next turn.
func Every(pause time.Duration, name string, work func(context.Context) (string, error)) {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	for {
		if done, err := work(stop); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		} else {
			fmt.Printf("%s: %s\n", name, done)
		}
		select {
		case <-stop.Done():
			return
		case <-time.After(pause):
		}
	}
}
