// The archiver says from when on orders are kept, every hour.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"acme.example/app/lib/worker"
)

func main() {
	worker.Every(time.Hour, "archiver", func(context.Context) (string, error) {
		days, err := strconv.Atoi(os.Getenv("KEEP_DAYS"))
		if err != nil || days < 1 {
			return "", fmt.Errorf("KEEP_DAYS is %q, not a number of days", os.Getenv("KEEP_DAYS"))
		}
		oldest := time.Now().UTC().AddDate(0, 0, -days)
		return "orders are kept from " + oldest.Format(time.DateOnly) + " on", nil
	})
}
